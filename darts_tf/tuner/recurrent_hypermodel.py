"""How recurrent cells are searched and scored."""

import keras_tuner
import numpy as np
import tensorflow as tf

from darts_tf import checks
from darts_tf import optimizers
from darts_tf.data import text_streams
from darts_tf.layers import inputs
from darts_tf.models import recurrent_network
from darts_tf.models import stateful_language_model
from darts_tf.search import search_model
from darts_tf.search.tasks import token_arrays
from darts_tf.spaces import paper
from darts_tf.tuner import hypermodel

_SEARCH, _TRAINING = paper.RecurrentSearch, paper.RecurrentTraining
_MANY = 2**31 - 1
_DIRECTIONS = {"val_perplexity": "min", "val_loss": "min"}


class RecurrentHyperModel(hypermodel.DartsHyperModel):
    """How recurrent cells are searched and scored.

    The training text is cut in two: the network weights learn on its beginning
    and the alphas on its end. The language model of the genotype is trained on
    the beginning only and measured on the validation text, so nothing that
    chose the cell also scores it.

    Hyperparameters, with their values unless declared otherwise: of the
    search `hypergradient` ("finite_difference"), `xi` ("learning_rate", the
    current one), `learning_rate` (20), `weight_decay` (5e-7),
    `alpha_learning_rate` (3e-3), `alpha_weight_decay` (1e-3), `batch_size`
    (256) and `units` (300); of the network `network_units` (850),
    `retrain_epochs` (300), `retrain_batch_size` (64), `retrain_learning_rate`
    (20) and `retrain_weight_decay` (8e-7); and `sequence_length` (35) and
    `seed` (0).

    Args:
        space: String `"recurrent"`, or a recurrent `darts_tf.SearchSpace`.
            Defaults to `"recurrent"`.
        vocabulary_size: Optional integer, at least 2, the number of words.
            Defaults to `None`: a tuner takes the largest id in the training
            and validation text and 1.
        dropouts: Optional dictionary of rates, as
            `darts_tf.RecurrentSupernet` and `darts_tf.RecurrentNetwork` take.
            Defaults to `None`, the paper's for either.
        alpha_fraction: Float in (0, 1), the part of the training text that is
            for the alphas. Defaults to `0.1`.

    Raises:
        ValueError: If the space is not recurrent, or a number out of range.

    Example:

    >>> hypermodel = darts_tf.RecurrentHyperModel(vocabulary_size=20)
    >>> import keras_tuner
    >>> hp = keras_tuner.HyperParameters()
    >>> hypermodel.declare_hyperparameters(hp)
    >>> hp.get("units"), hp.get("network_units")
    (300, 850)

    Reference:
        Sections 3.1.2 and 3.2 and Appendix A.1.2 of the DARTS paper,
        arXiv:1806.09055.
    """

    # Differs from the reference: there the alphas learn on the validation
    # text, which then also chooses among the cells.

    def __init__(
        self,
        space="recurrent",
        vocabulary_size=None,
        dropouts=None,
        alpha_fraction=0.1,
    ):
        space = hypermodel.resolve_space(space, "recurrent")
        if not 0 < alpha_fraction < 1:
            raise ValueError(
                "`alpha_fraction` must be inside (0, 1). "
                f"Received: alpha_fraction={alpha_fraction}"
            )
        super().__init__(
            space,
            {
                "learning_rate": _SEARCH.learning_rate,
                "weight_decay": _SEARCH.weight_decay,
                "alpha_learning_rate": _SEARCH.alpha_learning_rate,
                "alpha_weight_decay": _SEARCH.alpha_weight_decay,
                "batch_size": _SEARCH.batch_size,
                "units": _SEARCH.units,
                "sequence_length": _SEARCH.sequence_length,
                "network_units": _TRAINING.units,
                "retrain_epochs": paper.Protocol.short_epochs_of_texts,
                "retrain_batch_size": _TRAINING.batch_size,
                "retrain_learning_rate": _TRAINING.learning_rate,
                "retrain_weight_decay": _TRAINING.weight_decay,
            },
        )
        self.vocabulary_size = self.size_given(
            "vocabulary_size", vocabulary_size
        )
        self.dropouts = dropouts
        self.alpha_fraction = alpha_fraction

    def get_config(self):
        """Returns what makes the results of two searches comparable."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dropouts": self.dropouts,
            "alpha_fraction": self.alpha_fraction,
        }

    @property
    def objective(self):
        """The objective unless another one is given."""
        return keras_tuner.Objective("val_perplexity", "min")

    @property
    def directions(self):
        """Dictionary from metrics to `"min"` or `"max"`, which is better."""
        return _DIRECTIONS

    def measured_metrics(self, hp):
        """Returns the names of the metrics that a network gets.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            Collection of strings; `None`, not known, in a subclass with a
            `build_network` or `fit_network` of its own.
        """
        kind = type(self)
        if (
            kind.build_network is not RecurrentHyperModel.build_network
            or kind.fit_network is not RecurrentHyperModel.fit_network
        ):
            return None
        return _DIRECTIONS

    def prepare_data(self, x, y, validation_data):
        """Returns arrays, and the number of words in them.

        Args:
            x: Integer array of shape `(tokens,)`, or a finite
                `tf.data.Dataset` of the ids of words, one by one or in pieces.
            y: `None`.
            validation_data: As `x`.

        Returns:
            A tuple `(x, y, validation_data)`, and a dictionary with
            `vocabulary_size`.

        Raises:
            ValueError: If a data set holds something else.
        """
        texts = [_as_text(text) for text in (x, validation_data)]
        largest = [
            int(text.max())
            for text in map(np.asarray, texts)
            if text.dtype.kind in "iu" and text.size
        ]
        found = self.size_found("vocabulary_size", max([1, *largest]) + 1)
        return (texts[0], y, texts[1]), found

    def check_network(self, hp):
        """Raises an error, before the search, for a network that cannot be.

        Args:
            hp: `keras_tuner.HyperParameters` of a trial.
        """
        checks.integer(hp.get("retrain_epochs"), "retrain_epochs", 1, _MANY)
        self.build_network(hp, self.space.random_genotype(0))

    def check_data(self, hp, x, y, validation_data):
        """Raises an error if a search on this data could not end well.

        Args:
            hp: `keras_tuner.HyperParameters`.
            x: Integer array of shape `(tokens,)`.
            y: `None`.
            validation_data: Integer array of shape `(tokens,)`.

        Raises:
            ValueError: If they are no such texts, too short, or hold ids that
                are no words.
        """
        if y is not None or validation_data is None:
            raise ValueError(
                "A text has no labels, and another text, `validation_data`, "
                "scores the cells. Received: "
                f"y of {type(y)}, validation_data of {type(validation_data)}"
            )
        length = hp.get("sequence_length")
        token_arrays.evaluation(validation_data, length)
        train, alpha = self._parts(x)
        token_arrays.TokenArrays(train, alpha, hp.get("batch_size"), length)
        text_streams.steps_per_epoch(
            len(train), hp.get("retrain_batch_size"), length
        )
        for tokens in (x, validation_data):
            inputs.check_vocabulary(
                tokens, self.given_or_found("vocabulary_size")
            )

    def build(self, hp):
        """Returns the search model of a trial, compiled.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            A `darts_tf.DartsSearchModel`.
        """
        model = search_model.DartsSearchModel(
            self.space,
            **self.method(hp),
            vocabulary_size=self.given_or_found("vocabulary_size"),
            units=hp.get("units"),
            dropouts=self.dropouts,
            sequence_length=hp.get("sequence_length"),
        )
        model.compile(
            optimizers.SGD(
                hp.get("learning_rate"),
                _SEARCH.momentum,
                hp.get("weight_decay"),
                _SEARCH.clipnorm,
            ),
            optimizers.Adam(
                hp.get("alpha_learning_rate"),
                beta_1=_SEARCH.alpha_beta_1,
                coupled_weight_decay=hp.get("alpha_weight_decay"),
            ),
        )
        return model

    def fit(
        self,
        hp,
        model,
        x,
        y=None,
        total_epochs=None,
        callbacks=(),
        **kwargs,
    ):
        """Searches.

        Args:
            hp: `keras_tuner.HyperParameters`.
            model: A `darts_tf.DartsSearchModel`.
            x: Integer array of shape `(tokens,)`.
            y: `None`.
            total_epochs: Without effect: the learning rate stays. Defaults to
                `None`.
            callbacks: List of Keras callbacks. Defaults to `()`.
            **kwargs: Keyword arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.
        """
        train, alpha = self._parts(x)
        return model.fit(
            train,
            alpha_data=alpha,
            batch_size=hp.get("batch_size"),
            callbacks=list(callbacks),
            **kwargs,
        )

    def build_network(self, hp, genotype):
        """Returns the language model of a genotype, compiled.

        Args:
            hp: `keras_tuner.HyperParameters`.
            genotype: A `darts_tf.Genotype`.

        Returns:
            A `darts_tf.StatefulLanguageModel` around a
            `darts_tf.RecurrentNetwork`.
        """
        network = stateful_language_model.StatefulLanguageModel(
            recurrent_network.RecurrentNetwork(
                genotype,
                self.given_or_found("vocabulary_size"),
                hp.get("network_units"),
                dropouts=self.dropouts,
                seed=hp.get("seed"),
            ),
            hp.get("retrain_batch_size"),
            _TRAINING.evaluation_batch_size,
            sequence_length=hp.get("sequence_length"),
        )
        network.compile(
            optimizers.SGD(
                hp.get("retrain_learning_rate"),
                _TRAINING.momentum,
                hp.get("retrain_weight_decay"),
                _TRAINING.clipnorm,
            ),
            jit_compile=False,
        )
        network.build()
        return network

    def fit_network(
        self,
        hp,
        network,
        x,
        y=None,
        validation_data=None,
        initial_epoch=0,
        callbacks=(),
        **kwargs,
    ):
        """Trains the network on the weights' text and measures it.

        Args:
            hp: `keras_tuner.HyperParameters`.
            network: What `build_network` returned.
            x: Integer array of shape `(tokens,)`.
            y: `None`.
            validation_data: Integer array of shape `(tokens,)`.
            initial_epoch: Integer, the epoch at which to go on. Defaults to
                `0`.
            callbacks: List of Keras callbacks. Defaults to `()`.
            **kwargs: Keyword arguments of `keras.Model.fit`.

        Returns:
            A dictionary of floats: `val_loss` and `val_perplexity` after the
            last epoch.
        """
        batch_size = hp.get("retrain_batch_size")
        train, _ = self._parts(x)
        length = hp.get("sequence_length")
        epochs = hp.get("retrain_epochs")
        steps = text_streams.steps_per_epoch(len(train), batch_size, length)
        if initial_epoch < epochs:
            network.fit(
                text_streams.sequences(
                    train,
                    batch_size,
                    length,
                    hp.get("seed"),
                    initial_epoch * steps,
                ),
                epochs=epochs,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps,
                callbacks=list(callbacks),
                shuffle=False,
                **kwargs,
            )
        return hypermodel.validation_metrics(
            network,
            text_streams.evaluation(
                np.asarray(validation_data),
                _TRAINING.evaluation_batch_size,
                length,
            ),
        )

    def _parts(self, tokens):
        """Returns the text for the weights and the text for the alphas."""
        tokens = np.asarray(tokens)
        end = round(len(tokens) * (1 - self.alpha_fraction))
        return tokens[:end], tokens[end:]


def _as_text(tokens):
    """Returns the ids of a data set as an array; an array as it is."""
    if not isinstance(tokens, tf.data.Dataset):
        return tokens
    spec = tokens.element_spec
    if (
        not isinstance(spec, tf.TensorSpec)
        or spec.shape.rank not in (0, 1)
        or not spec.dtype.is_integer
        or int(tokens.cardinality()) == tf.data.INFINITE_CARDINALITY
    ):
        raise ValueError(
            "Expected an integer array of the ids of words, or a finite "
            "tf.data.Dataset of them, one by one or in pieces. "
            f"Received: elements of {spec}"
        )
    pieces = [np.atleast_1d(piece) for piece in tokens.as_numpy_iterator()]
    return np.concatenate(pieces or [np.zeros(0, "int64")])
