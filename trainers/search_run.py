"""What the commands that search have in common: the run and its files."""

import keras

import darts_tf
from darts_tf.spaces import atomic_file
from darts_tf.visualize import cell_svg
from trainers import options
from trainers import workdir


def check_positive(config, *names):
    """Raises an error for a number of a config that is not positive.

    Args:
        config: A config with `steps_per_epoch`, which may be `None`.
        *names: The names of the other numbers.

    Raises:
        ValueError: If one of them is below 1.
    """
    if config.steps_per_epoch is not None:
        names = (*names, "steps_per_epoch")
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(
                f"`{name}` must be positive. "
                f"Received: {name}={getattr(config, name)}"
            )


def check_micro_batch(config):
    """Raises an error if batches cannot be taken in parts of `micro_batch`.

    Args:
        config: A config with `batch_size` and `micro_batch`.

    Raises:
        ValueError: If the parts are not whole.
    """
    size = config.micro_batch
    if size is not None and (size < 1 or config.batch_size % size):
        raise ValueError(
            "`micro_batch` must be positive and divide `batch_size`. Received: "
            f"micro_batch={size}, batch_size={config.batch_size}"
        )


def search(model, pairs, config, steps_per_epoch, title, *callbacks):
    """Searches, with all that is found in a new folder, and prints the cell.

    Args:
        model: A `darts_tf.DartsSearchModel`, built and compiled.
        pairs: The data set of pairs of batches.
        config: A config with `workdir`, `epochs` and `hypergradient`.
        steps_per_epoch: Integer.
        title: String, what is searched on.
        *callbacks: Keras callbacks that come before the log.

    Returns:
        The `darts_tf.Genotype` that was found.

    Raises:
        OSError: If the folder is not new or cannot be made.
        FloatingPointError: If the search diverges; the cell so far is kept.
    """
    folder = workdir.create(config.workdir, options.to_json(config))
    print(
        f"{title}: {steps_per_epoch} steps an epoch, "
        f"{darts_tf.count_parameters(model):,} parameters, "
        f"hypergradient {config.hypergradient}. Results go to {folder}.",
        flush=True,
    )
    try:
        model.fit(
            pairs,
            epochs=config.epochs,
            steps_per_epoch=steps_per_epoch,
            callbacks=[
                *callbacks,
                darts_tf.SearchLog(folder),
                _DrawCell(model, folder / "cell.svg"),
            ],
        )
    except (KeyboardInterrupt, FloatingPointError):
        # The files of the last epoch are there; these alphas are younger.
        model.genotype().save(folder / "genotype.json")
        print(f"\nStopped. The cell so far is in {folder}/genotype.json.")
        raise
    genotype = model.genotype()
    print(f"\n{genotype}\n\n{genotype.to_text()}\n")
    print("How sure each choice is (op weight, and margin to the second best):")
    for choice in model.explain():
        print(f"  {_sentence(choice)}")
    return genotype


class _DrawCell(keras.callbacks.Callback):
    """Draws the most likely cell after each epoch."""

    def __init__(self, search_model, path):
        super().__init__()
        self.search_model = search_model
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        """Draws the cell."""
        drawing = cell_svg.genotype_to_svg(self.search_model.genotype())
        atomic_file.write_text(self.path, drawing)


def _sentence(choice):
    text = (
        f"{choice.cell_type:9} {choice.source} -> {choice.node}: "
        f"{choice.primitive:12} {choice.op_weight:.3f}"
    )
    if choice.runner_up is None:
        return text
    return f"{text}, {choice.margin:.3f} before {choice.runner_up}"
