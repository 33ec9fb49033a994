"""From labelled images to a trained and exported network, in some minutes."""

import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

from darts_tf import checks
from darts_tf.classifier import budget
from darts_tf.classifier import folder
from darts_tf.classifier import pictures
from darts_tf.classifier import preparation
from darts_tf.classifier import results as results_lib
from darts_tf.classifier import run as run_lib
from darts_tf.classifier import shipping
from darts_tf.classifier import sources
from darts_tf.data import image_stack
from darts_tf.data import picture_file
from darts_tf.files import json_file
from darts_tf.models import saved_network

_KEEP = ("best", "searched")


class ImageClassifier:
    """Makes a classifier of images, from files to files, in a given time.

    `fit` measures this machine, plans what fits in the minutes, says so,
    searches for a cell, and trains the network of that cell, one of a random
    cell and a plain one, of equal parameters and for equal times. The best on
    validation images is tested and exported. The plan is corrected as the real
    times show. A run that was killed goes on: call the same `fit` with the
    same `workdir`.

    Args:
        minutes: Number, how long the whole of `fit` may take. Defaults to
            `30`.
        workdir: String or path, the folder for everything that comes out: new,
            empty, or of a run that was stopped. Defaults to `None`, a new
            temporary folder, which stays.
        seed: Integer, of the split, the searches and the trainings. Defaults
            to `0`.
        keep: String, which network is exported: `"best"`, on the validation
            images, or `"searched"`. Defaults to `"best"`.
        image_size: Optional integer, height and width to which the images are
            resized. Defaults to `None`, planned.
        flip: Optional boolean, whether training mirrors images at random.
            Defaults to `None`: images with colours.
        class_names: Optional sequence of strings. Defaults to `None`: the
            folders, the names in the labels, or their numbers.
        max_bytes: Optional integer, the largest size of the int8 file.
            Defaults to `None`, any.
        max_ram_bytes: Optional integer, the largest memory for the tensors of
            that file. Defaults to `None`, any.
        max_ms: Optional number, its largest median latency here on one image,
            with one thread. Defaults to `None`, any.
        max_parameters: Optional integer. Defaults to `None`, any number.
        max_multiply_adds: Optional integer. Defaults to `None`, any number.
        verbose: Boolean, whether the plan and the progress are printed.
            Defaults to `True`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> classifier = darts_tf.ImageClassifier(minutes=30, workdir="photos_run")
    >>> classifier.classify(["photo.jpg"])
    Traceback (most recent call last):
    ...
    ValueError: Call `fit` first...

    After `classifier.fit("photos")`, with a folder `photos/<class>/*`,
    `classifier.classify(["photo.jpg"]).names` is such as `("cat",)`.
    """

    def __init__(
        self,
        minutes=30,
        workdir=None,
        seed=0,
        keep="best",
        image_size=None,
        flip=None,
        class_names=None,
        max_bytes=None,
        max_ram_bytes=None,
        max_ms=None,
        max_parameters=None,
        max_multiply_adds=None,
        verbose=True,
    ):
        checks.positive(minutes, "minutes")
        if keep not in _KEEP:
            raise ValueError(
                f"`keep` must be one of {_KEEP}. Received: {keep=}"
            )
        if image_size is not None:
            (image_size,) = checks.sizes(image_size=image_size)
        limits = {
            "max_parameters": max_parameters,
            "max_multiply_adds": max_multiply_adds,
            "max_bytes": max_bytes,
            "max_ram_bytes": max_ram_bytes,
            "max_ms": max_ms,
        }
        budgets = {k: v for k, v in limits.items() if v is not None}
        budget.check(budgets)
        self.workdir = self._given = None
        if workdir is not None:
            self.workdir = self._given = pathlib.Path(workdir).expanduser()
        self.class_names = class_names
        self.verbose = verbose
        self.results = None
        self.network = None
        self._wishes = preparation.Wishes(
            minutes, seed, keep, image_size, flip, budgets
        )

    def fit(
        self,
        x,
        y=None,
        test_data=None,
        test_fraction=None,
        data_dir=None,
        max_samples=None,
    ):
        """Makes the classifier, or goes on with that.

        Args:
            x: String or path: a folder with `<class>/*`, or with
                `train/<class>/*` and perhaps `test/<class>/*`, a table `.csv`,
                or the name of a data set. Or an array of images, a
                `tf.data.Dataset` such as
                `keras.utils.image_dataset_from_directory` returns, or a
                `keras.utils.PyDataset`.
            y: Labels, with an array: integers, one-hot, or names. Defaults to
                `None`.
            test_data: Optional images and labels, `(x, y)` or a data set, which
                are looked at once, at the end; not with a string or path.
                Defaults to `None`: a part of the others.
            test_fraction: Optional float, the share of each class that is that
                part. Defaults to `None`, 0.2.
            data_dir: As for `darts_tf.data.image_classification.load`.
                Defaults to `None`.
            max_samples: As there. Defaults to `None`.

        Returns:
            A dictionary, what is in `results.json`.

        Raises:
            ValueError: If the data cannot be used, the minutes are too few,
                a budget cannot be met, or the folder is that of another run.
            OSError: If a file cannot be read or written.
        """
        source = self._source(
            x, y, test_data, test_fraction, data_dir, max_samples
        )
        self.workdir = folder.begin(self._given, source.name, self._wishes)
        self._say(f"Results go to {self.workdir}.")
        if (self.workdir / results_lib.RESULTS_FILE).exists():
            self._say("The run is finished; nothing is changed.")
            self._read_results()
            return self.results
        run = run_lib.Run(self.workdir, source, self._wishes, self._say)
        self.results, self.network = run.go()
        options = {
            **vars(self._wishes),
            "dataset": source.name,
            "data_dir": data_dir,
            "image_size": run.plan.setting.image_size,
            "max_samples": max_samples,
            "test_fraction": test_fraction,
        }
        folder.keep_config(self.workdir, options)
        results_lib.write(self.workdir, self.results)  # says that it is whole
        return self.results

    def predict(self, x):
        """Returns the probabilities of the classes of images.

        Args:
            x: Array of images, or a single one; a list of paths; or a data set
                of images, perhaps with labels. They are resized to what the
                network takes.

        Returns:
            float32 array of shape `(images, num_classes)`.
        """
        return self.classify(x).probabilities

    def classify(self, x):
        """Returns the most likely class of images.

        Args:
            x: As for `predict`.

        Returns:
            A `darts_tf.models.Classes`: `names` and `probabilities`.
        """
        self._check_fitted()
        return self.network.classify(self._pixels(x))

    def evaluate(self, x=None, y=None):
        """Measures the network.

        Args:
            x: As for `fit`, images and labels, but no name. Defaults to
                `None`, the test images of `fit`.
            y: As for `fit`. Defaults to `None`.

        Returns:
            A dictionary of `loss` and `accuracy`.
        """
        self._check_fitted()
        classification = self.network.classification
        if x is None:
            exported = self.results["networks"][self.results["exported"]]
            return {
                "loss": exported["test_loss"],
                "accuracy": exported["test_accuracy"],
            }
        images, labels = sources.labelled(x, y, classification.class_names)
        probabilities = self.network.classify(self._pixels(images))[1]
        chosen = probabilities[np.arange(len(labels)), labels]
        return {
            "loss": float(-np.log(np.maximum(chosen, 1e-7)).mean()),
            "accuracy": float((probabilities.argmax(-1) == labels).mean()),
        }

    def export(self, directory, formats=shipping.FORMATS):
        """Writes the network in a folder, as `fit` did in its own.

        Args:
            directory: String or path, a folder; made if it is missing.
            formats: Sequence of some of `"saved_model"`, `"float32"` and
                `"int8"`. Defaults to all.

        Returns:
            A dictionary from the formats to paths.
        """
        self._check_fitted()
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        return shipping.write(
            self.network,
            directory,
            shipping.read_calibration(self.workdir),
            formats,
        )

    def summary(self):
        """Prints what the run came to."""
        self._check_fitted()
        table = pathlib.Path(self.workdir, results_lib.TABLE_FILE)
        self._print(table.read_text(encoding="utf-8"))

    @classmethod
    def load(cls, workdir, **kwargs):
        """Opens a run that has come to its end.

        Args:
            workdir: String or path, its folder.
            **kwargs: Other arguments of the constructor.

        Returns:
            An `ImageClassifier`.

        Raises:
            ValueError: If the folder has no finished run.
        """
        classifier = cls(workdir=workdir, **kwargs)
        path = classifier.workdir / results_lib.RESULTS_FILE
        if not path.exists():
            raise ValueError(
                "The folder of a run that has come to its end is expected. "
                f"Received: workdir={str(workdir)!r}, without {path.name}"
            )
        classifier._read_results()
        return classifier

    def _source(self, x, y, test_data, test_fraction, data_dir, max_samples):
        """Finds the images; an option that has no effect is refused."""
        of_arrays = {
            "y": y,
            "test_data": test_data,
            "class_names": self.class_names,
        }
        of_names = {"data_dir": data_dir, "max_samples": max_samples}
        is_named = sources.is_named(x)
        for name, value in (of_arrays if is_named else of_names).items():
            if value is not None:
                raise ValueError(
                    f"`{name}` does not apply to images that are given by "
                    f"{'a name or path' if is_named else 'arrays'}. "
                    f"Received: {name} of {type(value)}"
                )
        if not is_named:
            return sources.of_arrays(
                x, y, test_data, test_fraction, self.class_names
            )
        return sources.of_name(
            x, test_fraction, data_dir, max_samples, self._wishes.image_size
        )

    def _read_results(self):
        self.results = json_file.read_object(
            self.workdir / results_lib.RESULTS_FILE
        )
        self.network = saved_network.load_network(
            self.workdir / shipping.NETWORK_FILE
        )

    def _say(self, line):
        if self.verbose:
            self._print(f"{line}\n")

    def _print(self, text):
        sys.stdout.write(text)
        sys.stdout.flush()

    def _check_fitted(self):
        if self.network is None:
            raise ValueError(
                "Call `fit` first, or `ImageClassifier.load`. "
                "Received: no network"
            )

    def _pixels(self, x):
        """Returns images as the network takes them."""
        if isinstance(x, list | tuple) and x and sources.is_named(x[0]):
            images = [picture_file.read(path, str(path)) for path in x]
            return self._resized(images)
        if isinstance(x, tf.data.Dataset | keras.utils.PyDataset):
            x = pictures.images_of(x)
        x = pictures.pixels(x)
        return self._resized(x[None] if x.ndim == 3 else x)

    def _resized(self, images):
        _, *size, channels = self.network.get_build_config()["input_shape"]
        names = [f"image {index}" for index in range(len(images))]
        stacked = image_stack.stack(images, names, tuple(size))
        if channels == 1 and stacked.shape[-1] == 3:
            stacked = pictures.grey(stacked)
        return stacked
