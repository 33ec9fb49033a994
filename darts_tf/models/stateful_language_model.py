"""Training and evaluation of a language model on a text, piece by piece."""

import keras

from darts_tf import checks
from darts_tf.models import language_loss
from darts_tf.models import logits_model
from darts_tf.models import monitors
from darts_tf.models import perplexity

_LARGEST = 2**31 - 1


@keras.saving.register_keras_serializable(package="darts_tf")
class StatefulLanguageModel(logits_model.LogitsModel):
    """A language model with a state that goes on from piece to piece.

    `fit` and `evaluate` read pieces in the order of the text, as
    `darts_tf.data.text_streams` delivers them: `(inputs, targets, is_first)`.
    The state after a piece is where the next one starts, and is forgotten at
    the start of the text; training and evaluation have a state each. A step on
    a shorter piece is shorter too, as its gradient says less:

        learning rate * words in the piece / sequence_length

    Both report `loss`, the cross-entropy in nats a word, and its exponential
    `perplexity`; what is trained is the cross-entropy plus the slowness. What
    is worth saving is `network`; this model is how it is trained.

    Args:
        network: A `darts_tf.RecurrentNetwork`, whose weights it trains.
        batch_size: Integer, the rows of the text in training. Defaults to
            `64`.
        evaluation_batch_size: Integer, those in evaluation. Defaults to `10`.
        slowness_weight: Float, not negative, the factor of
            `darts_tf.models.slowness` in the training loss. Defaults to
            `1e-3`.
        sequence_length: Integer, the words in a piece on which the learning
            rate is taken as it is. Defaults to `35`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        piece: A pair: integer tensor of shape `(batch, time)`, the words, and
            a boolean scalar, whether they are the first of the text.
        training: Boolean, whether to drop, and whose state to use.

    Returns:
        What `network.hidden` returns.

    Raises:
        ValueError: If a size is not positive, the weight negative, a batch of
            another size than was said, or a strategy has several replicas.

    Example:

    >>> from darts_tf.data import text_streams
    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> model = darts_tf.StatefulLanguageModel(network, batch_size=4)
    >>> model.compile(darts_tf.optimizers.SGD(20.0, 0.0, 8e-7, 0.25))
    >>> text = np.arange(1000) % 20
    >>> pieces = text_streams.sequences(text, batch_size=4)
    >>> history = model.fit(pieces, steps_per_epoch=7, shuffle=False, verbose=0)
    >>> sorted(history.history)
    ['loss', 'perplexity']

    Reference:
        Appendix A.2.2 of the DARTS paper, arXiv:1806.09055; Merity et al.,
        arXiv:1708.02182, Section 5, on the learning rate.
    """

    def __init__(
        self,
        network,
        batch_size=64,
        evaluation_batch_size=10,
        slowness_weight=1e-3,
        sequence_length=35,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.not_negative(slowness_weight, "slowness_weight")
        replicas = self.distribute_strategy.num_replicas_in_sync
        if replicas > 1:
            raise ValueError(
                "The carried states are those of one device, and so is this "
                f"training. Received: a strategy of {replicas} replicas"
            )
        self.network = network
        self.batch_size = checks.integer(batch_size, "batch_size", 1, _LARGEST)
        self.evaluation_batch_size = checks.integer(
            evaluation_batch_size, "evaluation_batch_size", 1, _LARGEST
        )
        self.slowness_weight = slowness_weight
        self.sequence_length = checks.integer(
            sequence_length, "sequence_length", 1, _LARGEST
        )
        self.train_state, self.evaluation_state = (
            self.add_weight(
                name=name,
                shape=(size, network.units),
                initializer="zeros",
                dtype=network.compute_dtype,
                trainable=False,
                autocast=False,
            )
            for name, size in (
                ("train_state", self.batch_size),
                ("evaluation_state", self.evaluation_batch_size),
            )
        )
        self.cross_entropy = keras.metrics.Mean(name="loss")
        self.perplexity = perplexity.Perplexity(name="perplexity")

    @property
    def metrics(self):
        """The cross-entropy and the perplexity, without Keras' own loss."""
        return [self.cross_entropy, self.perplexity]

    def build(self, piece_shape=None):
        if not self.network.built:
            self.network.build((None, None))
        self.built = True

    def call(self, piece, training=None):
        tokens, is_first = piece
        carried = self.train_state if training else self.evaluation_state
        if tokens.shape[0] != carried.shape[0]:
            name = "batch_size" if training else "evaluation_batch_size"
            raise ValueError(
                f"The pieces must have `{name}` rows. Received: "
                f"{tokens.shape[0]} rows, {name}={carried.shape[0]}"
            )
        before = keras.ops.convert_to_tensor(carried)
        state = keras.ops.where(is_first, keras.ops.zeros_like(before), before)
        hidden = self.network.hidden(tokens, state, training)
        carried.assign(hidden["state"])
        return hidden

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Returns the loss of a piece and counts its words in the metrics."""
        cross_entropy, loss = language_loss.language_losses(
            self.network, y_pred, y, self.slowness_weight if training else 0.0
        )
        words = keras.ops.size(y)  # pieces of other lengths count as much
        for metric in self.metrics:
            metric.update_state(cross_entropy, sample_weight=words)
        return loss

    def compile(self, optimizer="rmsprop", loss=None, **kwargs):
        """Sets the optimizer; the loss is the model's own.

        Args:
            optimizer: Keras optimizer. Defaults to `"rmsprop"`.
            loss: Not available. Defaults to `None`.
            **kwargs: Further arguments of `keras.Model.compile`.
                `jit_compile=True` applies to `evaluate` only.

        Raises:
            ValueError: If there is a loss or a metric.
        """
        given = {"loss": loss}
        for name in ("loss_weights", "metrics", "weighted_metrics"):
            given[name] = kwargs.pop(name, None)
        if any(value is not None for value in given.values()):
            values = ", ".join(f"{k}={v}" for k, v in given.items())
            raise ValueError(
                "A language model has its own loss, cross-entropy with the "
                "slowness penalty, and shows the perplexity. "
                f"Received: {values}"
            )
        # Keras would turn XLA on by itself where there is one GPU.
        kwargs.setdefault("jit_compile", False)
        super().compile(optimizer, **kwargs)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        **kwargs,
    ):
        """Trains as `keras.Model.fit`; callbacks may watch the perplexity."""
        return super().fit(
            x,
            y,
            batch_size,
            epochs,
            verbose,
            monitors.callback_list(callbacks),
            **kwargs,
        )

    def train_step(self, data):
        """Takes one step on a piece, its length in proportion."""
        tokens, targets, is_first = data
        # A product, to have the number now and not when it is used.
        rate = 1.0 * self.optimizer.learning_rate
        length = keras.ops.cast(keras.ops.shape(tokens)[1], rate.dtype)
        self.optimizer.learning_rate = rate * (length / self.sequence_length)
        results = super().train_step(((tokens, is_first), targets))
        self.optimizer.learning_rate = rate
        return results

    def test_step(self, data):
        """Evaluates one piece."""
        tokens, targets, is_first = data
        return super().test_step(((tokens, is_first), targets))

    def get_config(self):
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "batch_size": self.batch_size,
            "evaluation_batch_size": self.evaluation_batch_size,
            "slowness_weight": self.slowness_weight,
            "sequence_length": self.sequence_length,
        }

    @classmethod
    def from_config(cls, config):
        """Makes a model of its configuration."""
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})
