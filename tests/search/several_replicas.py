"""Searches on one device and on two, or as one of two workers.

    python -m tests.search.several_replicas none ONE.npz
    python -m tests.search.several_replicas mirrored TWO.npz
    python -m tests.search.several_replicas compare ONE.npz TWO.npz

Run by `replicas_test.py`, because devices can only be divided, and workers
only meet, before TensorFlow starts. `none`, `mirrored` and `workers` name the
strategy; workers read `TF_CONFIG`. A further argument `float64` takes one step
in double precision instead of three, and without a graph, which takes minutes
to build. `compare` prints the largest differences, relative to the largest
number of a variable.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import darts_tf
from darts_tf.data import text_streams
from darts_tf.spaces import paper

METHODS = ("first_order", "finite_difference", "exact")
SPACES = ("conv", "recurrent")
BATCH, STEPS, WORDS = 8, 3, 11


def strategy_of(name):
    if name == "workers":
        return tf.distribute.MultiWorkerMirroredStrategy()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    return tf.distribute.get_strategy()


def _images():
    rng = np.random.default_rng(0)
    # Another mean in each half: what a replica sees alone is not the batch.
    shift = np.repeat([0.0, 3.0], BATCH // 2)[:, None, None, None]
    batches = [
        (
            (rng.normal(size=(BATCH, 8, 8, 1)) + shift).astype("float32"),
            rng.integers(0, 3, BATCH),
        )
        for _ in range(2 * STEPS)
    ]
    x, y = (np.stack(part) for part in zip(*batches, strict=True))
    return tf.data.Dataset.from_tensor_slices(
        ((x[:STEPS], y[:STEPS]), (x[STEPS:], y[STEPS:]))
    )


def _texts():
    rng = np.random.default_rng(0)
    texts = [rng.integers(WORDS, size=BATCH * 5 * STEPS) for _ in range(2)]
    return text_streams.paired(*texts, BATCH, 4, vary_length=False)


class Counting(darts_tf.DartsSearchModel):
    """Overrides the step, which is obeyed on however many devices."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.count = self.add_weight(
            name="count",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    def train_step(self, data):
        self.count.assign_add(1.0)
        return super().train_step(data)


def model_and_data(space, method, eager):
    """Makes a small search whose gradients are clipped, and its data."""
    if space == "conv":
        model = Counting(
            # Smooth: rounding flips no choice of a maximum.
            darts_tf.SearchSpace.conv(
                ["none", "skip_connect", "dil_conv_3x3"], num_nodes=1
            ),
            method,
            num_classes=3,
            filters=2,
            num_cells=3,
        )
        optimizer = darts_tf.optimizers.SGD(0.1, global_clipnorm=0.5)
        shape, data = (BATCH, 8, 8, 1), _images()
    else:
        model = Counting(
            darts_tf.SearchSpace.recurrent(["none", "tanh", "sigmoid"], 2),
            method,
            vocabulary_size=WORDS,
            units=4,
            sequence_length=4,
            # Masks are drawn for rows, and differ between replicas.
            dropouts=dict.fromkeys(paper.dropouts(paper.RecurrentSearch), 0.0),
        )
        optimizer = darts_tf.optimizers.SGD(
            1.0, coupled_weight_decay=5e-7, global_clipnorm=0.1
        )
        shape, data = (BATCH, None), _texts()
    model.compile(
        optimizer,
        # Large, so that a wrong alpha gradient shows after three steps.
        darts_tf.optimizers.Adam(1e-2),
        run_eagerly=eager,
    )
    model.build(shape)
    if space == "recurrent":
        # Its weights start so small that the alphas have hardly a gradient.
        for k, variable in enumerate(model.network_weights):
            variable.assign(keras.random.normal(variable.shape, 0, 0.5, seed=k))
    return model, data


def results(space, method, strategy, eager):
    """Returns all that a search has after its steps, by name."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model, data = model_and_data(space, method, eager)
    num_steps = 1 if eager else STEPS
    history = model.fit(data, steps_per_epoch=num_steps, verbose=0).history
    variables = {
        f"variable {k} {v.path}": np.array(v)
        # Adam's means show the size of the alphas' gradients.
        for k, v in enumerate(
            [*model.variables, *model.alpha_optimizer.variables]
        )
        if "seed_generator" not in v.path and np.any(np.array(v))
    }
    figures = {name: np.array(values) for name, values in history.items()}
    return {
        f"{space}/{method}/{name}": value
        for name, value in {**figures, **variables}.items()
    }


def search(name, path, dtype="float32"):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    strategy = strategy_of(name)
    if name != "none" and strategy.num_replicas_in_sync != 2:
        raise ValueError(f"Expected two replicas. Received: {strategy}")
    found = {}
    for space in SPACES:
        for method in METHODS:
            found.update(results(space, method, strategy, dtype == "float64"))
    np.savez(path, **found)


def compare(*paths):
    one, two = (dict(np.load(path)) for path in paths)
    largest = {}
    for name, value in one.items():
        space, method, rest = name.split("/", 2)
        row = (space, method, "alphas" if "alphas_" in rest else "others")
        difference = np.abs(two[name] - value).max() / np.abs(value).max()
        largest[row] = max(largest.get(row, 0.0), difference)
    for row, difference in largest.items():
        sys.stdout.write(" ".join((*row, f"{difference:.1e}\n")))


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "compare":
        compare(*arguments)
    else:
        search(command, *arguments)
