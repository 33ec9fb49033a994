"""The model whose `fit` is the bilevel search."""

import functools

import keras

from darts_tf import checks
from darts_tf import relaxations
from darts_tf.callbacks import exact_resume
from darts_tf.models import alphas as alphas_lib
from darts_tf.relaxations import perturbation as perturbation_lib
from darts_tf.search import compile_checks
from darts_tf.search import fit_checks
from darts_tf.search import hypergradient as hypergradient_lib
from darts_tf.search import search_model_base
from darts_tf.search.engine import engine as engine_lib
from darts_tf.search.tasks import own_supernet
from darts_tf.search.tasks import registry
from darts_tf.spaces import discretization

_LARGEST = 2**31 - 1
_METHODS = (relaxations.Relaxation, relaxations.Perturbation)


@keras.saving.register_keras_serializable(package="darts_tf")
class DartsSearchModel(search_model_base.SearchModelBase):
    """Searches for a cell: alternates steps of the alphas and of the weights.

    Solves the bilevel problem of Eq. 3 and 4: the alphas minimise the loss on
    one part of the data, for weights that minimise it on the other part. Each
    training step takes a batch of both,

    1. updates the alphas by the hypergradient (Eq. 7, with w' = w - xi *
       gradient instead of the best w), and
    2. updates the weights on the training batch, with the new alphas

    (Algorithm 1). `fit` takes arrays or data sets, and works without
    `compile`, with the paper's optimizers. A convolutional space is searched
    on images, a recurrent one on texts. There each stream has a hidden state
    that goes on from batch to batch, so that the batch size is fixed; the
    learning rate is scaled by the length of a piece of text; and the virtual
    step is clipped as the steps of the weights are.

    Args:
        space: String, `"conv"` or `"recurrent"`, the paper's space of that
            kind, or a `darts_tf.SearchSpace` (or its config). Defaults to
            `None`, the space of `supernet`, or without one `"conv"`.
        hypergradient: String. `"first_order"` sets xi to 0;
            `"finite_difference"` is the paper's second order (Eq. 8);
            `"exact"` differentiates twice instead. Defaults to
            `"finite_difference"`.
        xi: Optional float, the length of the virtual step. Defaults to
            `None`, the current learning rate of the weights.
        epsilon: Float, the displacement of the finite difference, as a length
            in the space of the weights. Defaults to `0.01`.
        seed: Integer, of the split and the order of arrays given to `fit`,
            and of the initial alphas. Defaults to `0`.
        micro_batch: Optional integer. Each batch is then taken in parts of so
            many rows, one after the other, and the gradients are averaged: a
            step needs the memory of one part. Batch normalisation sees a part
            at a time, as if it were a batch. Defaults to `None`, whole batches.
        supernet: Optional Keras model of the user's own, which is searched
            instead of the library's. Its attribute `alphas` is a
            `darts_tf.models.Alphas`. With a convolutional space it takes
            images, returns logits, and says their number by `num_classes`;
            with a recurrent one it is a subclass of
            `darts_tf.models.LanguageModel`. Defaults to `None`, a
            `darts_tf.ConvSupernet` or a `darts_tf.RecurrentSupernet` of the
            sizes below.
        num_classes: Integer, the number of classes, with a convolutional
            space and without `supernet`, as the next five. Defaults to
            `None`, 10.
        filters: Integer, the number of filters of the first cells. Defaults
            to `None`, 16.
        num_cells: Integer, the number of cells. Defaults to `None`, 8.
        stem_multiplier: Integer, the filters that the stem ends with, in
            multiples of `filters`. Defaults to `None`, 3, or 1 with
            `stem="imagenet"`.
        stem: String, `"cifar"` or `"imagenet"`, what comes before the cells.
            Defaults to `None`, `"cifar"`.
        rematerialize: Boolean, whether the inner values of a cell are
            computed again for its gradient, to save memory. Defaults to
            `None`, `False`.
        vocabulary_size: Integer, the number of words, with a recurrent space
            and without `supernet`, as the next three. Defaults to `None`,
            10000.
        units: Integer, the width of the cell. Defaults to `None`, 300.
        embedding_dim: Integer, the width of the embedding, which must equal
            `units`. Defaults to `None`, just that.
        dropouts: Dictionary of rates by place, as
            `darts_tf.RecurrentSupernet` takes them. Defaults to `None`, the
            paper's.
        sequence_length: Integer, the words of a whole piece of text, with a
            recurrent space, as the next one. Defaults to `None`, 35.
        slowness: Float, the factor of the penalty on changes of the state in
            the loss of the weights. Defaults to `None`, 1e-3.
        relaxation: Optional `darts_tf.relaxations.Relaxation`, how op weights
            come from alphas, without `supernet`, as the next one. Defaults to
            `None`, the paper's softmax.
        perturbation: Optional `darts_tf.relaxations.Perturbation`, what is
            done to op weights while the weights are trained. Defaults to
            `None`.
        alpha_regularizer: Optional `darts_tf.relaxations.AlphaRegularizer`,
            a term on the loss of the alphas. Defaults to `None`.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.

    Call arguments:
        inputs: What the supernet takes: images of shape
            `(batch, height, width, channels)`, or word ids of shape
            `(batch, time)`.

    Returns:
        What the supernet returns: logits of shape `(batch, num_classes)`, or
        the dictionary of `darts_tf.RecurrentSupernet`.

    Raises:
        ValueError: If the space or the method is unknown, an argument does
            not apply to the method, the space or the supernet, or `supernet`
            is not as described.

    Example:

    >>> model = darts_tf.DartsSearchModel(
    ...     space="conv", num_classes=2, filters=2, num_cells=3
    ... )
    >>> x = np.random.default_rng(0).normal(size=(16, 8, 8, 1))
    >>> y = np.arange(16) % 2
    >>> history = model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'alpha_loss', 'learning_rate', 'loss']
    >>> genotype = model.genotype()
    >>> genotype.normal.concat
    (2, 3, 4, 5)

    A recurrent cell, on two texts:

    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=2)
    >>> model = darts_tf.DartsSearchModel(
    ...     space, "first_order", vocabulary_size=9, units=4, sequence_length=4
    ... )
    >>> text = np.arange(40) % 9
    >>> history = model.fit(text, alpha_data=text, batch_size=2, verbose=0)
    >>> sorted(history.history)
    ['alpha_loss', 'loss', 'perplexity']
    >>> model.genotype().kind
    'recurrent'

    A network of your own, here one mixed operation around which everything is
    plain Keras:

    >>> @keras.saving.register_keras_serializable("docs")
    ... class OneNode(keras.Model):
    ...     def __init__(self, space, num_classes, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.num_classes = num_classes
    ...         self.alphas = darts_tf.models.Alphas(space, seed=0)
    ...         self.mixed = darts_tf.layers.MixedOp(space.primitives, 4)
    ...         self.pool = keras.layers.GlobalAveragePooling2D()
    ...         self.classifier = keras.layers.Dense(num_classes)
    ...     def call(self, images):
    ...         (op_weights,) = self.alphas.op_weights_by_source()["normal"]
    ...         (node,) = self.mixed(images, op_weights)
    ...         return self.classifier(self.pool(node))
    >>> space = darts_tf.SearchSpace(
    ...     ("skip_connect", "sep_conv_3x3"), num_nodes=1, num_inputs=1,
    ...     cell_types=("normal",), edges_per_node=1,
    ... )
    >>> model = darts_tf.DartsSearchModel(supernet=OneNode(space, 2))
    >>> x = np.random.default_rng(0).normal(size=(16, 8, 8, 4))
    >>> history = model.fit(x, y, batch_size=4, verbose=0)
    >>> len(model.genotype().normal.nodes)
    1

    Reference:
        Algorithm 1 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        space=None,
        hypergradient="finite_difference",
        xi=None,
        epsilon=0.01,
        seed=0,
        micro_batch=None,
        *,
        supernet=None,
        num_classes=None,
        filters=None,
        num_cells=None,
        stem_multiplier=None,
        stem=None,
        rematerialize=None,
        vocabulary_size=None,
        units=None,
        embedding_dim=None,
        dropouts=None,
        sequence_length=None,
        slowness=None,
        relaxation=None,
        perturbation=None,
        alpha_regularizer=None,
        **kwargs,
    ):
        unknown = sorted(set(kwargs) - {"name", "dtype", "trainable"})
        if unknown:
            raise ValueError(
                "The documentation of darts_tf.DartsSearchModel lists its "
                f"arguments. Received: {unknown[0]}={kwargs[unknown[0]]!r}, "
                "which is not one of them"
            )
        space = registry.resolve_space_of(supernet, space)
        if supernet is not None:
            kwargs.setdefault("dtype", supernet.dtype_policy)
        super().__init__(**kwargs)
        compile_checks.check_method(hypergradient, xi, epsilon)
        self.space = space
        self.hypergradient = hypergradient
        self.xi = xi
        self.epsilon = epsilon
        self.seed = (
            None
            if seed is None
            else checks.integer(seed, "seed", -(2**63), 2**63 - 1)
        )
        self.micro_batch = (
            None
            if micro_batch is None
            else checks.integer(micro_batch, "micro_batch", 1, _LARGEST)
        )
        given = {
            "num_classes": num_classes,
            "filters": filters,
            "num_cells": num_cells,
            "stem_multiplier": stem_multiplier,
            "stem": stem,
            "rematerialize": rematerialize,
            "vocabulary_size": vocabulary_size,
            "units": units,
            "embedding_dim": embedding_dim,
            "dropouts": dropouts,
            "sequence_length": sequence_length,
            "slowness": slowness,
            "relaxation": perturbation_lib.check(
                relaxation, relaxations.Relaxation, "relaxation"
            ),
            "perturbation": perturbation_lib.check(
                perturbation, relaxations.Perturbation, "perturbation"
            ),
        }
        given = {k: v for k, v in given.items() if v is not None}
        if supernet is not None:
            own_supernet.check_policy(supernet, self.dtype_policy)
        self._has_own_supernet = supernet is not None
        self.task, self.supernet = registry.make(
            self.space, self.seed, self.dtype_policy, supernet, given
        )
        self._options = {  # in JSON there are no integers of NumPy
            k: v.item() if hasattr(v, "item") else v for k, v in given.items()
        }
        self.alpha_regularizer = perturbation_lib.check(
            alpha_regularizer, relaxations.AlphaRegularizer, "alpha_regularizer"
        )
        # The part of the epochs that is over, where something depends on it.
        self.progress = None
        if self.alpha_regularizer is not None:
            self.progress = keras.Variable(
                0.0, dtype="float32", trainable=False, name="progress"
            )
        self._alpha_loss = keras.metrics.Mean(name="alpha_loss")
        self.engine = None
        self.alpha_optimizer = None

    @property
    def alphas(self):
        """The architecture logits, a list of variables."""
        return self.supernet.alphas.logits

    @property
    def network_weights(self):
        """All other trainable variables, the paper's w."""
        return alphas_lib.network_weights(self.supernet)

    def op_weights(self):
        """Returns the softmax of the alphas.

        Returns:
            A dictionary by cell type of NumPy arrays of shape
            `(num_edges, num_primitives)`.
        """
        return keras.tree.map_structure(
            keras.ops.convert_to_numpy, self.supernet.alphas.op_weights()
        )

    def genotype(self):
        """Returns the most likely cell as of now (Section 2.4).

        Returns:
            A `darts_tf.Genotype`.
        """
        return discretization.discretize(self.space, self.op_weights())

    def build(self, input_shape):
        input_shape = tuple(input_shape)
        if self._has_own_supernet:
            outputs = own_supernet.build(
                self.supernet, input_shape, self.task.input_dtype
            )
            self.task.check_outputs(self.supernet, outputs)
        else:
            self.supernet.build(input_shape)
        self.input_spec = self.supernet.input_spec
        self.task.prepare(self.supernet, input_shape)
        self.built = True
        self._build_optimizers()

    def call(self, inputs):
        return self.supernet(inputs)

    def compile(
        self,
        optimizer=None,
        alpha_optimizer=None,
        loss=None,
        metrics=None,
        **kwargs,
    ):
        """Sets the two optimizers, the loss and the metrics.

        Args:
            optimizer: Keras optimizer of the network weights. Defaults to
                `None`, the paper's SGD. With `darts_tf.optimizers.SGD` the
                virtual step includes its momentum and weight decay; with any
                other optimizer it is a plain gradient step.
            alpha_optimizer: Keras optimizer of the alphas. Defaults to
                `None`, the paper's Adam.
            loss: Keras loss of labels and logits, used for both; with images
                only. Defaults to `None`, the cross-entropy of integer labels,
                or with `num_classes=1` that of labels 0 and 1.
            metrics: List of Keras metrics, of the training batches; with
                images only. Defaults to `None`, the accuracy; none for a
                regression.
            **kwargs: Further arguments of `keras.Model.compile`.

        Raises:
            ValueError: If `steps_per_execution` is not 1: both losses of each
                step are checked before anything is changed. If the loss or a
                metric expects probabilities. If an optimizer averages weights
                (`use_ema`), scales losses, or is that of another model. If
                the model is of float16, or was made in the scope of a strategy
                that is not supported; if the loss or an optimizer does not
                support several replicas or `micro_batch`.
        """
        compile_checks.check_model(self, kwargs.get("steps_per_execution", 1))
        optimizer, alpha_optimizer = compile_checks.optimizers_of(
            self, optimizer, alpha_optimizer
        )
        # XLA drops the check for finite losses, and takes 20 times as long on
        # a CPU, so it has to be asked for.
        kwargs.setdefault("jit_compile", False)
        super().compile(
            optimizer=optimizer,
            **self.task.compile_options(self.supernet, loss, metrics, **kwargs),
        )
        self.task.check_optimizer(self.optimizer)
        self.alpha_optimizer = alpha_optimizer
        compile_checks.check_divided(self)
        self.engine = engine_lib.Engine(self, self._record)
        self._build_optimizers()

    def fit(
        self,
        x,
        y=None,
        batch_size=None,
        epochs=1,
        alpha_data=None,
        callbacks=None,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_split=0.0,
        validation_data=None,
        **kwargs,
    ):
        """Searches.

        Args:
            x: With images, one of: an array, of which one half trains the
                weights and the other the alphas (disjoint, with equal shares
                of each class, fixed by `seed`); a `tf.data.Dataset` of
                batches for the weights, with `alpha_data`; a data set of
                pairs of such batches; or a callable from the number of a step
                to an endless data set of pairs that begins there. With texts,
                one of: an array of word ids, of rank 1, with `alpha_data`; or
                one of the three kinds of data sets, of the pieces of
                `darts_tf.data.text_streams`. A search that goes on reads a
                data set up to where it was; a callable begins there.
            y: Array of labels, with arrays of images only, as the loss takes
                them: integers of shape `(samples,)` or `(samples, 1)`; or
                one-hot, several labels or targets of a regression, of shape
                `(samples, num_classes)`.
            batch_size: Integer, the size of either batch, with arrays only.
                Defaults to `None`, the paper's: 64 images, or 256 rows of
                text.
            epochs: Integer, the number of passes over the data for the
                weights. Defaults to `1`.
            alpha_data: Optional `tf.data.Dataset` of batches for the alphas,
                read as one endless stream; or with texts an array of word
                ids. Defaults to `None`.
            callbacks: Keras callback, or a list of them. With a
                `darts_tf.ExactResume` at its end, the search goes on where it
                was stopped. Without `compile`, `fit` adds the paper's schedule
                of the learning rate, unless there is another one among them.
            class_weight: Optional dictionary of floats by class, with arrays
                of images only.
            sample_weight: Optional array of floats, with arrays of images
                only.
            initial_epoch: Integer, the epoch at which to go on. Defaults to
                `0`.
            steps_per_epoch: Optional integer. Defaults to `None`, a whole
                pass; needed if the length of a data set is unknown.
            validation_split: Not available: the search needs both halves, so
                say `validation_data`. Defaults to `0.0`.
            validation_data: Optional data for an evaluation of the supernet
                after each epoch, as in `keras.Model.fit`, or with texts an
                array of word ids. Defaults to `None`.
            **kwargs: Further arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History` with `loss`, `alpha_loss` and the
            metrics, with texts `perplexity`.

        Raises:
            ValueError: If the data does not fit the model, or an argument
                does not apply.
            FloatingPointError: If a loss is not finite; the alphas are then
                those of the last good step.
        """
        fit_checks.check_arguments(
            kwargs.pop("shuffle", True), validation_split
        )
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        source = self._source(x, y, alpha_data, batch_size, weights)
        validation_data = self.task.evaluation_data(
            self.supernet, validation_data
        )
        callbacks = self._compiled_and_built(source, epochs, callbacks)
        steps_per_epoch = source.steps_per_epoch(
            fit_checks.requested_steps(steps_per_epoch)
        )
        dataset = self._dataset(
            source, initial_epoch, steps_per_epoch, callbacks
        )
        with (
            exact_resume.released(callbacks),
            fit_checks.losses_are_finite(self, steps_per_epoch),
            fit_checks.running(self.supernet),
        ):
            return super().fit(
                dataset,
                epochs=epochs,
                callbacks=callbacks,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,
                validation_data=validation_data,
                **kwargs,
            )

    def train_step(self, data):
        """Algorithm 1: takes one step of the alphas, then one of the weights.

        `fit` calls it for each step, also if a subclass overrides it. On one
        device it is run by Python and calls compiled graphs: what a subclass
        adds is run as it is, and may be a `tf.function`. On several devices
        and with `jit_compile=True` all of it is one compiled graph.

        Args:
            data: A pair of batches, of the weights and of the alphas.

        Returns:
            A dictionary of the metrics.
        """
        train_batch, alpha_batch = (
            keras.utils.unpack_x_y_sample_weight(batch) for batch in data
        )
        with self.engine.graphs():
            # Functions of values: no variable is touched by them.
            train_loss = self.engine.loss("weights", train_batch)
            weights = self.engine.weights()
            alpha_loss = self.engine.loss("alphas", alpha_batch)

            # alpha <- alpha - lr * grad_alpha L_val(w', alpha)    (Eq. 5 to 8)
            estimate = self._hypergradient(train_loss, train_batch)
            hypergradient = estimate(alpha_loss, weights, self.engine.alphas())
            alpha_value = self.engine.update_alphas(
                self.engine.regularized(hypergradient)
            )

            # w <- w - lr * grad_w L_train(w, alpha), at the new alpha
            evaluation = train_loss.evaluate(
                hypergradient_lib.weight_gradients,
                weights,
                self.engine.alphas(),
            )
            value, predictions = self.engine.update_weights(
                evaluation, train_batch
            )
        return self.engine.record(value, alpha_value, predictions, train_batch)

    def _hypergradient(self, train_loss, train_batch, method=None):
        """Returns the estimate, a function of L_val, w and alpha."""
        method = self.hypergradient if method is None else method
        if method == "first_order":
            return hypergradient_lib.first_order_hypergradient
        return functools.partial(
            hypergradient_lib.unrolled_hypergradient,
            train_loss,
            xi=self.engine.xi(train_batch),
            virtual_step=self.engine.virtual_step,
            epsilon=self.epsilon if method == "finite_difference" else None,
            clip=self.engine.clip(),
        )

    def get_config(self):
        supernet = {}
        if self._has_own_supernet:
            supernet["supernet"] = keras.saving.serialize_keras_object(
                self.supernet
            )
        return {
            **super().get_config(),
            "space": self.space.get_config(),
            "hypergradient": self.hypergradient,
            "xi": self.xi,
            "epsilon": self.epsilon,
            "seed": self.seed,
            "micro_batch": self.micro_batch,
            **{
                name: keras.saving.serialize_keras_object(value)
                if isinstance(value, _METHODS)
                else value
                for name, value in self._options.items()
            },
            "alpha_regularizer": self.alpha_regularizer
            and keras.saving.serialize_keras_object(self.alpha_regularizer),
            **supernet,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Makes a search model of what `get_config` returned."""
        supernet = config.get("supernet")
        if supernet is not None:
            supernet = keras.saving.deserialize_keras_object(
                supernet, custom_objects
            )
            config = {**config, "supernet": supernet}
        return super().from_config(config, custom_objects)
