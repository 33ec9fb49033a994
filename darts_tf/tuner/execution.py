"""The folder of one execution of a trial: what it has done so far."""

import pathlib
import re
import time

import keras
import numpy as np

from darts_tf.callbacks import callback_state
from darts_tf.files import atomic_file
from darts_tf.files import json_file
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import genotype_json
from darts_tf.tuner import configuration

_CHECKPOINT = re.compile(r"_(\d+)\.keras$")


class Execution:
    """One search and the training of the network that it found, on disk.

    - `configuration.json`, the values of the hyperparameters, with the seed;
    - `search_<epoch>.keras`, the search model after that epoch, and
      `search_<epoch>_callbacks.json`, what the callbacks remember;
    - `alphas.jsonl`, `history.jsonl` and `tensorboard/` in `search/`, as
      `darts_tf.SearchLog` writes them;
    - `genotype.json` and `alphas.json` once the search has ended;
    - `network_<epoch>.keras`, the network after that epoch of its training;
    - `metrics.json`, with the seed and the scores, once all is done.

    Each file is written whole or not at all, so after a kill the folder holds
    what was done up to the last epoch.

    Args:
        folder: Path.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def begin(self, values):
        """Makes the folder, or finds in it what is done already.

        Args:
            values: Dictionary of hyperparameter values.

        Raises:
            ValueError: If the folder was begun with other values.
        """
        path = self.folder / "configuration.json"
        configuration.check(path, values)
        self.log_folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, self.log_folder):
            atomic_file.remove_leftovers(folder)
        configuration.write(path, values)

    @property
    def log_folder(self):
        """The path of the folder for `darts_tf.SearchLog`."""
        return self.folder / "search"

    @property
    def genotype(self):
        """The genotype that the search ended with, or `None`."""
        path = self.folder / genotype_json.FILE
        return genotype_lib.Genotype.load(path) if path.exists() else None

    @property
    def title(self):
        """The trial and the number of the execution, such as `"0/1"`."""
        names = (self.folder.parent.name, self.folder.name)
        return "/".join(name.rpartition("_")[-1] for name in names)

    @property
    def metrics(self):
        """The dictionary of final metrics, or `None` before the end."""
        return configuration.read(self.folder / "metrics.json")

    def result(self):
        """Returns the genotype and the metrics of a finished execution.

        Returns:
            A `darts_tf.Genotype` and a dictionary.

        Raises:
            FileNotFoundError: If a file is gone.
        """
        for name in (genotype_json.FILE, "metrics.json"):
            if not (self.folder / name).exists():
                raise FileNotFoundError(
                    f"The execution {self.title} was finished, but a file of "
                    "its result is gone. "
                    f"Received: no {str(self.folder / name)!r}"
                )
        return self.genotype, self.metrics

    def load(self, name):
        """Loads the last saved model.

        Args:
            name: String, `"search"` or `"network"`.

        Returns:
            A Keras model.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If the file cannot be read.
        """
        path, _ = self.checkpoint(name)
        if path is None:
            raise FileNotFoundError(
                f"The execution {self.title} has no saved {name} any more; "
                "from its genotype.json `tuner.hypermodel.build_network(hp, "
                "genotype)` makes the network anew, to be trained again. "
                f"Received: no {name}_*.keras in {str(self.folder)!r}"
            )
        return load_model(path)

    def save_genotype(self, genotype, alphas):
        """Keeps the result of the search.

        Args:
            genotype: A `darts_tf.Genotype`.
            alphas: Dictionary by cell type of arrays of logits; empty if
                nothing was searched.
        """
        json_file.write(
            self.folder / "alphas.json",
            {
                name: np.asarray(value).tolist()
                for name, value in alphas.items()
            },
        )
        genotype.save(self.folder / genotype_json.FILE)

    def save_metrics(self, metrics):
        """Keeps the final metrics, which ends the execution.

        Args:
            metrics: Dictionary of numbers and strings.
        """
        json_file.write(self.folder / "metrics.json", metrics)

    def checkpoint(self, name):
        """Returns the last saved model and the number of its epochs.

        Args:
            name: String, `"search"` or `"network"`.

        Returns:
            A path, or `None` if there is none yet, and an integer.
        """
        found = {
            int(_CHECKPOINT.search(path.name)[1]): path
            for path in self.folder.glob(f"{name}_*.keras")
        }
        if not found:
            return None, 0
        epoch = max(found)
        return found[epoch], epoch

    def callback_state(self, name):
        """Returns what the callbacks remembered after the last saved epoch.

        Args:
            name: String, `"search"` or `"network"`.

        Returns:
            A dictionary, or `None` if nothing was saved.
        """
        _, epoch = self.checkpoint(name)
        path = self.callback_path(name, epoch)
        return json_file.read_object(path) if path.exists() else None

    def callback_path(self, name, epoch):
        """Returns the path of the state of the callbacks after an epoch.

        Args:
            name: String, `"search"` or `"network"`.
            epoch: Integer, the number of epochs that are done.
        """
        return self.folder / f"{name}_{epoch:04}_callbacks.json"

    def seconds(self, name):
        """Returns how long the epochs that are kept have taken.

        Args:
            name: String, `"search"` or `"network"`.

        Returns:
            Float.
        """
        path = self.folder / f"{name}_seconds.json"
        return json_file.read(path) if path.exists() else 0.0

    def forget_log_after(self, epoch):
        """Drops the logged epochs that were not kept, and come again.

        Args:
            epoch: Integer, the number of epochs that were kept.
        """
        for path in self.log_folder.glob("*.jsonl"):
            json_file.drop_later_lines(path, epoch)


def load_model(path):
    """Loads a model that an execution has saved.

    Args:
        path: Path.

    Returns:
        A Keras model.

    Raises:
        ValueError: If the file cannot be read, for whatever reason.
    """
    try:
        return keras.saving.load_model(path)
    except Exception as error:
        raise ValueError(
            "A saved model cannot be read. If the file is damaged, delete it: "
            "an execution that is not finished then begins again. A class of "
            "your own must be registered with Keras before. Received: "
            f"{str(path)!r}, {type(error).__name__}: {error}"
        ) from error


class SaveEachEpoch(keras.callbacks.Callback):
    """Saves the model after each epoch in the folder of its execution.

    Args:
        execution: An `Execution`.
        name: String, `"search"` or `"network"`.
        callbacks: Sequence of the callbacks of a user, which come before this
            one. What they remember, and whether one of them has ended the
            training, is saved, too. Defaults to `()`.
    """

    def __init__(self, execution, name, callbacks=()):
        super().__init__()
        self.callbacks = callbacks
        self.execution = execution
        self.name = name
        self._seconds = execution.seconds(name)
        self._start = None

    def on_train_begin(self, logs=None):
        """Starts the clock, and lets the callbacks go on."""
        self._start = time.perf_counter()
        self._states = callback_state.CallbackState(self.callbacks, self.model)
        saved = self.execution.callback_state(self.name)
        if saved is not None:
            self._states.set_whole(saved)
            if saved["stop_training"]:  # no epoch follows
                self.model._initial_epoch = self.params["epochs"]

    def on_epoch_end(self, epoch, logs=None):
        """Saves the model, and removes the one of the epoch before."""
        folder = self.execution.folder
        now = time.perf_counter()
        self._seconds += now - self._start
        self._start = now
        json_file.write(folder / f"{self.name}_seconds.json", self._seconds)
        self._save_callbacks(epoch + 1)
        path = folder / f"{self.name}_{epoch + 1:04}.keras"
        with atomic_file.replacing(path) as temporary:
            self.model.save(temporary)
        for other in folder.glob(f"{self.name}_*.keras"):
            if other != path:
                other.unlink()
        for other in folder.glob(f"{self.name}_*_callbacks.json"):
            if other != self.execution.callback_path(self.name, epoch + 1):
                other.unlink()

    def on_train_end(self, logs=None):
        """Lets a later `fit` begin where it says."""
        self.model._initial_epoch = None

    def _save_callbacks(self, epoch):
        """Saves their state, before the model that it belongs to."""
        if self.callbacks:
            state = {
                **self._states.get_whole(),
                "stop_training": bool(self.model.stop_training),
            }
            path = self.execution.callback_path(self.name, epoch)
            json_file.write(path, state)
