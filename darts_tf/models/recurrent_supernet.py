"""The language model that holds every recurrent cell of a space."""

import keras

from darts_tf.layers import recurrent_cell
from darts_tf.models import alphas as alphas_lib
from darts_tf.models import language_model
from darts_tf.spaces import paper
from darts_tf.spaces import search_space


@keras.saving.register_keras_serializable(package="darts_tf")
class RecurrentSupernet(language_model.LanguageModel):
    """A language model with a cell that mixes all activations of a space.

    Embedding, one recurrent cell and a softmax that uses the matrix of the
    embedding, with dropout at five places. The state goes in and comes out of
    a call, so that a text can be read batch after batch.

    Args:
        space: A `darts_tf.SearchSpace` of recurrent cells, or its config.
            Defaults to `None`, the space of the paper.
        vocabulary_size: Integer, the number of words. Defaults to `10000`.
        units: Integer, the width of the cell. Defaults to `300`.
        embedding_dim: Integer, the width of the embedding, which must equal
            `units`. Defaults to `None`, just that.
        dropouts: Optional dictionary of rates in [0, 1), which replace those
            of the paper: `"output"` (0.75), of the cell's outputs;
            `"hidden"` (0.25), of the state and the nodes; `"cell_input"`
            (0.75) and `"embedded"` (0.2), of the cell's inputs; `"words"`
            (0.0), of whole words. Defaults to `None`.
        seed: Optional integer, of the initial alphas and the dropouts.
            Defaults to `None`.
        relaxation: Optional `darts_tf.relaxations.Relaxation`. Defaults to
            `None`, the paper's softmax.
        perturbation: Optional `darts_tf.relaxations.Perturbation`. Defaults to
            `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        tokens: Integer tensor of shape `(batch, time)`.
        state: Optional tensor of shape `(batch, units)`, the `"state"` that
            the call on the text before returned. Defaults to `None`, zeros.
        training: Boolean, whether to drop and to normalise by the statistics
            of the batch.

    Returns:
        A dictionary of tensors: `"logits"`, of shape `(batch, time,
        vocabulary_size)`; `"outputs"` and `"raw_outputs"`, the cell's with and
        without dropout, of shape `(batch, time, units)`; and `"state"`, of
        shape `(batch, units)`.

    Raises:
        ValueError: If a size is not positive, a rate out of range, an
            activation unknown, the space convolutional, or `embedding_dim`
            not `units`.

    Example:

    >>> supernet = darts_tf.RecurrentSupernet(vocabulary_size=20, units=8)
    >>> results = supernet(np.zeros((2, 35), "int32"))
    >>> results["logits"].shape, results["state"].shape
    (TensorShape([2, 35, 20]), TensorShape([2, 8]))

    Reference:
        Section 3.1.2 and Appendix A.1.2 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        space=None,
        vocabulary_size=10000,
        units=300,
        embedding_dim=None,
        dropouts=None,
        seed=None,
        relaxation=None,
        perturbation=None,
        **kwargs,
    ):
        dropouts = language_model.complete_dropouts(
            dropouts, paper.dropouts(paper.RecurrentSearch)
        )
        super().__init__(
            vocabulary_size, units, embedding_dim, dropouts, seed, **kwargs
        )
        if space is None:
            space = search_space.SearchSpace.recurrent()
        elif isinstance(space, dict):
            space = search_space.SearchSpace.from_config(space)
        if space.kind != "recurrent" or space.num_inputs != 1:
            raise ValueError(
                "A recurrent supernet needs a space of recurrent cells with "
                f"one input node, `s_0`. Received: space={space}"
            )
        self.space = space
        self.alphas = alphas_lib.Alphas(
            space, seed, relaxation, perturbation, name="alphas"
        )
        self.cell = recurrent_cell.RecurrentSearchCell(
            self.units,
            space.primitives,
            space.num_nodes,
            dropouts["cell_input"],
            dropouts["hidden"],
            self._seed_of(4),
            name="cell",
        )

    @property
    def network_weights(self):
        """All trainable variables but the alphas (the paper's w)."""
        return alphas_lib.network_weights(self)

    def run_cell(self, inputs, state, training):
        op_weights = self.alphas.op_weights()["recurrent"]
        return self.cell(inputs, op_weights, state=state, training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "space": self.space.get_config(),
            **self.alphas.method_config(),
        }
