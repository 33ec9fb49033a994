"""What a step of the search is executed with: values, losses, updates."""

import contextlib
import functools

import keras
import tensorflow as tf

from darts_tf import environment
from darts_tf import optimizers
from darts_tf.distribution import replicas
from darts_tf.layers import variable_kernels
from darts_tf.optimizers import packing
from darts_tf.search import hypergradient
from darts_tf.search.engine import micro_batches
from darts_tf.search.engine import objective
from darts_tf.search.engine import random_state
from darts_tf.search.engine import updates

# What a step evaluates: the stream, the derivative, and what is special of it.
_PASSES = {
    "first_order": (
        ("alphas", hypergradient.alpha_gradients, None),
        ("weights", hypergradient.weight_gradients, None),
    ),
    "finite_difference": (
        ("weights", hypergradient.weight_gradients, None),
        ("alphas", hypergradient.gradients, None),
        ("weights", hypergradient.alpha_gradients, "two points"),
    ),
    "exact": (
        ("weights", hypergradient.weight_gradients, None),
        ("alphas", hypergradient.gradients, None),
        ("weights", hypergradient.mixed_product, "a vector"),
    ),
}


class Engine:
    """Executes Algorithm 1, which `DartsSearchModel.train_step` writes down.

    Everything but `update_alphas` and `update_weights` is a function of values:
    the model is evaluated at given weights, alphas and state, and no variable
    is touched. All passes of a step over the training batch start from one
    state, and so have the same dropout masks: they are one function L_train, as
    Eq. 7 and 8 ask for. The alphas' batch has masks of its own.

    The weights, and all that is added to them, go through it as one vector for
    each of their types (see `packing`), which is what the formulas say.

    A batch may be divided, among the replicas of a strategy and into
    micro-batches. All gradients are those of the whole batch.

    Args:
        model: A compiled `DartsSearchModel`.
        record: Callable that updates the metrics and returns them, from what a
            step has seen.
    """

    def __init__(self, model, record):
        self._model = model
        # Keras' one graph of the whole step is what replicas need, which
        # cannot meet inside of a function that is traced apart, and XLA.
        # Otherwise the step is a few graphs, called in turn: built in a third
        # of the time, because calls are not looked through at each level.
        self.calls_graphs = (
            not model.run_eagerly
            and not model.jit_compile
            and model.distribute_strategy.num_replicas_in_sync == 1
        )
        self._objectives = {
            stream: objective.Objective(
                functools.partial(self._loss_of_packed_state, stream),
                lambda: (model.network_weights, model.alphas),
                traced=self.calls_graphs,
                joint=self.calls_graphs and model.task.one_loss,
                side_by_side=self.calls_graphs and model.task.side_by_side,
            )
            for stream in ("weights", "alphas")
        }
        if model.task.one_loss:
            self._objectives["alphas"] = self._objectives["weights"]
        self.weights = self._graph(self.weights)
        self._packed_state = self._graph(self._packed_state)
        self.virtual_step = self._graph(self.virtual_step)
        update = updates.Updates(model)
        self._update_alphas = self._graph(update.alphas)
        self._regularizer_gradients = self._graph(self._regularizer_gradients)
        self._update_weights = self._graph(update.weights)
        self._record = record
        self._record_in_graph = self._graph(record, reduce_retracing=True)

    def _graph(self, function, **options):
        if not self.calls_graphs:
            return function
        return tf.function(function, autograph=False, **options)

    def graphs(self):
        """Returns the context in which the graphs of a step are called."""
        if self.calls_graphs and not self._model.task.optimizes_graphs:
            return environment.without_graph_optimizer()
        return contextlib.nullcontext()

    def build_graphs(self, train_spec, alpha_spec):
        """Builds the graphs of the passes for batches of these shapes.

        Shapes may be partly unknown. A step on its own would build the graph
        for the shapes at hand, and another for a batch of another size. On a
        CPU, all but the first are built while that runs in the next step.

        Args:
            train_spec: Tuple of `tf.TensorSpec`, `(x, y, extra)`.
            alpha_spec: Tuple of the same form.
        """
        if not self.calls_graphs:
            return
        model = self._model
        specs = {"weights": train_spec, "alphas": alpha_spec}
        weights, alphas = self.weights(), self.alphas()
        values = {
            None: (weights, alphas, None),
            "two points": (
                hypergradient.Points([weights, weights]),
                alphas,
                None,
            ),
            "a vector": (weights, alphas, weights),
        }
        builds = []
        for stream, derivative, special in _PASSES[model.hypergradient]:
            arguments = micro_batches.specification(
                (model.task.carried(stream), specs[stream]),
                self._num_micro_batches(specs[stream]),
            )
            state = self._packed_state(
                random_state.at_start(stream, micro_batch=0),
                random_state.phase_of(stream),
            )
            builds.append(
                functools.partial(
                    self._objectives[stream].evaluate.build,
                    derivative,
                    *values[special],
                    (state, *arguments),
                )
            )
        # Where there is a choice of devices, what runs in a thread would not
        # know of the caller's.
        at_once = len(builds) if environment.has_gpu() else 1
        for build in builds[:at_once]:
            build()
        first_stream, *_ = _PASSES[model.hypergradient][0]
        self._objectives[first_stream].evaluate.do_during_first_run(
            builds[at_once:]
        )

    def loss_at(self, stream, weights, alphas, state, carried, batch):
        """Evaluates a loss at given values; no variable is touched.

        Args:
            stream: String, `"weights"` for L_train, `"alphas"` for L_val.
            weights: List of tensors, of the network weights.
            alphas: List of tensors, of the architecture logits.
            state: List of tensors, of the other variables of the supernet.
            carried: List of tensors, what goes from batch to batch.
            batch: Tuple `(x, y, extra)` of tensors.

        Returns:
            The loss, and a tuple of the predictions, the new state and what is
            carried on.
        """
        model = self._model
        variables = model.supernet.non_trainable_variables
        mapping = [
            *zip(model.network_weights, weights, strict=True),
            *zip(model.alphas, alphas, strict=True),
            *zip(variables, state, strict=True),
        ]
        evaluate = (
            model.task.train_loss
            if stream == "weights"
            else model.task.validation_loss
        )
        with keras.StatelessScope(mapping, collect_losses=True) as scope:
            loss, predictions, carried = evaluate(model, batch, carried)
        new_state = [scope.get_current_value(v) for v in variables]
        return loss, (predictions, new_state, carried)

    def _loss_of_packed_state(
        self, stream, weights, alphas, state, carried, batch
    ):
        variables = self._model.supernet.non_trainable_variables
        state = packing.unpack(state, variables)
        loss, (predictions, state, carried) = self.loss_at(
            stream, weights, alphas, state, carried, batch
        )
        # A list, because there may be other micro-batches.
        return loss, [(predictions, packing.pack(state), carried)]

    def weights(self):
        """Returns the values of the network weights, packed."""
        return packing.pack(
            variable_kernels.values(self._model.network_weights)
        )

    def alphas(self):
        """Returns the values of the alphas, a list of tensors."""
        return variable_kernels.values(self._model.alphas)

    def state(self, stream, micro_batch=0):
        """Returns the values from which a pass over a stream starts.

        Args:
            stream: String, `"weights"` or `"alphas"`.
            micro_batch: Integer, which one of the batch. Defaults to `0`.

        Returns:
            List of tensors, of the supernet's variables that are not trained.
        """
        return self._state_after(
            random_state.at_start(stream, micro_batch),
            random_state.phase_of(stream),
        )

    def _state_after(self, num_draws, phase):
        variables = self._model.supernet.non_trainable_variables
        state = random_state.advanced(
            variables, variable_kernels.values(variables), num_draws
        )
        # `iterations` counts no steps that accumulate gradients.
        step = tf.convert_to_tensor(self._model.optimizer._iterations)
        return random_state.at_moment(variables, state, step, phase)

    def _packed_state(self, num_draws, phase):
        return packing.pack(self._state_after(num_draws, phase))

    def loss(self, stream, batch):
        """Returns the loss on a batch, from the current state on.

        Args:
            stream: String, `"weights"` for L_train, `"alphas"` for L_val.
            batch: Tuple `(x, y, extra)` of tensors.

        Returns:
            An object with the method `evaluate(derivative, weights, alphas,
            vector)`, as `darts_tf.search.hypergradient` takes it.
        """
        carried = [
            replicas.own_rows(value)
            for value in variable_kernels.values(
                self._model.task.carried(stream)
            )
        ]
        divided = micro_batches.divided(
            (carried, tuple(batch)), self._num_micro_batches(batch)
        )
        losses = [
            objective.BatchLoss(
                functools.partial(
                    self._objectives[stream].evaluate,
                    arguments=(
                        self._packed_state(
                            random_state.at_start(stream, number),
                            random_state.phase_of(stream),
                        ),
                        *micro_batch,
                    ),
                )
            )
            for number, micro_batch in enumerate(divided)
        ]
        if len(losses) == 1 and replicas.count() == 1:
            return losses[0]
        return micro_batches.MicroBatches(losses)

    def _num_micro_batches(self, batch):
        size, num_rows = self._model.micro_batch, batch[0].shape[0]
        if size is None:
            return 1
        if num_rows is None or num_rows % size:
            raise ValueError(
                "A batch is taken in parts of `micro_batch` rows, so its rows "
                "(those of one replica) must be known and divisible by it. "
                f"Received: {num_rows} rows, micro_batch={size}"
            )
        return num_rows // size

    def xi(self, train_batch):
        """Returns the length of the virtual step."""
        model = self._model
        if model.xi is not None:
            return model.xi
        rate = tf.convert_to_tensor(model.optimizer.learning_rate)
        scale = model.task.learning_rate_scale(train_batch)
        return rate if scale is None else rate * tf.cast(scale, rate.dtype)

    def virtual_step(self, gradients, weights, xi):
        """Takes the step that the weights' optimizer would take (Eq. 6).

        Args:
            gradients: The gradient, packed.
            weights: The weights, packed.
            xi: Scalar, the length of the step.

        Returns:
            The weights after the step, packed.
        """
        optimizer = self._model.optimizer
        if isinstance(optimizer, optimizers.SGD):
            gradients = optimizer.directions(
                gradients, weights, self._model.network_weights
            )
        return hypergradient.sgd_step(gradients, weights, xi)

    def clip(self):
        """Returns how the virtual step clips, `None` if it does not."""
        max_norm = self._model.optimizer.global_clipnorm
        if max_norm is None or not self._model.task.clips_virtual_step:
            return None

        def clip(gradients):
            coefficient = optimizers.clip_coefficient(gradients, max_norm)
            return [
                tf.cast(coefficient, g.dtype) * g for g in gradients
            ], coefficient

        return clip

    def regularized(self, hypergradient):
        """Adds the gradient of the term on the alphas' loss, if there is one.

        Args:
            hypergradient: A `Hypergradient`.

        Returns:
            A `Hypergradient`.
        """
        if self._model.alpha_regularizer is None:
            return hypergradient
        added = self._regularizer_gradients(self.alphas())
        return hypergradient._replace(
            gradients=[
                g + tf.cast(a, g.dtype)
                for g, a in zip(hypergradient.gradients, added, strict=True)
            ]
        )

    def _regularizer_gradients(self, alphas):
        model = self._model
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(alphas)
            penalty = model.alpha_regularizer.penalty(
                model.supernet.alphas.masked_logits(alphas),
                model.progress.value,
            )
        return tape.gradient(
            penalty, alphas, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    def update_alphas(self, hypergradient):
        """Takes a step of the alphas.

        Args:
            hypergradient: A `Hypergradient`.

        Returns:
            The loss.

        Raises:
            tf.errors.InvalidArgumentError: If the loss or a gradient is not
                finite; nothing has then changed.
        """
        _, _, carried = zip(*hypergradient.auxiliary, strict=True)
        return self._update_alphas(
            hypergradient.loss, hypergradient.gradients, carried
        )

    def update_weights(self, evaluation, train_batch):
        """Takes a step of the weights, and moves the state of the supernet.

        Args:
            evaluation: An `Evaluation` of L_train, at the new alphas.
            train_batch: Tuple `(x, y, extra)` of tensors.

        Returns:
            The loss and the predictions.

        Raises:
            tf.errors.InvalidArgumentError: If the loss or a gradient is not
                finite; the weights have then not changed.
        """
        predictions, *moved = zip(*evaluation.auxiliary, strict=True)
        loss = self._update_weights(
            evaluation.loss,
            evaluation.weight_gradients,
            *moved,
            self._model.task.learning_rate_scale(train_batch),
        )
        return loss, micro_batches.joined(predictions)

    def record(self, *values):
        """Updates the metrics and returns them."""
        # Inside of a graph, which is where a metric may make its variables,
        # there is no need for another one.
        if tf.executing_eagerly():
            return self._record_in_graph(*values)
        return self._record(*values)
