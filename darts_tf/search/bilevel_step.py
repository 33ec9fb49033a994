"""One step of the bilevel search: the alphas first, then the weights."""

import functools
import typing

import keras
import tensorflow as tf

from darts_tf.search import hypergradient as hypergradient_lib
from darts_tf.search import optimizers

NOT_FINITE = "Expected a finite loss"
# Far beyond the draws of a search, so that the alphas' batch has random
# numbers of its own.
_FAR = 2**31


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

    Args:
        model: A compiled `DartsSearchModel`.
    """

    def __init__(self, model):
        self._model = model
        self._objectives = {
            stream: hypergradient_lib.Objective(
                functools.partial(self.loss_at, stream),
                self._variable_names,
                traced=not model.run_eagerly,
            )
            for stream in ("weights", "alphas")
        }

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
        model = self._model
        alpha = self.hypergradient(train_batch, alpha_batch)
        alpha_loss = _check_finite(alpha.loss, alpha.gradients)
        with tf.control_dependencies([alpha_loss]):
            model.alpha_optimizer.apply(alpha.gradients, model.alphas)
            _, _, carried = alpha.auxiliary
            _assign(model.task.carried("alphas"), carried)

        evaluation = self.bind("weights", train_batch).gradients(
            _values(model.network_weights), _values(model.alphas), wrt="weights"
        )
        loss = _check_finite(evaluation.loss, evaluation.weight_gradients)
        predictions, state, carried = evaluation.auxiliary
        with tf.control_dependencies([loss]):
            self._update_weights(evaluation.weight_gradients, train_batch)
            _assign(model.supernet.non_trainable_variables, state)
            _assign(model.task.carried("weights"), carried)
        return StepResult(loss, alpha_loss, predictions)

    def hypergradient(self, train_batch, alpha_batch, method=None):
        """Computes the gradient for the alphas.

        Args:
            train_batch: Tuple `(x, y, extra)` of tensors.
            alpha_batch: Tuple of the same form.
            method: Optional string, another method than the model's.

        Returns:
            A `darts_tf.search.hypergradient.Hypergradient`.
        """
        model = self._model
        method = model.hypergradient if method is None else method
        train = self.bind("weights", train_batch)
        validation = self.bind("alphas", alpha_batch)
        weights, alphas = _values(model.network_weights), _values(model.alphas)
        if method == "first_order":
            return hypergradient_lib.first_order_hypergradient(
                validation, weights, alphas
            )
        return hypergradient_lib.unrolled_hypergradient(
            train,
            validation,
            weights,
            alphas,
            xi=self.xi(train_batch),
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

    def state(self, stream):
        """Returns the values from which a pass over a stream starts.

        Args:
            stream: String, `"weights"` or `"alphas"`.

        Returns:
            List of tensors, of the supernet's variables that are not trained.
        """
        variables = self._model.supernet.non_trainable_variables
        values = _values(variables)
        if stream == "weights":
            return values
        return [
            value + tf.constant([0, _FAR], value.dtype)
            if is_random_state(variable)
            else value
            for variable, value in zip(variables, values, strict=True)
        ]

    def bind(self, stream, batch):
        """Returns the loss on a batch, from the current state on.

        Args:
            stream: String, `"weights"` for L_train, `"alphas"` for L_val.
            batch: Tuple `(x, y, extra)` of tensors.

        Returns:
            A `darts_tf.search.hypergradient.Bound`.
        """
        carried = _values(self._model.task.carried(stream))
        return hypergradient_lib.Bound(
            self._objectives[stream], (self.state(stream), carried, batch)
        )

    def xi(self, train_batch):
        """Returns the length of the virtual step."""
        model = self._model
        if model.xi is not None:
            return model.xi
        rate = tf.convert_to_tensor(model.optimizer.learning_rate)
        scale = model.task.learning_rate_scale(train_batch)
        return rate if scale is None else rate * tf.cast(scale, rate.dtype)

    def virtual_step(self, gradients, weights, xi):
        """Takes the step that the weights' optimizer would take (Eq. 6)."""
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

    def _update_weights(self, gradients, train_batch):
        """Applies the gradients, at the learning rate of the batch."""
        optimizer, weights = self._model.optimizer, self._model.network_weights
        scale = self._model.task.learning_rate_scale(train_batch)
        if scale is None:
            optimizer.apply(gradients, weights)
            return
        # Through the variable, so that it serves every optimizer; what is
        # written back is what was read, to the last bit.
        rate = tf.identity(tf.convert_to_tensor(optimizer.learning_rate))
        optimizer.learning_rate = rate * tf.cast(scale, rate.dtype)
        optimizer.apply(gradients, weights)
        optimizer.learning_rate = rate

    def _variable_names(self):
        groups = (self._model.network_weights, self._model.alphas)
        return [[v.path for v in variables] for variables in groups]


def is_random_state(variable):
    """Tells whether a variable is the state of a random layer.

    Args:
        variable: A Keras variable.

    Returns:
        Boolean.
    """
    return variable.path.endswith("seed_generator_state")


def _check_finite(loss, gradients):
    """Returns the loss, or fails if it or a gradient is not finite."""
    norm = tf.add_n([tf.reduce_sum(tf.abs(g)) for g in gradients])
    with tf.control_dependencies(
        [tf.debugging.check_numerics(norm, NOT_FINITE)]
    ):
        return tf.debugging.check_numerics(loss, NOT_FINITE)


def _values(variables):
    return [tf.convert_to_tensor(variable.value) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
