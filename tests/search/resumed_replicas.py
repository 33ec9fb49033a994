"""Trains on two devices, or as one of two workers, from where a folder is.

    python -m tests.search.resumed_replicas mirrored FOLDER conv network
    python -m tests.search.resumed_replicas workers FOLDER conv

Run by `resumed_replicas_test.py`, because devices can only be divided, and
workers only meet, before TensorFlow starts. `mirrored` trains each case three
times: unbroken, stopped by a signal, and going on from there, and prints the
names of what differs as JSON. `workers` trains a case once, slowly, as the
worker in `TF_CONFIG`.
"""

import json
import pathlib
import signal
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import darts_tf
from darts_tf.data import streams
from darts_tf.data import text_streams
from darts_tf.spaces import paper

EPOCHS, STEPS, BATCH, WORDS = 1, 2, 4, 9


class _Signal(keras.callbacks.Callback):
    """Sends a signal to this process after a number of steps."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self.steps -= 1
        if not self.steps:
            signal.raise_signal(signal.SIGTERM)


class _Slow(keras.callbacks.Callback):
    """Leaves time to be killed."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(1)


def _images(num_samples):
    x = np.random.default_rng(0).normal(size=(num_samples, 8, 8, 1))
    return x.astype("float32"), np.arange(num_samples) % 2


def search_images(folder, strategy, callbacks):
    """Searches a convolutional cell."""
    with strategy.scope():
        model = darts_tf.DartsSearchModel(
            darts_tf.SearchSpace.conv(["none", "skip_connect"], num_nodes=1),
            "first_order",
            num_classes=2,
            filters=2,
            num_cells=3,
            rematerialize=True,  # replicas meet in it, too
        )
        model.compile()
    guard = darts_tf.CollapseGuard()
    model.fit(
        *_images(2 * STEPS * BATCH),
        batch_size=BATCH,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            darts_tf.callbacks.CosineDecay(epochs=EPOCHS),
            guard,
            darts_tf.SearchLog(folder),
            *callbacks,
            darts_tf.ExactResume(folder, 1, [guard]),
        ],
    )


def search_text(folder, strategy, callbacks):
    """Searches a recurrent cell, with dropout and hidden states."""
    with strategy.scope():
        model = darts_tf.DartsSearchModel(
            darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=1),
            "first_order",
            vocabulary_size=WORDS,
            units=3,
            sequence_length=4,
            dropouts=dict.fromkeys(paper.dropouts(paper.RecurrentSearch), 0.2),
        )
        model.compile()
    text = np.random.default_rng(0).integers(
        WORDS, size=BATCH * (4 * STEPS + 1)
    )
    model.fit(
        lambda step: text_streams.paired(
            text, text, BATCH, 4, vary_length=False, start_step=step
        ),
        steps_per_epoch=STEPS,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            darts_tf.SearchLog(folder),
            *callbacks,
            darts_tf.ExactResume(folder, 1),
        ],
    )


def train_network(folder, strategy, callbacks):
    """Trains a convolutional network, with path dropout."""
    edges = (darts_tf.Edge("skip_connect", 0), darts_tf.Edge("sep_conv_3x3", 1))
    cell = darts_tf.Cell((edges,), (2,))
    with strategy.scope():
        network = darts_tf.ConvNetwork(
            darts_tf.Genotype(cell, cell), 2, 2, 3, drop_path_rate=0.5
        )
        network.compile(
            darts_tf.optimizers.SGD(),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        network.build((None, 8, 8, 1))
    resume = darts_tf.ExactResume(folder, 1)
    start = resume.restore(network, STEPS)
    network.fit(
        streams.batches(_images(STEPS * BATCH), BATCH, 0, start),
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        shuffle=False,
        verbose=0,
        callbacks=[
            darts_tf.callbacks.HistoryLog(folder),
            *callbacks,
            resume,
        ],
    )


CASES = {
    "conv": search_images,
    "recurrent": search_text,
    "network": train_network,
}


def outcome(folder):
    """Returns all that a run leaves, by name."""
    with np.load(folder / "checkpoint.npz") as file:
        found = {name: file[name].tobytes() for name in file.files}
    for name in ("history.jsonl", "alphas.jsonl", "genotype.json"):
        if (folder / name).exists():
            found[name] = (folder / name).read_bytes()
    return found


def differences(one, two):
    """Returns the names of what differs between what two runs left."""
    one, two = outcome(one), outcome(two)
    return sorted(n for n in {*one, *two} if one.get(n) != two.get(n))


def two_devices():
    """Returns the strategy of two logical devices."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    tf.config.run_functions_eagerly(True)  # graphs take long to build
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def on_two_devices(case, folder, strategy):
    """Trains unbroken and stopped, and returns the names of what differs."""

    def train(name, *callbacks):
        (folder / name).mkdir(parents=True, exist_ok=True)
        keras.utils.set_random_seed(0)
        CASES[case](folder / name, strategy, callbacks)

    train("whole")
    try:
        # In the middle of an epoch, whose figures are then half done.
        train("broken", _Signal(1))
    except darts_tf.callbacks.Stopped as stopped:
        if stopped.step != 1:
            raise
    train("broken")
    return differences(folder / "whole", folder / "broken")


def main(name, folder, *cases):
    tf.config.experimental.enable_op_determinism()
    folder = pathlib.Path(folder)
    if name == "mirrored":
        strategy = two_devices()
        differ = {c: on_two_devices(c, folder / c, strategy) for c in cases}
        sys.stdout.write(json.dumps(differ) + "\n")
    else:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        keras.utils.set_random_seed(0)
        CASES[cases[0]](folder, strategy, [_Slow()])


if __name__ == "__main__":
    main(*sys.argv[1:])
