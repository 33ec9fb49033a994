"""The auxiliary classifier."""

import keras

from darts_tf.layers import batch_norm
from darts_tf.layers import convolution
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import padding_kernels
from darts_tf.models import classifier as classifier_lib


@keras.saving.register_keras_serializable(package="darts_tf")
class AuxiliaryHead(keras.layers.Layer):
    """A second classifier in the middle of the network, for training only.

    ReLU, 5x5 average pool of stride 3 that leaves 2x2 pixels, 1x1 convolution
    to 128 filters, batch normalisation, ReLU, 2x2 convolution to 768 filters,
    batch normalisation, ReLU and a linear layer. After the stem of ImageNet the
    pool has stride 2, and the second normalisation is missing, as in the
    official code.

    Args:
        num_classes: Integer.
        stem: String, the network's stem: `"cifar"` or `"imagenet"`. Defaults
            to `"cifar"`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, size, size, channels)`, where `size`
            is from 8 to 10, or 7 or 8 after the stem of ImageNet.

    Returns:
        Logits, a tensor of shape `(batch, num_classes)`.

    Raises:
        ValueError: If the images have another size at this depth.

    Reference:
        Appendix A.2.1 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(self, num_classes, stem="cifar", **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.stem = stem
        self.strides = 2 if stem == "imagenet" else 3
        self.pool = keras.layers.AveragePooling2D(
            5, self.strides, data_format="channels_last", name="pool"
        )
        self.reduce = convolution.Convolution(128, name="reduce")
        self.reduce_norm = batch_norm.BatchNorm(name="reduce_norm")
        initializer = convolution.fan_in_uniform(128 * 4)
        self.expand = keras.layers.Conv2D(
            768,
            2,
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=initializer,
            name="expand",
        )
        self.expand_norm = (
            None
            if stem == "imagenet"
            else batch_norm.BatchNorm(name="expand_norm")
        )
        self.classifier = classifier_lib.classifier(self, num_classes, 768)

    def _check_size(self, input_shape):
        sizes = range(5 + self.strides, 5 + 2 * self.strides)
        if not all(size in sizes for size in input_shape[1:3]):
            usual = 224 if self.stem == "imagenet" else 32
            raise ValueError(
                f"The auxiliary classifier needs images of {sizes[0]} to "
                f"{sizes[-1]} pixels where it sits, at 2/3 of the depth, as "
                f"{usual}x{usual} images at the input have; other sizes train "
                "with auxiliary_weight=0. "
                f"Received: {tuple(input_shape[1:3])} at 2/3 of the depth"
            )

    def build(self, input_shape):
        self._check_size(input_shape)
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        batch = input_shape[0]
        self.reduce.build((batch, 2, 2, input_shape[-1]))
        self.reduce_norm.build((batch, 2, 2, 128))
        self.expand.build((batch, 2, 2, 128))
        if self.expand_norm is not None:
            self.expand_norm.build((batch, 1, 1, 768))
        self.classifier.build((batch, 768))

    def call(self, inputs):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        outputs = self.pool(keras.ops.relu(inputs))
        # Of larger images, all but the first pixel would get lost below.
        if None in inputs.shape[1:3]:
            outputs = padding_kernels.of_size(outputs, 2, 2)
        else:
            self._check_size(inputs.shape)
        outputs = keras.ops.relu(self.reduce_norm(self.reduce(outputs)))
        outputs = self.expand(outputs)
        if self.expand_norm is not None:
            outputs = self.expand_norm(outputs)
        return self.classifier(keras.ops.relu(outputs)[:, 0, 0])

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "stem": self.stem,
        }
