"""Trains a network epoch by epoch, so that it can be stopped and go on."""

import json
import pathlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from darts_tf.search import checkpoint
from darts_tf.spaces import atomic_file

CHECKPOINT_FILE = "checkpoint.npz"
HISTORY_FILE = "history.jsonl"


def fit(
    network: Any,
    batches_from: Callable[[int], Any],
    steps: int,
    epochs: int,
    folder: pathlib.Path,
    callbacks: Sequence[Any],
) -> None:
    """Trains a network, from where the last whole epoch in a folder ended.

    After each epoch the folder gets `checkpoint.npz` (weights, moving
    statistics, seeds, the state of the optimizer and the number of epochs) and
    a line of `history.jsonl`. With the same callbacks the outcome is that of a
    run that was never stopped.

    Args:
        network: A Keras model, built and compiled.
        batches_from: Callable from the number of a step to an endless data set
            that begins there.
        steps: Integer, the steps in an epoch.
        epochs: Integer, the number of epochs in all.
        folder: Path, the folder of the run.
        callbacks: Keras callbacks that keep no state between epochs.

    Raises:
        ValueError: If the checkpoint in the folder is of another network.
    """
    network.optimizer.build(network.trainable_variables)
    done = _restore(network, folder)
    if done >= epochs:
        return
    network.fit(
        batches_from(done * steps),
        initial_epoch=done,
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,
        callbacks=[*callbacks, _Keep(folder)],
    )


def _restore(network: Any, folder: pathlib.Path) -> int:
    """Returns how many epochs are done, and restores the end of the last."""
    if not (folder / CHECKPOINT_FILE).exists():
        (folder / HISTORY_FILE).unlink(missing_ok=True)
        return 0
    info = checkpoint.restore(folder / CHECKPOINT_FILE, _groups(network))
    # The line is written before the checkpoint: there can be one too many.
    history = folder / HISTORY_FILE
    lines = history.read_text(encoding="utf-8").splitlines(keepends=True)
    atomic_file.write_text(history, "".join(lines[: info["epochs"]]))
    print(f"Going on after epoch {info['epochs']}.", flush=True)
    return info["epochs"]


def _groups(network: Any) -> dict[str, list[Any]]:
    # Metrics begin anew with each epoch, and do not exist before the first.
    metrics = {id(variable) for variable in network.metrics_variables}
    return {
        "network": [v for v in network.variables if id(v) not in metrics],
        "optimizer": network.optimizer.variables,
    }


class _Keep(keras.callbacks.Callback):
    """Writes the figures and the state at the end of each epoch."""

    def __init__(self, folder: pathlib.Path):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes one line, and replaces the checkpoint."""
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        with open(self.folder / HISTORY_FILE, "a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch + 1, **numbers}) + "\n")
        checkpoint.save(
            self.folder / CHECKPOINT_FILE,
            _groups(self.model),
            {"epochs": epoch + 1},
        )
