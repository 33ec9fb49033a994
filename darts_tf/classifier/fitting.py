"""Searches and trains within a time, so that both can be killed and go on."""

import dataclasses
import pathlib
import typing

import keras

from darts_tf import optimizers
from darts_tf.callbacks import exact_resume
from darts_tf.callbacks import history_log
from darts_tf.classifier import best_epoch
from darts_tf.classifier import clock as clock_lib
from darts_tf.classifier import pace as pace_lib
from darts_tf.classifier import pictures
from darts_tf.classifier import planner
from darts_tf.classifier import sizes
from darts_tf.data import augmentation
from darts_tf.data import splitting
from darts_tf.data import streams
from darts_tf.files import atomic_file
from darts_tf.files import json_file
from darts_tf.models import classification as classification_lib
from darts_tf.models import conv_network
from darts_tf.models import plain_network
from darts_tf.search import search_log
from darts_tf.search import search_model
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import genotype_json
from darts_tf.spaces import paper

RESULT_FILE = "result.json"
_SEARCH, _TRAINING = paper.ConvSearch, paper.ConvTraining
# So short a search needs larger steps than the paper's.
_ALPHA_LEARNING_RATE = 1e-2
_LEARNING_RATE = 0.05
_CHECKPOINT_EVERY = 100
_FAR = 10**6  # epochs; `Pace` ends a training


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """The images of a run in memory, as pixels.

    Args:
        train: Tuple of a uint8 array of images and an int64 array of labels.
        validation: Tuple of the same form.
        test: Tuple of the same form.
        classification: A `darts_tf.Classification`.
        flip: Boolean, whether training mirrors them at random.
    """

    train: tuple
    validation: tuple
    test: tuple
    classification: classification_lib.Classification
    flip: bool

    def transform(self, image_size):
        """Returns the augmentation of training images."""
        return augmentation.training_transform(
            self.classification.mean,
            self.classification.std,
            max(1, image_size // 8),
            self.flip,
        )

    def evaluated(self, part, batch_size=64):
        """Returns the batches of a part, for an evaluation."""
        return streams.sequential(
            part,
            batch_size,
            augmentation.evaluation_transform(
                self.classification.mean, self.classification.std
            ),
        )


class Job(typing.NamedTuple):
    """One search or one training: what it is called, and its time.

    `say` is given lines, `clock` is the `clock.Clock` of the whole run.
    """

    title: str
    folder: pathlib.Path
    seconds: float
    steps: int
    epochs: int
    batch_size: int
    seed: int
    clock: clock_lib.Clock
    say: typing.Callable

    @property
    def result(self):
        """What it came to, or `None` before its end."""
        path = self.folder / RESULT_FILE
        return json_file.read_object(path) if path.exists() else None


def search(job, images, setting):
    """Searches for a cell, or goes on with that.

    Args:
        job: A `Job`.
        images: An `Images`.
        setting: The `plans.Setting` of the search.

    Returns:
        A `darts_tf.Genotype`.
    """
    path = job.folder / genotype_json.FILE
    if job.result is not None:
        return genotype_lib.Genotype.load(path)
    keras.backend.clear_session()
    keras.utils.set_random_seed(job.seed)
    model = search_model.DartsSearchModel(
        sizes.space(setting.num_nodes),
        "first_order",
        seed=job.seed,
        num_classes=len(images.classification.class_names),
        filters=setting.filters,
        num_cells=setting.num_cells,
        stem=setting.stem,
    )
    model.compile(
        optimizers.SGD(
            _SEARCH.learning_rate,
            coupled_weight_decay=_SEARCH.weight_decay,
            global_clipnorm=_SEARCH.clipnorm,
        ),
        optimizers.Adam(
            _ALPHA_LEARNING_RATE,
            coupled_weight_decay=_SEARCH.alpha_weight_decay,
        ),
    )
    x, y = images.train
    x = pictures.resized(x, setting.image_size)
    model.build((None, *x.shape[1:]))
    halves = [
        (x[part], y[part]) for part in splitting.split_indices(y, 0.5, job.seed)
    ]

    def pairs_from(step):
        return streams.paired(
            *halves,
            job.batch_size,
            seed=job.seed,
            start_step=step,
            transform=images.transform(setting.image_size),
        )

    job.folder.mkdir(parents=True, exist_ok=True)
    _fit(
        job,
        model,
        pairs_from,
        _SEARCH.learning_rate,
        planner.LEAST_SEARCH_STEPS,
        [search_log.SearchLog(job.folder)],
    )
    genotype = model.genotype()
    genotype.save(path)
    json_file.write(job.folder / RESULT_FILE, {"seed": job.seed})
    return genotype


def make(genotype, setting, images):
    """Makes the network of a genotype, or the plain one, compiled and built.

    Args:
        genotype: A `darts_tf.Genotype`; `None` for the plain network.
        setting: A `plans.Setting`.
        images: An `Images`.

    Returns:
        A `darts_tf.ConvNetwork` or `darts_tf.models.PlainNetwork`.
    """
    arguments = {
        "filters": setting.filters,
        "num_cells": setting.num_cells,
        "stem": setting.stem,
        "classification": images.classification,
    }
    if genotype is None:
        network = plain_network.PlainNetwork(**arguments)
    else:
        network = conv_network.ConvNetwork(genotype, **arguments)
    network.compile(
        optimizers.SGD(
            _LEARNING_RATE,
            coupled_weight_decay=_TRAINING.weight_decay,
            global_clipnorm=_TRAINING.clipnorm,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    network.build((None, *images.train[0].shape[1:]))
    # A loaded network has a built optimizer, and looks for its variables.
    network.optimizer.build(network.trainable_variables)
    return network


def train(job, images, genotype, setting):
    """Trains a network, or goes on with that, and keeps its best epoch.

    Args:
        job: A `Job`.
        images: An `Images`.
        genotype: A `darts_tf.Genotype`; `None` for the plain network.
        setting: The `plans.Setting` of the network.

    Returns:
        A dictionary: `val_accuracy` and `val_loss` of the best epoch, its
        number `best_epoch`, and `epochs` and `seconds` of the training.
    """
    if job.result is not None:
        return job.result
    keras.backend.clear_session()
    keras.utils.set_random_seed(job.seed)
    job.folder.mkdir(parents=True, exist_ok=True)
    if genotype is not None:
        genotype.save(job.folder / genotype_json.FILE)
    network = make(genotype, setting, images)
    transform = images.transform(setting.image_size)

    def batches_from(step):
        return streams.batches(
            images.train, job.batch_size, job.seed, step, transform=transform
        )

    best = best_epoch.BestEpoch(job.folder)
    pace = _fit(
        job,
        network,
        batches_from,
        _LEARNING_RATE,
        planner.LEAST_STEPS,
        [best, history_log.HistoryLog(job.folder)],
        validation_data=images.evaluated(images.validation),
        shuffle=False,
    )
    result = {
        "val_accuracy": best.value,
        "val_loss": best.loss,
        "best_epoch": best.epoch,
        "epochs": pace.epochs,
        "seconds": round(pace.spent(), 1),
    }
    json_file.write(job.folder / RESULT_FILE, result)
    return result


def best_network(job, images, genotype, setting):
    """Returns a trained network, with the weights of its best epoch.

    Args:
        job: A `Job` that has come to its end.
        images: An `Images`.
        genotype: As for `train`.
        setting: As for `train`.

    Returns:
        A `darts_tf.ConvNetwork` or `darts_tf.models.PlainNetwork`.
    """
    network = make(genotype, setting, images)
    best = best_epoch.BestEpoch(job.folder)
    best.epoch = job.result["best_epoch"]
    best.restore(network)
    return network


def _fit(
    job, model, data_from, learning_rate, least_steps, callbacks, **kwargs
):
    """Fits a model from where it was stopped; returns its `Pace`."""
    atomic_file.remove_leftovers(job.folder)
    pace = pace_lib.Pace(
        job.seconds,
        job.epochs,
        learning_rate,
        job.say,
        job.title,
        least=-(-least_steps // job.steps),
    )
    lines = _Lines(job, pace)
    resume = exact_resume.ExactResume(job.folder, _CHECKPOINT_EVERY)
    others = [pace, *callbacks, lines]
    start = resume.restore(model, job.steps, others)
    if start:
        job.say(f"{job.title}: going on after step {start}.")
    try:
        is_search = hasattr(model, "supernet")  # whose `fit` begins there
        model.fit(
            data_from if is_search else data_from(start),
            epochs=_FAR,
            steps_per_epoch=job.steps,
            callbacks=[*others, resume],
            verbose=0,
            **kwargs,
        )
    finally:
        resume.release()
        job.clock.save()
    return pace


class _Lines(keras.callbacks.Callback):
    """Says how each epoch went and how long the whole will take."""

    def __init__(self, job, pace):
        super().__init__()
        self.job = job
        self.pace = pace

    def on_epoch_end(self, epoch, logs=None):
        """Says a line, and keeps the time that is spent."""
        self.job.clock.save()
        logs = logs or {}
        figures = "".join(
            f", {name.replace('_', ' ')} {logs[name]:.4f}"
            for name in ("loss", "alpha_loss", "val_loss", "val_accuracy")
            if name in logs
        )
        left = clock_lib.minutes(self.job.clock.left())
        self.job.say(
            f"{self.job.title}: epoch {epoch + 1} of {self.pace.epochs}"
            f"{figures}; {left} left of the whole."
        )
