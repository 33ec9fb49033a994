"""The model whose `fit` is the bilevel search."""

import keras
import tensorflow as tf

from darts_tf.models import alphas as alphas_lib
from darts_tf.search import bilevel_data
from darts_tf.search import hypergradient as hypergradient_lib
from darts_tf.search import optimizers
from darts_tf.search import schedules
from darts_tf.search import supernets
from darts_tf.spaces import discretization


@keras.saving.register_keras_serializable(package="darts_tf")
class DartsSearchModel(keras.Model):
    """Searches for a cell: alternates steps of the alphas and of the weights.

    Solves the bilevel problem of Eq. 3 and 4: the alphas minimise the loss on
    one half of the data, for weights that minimise it on the other half. Each
    training step takes a batch of both,

    1. updates the alphas by the hypergradient (Eq. 7, with w' = w - xi *
       gradient in place of the best w), and
    2. updates the weights on the training batch, with the new alphas

    (Algorithm 1). `fit` takes arrays, which it splits, or data sets, and works
    without `compile`, with the paper's optimizers.

    Args:
        space: String, `"conv"`, the paper's space of that kind, or a
            `darts_tf.SearchSpace` (or its config). Defaults to `"conv"`.
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
        **kwargs: Keyword arguments of the supernet, such as `num_classes`,
            `filters` and `num_cells` of `darts_tf.ConvSupernet`, and of
            `keras.Model`.

    Call arguments:
        inputs: What the supernet takes, images of shape
            `(batch, height, width, channels)`.

    Returns:
        What the supernet returns, logits of shape `(batch, num_classes)`.

    Raises:
        ValueError: If the space or the method is unknown, an option does not
            apply to the method, or an argument is none of the supernet's.

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

    Reference:
        Algorithm 1 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        space="conv",
        hypergradient="finite_difference",
        xi=None,
        epsilon=0.01,
        seed=0,
        **kwargs,
    ):
        base = ("name", "dtype", "trainable")
        super().__init__(**{k: kwargs.pop(k) for k in base if k in kwargs})
        _check_method(hypergradient, xi, epsilon)
        self.space = supernets.resolve_space(space)
        self.hypergradient = hypergradient
        self.xi = xi
        self.epsilon = epsilon
        self.seed = seed
        self.supernet = supernets.make_supernet(
            self.space, seed, self.dtype_policy, kwargs
        )
        self._network_options = kwargs
        self._alpha_loss = keras.metrics.Mean(name="alpha_loss")
        self._objective = None
        self.alpha_optimizer = None

    @property
    def alphas(self):
        """The architecture logits, a list of variables."""
        return self.supernet.alphas.logits

    @property
    def network_weights(self):
        """All other trainable variables, the paper's w."""
        return self.supernet.network_weights

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

    def explain(self):
        """Returns why each edge of `genotype()` was chosen.

        Returns:
            A tuple of `darts_tf.EdgeChoice`, with op weights and margins.
        """
        return discretization.explain(self.space, self.op_weights())

    def entropy(self):
        """Returns how undecided the edges are, by cell type.

        Returns:
            A dictionary of floats in nats, at most `log(num_primitives)`.
        """
        return {
            cell_type: float(alphas_lib.entropy(op_weights))
            for cell_type, op_weights in self.op_weights().items()
        }

    def build(self, input_shape):
        self.supernet.build(tuple(input_shape))
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
                `None`, the paper's SGD. With `darts_tf.search.SGD` the
                virtual step includes its momentum and weight decay; with any
                other optimizer it is a plain gradient step.
            alpha_optimizer: Keras optimizer of the alphas. Defaults to
                `None`, the paper's Adam.
            loss: Keras loss, used for both. Defaults to `None`, the
                cross-entropy of integer labels and logits.
            metrics: List of Keras metrics, of the training batches. Defaults
                to `None`, the accuracy.
            **kwargs: Further arguments of `keras.Model.compile`.

        Raises:
            ValueError: If `steps_per_execution` is not 1: both losses of each
                step are checked before anything is changed. If the model is
                of mixed_float16, or made in the scope of a strategy of
                several replicas.
        """
        if kwargs.get("steps_per_execution", 1) != 1:
            raise ValueError(
                "The search checks each step before it changes anything, so "
                "`steps_per_execution` must be 1. Received: "
                f"steps_per_execution={kwargs['steps_per_execution']}"
            )
        if self.dtype_policy.name == "mixed_float16":
            raise ValueError(
                "The search does not scale losses, which float16 needs; use "
                "mixed_bfloat16. "
                f"Received: dtype_policy={self.dtype_policy.name!r}"
            )
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1:
            raise ValueError(
                "The search runs on one device: its gradients are not summed "
                f"over replicas. Received: a strategy of {replicas} replicas"
            )
        if loss is None:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        # XLA drops the check for finite losses, and takes 20 times as long on
        # a CPU; whoever wants it has to say so.
        kwargs.setdefault("jit_compile", False)
        super().compile(
            optimizer=(
                optimizers.SGD(global_clipnorm=5.0)
                if optimizer is None
                else optimizer
            ),
            loss=loss,
            metrics=["accuracy"] if metrics is None else metrics,
            **kwargs,
        )
        self.alpha_optimizer = keras.optimizers.get(
            optimizers.Adam() if alpha_optimizer is None else alpha_optimizer
        )
        self._objective = hypergradient_lib.Objective(
            self._loss_at, self._variable_names, traced=not self.run_eagerly
        )
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
        **kwargs,
    ):
        """Searches.

        Args:
            x: One of: an array of images, of which one half trains the
                weights and the other the alphas (disjoint, with equal shares
                of each class, fixed by `seed`); a `tf.data.Dataset` of
                batches for the weights, with `alpha_data`; or a data set of
                pairs of such batches.
            y: Array of integer labels, with arrays only.
            batch_size: Integer, the size of either batch, with arrays only.
                Defaults to `None`, 64.
            epochs: Integer, the number of passes over the half for the
                weights. Defaults to `1`.
            alpha_data: Optional `tf.data.Dataset` of batches for the alphas,
                read as one endless stream. Defaults to `None`.
            callbacks: List of Keras callbacks.
            class_weight: Optional dictionary of floats by class, with arrays
                only.
            sample_weight: Optional array of floats, with arrays only.
            initial_epoch: Integer, the epoch at which to go on. Defaults to
                `0`.
            steps_per_epoch: Optional integer. Defaults to `None`, a whole
                pass; needed if the length of a data set is unknown.
            validation_split: Not available: the search needs both halves, so
                say `validation_data`. Defaults to `0.0`.
            **kwargs: Further arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History` with `loss`, `alpha_loss` and the
            metrics.

        Raises:
            ValueError: If the data does not fit the model, or an argument
                does not apply.
            FloatingPointError: If a loss is not finite; the alphas are then
                those of the last good step.
        """
        if not kwargs.pop("shuffle", True):
            raise ValueError(
                "The search reads arrays in a random order; pass data sets "
                "for another one. Received: shuffle=False"
            )
        if validation_split:
            raise ValueError(
                "`validation_split` would take data from the two halves of "
                "the search; pass `validation_data`. "
                f"Received: validation_split={validation_split}"
            )
        source = bilevel_data.BilevelData(
            x, y, alpha_data, batch_size, sample_weight, class_weight
        )
        source.check_for(self)
        callbacks = list(callbacks or [])
        if not self.compiled:
            self.compile()
            callbacks.insert(0, schedules.CosineDecay(epochs=epochs))
        if not self.built:
            self.build(source.input_shape)
        steps_per_epoch = source.steps_per_epoch(steps_per_epoch)
        dataset = source.dataset(self.seed, initial_epoch * steps_per_epoch)
        self._create_metrics(dataset.element_spec[0])
        try:
            return super().fit(
                dataset,
                epochs=epochs,
                callbacks=callbacks,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,
                **kwargs,
            )
        except tf.errors.InvalidArgumentError as error:
            if _NOT_FINITE not in str(error):
                raise
            step = int(self.optimizer.iterations) + 1
            epoch = (step - 1) // steps_per_epoch + 1
            raise FloatingPointError(
                f"A loss is not finite at step {step} (epoch {epoch}). "
                "The step was not taken: the alphas are those before it. "
                "A lower learning rate, or clipping by `global_clipnorm`, "
                f"usually helps. The genotype so far:\n{self.genotype()}"
            ) from None

    def train_step(self, data):
        """Takes one step of the alphas, then one of the weights."""
        train_batch, alpha_batch = (
            keras.utils.unpack_x_y_sample_weight(batch) for batch in data
        )
        alpha_loss, gradients = self.hypergradient_at(train_batch, alpha_batch)
        alpha_loss = _check_finite(alpha_loss, gradients)
        with tf.control_dependencies([alpha_loss]):
            self.alpha_optimizer.apply(gradients, self.alphas)

        evaluation = self._bind(train_batch).gradients(
            _values(self.network_weights), _values(self.alphas), wrt="weights"
        )
        loss = _check_finite(evaluation.loss, evaluation.weight_gradients)
        predictions, new_state = evaluation.auxiliary
        with tf.control_dependencies([loss]):
            self.optimizer.apply(
                evaluation.weight_gradients, self.network_weights
            )
            for variable, value in zip(
                self.supernet.non_trainable_variables, new_state, strict=True
            ):
                variable.assign(value)

        self._alpha_loss.update_state(alpha_loss)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        x, y, sample_weight = train_batch
        return self.compute_metrics(x, y, predictions, sample_weight)

    def test_step(self, data):
        """Evaluates the supernet, with moving statistics."""
        logs = super().test_step(data)
        logs.pop("alpha_loss", None)  # nothing was measured
        return logs

    def get_config(self):
        return {
            **super().get_config(),
            "space": self.space.get_config(),
            "hypergradient": self.hypergradient,
            "xi": self.xi,
            "epsilon": self.epsilon,
            "seed": self.seed,
            **self._network_options,
        }

    def get_compile_config(self):
        """Adds the second optimizer to what Keras saves."""
        config = super().get_compile_config()
        config["alpha_optimizer"] = keras.saving.serialize_keras_object(
            self.alpha_optimizer
        )
        return config

    def compile_from_config(self, config):
        """Restores both optimizers, built, so that their state can load."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def _variable_names(self):
        groups = (self.network_weights, self.alphas)
        return [[v.path for v in variables] for variables in groups]

    def _build_optimizers(self):
        if self.built and self.compiled:
            for optimizer, variables in (
                (self.optimizer, self.network_weights),
                (self.alpha_optimizer, self.alphas),
            ):
                if not optimizer.built:
                    optimizer.build(variables)

    def _create_metrics(self, train_spec):
        """Creates the metrics' variables, which Keras leaves to the first step.

        A step that creates variables is traced twice: the user would wait for
        its graph twice as long.
        """
        x, y = (
            keras.tree.map_structure(
                lambda spec: tf.zeros((1, *spec.shape[1:]), spec.dtype), part
            )
            for part in train_spec[:2]
        )
        shape = self.supernet.compute_output_shape(x.shape)
        self.compute_metrics(x, y, keras.ops.zeros(shape))
        self.reset_metrics()

    def _loss_at(self, weights, alphas, state, batch):
        """Evaluates the loss at given values; no variable is touched."""
        x, y, sample_weight = batch
        variables = self.supernet.non_trainable_variables
        mapping = [
            *zip(self.network_weights, weights, strict=True),
            *zip(self.alphas, alphas, strict=True),
            *zip(variables, state, strict=True),
        ]
        with keras.StatelessScope(mapping, collect_losses=True) as scope:
            predictions = self.supernet(x, training=True)
            loss = self.compute_loss(
                x, y, predictions, sample_weight, training=True
            )
        new_state = [scope.get_current_value(v) for v in variables]
        return loss, (predictions, new_state)

    def hypergradient_at(self, train_batch, alpha_batch, method=None):
        """Computes the hypergradient; nothing of the model is changed.

        Args:
            train_batch: Tuple `(x, y, sample_weight)` of tensors; the last
                may be `None`.
            alpha_batch: Tuple of the same form.
            method: Optional string, another method than the model's.

        Returns:
            The validation loss, at w' unless of first order, and a list with
            the gradient for each of the alphas.
        """
        train, validation = self._bind(train_batch), self._bind(alpha_batch)
        method = self.hypergradient if method is None else method
        weights, alphas = _values(self.network_weights), _values(self.alphas)
        if method == "first_order":
            return hypergradient_lib.first_order_hypergradient(
                validation, weights, alphas
            )
        return hypergradient_lib.unrolled_hypergradient(
            train,
            validation,
            weights,
            alphas,
            xi=self.optimizer.learning_rate if self.xi is None else self.xi,
            virtual_step=self._virtual_step,
            mixed_product=(
                hypergradient_lib.exact
                if method == "exact"
                else hypergradient_lib.finite_difference(self.epsilon)
            ),
        )

    def _bind(self, batch):
        """Returns the loss on a batch, from the current state on."""
        state = _values(self.supernet.non_trainable_variables)
        return hypergradient_lib.Bound(self._objective, (state, batch))

    def _virtual_step(self, gradients, weights, xi):
        """Takes the step that the weights' optimizer would take (Eq. 6)."""
        if isinstance(self.optimizer, optimizers.SGD):
            gradients = self.optimizer.directions(
                gradients, weights, self.network_weights
            )
        return hypergradient_lib.sgd_step(gradients, weights, xi)


_NOT_FINITE = "Expected a finite loss"


def _check_finite(loss, gradients):
    """Returns the loss, or fails if it or a gradient is not finite."""
    norm = tf.add_n([tf.reduce_sum(tf.abs(g)) for g in gradients])
    with tf.control_dependencies(
        [tf.debugging.check_numerics(norm, _NOT_FINITE)]
    ):
        return tf.debugging.check_numerics(loss, _NOT_FINITE)


def _values(variables):
    return [tf.convert_to_tensor(variable.value) for variable in variables]


def _check_method(hypergradient, xi, epsilon):
    if hypergradient not in hypergradient_lib.METHODS:
        raise ValueError(
            f"`hypergradient` must be one of {hypergradient_lib.METHODS}. "
            f"Received: hypergradient={hypergradient!r}"
        )
    if hypergradient == "first_order" and xi is not None:
        raise ValueError(
            "`xi` has no effect on the first-order hypergradient, where it "
            f"is 0. Received: hypergradient={hypergradient!r}, xi={xi}"
        )
    if hypergradient != "finite_difference" and epsilon != 0.01:
        raise ValueError(
            "`epsilon` belongs to hypergradient='finite_difference'. "
            f"Received: hypergradient={hypergradient!r}, epsilon={epsilon}"
        )
    if not epsilon > 0 or (xi is not None and not xi >= 0):
        raise ValueError(
            "`epsilon` must be positive and `xi` not negative. "
            f"Received: epsilon={epsilon}, xi={xi}"
        )
