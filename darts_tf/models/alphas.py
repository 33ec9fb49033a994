"""The architecture logits of a supernet."""

import contextlib

import keras
import numpy as np

from darts_tf.layers import batch_norm
from darts_tf.relaxations import moment as moment_lib
from darts_tf.relaxations import perturbation as perturbation_lib
from darts_tf.relaxations import relaxation as relaxation_lib
from darts_tf.spaces import paper
from darts_tf.spaces import search_space

# The name of the variable that says where a search is, and its second entry.
MOMENT = "search_moment"
WEIGHT_PHASE, ALPHA_PHASE, AT_REST = 0.0, 1.0, 2.0


@keras.saving.register_keras_serializable(package="darts_tf")
class Alphas(keras.layers.Layer):
    """Holds the architecture logits, one matrix for each cell type.

    A row of a matrix belongs to an edge, a column to a primitive. The softmax
    over a row is the weight of each operation on that edge (Eq. 2). Cells of a
    type share one matrix. Primitives that the space does not have on an edge
    have a logit, too, but their op weight is 0 and their gradient as well.

    Args:
        space: A `darts_tf.SearchSpace`, or its config.
        seed: Optional integer, of the initial values. Defaults to `None`, a
            seed that `keras.utils.set_random_seed` determines.
        relaxation: Optional `darts_tf.relaxations.Relaxation`, how op weights
            come from the logits. Defaults to `None`, the paper's softmax.
        perturbation: Optional `darts_tf.relaxations.Perturbation`, what is
            done to op weights while the weights are trained. Defaults to
            `None`, nothing.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Example:

    >>> space = darts_tf.SearchSpace.conv(["none", "skip_connect"], num_nodes=2)
    >>> alphas = darts_tf.models.Alphas(space)
    >>> {name: w.shape for name, w in alphas.op_weights().items()}
    {'normal': TensorShape([5, 2]), 'reduction': TensorShape([5, 2])}

    Reference:
        Section 2.2 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self, space, seed=None, relaxation=None, perturbation=None, **kwargs
    ):
        super().__init__(**kwargs)
        if isinstance(space, dict):
            space = search_space.SearchSpace.from_config(space)
        self.space = space
        self.seed = seed
        self.relaxation = perturbation_lib.check(
            relaxation, relaxation_lib.Relaxation, "relaxation"
        )
        self.perturbation = perturbation_lib.check(
            perturbation, perturbation_lib.Perturbation, "perturbation"
        )
        self._replacement = None
        generator = keras.random.SeedGenerator(seed)
        # The published start: almost equal op weights, not quite tied.
        initializer = keras.initializers.RandomNormal(
            stddev=paper.ConvSearch.alpha_stddev, seed=generator
        )
        self.logits = [
            self.add_weight(
                name=f"alphas_{cell_type}",
                shape=space.alphas_shape,
                initializer=initializer,
                dtype=batch_norm.full_precision(self),
                autocast=False,
            )
            for cell_type in space.cell_types
        ]
        # Steps taken, phase, and progress; the search sets them. There is no
        # such variable where nothing depends on it.
        self.moment = None
        if (self.relaxation, self.perturbation) != (None, None):
            self.moment = self.add_weight(
                name=MOMENT,
                shape=(3,),
                initializer=keras.initializers.Constant([0.0, AT_REST, 0.0]),
                dtype="float64",
                trainable=False,
                autocast=False,
            )
        # Nothing is left to build, or Keras would warn about a network that
        # holds this layer and has no `build` itself.
        self.built = True

    def op_weights(self):
        """Returns the relaxed choice of operations, by cell type.

        Returns:
            A dictionary of tensors of shape `(num_edges, num_primitives)`.
        """
        if self._replacement is not None:
            return self._replacement
        op_weights = {
            cell_type: self._relax(logits)
            for cell_type, logits in self.masked_logits().items()
        }
        if self.perturbation is None:
            return op_weights
        return {
            cell_type: self._perturbed(cell_type, number, weights)
            for number, (cell_type, weights) in enumerate(op_weights.items())
        }

    def masked_logits(self, values=None):
        """Returns the logits by cell type, -infinity for what an edge lacks.

        Args:
            values: Optional list of tensors instead of the variables. Defaults
                to `None`.

        Returns:
            A dictionary of tensors of shape `(num_edges, num_primitives)`.
        """
        return {
            cell_type: self._masked(cell_type, logits)
            for cell_type, logits in zip(
                self.space.cell_types,
                self.logits if values is None else values,
                strict=True,
            )
        }

    def _now(self):
        """Returns the moment of the search."""
        values = keras.ops.convert_to_tensor(self.moment)
        return moment_lib.Moment(
            values[0],
            keras.ops.equal(values[1], WEIGHT_PHASE),
            values[2],
            self.seed or 0,
        )

    def _perturbed(self, cell_type, number, op_weights):
        now = self._now()
        parametric = perturbation_lib.parametric(self.space, cell_type)
        perturbed = self.perturbation.perturbed(
            op_weights, parametric, now, number
        )
        return keras.ops.where(now.is_weight_phase, perturbed, op_weights)

    @contextlib.contextmanager
    def replaced(self, op_weights):
        """Lets networks compute with other op weights within a `with` block.

        Args:
            op_weights: Dictionary by cell type of tensors of shape
                `(num_edges, num_primitives)`. Rows need not sum to 1.

        Example:

        >>> space = darts_tf.SearchSpace.conv(["none", "skip_connect"], 1)
        >>> alphas = darts_tf.models.Alphas(space)
        >>> ones = np.ones(space.alphas_shape, "float32")
        >>> with alphas.replaced({"normal": ones, "reduction": ones}):
        ...     float(alphas.op_weights()["normal"].sum())
        4.0
        """
        before, self._replacement = self._replacement, op_weights
        try:
            yield
        finally:
            self._replacement = before

    def _relax(self, logits):
        if self.relaxation is None:
            return keras.ops.softmax(logits, axis=-1)
        return self.relaxation.op_weights(logits, self._now())

    def _masked(self, cell_type, logits):
        """Returns the logits, at -infinity for what an edge does not have."""
        if self.space.edge_primitives is None:
            return logits
        lowest = keras.ops.full_like(logits, -np.inf)
        return keras.ops.where(self.space.mask(cell_type), logits, lowest)

    def op_weights_by_source(self):
        """Returns the op weights in the order in which cells use them.

        Returns:
            A dictionary by cell type of lists with a tensor of shape
            `(num_edges_from_node, num_primitives)` for each node that edges
            leave, in order.
        """
        last = self.space.num_inputs + self.space.num_nodes - 1
        groups = [
            [k for k, edge in enumerate(self.space.edges) if edge[0] == source]
            for source in range(last)
        ]
        order = [k for group in groups for k in group]
        ends = [sum(map(len, groups[: k + 1])) for k in range(len(groups) - 1)]
        ordered = {
            cell_type: keras.ops.take(op_weights, order, axis=0)
            for cell_type, op_weights in self.op_weights().items()
        }
        if not ends:  # TensorFlow does not split at no place
            return {cell_type: [rows] for cell_type, rows in ordered.items()}
        return {
            cell_type: keras.ops.split(rows, ends)
            for cell_type, rows in ordered.items()
        }

    def get_config(self):
        return {
            **super().get_config(),
            "space": self.space.get_config(),
            "seed": self.seed,
            **self.method_config(),
        }

    def method_config(self):
        """Returns the config of what is not the paper's."""
        given = {
            "relaxation": self.relaxation,
            "perturbation": self.perturbation,
        }
        return {
            name: keras.saving.serialize_keras_object(value)
            for name, value in given.items()
            if value is not None
        }


def network_weights(supernet):
    """Returns all trainable variables but the alphas (the paper's w).

    Args:
        supernet: A Keras model with an `Alphas` layer as its `alphas`.

    Returns:
        List of variables.
    """
    logits = {id(variable) for variable in supernet.alphas.logits}
    return [v for v in supernet.trainable_variables if id(v) not in logits]


def entropy(op_weights):
    """Returns how undecided the edges are, on average.

    Args:
        op_weights: Tensor or array of shape `(num_edges, num_primitives)`.

    Returns:
        Scalar tensor in nats: 0 if each edge has one operation, at most
        `log(num_primitives)`.
    """
    op_weights = keras.ops.convert_to_tensor(op_weights)
    safe = keras.ops.maximum(op_weights, keras.config.epsilon())
    return keras.ops.mean(
        -keras.ops.sum(op_weights * keras.ops.log(safe), axis=-1)
    )
