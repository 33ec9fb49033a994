"""The search on texts: the supernet predicts the next word."""

import keras
import tensorflow as tf

from darts_tf import checks
from darts_tf import optimizers
from darts_tf.distribution import replicas
from darts_tf.models import language_loss
from darts_tf.models import language_model
from darts_tf.models import perplexity
from darts_tf.models import recurrent_supernet
from darts_tf.search.tasks import bilevel_data
from darts_tf.search.tasks import task
from darts_tf.search.tasks import token_arrays
from darts_tf.spaces import paper

_PAPER = paper.RecurrentSearch

_LARGEST = 2**31 - 1


class LanguageTask(task.Task):
    """Language modelling, with hidden states that go from batch to batch.

    The weights and the alphas each read a text of their own, with a hidden
    state of their own, which moves once in a step and restarts where the
    stream says that a text does. A batch is `(tokens, targets, is_first)`, as
    `darts_tf.data.text_streams` makes it.

    Args:
        sequence_length: Integer, the length of a piece of text at which the
            learning rate is the optimizer's. Defaults to `35`.
        slowness: Float, the factor of the slowness penalty in the loss of the
            weights. Defaults to `1e-3`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If a number is out of range.
    """

    supernet_class = recurrent_supernet.RecurrentSupernet
    arguments = ("sequence_length", "slowness")
    supernet_arguments = (
        "vocabulary_size",
        "units",
        "embedding_dim",
        "dropouts",
        "relaxation",
        "perturbation",
    )
    input_dtype = "int32"
    clips_virtual_step = True
    side_by_side = True  # two passes in three quarters of the time
    optimizes_graphs = True  # it makes the loop over time 5 % faster

    def __init__(self, sequence_length=35, slowness=1e-3, **kwargs):
        super().__init__(**kwargs)
        # Half a piece has at least two words, so that there is a change.
        self.sequence_length = checks.integer(
            sequence_length, "sequence_length", 4, _LARGEST
        )
        checks.not_negative(slowness, "slowness")
        self.slowness = slowness
        self.perplexity = perplexity.Perplexity(name="perplexity")
        self._hidden = {}

    def check_supernet(self, supernet):
        if not isinstance(supernet, language_model.LanguageModel):
            raise ValueError(
                "`supernet` of a recurrent space must be a subclass of "
                "darts_tf.models.LanguageModel, or of "
                "darts_tf.RecurrentSupernet, whose `run_cell` may be "
                f"overridden. Received: {type(supernet).__name__}"
            )

    def prepare(self, supernet, input_shape):
        batch_size = input_shape[0]
        if batch_size is None:
            raise ValueError(
                "The hidden states have a row for each row of a batch, so "
                "that its size must be known: (batch_size, None). "
                f"Received: input_shape={input_shape}"
            )
        shape, dtype = (batch_size, supernet.units), supernet.compute_dtype
        if self._hidden:
            given = self._hidden["weights"].shape
            if given != shape:
                raise ValueError(
                    "The hidden states have a row for each row of a batch: "
                    f"this search goes on with batches of {given[0]}. "
                    f"Received: batch_size={batch_size}"
                )
            return
        self._hidden = {
            stream: self.add_weight(
                name=f"hidden_{stream}",
                shape=shape,
                initializer="zeros",
                dtype=dtype,
                trainable=False,
                autocast=False,
                # All replicas have all rows, and use their own.
                aggregation="only_first_replica",
            )
            for stream in ("weights", "alphas")
        }
        # Of any number of rows, and no part of the search: it is not saved.
        self._evaluation_hidden = tf.Variable(
            tf.zeros(shape, dtype), False, shape=(None, supernet.units)
        )

    def check_optimizer(self, optimizer):
        if not isinstance(optimizer.learning_rate, keras.Variable):
            raise ValueError(
                "The learning rate is scaled by the length of each piece, so "
                "it must be a number, not a LearningRateSchedule; a callback "
                "can change it between epochs. "
                f"Received: optimizer={optimizer.name!r}"
            )

    def compile_options(self, supernet, loss, metrics, **kwargs):
        options = {"loss": loss, "metrics": metrics}
        for name in ("loss_weights", "weighted_metrics"):
            options[name] = kwargs.pop(name, None)
        if any(value is not None for value in options.values()):
            given = ", ".join(f"{k}={v}" for k, v in options.items())
            raise ValueError(
                "The search on texts has its own loss, cross-entropy with "
                "the slowness penalty, and shows the perplexity. "
                f"Received: {given}"
            )
        return kwargs

    def optimizers(self):
        return (
            optimizers.SGD(
                _PAPER.learning_rate,
                _PAPER.momentum,
                _PAPER.weight_decay,
                _PAPER.clipnorm,
            ),
            optimizers.Adam(
                _PAPER.alpha_learning_rate,
                beta_1=_PAPER.alpha_beta_1,
                coupled_weight_decay=_PAPER.alpha_weight_decay,
            ),
        )

    def callbacks(self, epochs):
        return []  # the learning rate stays

    def source(self, x, y, alpha_data, batch_size, weights):
        bilevel_data.refuse("texts", y=y, **weights)
        if bilevel_data.is_dataset(x):
            bilevel_data.refuse("a tf.data.Dataset", batch_size=batch_size)
            pairs = bilevel_data.DatasetPairs(x, alpha_data)
            token_arrays.check_streams(pairs.element_spec)
            return pairs
        return token_arrays.TokenArrays(
            x, alpha_data, batch_size, self.sequence_length
        )

    def evaluation_data(self, supernet, data):
        if data is None or isinstance(data, tf.data.Dataset):
            return data
        return token_arrays.evaluation(
            data, self.sequence_length, supernet.vocabulary_size
        )

    def carried(self, stream):
        return [self._hidden[stream]]

    def train_loss(self, model, batch, carried):
        loss, *others = self._loss(model, batch, carried, self.slowness)
        return replicas.share(loss), *others

    def validation_loss(self, model, batch, carried):
        loss, *others = self._loss(model, batch, carried, 0.0)
        return replicas.share(loss), *others

    def _loss(self, model, batch, carried, slowness, training=True):
        tokens, targets, is_first = batch
        (state,) = carried
        state = tf.where(is_first, tf.zeros_like(state), state)
        hidden = model.supernet.hidden(tokens, state, training=training)
        cross_entropy, loss = language_loss.language_losses(
            model.supernet, hidden, targets, slowness
        )
        return loss, cross_entropy, [hidden["state"]]

    def learning_rate_scale(self, batch):
        length = keras.ops.shape(batch[0])[1]
        return tf.cast(length, "float32") / self.sequence_length

    def update_metrics(self, model, batch, predictions):
        num_words = tf.size(batch[1])
        self.perplexity.update_state(predictions, num_words)
        return model.get_metrics_result()

    def test_step(self, model, data):
        tokens, targets, is_first = data
        # A new text may have another number of rows.
        state = tf.cond(
            is_first,
            lambda: model.supernet.initial_state(tf.shape(tokens)[0]),
            lambda: tf.identity(self._evaluation_hidden),
        )
        loss, cross_entropy, (state,) = self._loss(
            model, data, [state], 0.0, training=False
        )
        self._evaluation_hidden.assign(state)
        num_words = tf.size(targets)
        for metric in model.metrics:
            if metric.name == "loss":
                metric.update_state(loss, num_words)
        return self.update_metrics(model, data, cross_entropy)
