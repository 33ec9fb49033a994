"""The convolutional network that a genotype describes."""

import keras

from darts_tf import checks
from darts_tf import environment
from darts_tf.distribution import replicas
from darts_tf.distribution import statistics
from darts_tf.layers import conv_cell
from darts_tf.layers import inputs as inputs_lib
from darts_tf.models import auxiliary_head as auxiliary_head_lib
from darts_tf.models import classification as classification_lib
from darts_tf.models import classifier as classifier_lib
from darts_tf.models import conv_layout
from darts_tf.models import conv_supernet
from darts_tf.models import inheritance as inheritance_lib
from darts_tf.models import logits_model
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import stages


@keras.saving.register_keras_serializable(package="darts_tf")
class ConvNetwork(logits_model.LogitsModel):
    """The network of a genotype, to be trained from scratch and shipped.

    Its defaults are the paper's CIFAR-10 network, or with `stem="imagenet"`
    its network for ImageNet in the mobile setting. Reduction cells stand at
    1/3 and 2/3 of the depth. In training, `drop_path_rate` of the samples lose
    each edge that is not an identity, and an auxiliary classifier adds its
    loss; `fit` needs nothing of its own for either. In inference neither is
    there.

    Args:
        genotype: A convolutional `darts_tf.Genotype`, or its JSON text.
        num_classes: Integer. Defaults to `None`, 10, or 1000 with
            `stem="imagenet"`.
        filters: Integer, the number of filters of the first cells. Defaults
            to `None`, 36 or 48, or 16 in stages.
        num_cells: Integer, a multiple of the stages if there are stages.
            Defaults to `None`, 20 or 14, or 15 in stages.
        auxiliary_weight: Float, the weight of the auxiliary classifier's
            loss; at 0 there is no such classifier. It needs images of about
            32x32, or 224x224 with `stem="imagenet"`; the paper's weight is
            0.4. Defaults to `0.0`.
        drop_path_rate: Float in [0, 1), the probability of losing an edge.
            `LinearDropPath` raises it during training. Defaults to `0.0`.
        stem_multiplier: Integer, the filters that the stem ends with, in
            multiples of `filters`. Defaults to `None`, 3, or 1 with
            `stem="imagenet"` or in stages.
        stem: String, what comes before the cells: `"cifar"`, one convolution,
            or `"imagenet"`, three of stride 2. Defaults to `"cifar"`.
        classification: Optional `darts_tf.Classification`, or its config: how
            the images are normalised and what the classes are called. It is
            saved with the network, whose `classify` and exports need it; the
            network itself takes normalised images in any case. Defaults to
            `None`.
        skeleton: Optional `darts_tf.Stages` of normal cells, as the search
            space has it. Defaults to `None`, the paper's network.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`, of any
            real numbers; of another height and width than the network was
            built for, too, or of sizes that the graph does not know.
        training: Boolean.

    Returns:
        Logits, a tensor of shape `(batch, num_classes)`; in training with an
        auxiliary classifier a pair of them.

    Raises:
        ValueError: If the genotype is recurrent or names an unknown
            primitive, a size is not positive, a rate is out of range, the
            images are too small or have other channels than the network was
            built for, or a functional or sequential model trains a network
            with an auxiliary classifier, whose loss it would not add.

    Example:

    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=4, num_cells=3
    ... )
    >>> network(np.zeros((2, 8, 8, 1), "float32")).shape
    TensorShape([2, 10])

    Reference:
        Section 3.2 and Appendix A.2.1 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        genotype,
        num_classes=None,
        filters=None,
        num_cells=None,
        auxiliary_weight=0.0,
        drop_path_rate=0.0,
        stem_multiplier=None,
        stem="cifar",
        classification=None,
        skeleton=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        defaults = conv_layout.form(stem)
        classification, num_classes = classification_lib.of_network(
            classification, num_classes, defaults.num_classes
        )
        skeleton = stages.given(skeleton)
        sizes = conv_layout.sizes(
            defaults._asdict(),
            skeleton,
            num_classes=num_classes,
            filters=filters,
            num_cells=num_cells,
            stem_multiplier=stem_multiplier,
        )
        checks.fraction(drop_path_rate, "drop_path_rate")
        checks.not_negative(auxiliary_weight, "auxiliary_weight")
        if isinstance(genotype, str):
            genotype = genotype_lib.Genotype.from_json(genotype)
        if genotype.kind != "conv":
            raise ValueError(
                "A convolutional network needs a genotype of convolutional "
                f"cells. Received: genotype={genotype}"
            )
        self._is_layer = False
        self.genotype = genotype
        self.num_classes = sizes.num_classes
        self.filters = sizes.filters
        self.num_cells = sizes.num_cells
        self.stem_multiplier = sizes.stem_multiplier
        self.auxiliary_weight = auxiliary_weight
        self.stem_form = stem
        self.classification = classification
        self.skeleton = skeleton
        self._initial_drop_path_rate = drop_path_rate
        # A variable, so that it can change without a new graph.
        self.drop_path_rate = self.add_weight(
            name="drop_path_rate",
            shape=(),
            initializer=keras.initializers.Constant(drop_path_rate),
            trainable=False,
        )

        self.plan = conv_layout.plan(
            tuple(genotype.cells),
            self.num_cells,
            self.filters,
            defaults.stem_cell_type,
            skeleton,
        )
        self.stem = defaults.make_stem(self.stem_multiplier * self.filters)
        self.cells = [
            self._make_cell(index, plan) for index, plan in enumerate(self.plan)
        ]
        self._trunk = conv_layout.Trunk(self, self.plan, skeleton)
        self.pool = keras.layers.GlobalAveragePooling2D(
            data_format="channels_last", name="pool"
        )
        last = genotype.cells[self.plan[-1].cell_type]
        features = len(last.concat) * self.plan[-1].filters
        self.classifier = classifier_lib.classifier(
            self, self.num_classes, features
        )
        self.auxiliary_head = (
            auxiliary_head_lib.AuxiliaryHead(
                self.num_classes, stem, name="auxiliary_head"
            )
            if auxiliary_weight
            else None
        )

    def _make_cell(self, index, plan):
        cell = self.genotype.cells[plan.cell_type]
        return conv_cell.ConvCell(
            cell,
            plan.filters,
            plan.cell_type,
            plan.previous_cell_type,
            preprocess=not conv_layout.keeps_channels(
                cell.num_inputs, len(cell.concat), self.skeleton
            ),
            name=f"cell_{index}",
        )

    @classmethod
    def from_supernet(cls, supernet, genotype, inherit_weights=False, **kwargs):
        """Makes the network of a genotype with the sizes of a supernet.

        Args:
            supernet: A `darts_tf.ConvSupernet`, such as the `supernet` of a
                `darts_tf.DartsSearchModel`.
            genotype: A convolutional `darts_tf.Genotype`.
            inherit_weights: Boolean, whether the network starts from the
                weights of the supernet where shapes agree, instead of fresh
                ones; it is then built, and its `inheritance`, a
                `darts_tf.models.Inheritance`, says what it took. Defaults to
                `False`, as in the paper.
            **kwargs: Arguments of the constructor, instead of the supernet's
                `num_classes`, `filters`, `num_cells`, `stem_multiplier`,
                `stem` and `skeleton`.

        Returns:
            A `ConvNetwork`.

        Raises:
            ValueError: If the supernet is not a `darts_tf.ConvSupernet`, if
                weights are to be inherited from one that is not built, and as
                the constructor.
        """
        if not isinstance(supernet, conv_supernet.ConvSupernet):
            raise ValueError(
                "`supernet` must be a darts_tf.ConvSupernet, whose sizes the "
                "network takes; give another one's to the constructor, "
                "darts_tf.ConvNetwork(genotype, num_classes, filters, ...). "
                f"Received: supernet={supernet!r}"
            )
        network = cls(
            genotype,
            **{
                "num_classes": supernet.num_classes,
                "filters": supernet.filters,
                "num_cells": supernet.num_cells,
                "stem_multiplier": supernet.stem_multiplier,
                "stem": supernet.stem_form,
                "skeleton": supernet.space.skeleton,
                **kwargs,
            },
        )
        if inherit_weights:
            if supernet.built:
                shape = supernet.get_build_config()["input_shape"]
                network.build((None, *shape[1:]))
            network.inheritance = inheritance_lib.inherit_weights(
                network, supernet
            )
        return network

    @property
    def halvings(self):
        """How often the network halves the resolution."""
        return conv_layout.halvings(self.stem_form, self.plan)

    @property
    def _auxiliary_cell(self):
        return 2 * self.num_cells // 3

    def build(self, input_shape):
        conv_layout.check_images(input_shape, self.halvings)
        if self.classification is not None:
            self.classification.check_fits(input_shape[-1], self.num_classes)
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        self.stem.build(input_shape)
        before, shape = self.stem.compute_output_shape(input_shape)
        for index, cell in enumerate(self.cells):
            before, shape = self._trunk.build(index, before, shape)
            shapes = (before, shape)[-cell.num_inputs :]
            cell.build(shapes)
            before, shape = shape, cell.compute_output_shape(shapes)
            if self.auxiliary_head and index == self._auxiliary_cell:
                self.auxiliary_head.build(shape)
        self._trunk.build_last(shape)
        self.classifier.build((shape[0], shape[-1]))
        self.built = True

    def call(self, inputs, training=None):
        with statistics.with_a_row(inputs) as (inputs, without):
            outputs = self._logits(inputs, training)
            return keras.tree.map_structure(without, outputs)

    def classify(self, images, batch_size=32):
        """Returns the most likely class of images, given by their pixels.

        Args:
            images: Array of shape `(images, height, width, channels)`, of
                pixels in [0, 255] as image files have them.
            batch_size: Integer, the images that are computed at once.
                Defaults to `32`.

        Returns:
            A `darts_tf.models.Classes`: `names` and `probabilities`.

        Raises:
            ValueError: If the network has no `classification`, or the images
                are not pixels.

        Example:

        >>> network = darts_tf.ConvNetwork(
        ...     darts_tf.zoo.DARTS_V2,
        ...     filters=2,
        ...     num_cells=1,
        ...     classification=darts_tf.Classification(
        ...         mean=[0.5], std=[0.25], class_names=["cat", "dog"]
        ...     ),
        ... )
        >>> classes = network.classify(np.zeros((3, 8, 8, 1), "uint8"))
        >>> len(classes.names), classes.probabilities.shape
        (3, (3, 2))
        """
        return classification_lib.classify(self, images, batch_size)

    def _logits(self, inputs, training):
        before, outputs = self.stem(inputs)
        for index, cell in enumerate(self.cells):
            before, outputs = self._trunk.enter(index, before, outputs)
            inputs = (before, outputs)[-cell.num_inputs :]
            before, outputs = outputs, cell(inputs, self.drop_path_rate)
            if index == self._auxiliary_cell:
                middle = outputs
        logits = self.classifier(self.pool(self._trunk.leave(outputs)))
        if training and self.auxiliary_head:
            self._check_trained_by_itself()
            return logits, self.auxiliary_head(middle)
        return logits

    def symbolic_call(self, *args, **kwargs):
        """Notes that a functional or sequential model has this as a layer."""
        self._is_layer = True
        return super().symbolic_call(*args, **kwargs)

    def _check_trained_by_itself(self):
        """Raises an error if only the first of the two outputs would be used.

        The loss needs the labels, which a layer does not see.
        """
        outermost = self._get_call_context().entry_layer
        if self._is_layer and outermost is not self and self.trainable:
            raise ValueError(
                "A functional or sequential model would train this network "
                "without the loss of its auxiliary classifier. Train the "
                "network itself, by its own `fit`, make it with "
                "`auxiliary_weight=0`, or freeze it by `trainable = False`. "
                f"Received: auxiliary_weight={self.auxiliary_weight}, as a "
                f"layer of {outermost.name!r}"
            )

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Adds the auxiliary classifier's loss, as Keras' `compute_loss`.

        Of several replicas each counts by the rows that it has.
        """
        every = y_pred if isinstance(y_pred, tuple) else (y_pred,)
        losses = [
            super(ConvNetwork, self).compute_loss(
                x, y, logits, sample_weight, training
            )
            for logits in every
        ]
        loss = losses[0]
        if len(losses) > 1:
            loss = loss + self.auxiliary_weight * losses[1]
        reduction = getattr(self.loss, "reduction", "sum_over_batch_size")
        if not training or reduction not in ("sum_over_batch_size", "mean"):
            return loss
        num_rows = keras.ops.shape(every[0])[0]
        return statistics.weighted_by_rows(loss, num_rows)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Measures the main classifier, as Keras' `compute_metrics`."""
        main = y_pred[0] if isinstance(y_pred, tuple) else y_pred
        return super().compute_metrics(x, y, main, sample_weight)

    def make_train_function(self, force=False):
        """Makes the function that `fit` calls for each step."""
        if self.train_function is None or force:
            super().make_train_function(force)
            # A context manager of `contextlib` is a decorator, too.
            without_optimizer = environment.without_graph_optimizer()
            self.train_function = without_optimizer(self.train_function)

    def train_step(self, data):
        """Takes one step, as Keras, also over several workers."""
        return replicas.reducible(super().train_step(data))

    def test_step(self, data):
        """Evaluates one batch, as Keras, also over several workers."""
        return replicas.reducible(super().test_step(data))

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy Keras takes the shapes of a first batch, and for
        # that averages it over the replicas, which fails over several workers.
        if iterator is not None and self._distribute_strategy is not None:
            _, _, batches = next(iter(iterator))
            data_batch = keras.tree.map_structure(
                lambda value: (
                    self.distribute_strategy.experimental_local_results(value)[
                        0
                    ]
                ),
                next(batches),
            )
            iterator = None
        super()._maybe_symbolic_build(iterator, data_batch)
        if iterator is not None and self.built:
            self._create_variables(iterator._distributed_dataset.element_spec)

    def _create_variables(self, spec):
        """Creates the variables that Keras leaves to the first step.

        A step that creates variables is traced twice: the user would wait half
        a minute instead of a quarter for the first step of the paper's network.
        """
        if self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        metrics = self._compile_metrics
        _, labels, _ = keras.utils.unpack_x_y_sample_weight(spec)
        if metrics and not metrics.built and hasattr(labels, "shape"):
            shape = [1 if size is None else size for size in labels.shape]
            logits = keras.ops.zeros((shape[0], self.num_classes))
            zeros = keras.ops.zeros(shape, labels.dtype.name)
            self.compute_metrics(None, zeros, logits)
            self.reset_metrics()

    def get_config(self):
        return {
            **super().get_config(),
            "genotype": self.genotype.to_json(),
            "num_classes": self.num_classes,
            "filters": self.filters,
            "num_cells": self.num_cells,
            "auxiliary_weight": self.auxiliary_weight,
            "drop_path_rate": self._initial_drop_path_rate,
            "stem_multiplier": self.stem_multiplier,
            "stem": self.stem_form,
            "skeleton": self.skeleton and self.skeleton.get_config(),
            "classification": (
                None
                if self.classification is None
                else self.classification.get_config()
            ),
        }
