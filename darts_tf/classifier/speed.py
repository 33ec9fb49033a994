"""Measures what steps take on this machine, at a small size."""

import dataclasses
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from darts_tf import optimizers
from darts_tf.classifier import plans
from darts_tf.classifier import sizes
from darts_tf.data import streams
from darts_tf.models import counting
from darts_tf.search import search_model

# Of few images nearly all of a step is overhead, of many it is computing.
_FEW, _MANY = 8, 64
_OF_A_SEARCH = 32  # as a search has them
_SIZE, _CELLS, _FILTERS = 16, 3, 8
_STEPS = 6
# The graph of the evaluation, as a part of that of the training.
_EVALUATION = 1.3


def measure(read, now=time.perf_counter):
    """Takes steps of a search and of a training, and times them.

    Args:
        read: Float, seconds for reading one image.
        now: Callable that returns seconds. Defaults to `time.perf_counter`.

    Returns:
        A `plans.Speed`.
    """
    # The search first: what TensorFlow does once, and never again, is a
    # smaller part of that.
    search_graph, search, setting = _search(now)
    graph, few, many, multiply_adds = _training(now)
    # A machine that others use may have slowed the small batch down.
    per_multiply_add = max(
        (many.seconds - few.seconds) / (_MANY - _FEW),
        0.3 * many.seconds / _MANY,
    )
    per_cell = max(few.seconds - _FEW * per_multiply_add, 1e-4) / _CELLS
    per_multiply_add /= multiply_adds
    known = plans.Speed(
        graph_per_cell=_EVALUATION * graph / _CELLS,
        per_cell=per_cell,
        per_multiply_add=per_multiply_add,
        search_graph=search_graph / (setting.num_cells * setting.num_edges),
        # As in a training, for each edge that a cell keeps.
        search_per_edge=per_cell / 4,
        search_per_multiply_add=per_multiply_add,
        read=read,
        spread=max(few.spread, many.spread, search.spread),
    )
    factor = search.seconds / known.search_step(setting, _OF_A_SEARCH)
    return dataclasses.replace(
        known,
        search_per_edge=known.search_per_edge * factor,
        search_per_multiply_add=known.search_per_multiply_add * factor,
    )


class _Times:
    """Seconds of a step, and how much the steps differed."""

    def __init__(self, seconds):
        self.seconds = statistics.median(seconds)
        self.spread = float(np.std(seconds)) / self.seconds


def _training(now):
    """Returns seconds for the graph, times of two steps, and multiply-adds."""
    network = sizes.build(sizes.reference(2), _SIZE, _CELLS, _FILTERS, 10, 3)
    network.compile(
        optimizers.SGD(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    # The size of a batch is open, so that one graph serves both.
    few, many = (
        tf.data.Dataset.from_tensor_slices(_images(size)).repeat().batch(size)
        for size in (_FEW, _MANY)
    )
    began = now()
    network.fit(few, steps_per_epoch=1, verbose=0, shuffle=False)
    graph = now() - began
    return (
        graph,
        _steps(network, few, now),
        _steps(network, many, now),
        counting.count_multiply_adds(network),
    )


def _search(now):
    """Returns seconds for the graph, times of a step, and the setting."""
    setting = sizes.search_settings(_SIZE, 10, 3)[0]
    model = search_model.DartsSearchModel(
        sizes.space(setting.num_nodes),
        "first_order",
        num_classes=10,
        filters=setting.filters,
        num_cells=setting.num_cells,
    )
    model.compile(optimizers.SGD(0.01), optimizers.Adam(1e-3))
    model.build((None, _SIZE, _SIZE, 3))
    images = _images(_OF_A_SEARCH)
    data = streams.paired(images, images, _OF_A_SEARCH)
    began = now()
    model.fit(data, steps_per_epoch=1, verbose=0)
    graph = now() - began
    return graph, _steps(model, data, now), setting


def _steps(model, data, now):
    watch = _Watch(now)
    model.fit(
        data,
        steps_per_epoch=_STEPS + 1,
        callbacks=[watch],
        verbose=0,
        **({} if hasattr(model, "supernet") else {"shuffle": False}),
    )
    return _Times(watch.seconds)


def _images(count):
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, (count, _SIZE, _SIZE, 3))
    return x.astype("float32"), np.arange(count) % 10


class _Watch(keras.callbacks.Callback):
    """Times each step but the first, which waits for the data."""

    def __init__(self, now):
        super().__init__()
        self.now = now
        self.seconds = []
        self._last = None

    def on_train_batch_end(self, batch, logs=None):
        """Notes how long the step took."""
        time_now = self.now()
        if self._last is not None:
            self.seconds.append(time_now - self._last)
        self._last = time_now
