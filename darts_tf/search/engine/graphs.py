"""Compiled graphs of the derivatives of a loss, called in turn from Python."""

import functools
from concurrent import futures

import tensorflow as tf

from darts_tf import environment
from darts_tf.search import hypergradient


class Graphs:
    """Calls `Objective.evaluate` in compiled graphs, one for each derivative.

    Args:
        evaluate: The method `Objective.evaluate`.
        joint: Boolean, as for `Objective`. Defaults to `False`.
        side_by_side: Boolean, as for `Objective`. Defaults to `False`.
    """

    def __init__(self, evaluate, joint=False, side_by_side=False):
        self._evaluate = evaluate
        self._joint = joint
        self._side_by_side = side_by_side
        self._functions = {}
        self._during_first_run = []

    def __call__(self, derivative, weights, alphas, vector=None, arguments=()):
        """Evaluates a derivative, as `Objective.evaluate`."""
        if self._takes_turns(weights):
            return one_after_the_other(
                self, derivative, weights, alphas, arguments
            )
        values = weights, alphas, vector, arguments
        tasks, self._during_first_run = self._during_first_run, []
        if not tasks:
            return self._function(derivative, weights)(*values)
        # Other threads have none of the scopes that tracing depends on.
        graph = self._graph(derivative, *values)
        with futures.ThreadPoolExecutor(max_workers=1) as thread:
            result = thread.submit(graph, *values)
            for task in tasks:
                task()
        return result.result()

    def build(self, derivative, weights, alphas, vector=None, arguments=()):
        """Traces a derivative before its first call.

        Args:
            derivative: As for `Objective.evaluate`.
            weights: As for `Objective.evaluate`; instead of tensors there
                may be `tf.TensorSpec` here and below, of shapes that are not
                wholly known.
            alphas: As for `Objective.evaluate`.
            vector: As for `Objective.evaluate`. Defaults to `None`.
            arguments: As for `Objective.evaluate`. Defaults to `()`.
        """
        if self._takes_turns(weights):
            # The graph for one point is called for each.
            weights = weights.weights[0]
        self._graph(derivative, weights, alphas, vector, arguments)

    def do_during_first_run(self, tasks):
        """Leaves work for Python to the time in which TensorFlow has its own.

        The first run of a graph is the slowest one: TensorFlow makes its
        kernels, and the memory is touched for the first time. The next call
        starts its graph in a thread, does the tasks, and waits for both.

        Args:
            tasks: List of callables without arguments, such as calls of
                `build`.
        """
        self._during_first_run = list(tasks)

    def _takes_turns(self, weights):
        several = isinstance(weights, hypergradient.Points)
        return several and not self._side_by_side

    def _function(self, derivative, weights):
        """Returns the `tf.function` of a derivative, at one point or more."""
        if self._joint and derivative is hypergradient.weight_gradients:
            derivative = hypergradient.gradients
        several = isinstance(weights, hypergradient.Points)
        key = derivative, several
        if key not in self._functions:
            evaluate = self._at_points if several else self._evaluate
            self._functions[key] = tf.function(
                functools.partial(evaluate, derivative), autograph=False
            )
        return self._functions[key]

    def _at_points(self, derivative, points, alphas, vector, arguments):
        # By the graph for one point, so that Python is run once.
        return [
            self._function(derivative, weights)(
                weights, alphas, vector, arguments
            ).alpha_gradients
            for weights in points.weights
        ]

    def _graph(self, derivative, *values):
        """Returns the graph of a derivative, traced if it is new."""
        function = self._function(derivative, values[0])
        with environment.without_garbage_collection():
            return function.get_concrete_function(*values)


def one_after_the_other(evaluate, derivative, points, alphas, arguments):
    """Evaluates a derivative at several points, with the memory of one.

    Args:
        evaluate: Callable, as `Objective.evaluate`.
        derivative: As for `Objective.evaluate`.
        points: The `Points`.
        alphas: List of tensors.
        arguments: Tuple, what else the loss takes.

    Returns:
        List of the alpha gradients at each point.
    """
    results = []
    for weights in points.weights:
        # Not side by side in a graph around this one, either.
        with tf.control_dependencies(tf.nest.flatten(results)):
            weights = [tf.identity(w) for w in weights]
        evaluation = evaluate(derivative, weights, alphas, None, arguments)
        results.append(evaluation.alpha_gradients)
    return results
