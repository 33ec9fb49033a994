"""How far a search is, for methods that change over time."""

import keras
import numpy as np


class Progress(keras.callbacks.Callback):
    """Says at each epoch which part of the epochs is over, from 0.

    Args:
        search_model: A `DartsSearchModel`.
        epochs: Integer, the epochs of the search.
    """

    def __init__(self, search_model, epochs):
        super().__init__()
        self._search_model = search_model
        self._epochs = max(epochs, 1)

    def on_epoch_begin(self, epoch, logs=None):
        """Sets what the methods of the model read."""
        progress = epoch / self._epochs
        if self._search_model.progress is not None:
            self._search_model.progress.assign(progress)
        moment = self._search_model.supernet.alphas.moment
        if moment is not None:
            step, phase, _ = np.array(moment.value)
            moment.assign([step, phase, progress])
