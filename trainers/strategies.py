"""The devices of a run: one, or all GPUs of the machine."""

import tensorflow as tf

NAMES = ("none", "mirrored")
HELP = "none, or mirrored: each batch divided among all GPUs."


def make(config) -> tf.distribute.Strategy:
    """Returns the strategy in whose scope a model is made.

    Args:
        config: A config with `strategy`, one of `NAMES`, and `batch_size`.

    Returns:
        A `tf.distribute.Strategy`; for `"none"` that of one device.

    Raises:
        ValueError: If a batch cannot be divided among the devices.
    """
    if config.strategy == "none":
        return tf.distribute.get_strategy()
    strategy = tf.distribute.MirroredStrategy()
    if config.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            "`batch_size` must be divisible by the number of devices, "
            f"{strategy.num_replicas_in_sync}. "
            f"Received: batch_size={config.batch_size}"
        )
    return strategy
