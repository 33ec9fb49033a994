"""Networks that the library did not make, to be searched, and their data."""

import keras
import numpy as np

import darts_tf
from tests.search import image_search

# Two operations on the edges from the image to one node, and nothing else.
SPACE = darts_tf.SearchSpace(
    ("skip_connect", "sep_conv_3x3"),
    num_nodes=1,
    num_inputs=1,
    cell_types=("normal",),
    edges_per_node=1,
)
X, Y = image_search.data(32, classes=2)
X = np.repeat(X, 2, axis=-1)
X[..., 0] += (2.0 * Y - 1)[:, None, None]  # so that there is something to learn


@keras.saving.register_keras_serializable("tests")
class OneNode(keras.Model):
    """Mixed operations between plain Keras layers, without a `build`."""

    def __init__(self, space=SPACE, num_classes=2, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        if isinstance(space, dict):
            space = darts_tf.SearchSpace.from_config(space)
        self.num_classes = num_classes
        self.alphas = darts_tf.models.Alphas(space, seed=0)
        self.stem = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)
        self.norm = keras.layers.BatchNormalization(synchronized=True)
        self.mixed = darts_tf.layers.MixedOp(space.primitives, 4)
        self.drop = keras.layers.Dropout(rate, seed=0)
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.classifier = keras.layers.Dense(num_classes)

    def call(self, images):
        (op_weights,) = self.alphas.op_weights_by_source()["normal"]
        (node,) = self.mixed(self.norm(self.stem(images)), op_weights)
        return self.classifier(self.drop(self.pool(node)))

    def get_config(self):
        return {
            **super().get_config(),
            "space": self.alphas.space.get_config(),
            "num_classes": self.num_classes,
        }


@keras.saving.register_keras_serializable("tests")
class DoubledCell(darts_tf.RecurrentSupernet):
    """A language model whose cell is run on doubled inputs."""

    def run_cell(self, inputs, state, training):
        return super().run_cell(2.0 * inputs, state, training)
