"""How long a training will take, before its first step.

A network of one cell is timed for a moment. The network itself has the same
operations, so its multiply-adds say the rest; roughly, since its later cells
have more filters on fewer pixels.
"""

import pathlib
import time
from typing import Any

from trainers import late

with late.imports():
    import keras
    import tensorflow as tf

    import darts_tf
    from darts_tf.visualize import next_steps
    from darts_tf.visualize import run_folder

# Measured on 2 cores of an AMD EPYC with DARTS_V2 of 3 and 8 cells, 8 and 16
# filters, images of 8x8 to 64x64: a multiply-add of the whole network took 1.7
# to 2.3 times as long as one of a network of one cell, and its first step,
# which builds the graph, 4 to 12 times as long as that of each cell alone.
_SLOWER, _BUILDING = 1.9, 5.0
# Steps that are timed, of which the fastest counts: as many as fit in a time.
_LEAST, _MOST, _SECONDS = 3, 30, 1.0
# Images in the batch that is timed, by their pixels: no more than a second.
_MOST_PIXELS = 32 * 32 * 32
# What a processor of two cores does in about six hours, of training steps.
_LONG = 3e13


def seconds_of_training(
    genotype: Any,
    image_shape: tuple[int, ...],
    filters: int,
    num_cells: int,
    multiply_adds: int,
    images: int,
) -> float:
    """Estimates how long a training of a convolutional cell takes.

    Args:
        genotype: A `darts_tf.Genotype`.
        image_shape: Tuple `(height, width, channels)`.
        filters: Integer, those of the first cells.
        num_cells: Integer.
        multiply_adds: Integer, those of the network for one image.
        images: Integer, how many are trained on in all epochs together.

    Returns:
        Number of seconds.
    """
    batch_size = max(_MOST_PIXELS // (image_shape[0] * image_shape[1]), 1)
    batch_size = min(batch_size, 32)
    network = darts_tf.ConvNetwork(genotype, 2, filters, 1)
    network.build((None, *image_shape))
    loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    variables = [variable.value for variable in network.trainable_variables]
    x, y = tf.zeros((batch_size, *image_shape)), tf.zeros((batch_size,))

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            value = loss(y, network(x, training=True))
        return tape.gradient(value, variables)

    times = []
    while len(times) <= _LEAST or (
        sum(times[1:]) < _SECONDS and len(times) < _MOST
    ):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    building, *steps = times
    work = batch_size * darts_tf.count_multiply_adds(network)
    return (
        _SLOWER * images * multiply_adds * min(steps) / work
        + _BUILDING * num_cells * building
    )


def of_next_training(folder: pathlib.Path) -> dict[str, float]:
    """Estimates how long the training takes that follows a search.

    Args:
        folder: Path, that of a search by a command, with its genotype.

    Returns:
        Dictionary for the metrics of the search; empty for a recurrent cell,
        and for one of operations that are not known here.
    """
    run = run_folder.RunFolder(folder)
    sizes = next_steps.network_sizes(run)
    if sizes is None or run.genotype.kind != "conv":
        return {}
    plan = next_steps.training_plan(run)
    seconds = seconds_of_training(
        run.genotype,
        plan.image_shape,
        plan.filters,
        plan.num_cells,
        sizes["multiply-adds"],
        plan.epochs * plan.images,
    )
    return {"next_training_seconds": round(seconds, 1)}


def say_if_long(
    genotype: Any,
    image_shape: tuple[int, ...],
    config: Any,
    multiply_adds: int,
    images: int,
) -> None:
    """Says at the start of a long training on a processor how long it takes.

    Called before the random seed is set, since it makes a network.

    Args:
        genotype: A `darts_tf.Genotype`.
        image_shape: Tuple `(height, width, channels)`, what the cells see.
        config: A config with `filters`, `num_cells` and `epochs`.
        multiply_adds: Integer, those of the network for one image.
        images: Integer, how many are trained on in an epoch.
    """
    images *= config.epochs
    if has_gpu() or images * multiply_adds < _LONG:
        return
    seconds = seconds_of_training(
        genotype,
        image_shape,
        config.filters,
        config.num_cells,
        multiply_adds,
        images,
    )
    print(
        f"{config.epochs} epochs take about {_days(seconds)} on this "
        "processor (a rough estimate); the paper's settings are for a GPU, and "
        "--preset=quick takes minutes.",
        flush=True,
    )


def say_if_search_is_long(images: int, pixels: int, cells_of: int) -> None:
    """Says at the start of a long search on a processor that it is long.

    How long, only its first steps can say: there is no small part of a
    supernet that takes a known part of its time.

    Args:
        images: Integer, how many are searched with in all epochs together.
        pixels: Integer, those of an image.
        cells_of: Integer, the filters of all first cells together.
    """
    # A third of the paper's, which takes days on any processor.
    if not has_gpu() and images * pixels * cells_of > 5e10:
        print(
            "On a processor that takes days: the paper's settings are for a "
            "GPU. How many days is said after the first steps. "
            "--preset=quick takes minutes.",
            flush=True,
        )


def of_a_processor(seconds: float) -> str | None:
    """Returns what to say after the first steps of a long run, if anything.

    Args:
        seconds: Number, the estimate.
    """
    if has_gpu() or seconds < 86400:
        return None
    return (
        f"That is {_days(seconds)} on this processor; the paper's settings are "
        "for a GPU, and --preset=quick takes minutes."
    )


def _days(seconds: float) -> str:
    days = seconds / 86400
    return f"{days:,.0f} days" if days >= 10 else f"{days:.1f} days"


def has_gpu() -> bool:
    """Returns whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))
