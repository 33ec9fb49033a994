"""A loss as a function of weights and alphas, with its derivatives.

Everything here is a function of values: no variable is read or changed.
"""

import gc
import typing
from concurrent import futures

import tensorflow as tf

from darts_tf.search import packing


class Evaluation(typing.NamedTuple):
    """A loss, its gradients where asked for, and what came with it."""

    loss: typing.Any
    weight_gradients: typing.Any
    alpha_gradients: typing.Any
    auxiliary: typing.Any


class Objective:
    """A loss L(w, alpha) with the derivatives that the hypergradient needs.

    Each derivative is traced once and called wherever it is needed, so that
    the graph of a second-order step is not five times that of one pass.

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
            hundredth of a pass. Defaults to `False`.
        side_by_side: Boolean, whether `alpha_gradients_at` evaluates all points
            in one graph, which runs faster where a pass alone does not keep all
            cores busy, and needs the memory of all. Defaults to `False`, one
            after the other.

    Example:

    >>> objective = darts_tf.search.Objective(
    ...     lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    ... )
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> objective.gradients(w, alphas, wrt="alphas").alpha_gradients[0].numpy()
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
        self._side_by_side = side_by_side
        self._derivatives = {
            "weights": self._weight_gradients,
            "alphas": self._alpha_gradients,
            "alphas_at": self._alpha_gradients_at,
            "both": self._both_gradients,
            "mixed": self._mixed_product,
            "alpha_hessian": self._alpha_hessian_product,
        }
        self._during_first_run = []
        if joint:
            self._derivatives["weights"] = self._both_gradients
        if traced:
            graphs = {
                function: tf.function(function, autograph=False)
                for function in self._derivatives.values()
            }
            self._derivatives = {
                name: graphs[function]
                for name, function in self._derivatives.items()
            }

    def build_graph(self, derivative, *arguments):
        """Traces a derivative before its first call.

        Args:
            derivative: String, a `wrt` of `gradients`, `"alphas_at"` or
                `"mixed"`.
            *arguments: Those of the call; in the place of tensors there may be
                `tf.TensorSpec`, of shapes that are not wholly known.
        """
        if derivative == "alphas_at" and not self._side_by_side:
            # The graph for one point is called for each.
            points, *others = arguments
            derivative, arguments = "alphas", (points[0], *others)
        self._graph(derivative, *arguments)

    def do_during_first_run(self, tasks):
        """Leaves work for Python to the time in which TensorFlow has its own.

        The first run of a graph is the slowest one: TensorFlow makes its
        kernels, and the memory is touched for the first time. The next call of
        `gradients` starts its graph in a thread, does the tasks, and waits for
        both. The objective must be `traced`.

        Args:
            tasks: List of callables without arguments, such as calls of
                `build_graph`.
        """
        self._during_first_run = list(tasks)

    def gradients(self, weights, alphas, *arguments, wrt="both"):
        """Evaluates the loss and its gradients.

        Args:
            weights: List of tensors, the network weights.
            alphas: List of tensors, the architecture logits.
            *arguments: What else the loss takes.
            wrt: String, `"weights"`, `"alphas"` or `"both"`; only what is
                asked for is computed, unless the objective is `joint`.
                Defaults to `"both"`.

        Returns:
            An `Evaluation`; gradients that were not computed are empty.
        """
        tasks, self._during_first_run = self._during_first_run, []
        if not tasks:
            return self._derivatives[wrt](weights, alphas, *arguments)
        # Other threads have none of the scopes that tracing depends on.
        graph = self._graph(wrt, weights, alphas, *arguments)
        with futures.ThreadPoolExecutor(max_workers=1) as thread:
            evaluation = thread.submit(graph, weights, alphas, *arguments)
            for task in tasks:
                task()
        return evaluation.result()

    def alpha_gradients_at(self, points, alphas, *arguments):
        """Evaluates the gradient for the alphas at several weights.

        Args:
            points: List of weights, each a list of tensors.
            alphas: List of tensors, the architecture logits.
            *arguments: What else the loss takes.

        Returns:
            List with the alpha gradients, a list of tensors, of each point.
        """
        if self._side_by_side:
            return self._derivatives["alphas_at"](points, alphas, *arguments)
        results = []
        for weights in points:
            # Not side by side in a graph around this one, either.
            with tf.control_dependencies(tf.nest.flatten(results)):
                weights = [tf.identity(w) for w in weights]
            evaluation = self.gradients(
                weights, alphas, *arguments, wrt="alphas"
            )
            results.append(evaluation.alpha_gradients)
        return results

    def mixed_product(self, weights, alphas, vector, *arguments):
        """Multiplies the mixed second derivative by a vector, exactly.

        Args:
            weights: List of tensors, the network weights.
            alphas: List of tensors, the architecture logits.
            vector: List of tensors of the shapes of `weights`.
            *arguments: What else the loss takes.

        Returns:
            List of tensors of the shapes of `alphas`: the gradient with
            respect to alpha of the product of `vector` and the gradient with
            respect to w.
        """
        return self._derivatives["mixed"](weights, alphas, vector, *arguments)

    def alpha_hessian_product(self, weights, alphas, vector, *arguments):
        """Multiplies the second derivative in alpha by a vector, exactly.

        Args:
            weights: List of tensors, the network weights.
            alphas: List of tensors, the architecture logits.
            vector: List of tensors of the shapes of `alphas`.
            *arguments: What else the loss takes.

        Returns:
            List of tensors of the shapes of `alphas`.
        """
        return self._derivatives["alpha_hessian"](
            weights, alphas, vector, *arguments
        )

    def _graph(self, derivative, *arguments):
        """Returns the graph of a derivative, traced if it is new.

        Meanwhile Python does not look for garbage: among what tracing makes
        there is little, and to look takes a sixth of the time.
        """
        collects = gc.isenabled()
        gc.disable()
        try:
            return self._derivatives[derivative].get_concrete_function(
                *arguments
            )
        finally:
            if collects:
                gc.enable()

    def _weight_gradients(self, weights, alphas, *arguments):
        return self._evaluate(weights, alphas, arguments, "weights")

    def _alpha_gradients(self, weights, alphas, *arguments):
        return self._evaluate(weights, alphas, arguments, "alphas")

    def _alpha_gradients_at(self, points, alphas, *arguments):
        # By the graph for one point, so that Python is run once.
        return [
            self._derivatives["alphas"](
                weights, alphas, *arguments
            ).alpha_gradients
            for weights in points
        ]

    def _both_gradients(self, weights, alphas, *arguments):
        return self._evaluate(weights, alphas, arguments, "both")

    def _evaluate(self, weights, alphas, arguments, wrt):
        weights = self._unpack(weights)
        watched = [
            [] if wrt == "alphas" else weights,
            [] if wrt == "weights" else alphas,
        ]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            loss, auxiliary = self._loss(weights, alphas, *arguments)
        weight_gradients, alpha_gradients = tape.gradient(loss, watched)
        self._check(weight_gradients, alpha_gradients)
        return Evaluation(
            loss, self._pack(weight_gradients), alpha_gradients, auxiliary
        )

    def _unpack(self, weights):
        if self._variables is None:
            return weights
        return packing.unpack(weights, self._variables()[0])

    def _pack(self, gradients):
        return gradients if self._variables is None else packing.pack(gradients)

    def _mixed_product(self, weights, alphas, vector, *arguments):
        weights, vector = self._unpack(weights), self._unpack(vector)
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(alphas)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch(weights)
                loss, _ = self._loss(weights, alphas, *arguments)
            gradients = inner.gradient(loss, weights)
            self._check(gradients, [])
            product = dot(gradients, vector)
        products = outer.gradient(product, alphas)
        self._check([], products)
        return products

    def _alpha_hessian_product(self, weights, alphas, vector, *arguments):
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(alphas)
            gradients = self._evaluate(
                weights, alphas, arguments, "alphas"
            ).alpha_gradients
            product = dot(gradients, vector)
        products = outer.gradient(product, alphas)
        self._check([], products)
        return products

    def _check(self, weight_gradients, alpha_gradients):
        """A missing gradient is a mistake in the model, never a zero."""
        groups = (weight_gradients, alpha_gradients)
        missing = [
            self._variables()[group][k].path
            if self._variables
            else f"number {k}"
            for group, gradients in enumerate(groups)
            for k, gradient in enumerate(gradients)
            if gradient is None
        ]
        if missing:
            raise ValueError(
                "Expected the loss to depend on every network weight and every "
                f"alpha. Received a loss without gradient for: {missing}"
            )


class Bound(typing.NamedTuple):
    """An objective with the arguments of one batch."""

    objective: Objective
    arguments: tuple = ()

    def gradients(self, weights, alphas, wrt="both"):
        """Calls `Objective.gradients` on the batch."""
        return self.objective.gradients(
            weights, alphas, *self.arguments, wrt=wrt
        )

    def alpha_gradients_at(self, points, alphas):
        """Calls `Objective.alpha_gradients_at` on the batch."""
        return self.objective.alpha_gradients_at(
            points, alphas, *self.arguments
        )

    def mixed_product(self, weights, alphas, vector):
        """Calls `Objective.mixed_product` on the batch."""
        return self.objective.mixed_product(
            weights, alphas, vector, *self.arguments
        )

    def alpha_hessian_product(self, weights, alphas, vector):
        """Calls `Objective.alpha_hessian_product` on the batch."""
        return self.objective.alpha_hessian_product(
            weights, alphas, vector, *self.arguments
        )


def dot(left, right):
    """Returns the scalar product of two lists of tensors of equal shapes."""
    return tf.add_n(
        [tf.reduce_sum(a * b) for a, b in zip(left, right, strict=True)]
    )
