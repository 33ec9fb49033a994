"""One step of the bilevel search: the alphas first, then the weights."""

import contextlib
import functools
import typing

import keras
import tensorflow as tf

from darts_tf.layers import kernels
from darts_tf.search import divided_batch
from darts_tf.search import draws
from darts_tf.search import hypergradient as hypergradient_lib
from darts_tf.search import objective
from darts_tf.search import optimizers
from darts_tf.search import packing
from darts_tf.search import replicas

NOT_FINITE = "Expected a finite loss"
# What a step evaluates, by stream.
_DERIVATIVES = {
    "first_order": (("alphas", "alphas"), ("weights", "weights")),
    "finite_difference": (
        ("weights", "weights"),
        ("alphas", "both"),
        ("weights", "alphas_at"),
    ),
    "exact": (
        ("weights", "weights"),
        ("alphas", "both"),
        ("weights", "mixed"),
    ),
}


class StepResult(typing.NamedTuple):
    """What a step has seen."""

    loss: typing.Any
    alpha_loss: typing.Any
    predictions: typing.Any


class BilevelStep:
    """Algorithm 1 on the variables of a search model.

    Everything but `take` is a function of values: the model is evaluated at
    given weights, alphas and state, and no variable is touched. All passes of
    a step over the training batch start from one state, and so have the same
    dropout masks: they are one function L_train, as Eq. 7 and 8 ask for. The
    alphas' batch has masks of its own.

    The weights, and all that is added to them, go through it as one vector for
    each of their types (see `packing`), which is what the formulas say.

    A batch may be divided, among the replicas of a strategy and into parts of
    `micro_batch` rows. All gradients are those of the whole batch.

    Args:
        model: A compiled `DartsSearchModel`.
    """

    def __init__(self, model):
        self._model = model
        # Keras' one graph of the whole step is what replicas need, which
        # cannot meet inside of a function that is traced apart, and XLA.
        # Otherwise the step is a few graphs, called in turn: built in a third
        # of the time, because calls are not looked through at each level.
        self.in_parts = (
            not model.run_eagerly
            and not model.jit_compile
            and model.distribute_strategy.num_replicas_in_sync == 1
        )
        self._objectives = {
            stream: objective.Objective(
                functools.partial(self._loss_of_packed_state, stream),
                lambda: (model.network_weights, model.alphas),
                traced=self.in_parts,
                joint=self.in_parts and model.task.one_loss,
                side_by_side=self.in_parts and model.task.side_by_side,
            )
            for stream in ("weights", "alphas")
        }
        if model.task.one_loss:
            self._objectives["alphas"] = self._objectives["weights"]
        self._packed_weights = self._part(self._packed_weights)
        self._packed_state = self._part(self._packed_state)
        self.virtual_step = self._part(self.virtual_step)
        self._update_alphas = self._part(self._update_alphas)
        self._update_weights = self._part(self._update_weights)

    def _part(self, function):
        if not self.in_parts:
            return function
        return tf.function(function, autograph=False)

    def graphs(self):
        """Returns the context in which the graphs of a step are called."""
        if self.in_parts and not self._model.task.optimizes_graphs:
            return kernels.graphs_as_traced()
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
        if not self.in_parts:
            return
        model = self._model
        specs = {"weights": train_spec, "alphas": alpha_spec}
        weights, alphas = self.weights(), kernels.values(model.alphas)
        others = {
            "alphas_at": ([weights, weights], alphas),
            "mixed": (weights, alphas, weights),
        }
        builds = []
        for stream, derivative in _DERIVATIVES[model.hypergradient]:
            part = divided_batch.spec_of_part(
                (model.task.carried(stream), specs[stream]),
                self._num_parts(specs[stream]),
            )
            state = self._packed_state(draws.at_start(stream, part=0))
            builds.append(
                functools.partial(
                    self._objectives[stream].build_graph,
                    derivative,
                    *others.get(derivative, (weights, alphas)),
                    state,
                    *part,
                )
            )
        # Where there is a choice of devices, what runs in a thread would not
        # know of the caller's.
        at_once = len(builds) if kernels.has_gpu() else 1
        for build in builds[:at_once]:
            build()
        first_stream, _ = _DERIVATIVES[model.hypergradient][0]
        self._objectives[first_stream].do_during_first_run(builds[at_once:])

    def take(self, train_batch, alpha_batch):
        """Takes one step of the alphas, then one of the weights.

        Args:
            train_batch: Tuple `(x, y, extra)` of tensors.
            alpha_batch: Tuple of the same form.

        Returns:
            A `StepResult`.

        Raises:
            tf.errors.InvalidArgumentError: If a loss or a gradient is not
                finite; nothing has then changed by it.
        """
        with self.graphs():
            return self._take(train_batch, alpha_batch)

    def _take(self, train_batch, alpha_batch):
        model = self._model
        train, weights = self.bind("weights", train_batch), self.weights()
        alpha = self._hypergradient(
            train,
            self.bind("alphas", alpha_batch),
            weights,
            self.xi(train_batch),
            model.hypergradient,
        )
        _, _, carried = zip(*alpha.auxiliary, strict=True)
        alpha_loss = self._update_alphas(alpha.loss, alpha.gradients, carried)

        evaluation = train.gradients(
            weights, kernels.values(model.alphas), wrt="weights"
        )
        predictions, *moved = zip(*evaluation.auxiliary, strict=True)
        loss = self._update_weights(
            evaluation.loss,
            evaluation.weight_gradients,
            *moved,
            model.task.learning_rate_scale(train_batch),
        )
        return StepResult(
            loss, alpha_loss, divided_batch.joined_rows(predictions)
        )

    def hypergradient(self, train_batch, alpha_batch, method=None):
        """Computes the gradient for the alphas.

        Args:
            train_batch: Tuple `(x, y, extra)` of tensors.
            alpha_batch: Tuple of the same form.
            method: Optional string, another method than the model's.

        Returns:
            A `darts_tf.search.hypergradient.Hypergradient`.
        """
        with self.graphs():
            return self._hypergradient(
                self.bind("weights", train_batch),
                self.bind("alphas", alpha_batch),
                self.weights(),
                self.xi(train_batch),
                self._model.hypergradient if method is None else method,
            )

    def _hypergradient(self, train, validation, weights, xi, method):
        model = self._model
        alphas = kernels.values(model.alphas)
        if method == "first_order":
            return hypergradient_lib.first_order_hypergradient(
                validation, weights, alphas
            )
        return hypergradient_lib.unrolled_hypergradient(
            train,
            validation,
            weights,
            alphas,
            xi=xi,
            virtual_step=self.virtual_step,
            mixed_product=(
                hypergradient_lib.exact
                if method == "exact"
                else hypergradient_lib.finite_difference(model.epsilon)
            ),
            clip=self._clip(),
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
        return loss, (predictions, packing.pack(state), carried)

    def weights(self):
        """Returns the values of the network weights, packed."""
        return self._packed_weights()

    def _packed_weights(self):
        return packing.pack(kernels.values(self._model.network_weights))

    def state(self, stream, part=0):
        """Returns the values from which a pass over a stream starts.

        Args:
            stream: String, `"weights"` or `"alphas"`.
            part: Integer, the part of the batch. Defaults to `0`.

        Returns:
            List of tensors, of the supernet's variables that are not trained.
        """
        return self._state_after(draws.at_start(stream, part))

    def _state_after(self, num_draws):
        variables = self._model.supernet.non_trainable_variables
        return draws.advanced(variables, kernels.values(variables), num_draws)

    def _packed_state(self, num_draws):
        return packing.pack(self._state_after(num_draws))

    def bind(self, stream, batch):
        """Returns the loss on a batch, from the current state on.

        Args:
            stream: String, `"weights"` for L_train, `"alphas"` for L_val.
            batch: Tuple `(x, y, extra)` of tensors.

        Returns:
            A `darts_tf.search.divided_batch.DividedBatch`.
        """
        carried = [
            replicas.own_rows(value)
            for value in kernels.values(self._model.task.carried(stream))
        ]
        parts = divided_batch.rows_of_parts(
            (carried, tuple(batch)), self._num_parts(batch)
        )
        return divided_batch.DividedBatch(
            [
                objective.Bound(
                    self._objectives[stream],
                    (self._packed_state(draws.at_start(stream, k)), *part),
                )
                for k, part in enumerate(parts)
            ]
        )

    def _num_parts(self, batch):
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

    def _joined_state(self, states):
        """Returns the state after the whole batch, from those of its parts.

        The moving statistics, which each part moved from where they were, are
        averaged; so they move once, at their usual pace.
        """
        variables = self._model.supernet.non_trainable_variables
        states = [packing.unpack(state, variables) for state in states]
        state = [
            values[0]
            if draws.is_random_state(variable)
            else divided_batch.mean(values)
            for variable, *values in zip(variables, *states, strict=True)
        ]
        return draws.advanced(variables, state, -draws.of_replica())

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
        return hypergradient_lib.sgd_step(gradients, weights, xi)

    def _clip(self):
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

    def _update_alphas(self, loss, gradients, carried):
        """Takes the step of the alphas and returns the loss."""
        model = self._model
        loss = _check_finite(loss, gradients)
        with tf.control_dependencies([loss]):
            # An optimizer adds up over the replicas.
            model.alpha_optimizer.apply(
                [replicas.share(g) for g in gradients], model.alphas
            )
            _assign(model.task.carried("alphas"), _joined_rows(carried))
        return loss

    def _update_weights(
        self, loss, gradients, states, carried, learning_rate_scale
    ):
        """Takes the step of the weights and returns the loss."""
        model = self._model
        loss = _check_finite(loss, gradients)
        with tf.control_dependencies([loss]):
            self._apply(gradients, learning_rate_scale)
            _assign(
                model.supernet.non_trainable_variables,
                self._joined_state(states),
            )
            _assign(model.task.carried("weights"), _joined_rows(carried))
        return loss

    def _apply(self, gradients, learning_rate_scale):
        """Applies the gradients, at the learning rate of the batch."""
        optimizer, weights = self._model.optimizer, self._model.network_weights
        gradients = packing.unpack(
            [replicas.share(gradient) for gradient in gradients], weights
        )
        if learning_rate_scale is None:
            optimizer.apply(gradients, weights)
            return
        # Through the variable, so that it serves every optimizer; what is
        # written back is what was read, to the last bit.
        rate = tf.identity(tf.convert_to_tensor(optimizer.learning_rate))
        optimizer.learning_rate = rate * tf.cast(
            learning_rate_scale, rate.dtype
        )
        optimizer.apply(gradients, weights)
        optimizer.learning_rate = rate


def _joined_rows(carried):
    """Returns what is carried on, of all parts and replicas."""
    return [
        replicas.all_rows(value) for value in divided_batch.joined_rows(carried)
    ]


def _check_finite(loss, gradients):
    """Returns the loss, or fails if it or a gradient is not finite."""
    norm = tf.add_n([tf.reduce_sum(tf.abs(g)) for g in gradients])
    with tf.control_dependencies(
        [tf.debugging.check_numerics(norm, NOT_FINITE)]
    ):
        return tf.debugging.check_numerics(loss, NOT_FINITE)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
