"""Trains the same model unbroken and killed at random, and compares.

    python tests/search/killed_runs.py FOLDER KILLS SEED CASE...

A case is `conv-METHOD`, `recurrent-METHOD`, `network` or `language_model`.
Prints a line of JSON for each case: how many kills there were, and the names of
the arrays of the last checkpoint that differ. Each run is a fork of this
process, made before TensorFlow has done anything, so that only this process
waits for its import.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import sys
import time
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

import darts_tf
from darts_tf.data import streams
from darts_tf.data import text_streams

EPOCHS, STEPS = 2, 5
EVERY = 2


class _Tell(keras.callbacks.Callback):
    """Tells the parent that a step was taken."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def on_train_batch_end(self, batch, logs=None):
        os.write(self.pipe, b".")


def train(case, folder, pipe):
    """Trains from where the folder is to the end."""
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    kind, _, method = case.partition("-")
    {
        "conv": search_images,
        "recurrent": search_text,
        "network": train_network,
        "language_model": train_language_model,
    }[kind](folder, _Tell(pipe), method)


def search_images(folder, tell, method):
    """Searches a convolutional cell."""
    space = darts_tf.SearchSpace.conv(
        ["none", "skip_connect", "max_pool_3x3"], num_nodes=1
    )
    model = darts_tf.DartsSearchModel(
        space, method, num_classes=2, filters=2, num_cells=3
    )
    model.compile()
    guard = darts_tf.CollapseGuard("return")
    x = np.random.default_rng(0).normal(size=(40, 8, 8, 1))
    model.fit(
        x,
        np.arange(40) % 2,
        batch_size=4,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            darts_tf.callbacks.CosineDecay(epochs=EPOCHS),
            guard,
            darts_tf.SearchLog(folder),
            tell,
            darts_tf.ExactResume(folder, EVERY, [guard]),
        ],
    )


def search_text(folder, tell, method):
    """Searches a recurrent cell; with dropout, and with short pieces."""
    model = darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=1),
        method,
        vocabulary_size=9,
        units=4,
        sequence_length=4,
    )
    model.compile()
    text = np.random.default_rng(0).integers(9, size=3 * 21)
    model.fit(
        text,
        alpha_data=text[:30],
        batch_size=3,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            darts_tf.SearchLog(folder),
            tell,
            darts_tf.ExactResume(folder, EVERY),
        ],
    )


def train_network(folder, tell, _):
    """Trains a convolutional network, with path dropout."""
    edges = (darts_tf.Edge("skip_connect", 0), darts_tf.Edge("sep_conv_3x3", 1))
    cell = darts_tf.Cell((edges,), (2,))
    network = darts_tf.ConvNetwork(darts_tf.Genotype(cell, cell), 2, 2, 3)
    network.compile(
        darts_tf.optimizers.SGD(),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    network.build((None, 8, 8, 1))
    x = np.random.default_rng(0).normal(size=(20, 8, 8, 1)).astype("float32")
    resume = darts_tf.ExactResume(folder, EVERY)
    start = resume.restore(network, STEPS)
    network.fit(
        streams.batches((x, np.arange(20) % 2), 4, 0, start),
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        shuffle=False,
        verbose=0,
        callbacks=[
            darts_tf.callbacks.CosineDecay(epochs=EPOCHS),
            darts_tf.LinearDropPath(0.5, EPOCHS),
            darts_tf.callbacks.HistoryLog(folder),
            tell,
            resume,
        ],
    )


def train_language_model(folder, tell, _):
    """Trains a language model, with a mean of the weights from epoch 1 on."""
    edge = darts_tf.Edge("tanh", 0)
    cell = darts_tf.Cell(((edge,),), (1,), 1)
    network = darts_tf.RecurrentNetwork(
        darts_tf.Genotype(recurrent=cell), 9, units=4
    )
    model = darts_tf.StatefulLanguageModel(network, 3, 3, sequence_length=4)
    model.compile(
        darts_tf.optimizers.SGD(1.0, 0.0, 0.0, 0.25), jit_compile=False
    )
    model.build()
    switch = darts_tf.callbacks.SwitchToAveragedSGD(
        network.trainable_variables, 1
    )
    switch.trigger.variables[-1].assign(True)
    text = np.random.default_rng(0).integers(9, size=3 * 25)
    resume = darts_tf.ExactResume(folder, EVERY, [switch])
    start = resume.restore(model, STEPS)
    model.fit(
        text_streams.sequences(text, 3, 4, start_step=start),
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        validation_data=text_streams.evaluation(text[:30], 3, 4),
        shuffle=False,
        verbose=0,
        callbacks=[switch, darts_tf.callbacks.HistoryLog(folder), tell, resume],
    )


def run(case, folder, kill_at):
    """Runs in a fork; returns whether it came to its end.

    Args:
        case: String.
        folder: Path.
        kill_at: Optional pair of the number of the step after which the run is
            killed, and how long after it, in seconds.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            warnings.simplefilter("ignore", DeprecationWarning)
            train(case, folder, writer)
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    os.close(writer)
    if kill_at is not None:
        step, delay = kill_at
        while step and os.read(reader, 1):
            step -= 1
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reader)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError(f"{case} failed")
    return os.WIFEXITED(status)


def outcome(folder):
    """Returns all that a run leaves, by name."""
    with np.load(folder / "checkpoint.npz") as file:
        found = {name: file[name].tobytes() for name in file.files}
    for name in ("history.jsonl", "alphas.jsonl", "genotype.json"):
        if (folder / name).exists():
            found[name] = (folder / name).read_bytes()
    events = []
    for file in sorted((folder / "tensorboard").glob("*tfevents*")):
        for record in tf.compat.v1.io.tf_record_iterator(str(file)):
            event = tf.compat.v1.Event.FromString(record)
            events += [
                (event.step, value.tag, value.tensor.tensor_content)
                for value in event.summary.value
            ]
    found["events"] = sorted(events)
    return found


def compare(case, folder, kills, generator):
    """Returns the number of kills and the names of what differs."""
    whole = folder / f"{case}-whole"
    whole.mkdir()
    run(case, whole, None)
    expected = outcome(whole)
    killed, differs = 0, set()
    while killed < kills:
        # A run that ends before its next kill is compared like the others,
        # and another one is begun.
        broken = folder / f"{case}-after-{killed}-kills"
        broken.mkdir()
        before = killed
        while killed < kills:
            kill_at = generator.randrange(7), generator.random() / 10
            if run(case, broken, kill_at):
                break
            killed += 1
        else:
            run(case, broken, None)
        if killed == before:
            shutil.rmtree(broken)  # it was not killed at all
            continue
        found = outcome(broken)
        names = expected.keys() | found.keys()
        differs |= {n for n in names if expected.get(n) != found.get(n)}
    return killed, sorted(differs)


def main(folder, kills, seed, *cases):
    """Compares the cases."""
    generator = random.Random(int(seed))
    for case in cases:
        killed, differs = compare(
            case, pathlib.Path(folder), int(kills), generator
        )
        line = {"case": case, "kills": killed, "differs": differs}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
