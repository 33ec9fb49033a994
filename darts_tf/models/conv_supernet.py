"""The convolutional network that holds every architecture of a space."""

import keras

from darts_tf.distribution import statistics
from darts_tf.layers import conv_cell
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import operations
from darts_tf.layers import rematerialization
from darts_tf.models import alphas as alphas_lib
from darts_tf.models import classifier as classifier_lib
from darts_tf.models import conv_layout
from darts_tf.models import logits_model
from darts_tf.spaces import paper
from darts_tf.spaces import search_space


@keras.saving.register_keras_serializable(package="darts_tf")
class ConvSupernet(logits_model.LogitsModel):
    """A stack of cells whose edges mix all operations of a space.

    A 3x3 convolution and batch normalisation (or the stem for ImageNet, where
    the search takes larger images), `num_cells` cells of which those
    at 1/3 and 2/3 of the depth halve the resolution and double the filters,
    global average pooling and a linear classifier. Cells of a type share their
    architecture logits. A space with a `skeleton` has stages of normal cells
    with residual blocks between them instead of reduction cells, and a
    normalisation and a ReLU before the pooling.

    Args:
        space: A `darts_tf.SearchSpace` of convolutional cells, or its config.
            Defaults to `None`, the space of the paper.
        num_classes: Integer. Defaults to `10`.
        filters: Integer, the number of filters of the first cells. Defaults
            to `16`.
        num_cells: Integer, a multiple of the stages if there are stages.
            Defaults to `None`, 8, or 15 in stages.
        stem_multiplier: Integer, the filters that the stem ends with, in
            multiples of `filters`. Defaults to `None`, 3, or 1 with
            `stem="imagenet"` or in stages.
        seed: Optional integer, of the initial alphas. Defaults to `None`.
        stem: String, what comes before the cells: `"cifar"`, one convolution,
            or `"imagenet"`, three of stride 2. Defaults to `"cifar"`.
        rematerialize: Boolean, whether each cell is computed a second time for
            its gradient, so that the memory of a step is about that of one
            cell. Defaults to `False`.
        relaxation: Optional `darts_tf.relaxations.Relaxation`. Defaults to
            `None`, the paper's softmax.
        perturbation: Optional `darts_tf.relaxations.Perturbation`. Defaults to
            `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`, of any
            real numbers; of another height and width than the supernet was
            built for, too, or of sizes that the graph does not know.
        training: Boolean, whether batch normalisation takes the statistics of
            the batch.

    Returns:
        Logits, a tensor of shape `(batch, num_classes)`.

    Raises:
        ValueError: If a size is not positive, a primitive unknown, the space
            recurrent or its cells of more than two inputs, the number of cells
            no multiple of the stages, or the images too small or of other
            channels than the supernet was built for.

    Example:

    >>> supernet = darts_tf.ConvSupernet(filters=4, num_cells=3)
    >>> supernet(np.zeros((2, 8, 8, 1), "float32")).shape
    TensorShape([2, 10])

    Reference:
        Section 3.1.1 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        space=None,
        num_classes=10,
        filters=16,
        num_cells=None,
        stem_multiplier=None,
        seed=None,
        stem="cifar",
        rematerialize=False,
        relaxation=None,
        perturbation=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        form = conv_layout.form(stem)
        if space is None:
            space = search_space.SearchSpace.conv()
        elif isinstance(space, dict):
            space = search_space.SearchSpace.from_config(space)
        if space.kind != "conv" or space.num_inputs > 2:
            raise ValueError(
                "A convolutional supernet needs a space of convolutional "
                f"cells with one or two inputs. Received: space={space}"
            )
        sizes = conv_layout.sizes(
            {
                "num_cells": paper.ConvSearch.num_cells,
                "stem_multiplier": form.stem_multiplier,
            },
            space.skeleton,
            num_classes=num_classes,
            filters=filters,
            num_cells=num_cells,
            stem_multiplier=stem_multiplier,
        )
        operations.check_primitives(space.primitives)
        self.space = space
        self.num_classes = sizes.num_classes
        self.filters = sizes.filters
        self.num_cells = sizes.num_cells
        self.stem_multiplier = sizes.stem_multiplier
        self.seed = seed
        self.stem_form = stem
        self.rematerialize = rematerialize

        self.plan = conv_layout.plan(
            space.cell_types,
            self.num_cells,
            self.filters,
            form.stem_cell_type,
            space.skeleton,
        )
        absent = set(space.cell_types) - {p.cell_type for p in self.plan}
        if absent:
            raise ValueError(
                "There must be a cell of each type to search; 3 cells are the "
                f"fewest. Received: num_cells={num_cells}, which leaves no "
                f"{absent.pop()} cell"
            )
        self.alphas = alphas_lib.Alphas(
            space, seed, relaxation, perturbation, name="alphas"
        )
        self.stem = form.make_stem(self.stem_multiplier * self.filters)
        self.cells = [
            conv_cell.ConvSearchCell(
                space.primitives,
                space.num_nodes,
                plan.filters,
                plan.cell_type,
                plan.previous_cell_type,
                space.num_inputs,
                space.output,
                (space.edge_primitives or {}).get(plan.cell_type),
                space.normalize_pools,
                preprocess=not conv_layout.keeps_channels(
                    space.num_inputs, len(space.concat), space.skeleton
                ),
                name=f"cell_{index}",
            )
            for index, plan in enumerate(self.plan)
        ]
        self._trunk = conv_layout.Trunk(self, self.plan, space.skeleton)
        self.pool = keras.layers.GlobalAveragePooling2D(
            data_format="channels_last", name="pool"
        )
        features = len(space.concat) * self.plan[-1].filters
        self.classifier = classifier_lib.classifier(
            self, self.num_classes, features
        )

    @property
    def halvings(self):
        """How often the network halves the resolution."""
        return conv_layout.halvings(self.stem_form, self.plan)

    @property
    def network_weights(self):
        """All trainable variables but the alphas (the paper's w)."""
        return alphas_lib.network_weights(self)

    def build(self, input_shape):
        conv_layout.check_images(input_shape, self.halvings)
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        self.stem.build(input_shape)
        before, shape = self.stem.compute_output_shape(input_shape)
        for index, cell in enumerate(self.cells):
            before, shape = self._trunk.build(index, before, shape)
            shapes = (before, shape)[-self.space.num_inputs :]
            cell.build(shapes)
            before, shape = shape, cell.compute_output_shape(shapes)
        self._trunk.build_last(shape)
        self.classifier.build((shape[0], shape[-1]))
        self.built = True

    def call(self, inputs, training=None):
        with statistics.with_a_row(inputs) as (inputs, without):
            return without(self._classify(inputs, training))

    def _classify(self, inputs, training):
        op_weights = self.alphas.op_weights_by_source()
        before, outputs = self.stem(inputs)
        for index, cell in enumerate(self.cells):
            before, outputs = self._trunk.enter(index, before, outputs)
            inputs = (before, outputs)[-self.space.num_inputs :]
            arguments = inputs, op_weights[cell.cell_type]
            if self.rematerialize and training:
                after = rematerialization.call(cell, *arguments)
            else:
                after = cell(*arguments)
            before, outputs = outputs, after
        return self.classifier(self.pool(self._trunk.leave(outputs)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)

    def get_config(self):
        return {
            **super().get_config(),
            "space": self.space.get_config(),
            "num_classes": self.num_classes,
            "filters": self.filters,
            "num_cells": self.num_cells,
            "stem_multiplier": self.stem_multiplier,
            "seed": self.seed,
            "stem": self.stem_form,
            "rematerialize": self.rematerialize,
            **self.alphas.method_config(),
        }
