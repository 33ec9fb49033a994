"""A plain network of images, beside which a found one has to show its worth."""

import keras

from darts_tf import checks
from darts_tf.layers import inputs as inputs_lib
from darts_tf.models import classification as classification_lib
from darts_tf.models import conv_layout
from darts_tf.models import logits_model


@keras.saving.register_keras_serializable(package="darts_tf")
class PlainNetwork(logits_model.LogitsModel):
    """Separable convolutions one after another: a baseline, made by hand.

    The stages are those of the networks of cells: a stem, and at 1/3 and 2/3
    of the depth half the resolution and twice the filters. Where they have a
    cell, there is one separable convolution of 3x3 here, with batch
    normalisation and ReLU. The layers are Keras' own.

    Args:
        num_classes: Integer. Defaults to `None`, 10, or 1000 with
            `stem="imagenet"`.
        filters: Integer, the number of filters of the first convolutions.
            Defaults to `36`.
        num_cells: Integer, the number of convolutions after the stem.
            Defaults to `20`.
        stem: String, `"cifar"`, one convolution of stride 1, or `"imagenet"`,
            three of stride 2. Defaults to `"cifar"`.
        classification: As of `darts_tf.ConvNetwork`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        training: Boolean.

    Returns:
        Logits, a tensor of shape `(batch, num_classes)`.

    Raises:
        ValueError: If a size is not positive, the stem is unknown, or the
            images are too small or have other channels than the network was
            built for.

    Example:

    >>> network = darts_tf.models.PlainNetwork(filters=4, num_cells=3)
    >>> network(np.zeros((2, 8, 8, 1), "float32")).shape
    TensorShape([2, 10])
    """

    genotype = None

    def __init__(
        self,
        num_classes=None,
        filters=36,
        num_cells=20,
        stem="cifar",
        classification=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        form = conv_layout.form(stem)
        classification, num_classes = classification_lib.of_network(
            classification, num_classes, form.num_classes
        )
        num_classes, filters, num_cells = checks.sizes(
            num_classes=num_classes, filters=filters, num_cells=num_cells
        )
        self.num_classes = num_classes
        self.filters = filters
        self.num_cells = num_cells
        self.stem_form = stem
        self.classification = classification
        self.plan = conv_layout.plan_cells(
            num_cells, filters, conv_layout.reduction_cells(num_cells)
        )
        convolution = keras.layers.Conv2D
        blocks = [_Block(convolution, filters, 1, name="stem")]
        if form.stem_halvings:
            blocks = [
                _Block(convolution, width, 2, name=f"stem_{index}")
                for index, width in enumerate(
                    (max(filters // 2, 1), filters, filters)
                )
            ]
        self.blocks = blocks + [
            _Block(
                keras.layers.SeparableConv2D,
                place.filters,
                2 if place.cell_type == "reduction" else 1,
                name=f"block_{index}",
            )
            for index, place in enumerate(self.plan)
        ]
        self.pool = keras.layers.GlobalAveragePooling2D(name="pool")
        self.classifier = keras.layers.Dense(num_classes, name="classifier")

    @property
    def halvings(self):
        """How often the network halves the resolution."""
        return conv_layout.halvings(self.stem_form, self.plan)

    def build(self, input_shape):
        conv_layout.check_images(input_shape, self.halvings)
        if self.classification is not None:
            self.classification.check_fits(input_shape[-1], self.num_classes)
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        shape = input_shape
        for block in self.blocks:
            block.build(shape)
            shape = block.compute_output_shape(shape)
        self.classifier.build((shape[0], shape[-1]))
        self.built = True

    def call(self, inputs, training=None):
        outputs = inputs
        for block in self.blocks:
            outputs = block(outputs, training=training)
        return self.classifier(self.pool(outputs))

    def classify(self, images, batch_size=32):
        """Returns the most likely class of images, given by their pixels.

        Args:
            images: As for `darts_tf.ConvNetwork.classify`.
            batch_size: Integer. Defaults to `32`.

        Returns:
            A `darts_tf.models.Classes`.

        Raises:
            ValueError: If the network has no `classification`, or the images
                are not pixels.
        """
        return classification_lib.classify(self, images, batch_size)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "filters": self.filters,
            "num_cells": self.num_cells,
            "stem": self.stem_form,
            "classification": (
                None
                if self.classification is None
                else self.classification.get_config()
            ),
        }


class _Block(keras.layers.Layer):
    """A convolution, batch normalisation and ReLU."""

    def __init__(self, convolution, filters, strides, **kwargs):
        super().__init__(**kwargs)
        self.convolution = convolution(
            filters,
            3,
            strides,
            "same",
            use_bias=False,
            name="convolution",
        )
        self.norm = keras.layers.BatchNormalization(name="norm")

    def build(self, input_shape):
        self.convolution.build(input_shape)
        self.norm.build(self.convolution.compute_output_shape(input_shape))
        self.built = True

    def call(self, inputs, training=None):
        outputs = self.norm(self.convolution(inputs), training=training)
        return keras.ops.relu(outputs)

    def compute_output_shape(self, input_shape):
        return self.convolution.compute_output_shape(input_shape)
