"""How convolutional cells are searched and scored."""

import keras
import numpy as np

from darts_tf import optimizers
from darts_tf.callbacks import linear_drop_path
from darts_tf.callbacks import schedules
from darts_tf.data import streams
from darts_tf.models import conv_layout
from darts_tf.models import conv_network
from darts_tf.models import counting
from darts_tf.search import search_model
from darts_tf.spaces import paper
from darts_tf.tuner import hypermodel
from darts_tf.tuner import labelled_images
from darts_tf.tuner import objectives

_SEARCH, _TRAINING = paper.ConvSearch, paper.ConvTraining
_DIRECTIONS = {"val_accuracy": "max", "val_loss": "min", "multiply_adds": "min"}


class ConvHyperModel(hypermodel.DartsHyperModel):
    """How convolutional cells are searched and scored.

    The training images are halved, with equal shares of each class, by the
    seed of the trial: the network weights learn on one half and the alphas on
    the other, as in `darts_tf.DartsSearchModel`. The network of the genotype
    is trained on the first half only and measured on the validation data, so
    nothing that chose the cell also scores it.

    Hyperparameters, with their values unless declared otherwise: of the
    search `hypergradient` ("finite_difference"), `xi` ("learning_rate", the
    current one), `learning_rate` (0.025), `weight_decay` (3e-4),
    `alpha_learning_rate` (3e-4), `alpha_weight_decay` (1e-3), `batch_size`
    (64), `num_cells` (8) and `filters` (16); of the network
    `network_num_cells` (20), `network_filters` (36), `retrain_epochs` (100),
    `retrain_batch_size` (96), `retrain_learning_rate` (0.025) and
    `drop_path_rate` (0.2); and `seed` (0).

    Args:
        space: String `"conv"`, or a convolutional `darts_tf.SearchSpace`.
            Defaults to `"conv"`.
        num_classes: Optional integer, at least 2, the outputs of the networks.
            Defaults to `None`: a tuner takes the columns of one-hot labels, or
            the largest label of the training and validation data and 1.
        transform: Optional callable `transform(batch, seed)`, the augmentation
            of all training batches, such as
            `darts_tf.data.augmentation.training_transform`. Defaults to
            `None`.
        evaluation_transform: Optional callable `transform(batch)` of the
            validation batches. Defaults to `None`.
        results: Optional `darts_tf.spaces.result_table.ResultTable` of
            accuracies in percent, by which cells are judged: no network is
            trained then. Defaults to `None`.

    Raises:
        ValueError: If the space is not convolutional, or the number of classes
            no such integer.

    Example:

    >>> hypermodel = darts_tf.ConvHyperModel(num_classes=2)
    >>> import keras_tuner
    >>> hp = keras_tuner.HyperParameters()
    >>> hp.Float("xi", 0.0, 0.05)
    0.0
    >>> hypermodel.declare_hyperparameters(hp)
    >>> hp.get("xi"), hp.get("alpha_learning_rate")
    (0.0, 0.0003)

    Reference:
        Sections 3.1.1 and 3.2 and Appendix A.1.1 of the DARTS paper,
        arXiv:1806.09055.
    """

    def __init__(
        self,
        space="conv",
        num_classes=None,
        transform=None,
        evaluation_transform=None,
        results=None,
    ):
        space = hypermodel.resolve_space(space, "conv")
        super().__init__(
            space,
            {
                "learning_rate": _SEARCH.learning_rate,
                "weight_decay": _SEARCH.weight_decay,
                "alpha_learning_rate": _SEARCH.alpha_learning_rate,
                "alpha_weight_decay": _SEARCH.alpha_weight_decay,
                "batch_size": _SEARCH.batch_size,
                **_sizes(space),
                "retrain_epochs": paper.Protocol.short_epochs,
                "retrain_batch_size": _TRAINING.batch_size,
                "retrain_learning_rate": _TRAINING.learning_rate,
                "drop_path_rate": _TRAINING.drop_path_rate,
            },
        )
        self.num_classes = self.size_given("num_classes", num_classes)
        self.transform = transform
        self.evaluation_transform = evaluation_transform
        self.results = results

    def get_config(self):
        """Returns what makes the results of two searches comparable."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "transformed": self.transform is not None,
            **({"judged_by": "results"} if self.results is not None else {}),
        }

    @property
    def objective(self):
        """The objective unless another one is given."""
        return "val_accuracy"

    @property
    def directions(self):
        """Dictionary from metrics to `"min"` or `"max"`, which is better."""
        return _DIRECTIONS

    def measured_metrics(self, hp):
        """Returns the names of the metrics that a network gets.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            Collection of strings; in a subclass with a `build_network` of its
            own those that it compiles; `None`, not known, in one with a
            `fit_network` of its own.
        """
        kind = type(self)
        if kind.fit_network is not ConvHyperModel.fit_network:
            return None
        if kind.build_network is ConvHyperModel.build_network:
            return _DIRECTIONS
        small = hp.copy()
        small.values.update(network_num_cells=3, network_filters=1)
        self.found = {"num_classes": 2}  # until the data are seen
        network = self.build_network(small, self.space.random_genotype(0))
        compiled = objectives.compiled_metrics(
            network, self.given_or_found("num_classes")
        )
        self.found = {}
        return compiled and {*compiled, "multiply_adds"}

    def known_metrics(self, genotype):
        """Returns what the table says about a cell, if there is a table.

        Args:
            genotype: A `darts_tf.Genotype`.

        Returns:
            A dictionary, or `None`.

        Raises:
            ValueError: If the table does not have the cell.
        """
        if self.results is None:
            return None
        return {"val_accuracy": self.results.result(genotype) / 100}

    def prepare_data(self, x, y, validation_data):
        """Returns arrays, and the number of classes in them.

        Args:
            x: Array of images, or a data set of images and labels, as
                `DartsTuner.search` takes it.
            y: Labels with an array: integers or one-hot.
            validation_data: Tuple of such arrays, or such a data set. `None`
                holds out a fifth of each class of the training data.

        Returns:
            A tuple `(x, y, validation_data)` of arrays with integer labels,
            and a dictionary with `num_classes`.

        Raises:
            TypeError: If they are something else.
            ValueError: If they are not labelled images, or have another number
                of classes than `num_classes`.
        """
        data, number = labelled_images.prepare(
            x, y, validation_data, self.num_classes, **self.reading
        )
        return data, self.size_found("num_classes", number)

    def check_network(self, hp):
        """Raises an error, before the search, for a network that cannot be.

        Args:
            hp: `keras_tuner.HyperParameters` of a trial.
        """
        linear_drop_path.LinearDropPath(
            hp.get("drop_path_rate"), hp.get("retrain_epochs")
        )
        self.build_network(hp, self.space.random_genotype(0))

    def network_sizes(self, network):
        """Returns the multiply-adds, unless an operation is unknown.

        Args:
            network: A built network.

        Returns:
            A dictionary.
        """
        try:
            return {"multiply_adds": counting.count_multiply_adds(network)}
        except ValueError:  # An operation of the user's own.
            return {}

    def check_data(self, hp, x, y, validation_data):
        """Raises an error if a search on this data could not end well.

        Args:
            hp: `keras_tuner.HyperParameters`.
            x: Array of images.
            y: Array of integer labels.
            validation_data: Tuple of such arrays.

        Raises:
            ValueError: If the arrays are not labelled images, or too few.
        """
        labelled_images.check(
            (x, y),
            validation_data,
            self.given_or_found("num_classes"),
            same_shape=self.evaluation_transform is None,
        )
        for name in ("batch_size", "retrain_batch_size"):
            streams.steps_per_epoch(len(y) // 2, hp.get(name))

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
            num_classes=self.given_or_found("num_classes"),
            filters=hp.get("filters"),
            num_cells=hp.get("num_cells"),
        )
        model.compile(
            optimizers.SGD(
                hp.get("learning_rate"),
                coupled_weight_decay=hp.get("weight_decay"),
                global_clipnorm=_SEARCH.clipnorm,
            ),
            optimizers.Adam(
                hp.get("alpha_learning_rate"),
                coupled_weight_decay=hp.get("alpha_weight_decay"),
            ),
        )
        return model

    def fit(
        self,
        hp,
        model,
        x,
        y,
        epochs=50,
        initial_epoch=0,
        total_epochs=None,
        callbacks=(),
        **kwargs,
    ):
        """Searches.

        Args:
            hp: `keras_tuner.HyperParameters`.
            model: A `darts_tf.DartsSearchModel`.
            x: Array of images.
            y: Array of integer labels.
            epochs: Integer, the epoch at which to stop. Defaults to `50`.
            initial_epoch: Integer, the epoch at which to go on. Defaults to
                `0`.
            total_epochs: Optional integer, the length of the learning-rate
                schedule. Defaults to `None`, `epochs`.
            callbacks: List of Keras callbacks. Defaults to `()`.
            **kwargs: Keyword arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.
        """
        batch_size = hp.get("batch_size")
        train, alpha = labelled_images.halves(x, y, hp.get("seed"))
        steps = streams.steps_per_epoch(len(train[1]), batch_size)
        pairs = streams.paired(
            train,
            alpha,
            batch_size,
            seed=hp.get("seed"),
            start_step=initial_epoch * steps,
            transform=labelled_images.as_floats(x, self.transform),
        )
        schedule = schedules.CosineDecay(
            hp.get("learning_rate"),
            _SEARCH.final_learning_rate,
            total_epochs or epochs,
        )
        return model.fit(
            pairs,
            epochs=epochs,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps,
            callbacks=[schedule, *callbacks],
            **kwargs,
        )

    def build_network(self, hp, genotype):
        """Returns the compiled network of a genotype.

        Args:
            hp: `keras_tuner.HyperParameters`.
            genotype: A `darts_tf.Genotype`.

        Returns:
            A `darts_tf.ConvNetwork`.
        """
        network = conv_network.ConvNetwork(
            genotype,
            self.given_or_found("num_classes"),
            hp.get("network_filters"),
            hp.get("network_num_cells"),
            skeleton=self.space.skeleton,
        )
        network.compile(
            optimizers.SGD(
                hp.get("retrain_learning_rate"),
                coupled_weight_decay=_TRAINING.weight_decay,
                global_clipnorm=_TRAINING.clipnorm,
            ),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return network

    def fit_network(
        self,
        hp,
        network,
        x,
        y,
        validation_data,
        initial_epoch=0,
        callbacks=(),
        **kwargs,
    ):
        """Trains the network on the weights' half and measures it.

        Args:
            hp: `keras_tuner.HyperParameters`.
            network: What `build_network` returned.
            x: Array of images.
            y: Array of integer labels.
            validation_data: Tuple of such arrays.
            initial_epoch: Integer, the epoch at which to go on. Defaults to
                `0`.
            callbacks: List of Keras callbacks. Defaults to `()`.
            **kwargs: Keyword arguments of `keras.Model.fit`.

        Returns:
            A dictionary of floats: `val_loss` and `val_accuracy` after the
            last epoch.
        """
        batch_size = hp.get("retrain_batch_size")
        train, _ = labelled_images.halves(x, y, hp.get("seed"))
        steps = streams.steps_per_epoch(len(train[1]), batch_size)
        epochs = hp.get("retrain_epochs")
        if not network.built:
            network.build((None, *np.shape(x)[1:]))
        if initial_epoch < epochs:
            network.fit(
                streams.batches(
                    train,
                    batch_size,
                    hp.get("seed"),
                    start_step=initial_epoch * steps,
                    transform=labelled_images.as_floats(x, self.transform),
                ),
                epochs=epochs,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps,
                callbacks=[
                    schedules.CosineDecay(
                        hp.get("retrain_learning_rate"),
                        _TRAINING.final_learning_rate,
                        epochs,
                    ),
                    linear_drop_path.LinearDropPath(
                        hp.get("drop_path_rate"), epochs
                    ),
                    *callbacks,
                ],
                shuffle=False,
                **kwargs,
            )
        return hypermodel.validation_metrics(
            network,
            streams.sequential(
                labelled_images.as_arrays(*validation_data),
                batch_size,
                labelled_images.as_floats(
                    validation_data[0], self.evaluation_transform
                ),
            ),
        )


def _sizes(space):
    """Returns the sizes of supernet and network unless they are declared."""
    sizes = {
        "num_cells": _SEARCH.num_cells,
        "filters": _SEARCH.filters,
        "network_num_cells": _TRAINING.num_cells,
        "network_filters": _TRAINING.filters,
    }
    if space.skeleton is not None:
        of_stages = conv_layout.STAGES
        sizes.update(
            num_cells=of_stages["num_cells"],
            filters=of_stages["filters"],
            network_num_cells=of_stages["num_cells"],
            network_filters=of_stages["filters"],
        )
    return sizes
