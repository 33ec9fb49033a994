"""A step of a search of a user's network, on one device or on two.

    python -m tests.search.tasks.own_supernet_replicas mirrored TWO.npz

Run by `own_supernet_test.py`: devices can only be divided before TensorFlow
starts.
"""

import sys

import keras
import numpy as np

import darts_tf
from tests.search import own_network
from tests.search import several_replicas


def search(name, path):
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    strategy = several_replicas.strategy_of(name)
    keras.utils.set_random_seed(0)
    with strategy.scope():
        # Masks are drawn for rows, and differ between replicas.
        supernet = own_network.OneNode(rate=0.0)
        model = darts_tf.DartsSearchModel(supernet=supernet)
        model.compile(run_eagerly=True)
    model.fit(
        own_network.X,
        own_network.Y,
        batch_size=8,
        steps_per_epoch=1,
        verbose=0,
    )
    found = [np.array(variable) for variable in model.trainable_variables]
    np.savez(path, *found)


if __name__ == "__main__":
    search(*sys.argv[1:])
