"""The recurrent language model that a genotype describes."""

import keras

from darts_tf.layers import recurrent_cell
from darts_tf.models import language_model
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import paper


@keras.saving.register_keras_serializable(package="darts_tf")
class RecurrentNetwork(language_model.LanguageModel):
    """A language model whose cell has the edges of a genotype.

    Embedding, one recurrent cell and a softmax that uses the matrix of the
    embedding, with dropout at five places. The state goes in and comes out of
    a call, so that a text can be read batch after batch.

    Args:
        genotype: A `darts_tf.Genotype` of a recurrent cell, or its JSON.
        vocabulary_size: Integer, the number of words. Defaults to `10000`.
        units: Integer, the width of the cell. Defaults to `850`.
        embedding_dim: Integer, the width of the embedding, which must equal
            `units`. Defaults to `None`, just that.
        dropouts: Optional dictionary of rates in [0, 1), which replace those
            of the paper for Penn Treebank: `"output"` (0.75), of the cell's
            outputs; `"hidden"` (0.25; WikiText-2: 0.15), of the state and the
            nodes; `"cell_input"` (0.75) and `"embedded"` (0.2), of the cell's
            inputs; `"words"` (0.1), of whole words. Defaults to `None`.
        seed: Optional integer, of the dropouts. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        tokens: Integer tensor of shape `(batch, time)`.
        state: Optional tensor of shape `(batch, units)`, the `"state"` that
            the call on the text before returned. Defaults to `None`, zeros.
        training: Boolean, whether to drop.

    Returns:
        A dictionary of tensors: `"logits"`, of shape `(batch, time,
        vocabulary_size)`; `"outputs"` and `"raw_outputs"`, the cell's with and
        without dropout, of shape `(batch, time, units)`; and `"state"`, of
        shape `(batch, units)`.

    Raises:
        ValueError: If the genotype is not recurrent or names an unknown
            activation, a size is not positive, a rate out of range, or
            `embedding_dim` not `units`.

    Example:

    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> first = network(np.zeros((2, 35), "int32"))
    >>> second = network(np.zeros((2, 35), "int32"), state=first["state"])
    >>> second["logits"].shape
    TensorShape([2, 35, 20])

    Reference:
        Section 3.3 and Appendix A.2.2 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        genotype,
        vocabulary_size=10000,
        units=850,
        embedding_dim=None,
        dropouts=None,
        seed=None,
        **kwargs,
    ):
        dropouts = language_model.complete_dropouts(
            dropouts, paper.dropouts(paper.RecurrentTraining)
        )
        super().__init__(
            vocabulary_size, units, embedding_dim, dropouts, seed, **kwargs
        )
        if isinstance(genotype, str):
            genotype = genotype_lib.Genotype.from_json(genotype)
        if genotype.kind != "recurrent":
            raise ValueError(
                "A recurrent network needs a genotype of a recurrent cell. "
                f"Received: genotype={genotype}"
            )
        self.genotype = genotype
        self.cell = recurrent_cell.RecurrentCell(
            genotype.recurrent,
            self.units,
            dropouts["cell_input"],
            dropouts["hidden"],
            self._seed_of(4),
            name="cell",
        )

    def get_config(self):
        return {**super().get_config(), "genotype": self.genotype.to_json()}
