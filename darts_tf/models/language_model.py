"""What the searched and the derived recurrent language model share."""

import keras
import numpy as np

from darts_tf import checks
from darts_tf.distribution import statistics
from darts_tf.layers import batch_norm
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import regularization
from darts_tf.layers import word_kernels
from darts_tf.models import logits_model

_LARGEST = 2**31 - 1


class LanguageModel(logits_model.LogitsModel):
    """Predicts the next word: embedding, recurrent cell, tied softmax.

    A subclass creates `self.cell` and, where the cell needs more than tokens
    and a state, overrides `run_cell`.

    Args:
        vocabulary_size: Integer, the number of words.
        units: Integer, the width of the cell.
        embedding_dim: Integer, the width of the embedding, equal to `units`,
            or `None` for just that.
        dropouts: Dictionary of rates, complete.
        seed: Integer or `None`, of the dropouts.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        tokens: Integer tensor of shape `(batch, time)`.
        state: Optional tensor of shape `(batch, units)`, the `"state"` that
            the call on the text before returned. Defaults to `None`, zeros.
        training: Boolean, whether to drop.

    Returns:
        A dictionary of what `hidden` returns and `"logits"`, of shape
        `(batch, time, vocabulary_size)`.

    Raises:
        ValueError: If an argument is not as described.

    Example:

    >>> class Doubled(darts_tf.models.LanguageModel):
    ...     def __init__(self):
    ...         places = ("output", "hidden", "cell_input", "embedded", "words")
    ...         super().__init__(20, 8, None, dict.fromkeys(places, 0.0), 0)
    ...         cell = darts_tf.zoo.RECURRENT_DARTS_V2.recurrent
    ...         self.cell = darts_tf.layers.RecurrentCell(cell, self.units)
    ...     def run_cell(self, inputs, state, training):
    ...         return self.cell(2 * inputs, state=state, training=training)
    >>> Doubled()(np.zeros((2, 35), "int32"))["logits"].shape
    TensorShape([2, 35, 20])
    """

    def __init__(
        self, vocabulary_size, units, embedding_dim, dropouts, seed, **kwargs
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = checks.integer(
            vocabulary_size, "vocabulary_size", 1, _LARGEST
        )
        self.units = checks.integer(units, "units", 1, _LARGEST)
        vocabulary_size, units = self.vocabulary_size, self.units
        if embedding_dim is None:
            embedding_dim = units
        if embedding_dim != units:
            raise ValueError(
                "The softmax uses the matrix of the embedding, so "
                "`embedding_dim` must equal `units`. Received: "
                f"embedding_dim={embedding_dim}, units={units}"
            )
        self.embedding_dim = units
        self.dropouts = dropouts
        self.seed = seed
        self.input_spec = keras.InputSpec(ndim=2)

        def add(name, shape, initializer):
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=initializer,
                dtype=batch_norm.full_precision(self),
                autocast=False,
            )

        self.embedding = add(
            "embedding",
            (vocabulary_size, units),
            keras.initializers.RandomUniform(-0.1, 0.1),
        )
        self.decoder_bias = add("decoder_bias", (vocabulary_size,), "zeros")
        self.drop_words = regularization.EmbeddingDropout(
            dropouts["words"],
            self._seed_of(1),
            dtype=batch_norm.full_precision(self),
            name="drop_words",
        )
        self.drop_embedded = regularization.LockedDropout(
            dropouts["embedded"], self._seed_of(2), name="drop_embedded"
        )
        self.drop_outputs = regularization.LockedDropout(
            dropouts["output"], self._seed_of(3), name="drop_outputs"
        )

    def _seed_of(self, place):
        """Returns a seed for a place of dropout, so that masks differ."""
        return None if self.seed is None else self.seed + place

    def build(self, tokens_shape=None, state_shape=None):
        self.cell.build((None, None, self.embedding_dim))
        self.built = True

    def initial_state(self, batch_size):
        """Returns the state before the first word of a text.

        Args:
            batch_size: Integer.

        Returns:
            Zeros of shape `(batch_size, units)`.
        """
        return keras.ops.zeros((batch_size, self.units), self.compute_dtype)

    def run_cell(self, inputs, state, training):
        """Runs the cell over a piece of text; for a subclass to override.

        Args:
            inputs: Tensor of shape `(batch, time, units)`, the words.
            state: Tensor of shape `(batch, units)`, or `None` for zeros.
            training: Boolean, whether to drop.

        Returns:
            The outputs of all steps, of shape `(batch, time, units)`, and the
            last state, of shape `(batch, units)`.
        """
        return self.cell(inputs, state=state, training=training)

    def hidden(self, tokens, state=None, training=None):
        """Computes everything below the softmax.

        Args:
            tokens: Integer tensor of shape `(batch, time)`.
            state: Optional tensor of shape `(batch, units)`. Defaults to
                `None`, zeros.
            training: Boolean, whether to drop. Defaults to `None`, `False`
                outside of a call.

        Returns:
            A dictionary: `"outputs"`, what `logits` takes, and
            `"raw_outputs"`, the same before dropout, what `slowness` takes,
            both of shape `(batch, time, units)`; and `"state"`, of shape
            `(batch, units)`.

        Raises:
            ValueError: If the tokens are not integers of rank 2, or one that
                is known now is not one of the vocabulary's. (In a graph such
                a token is an error of TensorFlow on a CPU, and NaN on a GPU
                and where `jit_compile` is on.)
        """
        tokens = inputs_lib.word_ids(tokens, self.vocabulary_size)
        if not self.built:
            self.build()
        table = self.drop_words(
            keras.ops.convert_to_tensor(self.embedding.value), training=training
        )
        inputs = keras.ops.cast(_look_up(table, tokens), self.compute_dtype)
        inputs = self.drop_embedded(inputs, training=training)
        raw_outputs, state = self.run_cell(inputs, state, training)
        outputs = self.drop_outputs(raw_outputs, training=training)
        return {"outputs": outputs, "raw_outputs": raw_outputs, "state": state}

    def logits(self, outputs):
        """Scores each word of the vocabulary, by its row of the embedding.

        This is most of the memory of a step: a loss may call it on a part of
        the outputs at a time, and should take logits, not probabilities.

        Args:
            outputs: Tensor of shape `(..., units)`.

        Returns:
            Tensor of shape `(..., vocabulary_size)`, in full precision.
        """
        table = keras.ops.convert_to_tensor(self.embedding.value)
        shape = keras.ops.shape(outputs)[:-1]
        flat = keras.ops.reshape(outputs, (-1, self.units))
        scores = keras.ops.matmul(
            keras.ops.cast(flat, table.dtype), keras.ops.transpose(table)
        )
        return keras.ops.reshape(
            scores + self.decoder_bias, (*shape, self.vocabulary_size)
        )

    def call(self, tokens, state=None, training=None):
        hidden = self.hidden(tokens, state, training)
        return {"logits": self.logits(hidden["outputs"]), **hidden}

    def fit(self, x=None, *args, **kwargs):
        """Trains as `keras.Model.fit`; ids in arrays are checked before."""
        self._check_array(x)
        return super().fit(x, *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """Evaluates as `keras.Model.evaluate`; arrays are checked before."""
        self._check_array(x)
        return super().evaluate(x, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Predicts as `keras.Model.predict`; arrays are checked before."""
        self._check_array(x)
        return super().predict(x, *args, **kwargs)

    def _check_array(self, tokens):
        # What a data set delivers is noticed in the graph.
        if isinstance(tokens, np.ndarray) or keras.ops.is_tensor(tokens):
            inputs_lib.word_ids(tokens, self.vocabulary_size)

    def compute_output_shape(self, tokens_shape, state_shape=None):
        sequence = (*tokens_shape, self.units)
        return {
            "logits": (*tokens_shape, self.vocabulary_size),
            "outputs": sequence,
            "raw_outputs": sequence,
            "state": (tokens_shape[0], self.units),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "units": self.units,
            "embedding_dim": self.embedding_dim,
            "dropouts": dict(self.dropouts),
            "seed": self.seed,
        }


def complete_dropouts(dropouts, defaults):
    """Returns the rates of all places.

    Args:
        dropouts: Dictionary of some rates by place, or `None`.
        defaults: Dictionary of all rates by place.

    Raises:
        ValueError: If a place is unknown or a rate out of range.
    """
    given = {} if dropouts is None else dict(dropouts)
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise ValueError(
            f"The places of dropout are {list(defaults)}. "
            f"Received: dropouts with {unknown}"
        )
    regularization.check_rates(**given)
    return {**defaults, **given}


def slowness(raw_outputs):
    """Measures how fast the state changes, a penalty of the training.

    The mean of the squared differences between one time step and the next.

    Args:
        raw_outputs: Tensor of shape `(batch, time, units)` with at least two
            time steps.

    Returns:
        Scalar tensor.

    Example:

    >>> raw_outputs = np.array([[[0.0], [1.0], [3.0]]], "float32")
    >>> float(darts_tf.models.slowness(raw_outputs))
    2.5

    Reference:
        Merity et al., arXiv:1708.02182, Section 4.5; Appendix A.1.2 of the
        DARTS paper.
    """
    batch, time, units = keras.ops.shape(raw_outputs)
    # An index such as `[:, 1:]` would have a gradient six times as slow.
    earlier, later = (
        keras.ops.slice(raw_outputs, (0, start, 0), (batch, time - 1, units))
        for start in (0, 1)
    )
    return statistics.mean(keras.ops.square(later - earlier))


@keras.ops.custom_gradient
def _look_up(table, tokens):
    """Returns the rows of a table, with a gradient that is a plain tensor.

    TensorFlow's own is a list of rows, with repetitions, whose norm is not
    that of the gradient: clipping it, or the finite difference of Eq. 8, would
    come out wrong.
    """

    def gradient(upstream):
        rows = keras.ops.reshape(upstream, (-1, table.shape[-1]))
        flat = keras.ops.reshape(tokens, (-1,))
        return keras.ops.segment_sum(rows, flat, table.shape[0]), None

    return word_kernels.rows(table, tokens), gradient
