"""Trains a network on one device or on several; run by `strategy_test.py`.

python -m tests.models.two_devices 2 LOSSES.npz 8
"""

import os
import sys

import keras
import numpy as np
import tensorflow as tf

import darts_tf

BATCH_SIZE = 8
GENOTYPE = darts_tf.Genotype(
    normal=darts_tf.Cell(
        ((darts_tf.Edge("sep_conv_3x3", 0), darts_tf.Edge("skip_connect", 1)),),
        (2,),
    ),
    reduction=darts_tf.Cell(
        ((darts_tf.Edge("skip_connect", 0), darts_tf.Edge("max_pool_3x3", 1)),),
        (2,),
    ),
)


def strategy_of(num_devices):
    """Returns the strategy of devices, or of workers if `TF_CONFIG` is set."""
    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = [f"CPU:{k}" for k in range(num_devices)]
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * num_devices,
    )
    if num_devices > 1:
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.get_strategy()


def train(num_devices, path, num_rows):
    strategy = strategy_of(num_devices)
    assert strategy.num_replicas_in_sync == num_devices
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    # Another mean in each half: what a replica sees alone is not the batch.
    x = (
        rng.normal(size=(num_rows, 8, 8, 3))
        + np.resize(np.repeat([0, 3], 4), num_rows)[:, None, None, None]
    )
    y = rng.integers(0, 3, num_rows)
    data = tf.data.Dataset.from_tensor_slices((x.astype("float32"), y))
    with strategy.scope():
        network = darts_tf.ConvNetwork(
            GENOTYPE, num_classes=3, filters=2, num_cells=3
        )
        network.build((None, 8, 8, 3))
        network.compile(
            # Far below the norm of the gradient, so that it is clipped.
            darts_tf.optimizers.SGD(0.1, global_clipnorm=0.1),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    history = network.fit(
        data.batch(BATCH_SIZE), epochs=3, shuffle=False, verbose=0
    )
    figures = network.evaluate(data.batch(BATCH_SIZE), verbose=0)
    np.savez(
        path,
        loss=history.history["loss"],
        evaluated=figures,
        **{str(k): np.array(v) for k, v in enumerate(network.variables)},
    )


if __name__ == "__main__":
    train(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
