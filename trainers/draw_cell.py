"""Draws the cell of a search as it goes on."""

import keras

from darts_tf.files import atomic_file
from darts_tf.visualize import cell_svg


class DrawCell(keras.callbacks.Callback):
    """Draws the most likely cell after each epoch.

    Args:
        search_model: A `darts_tf.DartsSearchModel`.
        path: Path of the file, an SVG.
    """

    def __init__(self, search_model, path):
        super().__init__()
        self.search_model = search_model
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        """Draws the cell."""
        drawing = cell_svg.genotype_to_svg(self.search_model.genotype())
        atomic_file.write_text(self.path, drawing)
