"""A loss as a function of weights and alphas, with its derivatives.

Everything here is a function of values: no variable is read or changed.
"""

import typing

from darts_tf.optimizers import packing
from darts_tf.search import hypergradient
from darts_tf.search.engine import graphs


class Objective:
    """A loss L(w, alpha) with the derivatives that the hypergradient needs.

    Its one method is `evaluate`. Of a `traced` objective it is an
    `engine.graphs.Graphs`, which wraps the plain one: each derivative is traced
    once and called wherever it is needed, so that the graph of a second-order
    step is not five times that of one pass.

    Args:
        loss: Callable `loss(weights, alphas, *arguments)` that returns a
            scalar and an auxiliary structure of tensors, from two lists of
            tensors.
        variables: Optional callable that returns a pair of lists of Keras
            variables, whose values the weights and the alphas are. Then
            weights, their gradients and the vectors in their space go from
            function to function as `packing.pack` returns them, and error
            messages have names. Defaults to `None`, lists of tensors.
        traced: Boolean, whether to compile the derivatives into graphs.
            Defaults to `True`.
        joint: Boolean, whether the gradient for the weights comes with that
            for the alphas: a graph less to build, for sums that take about a
            hundredth of a pass; if `traced`. Defaults to `False`.
        side_by_side: Boolean, whether the derivatives at several points are
            evaluated in one graph, which runs faster where a pass alone does
            not keep all cores busy, and needs the memory of all; if `traced`.
            Defaults to `False`, one after the other.

    Example:

    >>> from darts_tf.search import hypergradient
    >>> from darts_tf.search.engine import objective as objective_lib
    >>> objective = objective_lib.Objective(
    ...     lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    ... )
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> result = objective.evaluate(hypergradient.alpha_gradients, w, alphas)
    >>> result.alpha_gradients[0].numpy()
    np.float32(30.0)
    """

    def __init__(
        self,
        loss,
        variables=None,
        traced=True,
        joint=False,
        side_by_side=False,
    ):
        self._loss = loss
        self._variables = variables
        if traced:
            self.evaluate = graphs.Graphs(self.evaluate, joint, side_by_side)

    def evaluate(self, derivative, weights, alphas, vector=None, arguments=()):
        """Applies a derivative to the loss.

        Args:
            derivative: One of the functions of `darts_tf.search.hypergradient`
                that have a tape, such as `weight_gradients`.
            weights: List of tensors, the network weights; or the `Points` of
                several such lists.
            alphas: List of tensors, the architecture logits.
            vector: List of tensors, if the derivative takes one. Defaults to
                `None`.
            arguments: Tuple, what else the loss takes. Defaults to `()`.

        Returns:
            What the derivative returns; at `Points` the list of the gradients
            for the alphas at each of them.
        """
        if isinstance(weights, hypergradient.Points):
            return graphs.one_after_the_other(
                self.evaluate, derivative, weights, alphas, arguments
            )
        vectors = () if vector is None else (vector,)
        if self._variables is not None:
            weights = packing.unpack(weights, self._variables()[0])
            if derivative is hypergradient.mixed_product:
                # Its vector is one of weights; the others' is one of alphas.
                vectors = (packing.unpack(vector, self._variables()[0]),)
        try:
            result = derivative(
                lambda *values: self._loss(*values, *arguments),
                weights,
                alphas,
                *vectors,
            )
        except hypergradient.MissingGradientError as error:
            raise self._named(error) from None
        if self._variables is None or not isinstance(
            result, hypergradient.Evaluation
        ):
            return result
        return result._replace(
            weight_gradients=packing.pack(result.weight_gradients)
        )

    def _named(self, error):
        """Returns the error with the names of the variables, if known."""
        if self._variables is None:
            return error
        missing = [
            variables[k].path
            for variables, places in zip(
                self._variables(), (error.weights, error.alphas), strict=True
            )
            for k in places
        ]
        return ValueError(
            "Expected the loss to depend on every network weight and every "
            f"alpha. Received a loss without gradient for: {missing}"
        )


class BatchLoss(typing.NamedTuple):
    """An objective on one batch: its `evaluate`, with the arguments bound."""

    evaluate: typing.Any
