"""The devices of a run: one, all GPUs of the machine, or several machines."""

import dataclasses
import os

from absl import logging

from trainers import late
from trainers import options

with late.imports():
    import tensorflow as tf

    from darts_tf import environment

NAMES = ("none", "mirrored", "multi_worker")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StrategyOption:
    """The option of a run that can have several devices."""

    strategy: str = options.option(
        "none; mirrored, each batch divided among all GPUs; or multi_worker, "
        "among those of all machines in TF_CONFIG, which all see the folder "
        "of the run.",
        "none",
    )


def make(config) -> "tf.distribute.Strategy":
    """Returns the strategy in whose scope a model is made.

    Called before anything else of TensorFlow: workers can only meet then.

    Args:
        config: A config with `strategy`, one of `NAMES`, and `batch_size`.

    Returns:
        A `tf.distribute.Strategy`; for `"none"` that of one device.

    Raises:
        ValueError: If a batch cannot be divided among the devices, or nothing
            says who the workers are.
    """
    if config.strategy == "none":
        return tf.distribute.get_strategy()
    if config.strategy == "mirrored":
        strategy = tf.distribute.MirroredStrategy()
    elif "TF_CONFIG" in os.environ:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        raise ValueError(
            "The environment variable TF_CONFIG must say who the workers are. "
            f"Received: strategy={config.strategy!r}, without it"
        )
    if config.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            "`batch_size` must be divisible by the number of devices, "
            f"{strategy.num_replicas_in_sync}. "
            f"Received: batch_size={config.batch_size}"
        )
    return strategy


def limit_threads(threads: int | None) -> None:
    """Sets how many processor threads take one operation together.

    Where a graph has enough operations that do not wait for one another, one
    thread for each is the fastest: nobody waits for the slowest of a team.
    TensorFlow reads the number when it starts, so this is called before
    anything else of it; later it changes nothing, and logs a warning.

    Args:
        threads: Positive integer; `None` leaves it to TensorFlow, which takes
            one thread for each core.
    """
    now = tf.config.threading.get_intra_op_parallelism_threads()
    if threads is None or threads == now:
        return
    try:
        environment.set_operation_threads(threads)
    except RuntimeError:
        logging.warning(
            "intra_op_threads=%d has no effect: TensorFlow has already started "
            "in this process, with a number of its own.",
            threads,
        )


def read_by_all(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """Lets each worker read a data set whole, and keep its rows of a batch.

    TensorFlow would divide files, if there are any, and with them the batches
    would be others than those of one device.

    Args:
        dataset: A `tf.data.Dataset` of batches.

    Returns:
        A `tf.data.Dataset`.
    """
    reading = tf.data.Options()
    reading.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return dataset.with_options(reading)
