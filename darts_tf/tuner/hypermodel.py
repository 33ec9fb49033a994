"""What one trial does: how it searches, and how it scores what it found."""

import keras
import keras_tuner
import numpy as np

from darts_tf.data import image_classification
from darts_tf.data import splitting
from darts_tf.data import streams
from darts_tf.models import conv_network
from darts_tf.models import counting
from darts_tf.search import optimizers
from darts_tf.search import schedules
from darts_tf.search import search_model
from darts_tf.search import supernets

_BATCH_SIZE = 64  # the paper's


class DartsHyperModel(keras_tuner.HyperModel):
    """How a `darts_tf.DartsTuner` makes, searches and scores; for one space.

    A Keras Tuner hypermodel with two halves: `build` and `fit` make a search
    model and search with it; `build_network` and `fit_network` make the
    network of the genotype that came out, train it for a short time and
    measure it. A subclass says how for one kind of space; a subclass of your
    own changes any of them.

    Every number of the protocol is a hyperparameter with the paper's value:
    `declare_hyperparameters` fixes those that the user did not declare before.

    Args:
        space: A `darts_tf.SearchSpace`.
        defaults: Dictionary of hyperparameter names and their values.
    """

    def __init__(self, space, defaults):
        super().__init__()
        self.space = space
        self.defaults = {
            "architecture": "searched",  # or "random", the baseline
            "seed": 0,
            "hypergradient": "finite_difference",
            "xi": "learning_rate",  # the current one; or a number
            **defaults,
        }

    def declare_hyperparameters(self, hp):
        """Fixes each hyperparameter that `hp` does not hold yet.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Raises:
            ValueError: If `hp` holds a name that nothing reads.
        """
        present = {parameter.name for parameter in hp.space}
        unknown = sorted(present - set(self.defaults))
        if unknown:
            raise ValueError(
                f"The hyperparameters are {sorted(self.defaults)}. "
                f"Received: {unknown[0]!r}"
            )
        for name, value in self.defaults.items():
            if name not in present:
                hp.Fixed(name, value)
        possible = {
            p.name: (p, () if hasattr(p, "min_value") else p.values)
            for p in hp.space
        }
        xi, values = possible["xi"]
        if (
            "first_order" in possible["hypergradient"][1]
            and not xi.conditions
            and tuple(values) != ("learning_rate",)
        ):
            raise ValueError(
                "`xi` has no effect in the first order; declare it within "
                "`hp.conditional_scope('hypergradient', ...)` of the other "
                f"methods. Received: {xi}"
            )

    def get_config(self):
        """Returns what makes the results of two searches comparable."""
        return {
            "hypermodel": type(self).__name__,
            "space": self.space.get_config(),
        }

    @property
    def objective(self):
        """The objective unless another one is given."""
        raise NotImplementedError

    def check_data(self, x, y, validation_data, batch_size):
        """Raises an error if a search on this data could not end well."""
        raise NotImplementedError

    def build_network(self, hp, genotype):
        """Returns the compiled network of a genotype."""
        raise NotImplementedError

    def fit_network(self, hp, network, x, y, validation_data, **kwargs):
        """Trains the network for a short time and returns its metrics."""
        raise NotImplementedError

    def network_sizes(self, network):
        """Returns a dictionary of sizes beside the number of parameters."""
        return {}

    def method(self, hp):
        """Returns how the hypergradient is computed in a trial.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            A dictionary of arguments of `darts_tf.DartsSearchModel`.
        """
        xi = hp.get("xi") if "xi" in hp else "learning_rate"
        return {
            "hypergradient": hp.get("hypergradient"),
            "xi": None if xi == "learning_rate" else xi,
            "seed": hp.get("seed"),
        }


class ConvHyperModel(DartsHyperModel):
    """How convolutional cells are searched and scored.

    The training images are halved, with equal shares of each class, by the
    seed of the trial: the network weights learn on one half and the alphas on
    the other, as in `darts_tf.DartsSearchModel`. The network of the genotype
    is trained on the first half only and measured on the validation data, so
    nothing that chose the cell also scores it.

    Hyperparameters, with their values unless declared otherwise: of the
    search `hypergradient` ("finite_difference"), `xi` ("learning_rate", the
    current one), `learning_rate` (0.025), `weight_decay` (3e-4),
    `alpha_learning_rate` (3e-4), `alpha_weight_decay` (1e-3), `num_cells` (8)
    and `filters` (16); of the network `network_num_cells` (20),
    `network_filters` (36), `retrain_epochs` (100), `retrain_learning_rate`
    (0.025) and `drop_path_rate` (0.2); and `seed` (0).

    Args:
        space: String `"conv"`, or a convolutional `darts_tf.SearchSpace`.
            Defaults to `"conv"`.
        num_classes: Integer. Defaults to `10`.
        transform: Optional callable `transform(batch, seed)`, the augmentation
            of all training batches, such as
            `darts_tf.data.augmentation.training_transform`. Defaults to
            `None`.
        evaluation_transform: Optional callable `transform(batch)` of the
            validation batches. Defaults to `None`.

    Raises:
        ValueError: If the space is not convolutional.

    Example:

    >>> hypermodel = darts_tf.ConvHyperModel(num_classes=2)
    >>> hp = keras_tuner.HyperParameters()
    >>> hp.Float("xi", 0.0, 0.05)
    0.0
    >>> hypermodel.declare_hyperparameters(hp)
    >>> hp.get("xi"), hp.get("alpha_learning_rate")
    (0.0, 0.0003)

    Reference:
        Section 3.2 and Appendix A.1.1 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        space="conv",
        num_classes=10,
        transform=None,
        evaluation_transform=None,
    ):
        space = supernets.resolve_space(space)
        if space.kind != "conv":
            raise ValueError(
                "`space` must be one of convolutional cells. "
                f"Received: space={space}"
            )
        super().__init__(
            space,
            {
                "learning_rate": 0.025,
                "weight_decay": 3e-4,
                "alpha_learning_rate": 3e-4,
                "alpha_weight_decay": 1e-3,
                "num_cells": 8,
                "filters": 16,
                "network_num_cells": 20,
                "network_filters": 36,
                "retrain_epochs": 100,
                "retrain_learning_rate": 0.025,
                "drop_path_rate": 0.2,
            },
        )
        self.num_classes = num_classes
        self.transform = transform
        self.evaluation_transform = evaluation_transform

    def get_config(self):
        """Returns what makes the results of two searches comparable."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "transformed": self.transform is not None,
        }

    @property
    def objective(self):
        """The objective unless another one is given."""
        return "val_accuracy"

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

    def check_data(self, x, y, validation_data, batch_size):
        """Raises an error if a search on this data could not end well.

        Args:
            x: Array of images.
            y: Array of integer labels.
            validation_data: Tuple of such arrays.
            batch_size: Optional integer.

        Raises:
            ValueError: If the arrays are not labelled images, or too few.
        """
        if validation_data is None:
            raise ValueError(
                "`validation_data` must be images and labels that the search "
                "does not see: they score the cells. "
                "Received: validation_data=None"
            )
        for images, labels in ((x, y), validation_data):
            image_classification.check_images(images, labels, self.num_classes)
        streams.steps_per_epoch(len(y) // 2, batch_size or _BATCH_SIZE)

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
            num_classes=self.num_classes,
            filters=hp.get("filters"),
            num_cells=hp.get("num_cells"),
        )
        model.compile(
            optimizers.SGD(
                hp.get("learning_rate"),
                coupled_weight_decay=hp.get("weight_decay"),
                global_clipnorm=5.0,
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
        batch_size=None,
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
            batch_size: Optional integer. Defaults to `None`, 64.
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
        batch_size = batch_size or _BATCH_SIZE
        train, alpha = self._halves(hp, x, y)
        steps = streams.steps_per_epoch(len(train[1]), batch_size)
        pairs = streams.paired(
            train,
            alpha,
            batch_size,
            seed=hp.get("seed"),
            start_step=initial_epoch * steps,
            transform=self.transform,
        )
        schedule = schedules.CosineDecay(
            hp.get("learning_rate"), 0.001, total_epochs or epochs
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
            self.num_classes,
            hp.get("network_filters"),
            hp.get("network_num_cells"),
        )
        network.compile(
            optimizers.SGD(
                hp.get("retrain_learning_rate"),
                coupled_weight_decay=3e-4,
                global_clipnorm=5.0,
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
        batch_size=None,
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
            batch_size: Optional integer. Defaults to `None`, 64.
            initial_epoch: Integer, the epoch at which to go on. Defaults to
                `0`.
            callbacks: List of Keras callbacks. Defaults to `()`.
            **kwargs: Keyword arguments of `keras.Model.fit`.

        Returns:
            A dictionary of floats: `val_loss` and `val_accuracy` after the
            last epoch.
        """
        batch_size = batch_size or _BATCH_SIZE
        train, _ = self._halves(hp, x, y)
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
                    transform=self.transform,
                ),
                epochs=epochs,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps,
                callbacks=[
                    schedules.CosineDecay(
                        hp.get("retrain_learning_rate"), 0.0, epochs
                    ),
                    conv_network.LinearDropPath(
                        hp.get("drop_path_rate"), epochs
                    ),
                    *callbacks,
                ],
                shuffle=False,
                **kwargs,
            )
        measured = network.evaluate(
            streams.sequential(
                _as_batches(*validation_data),
                batch_size,
                self.evaluation_transform,
            ),
            return_dict=True,
            verbose=0,
        )
        return {f"val_{name}": float(v) for name, v in measured.items()}

    def _halves(self, hp, x, y):
        """Returns the half for the weights and the half for the alphas."""
        x, y = _as_batches(x, y)
        parts = splitting.split_indices(y, seed=hp.get("seed"))
        return tuple((x[part], y[part]) for part in parts)


def _as_batches(x, y):
    """Returns arrays; floats in the precision that the networks take."""
    x = np.asarray(x)
    if np.issubdtype(x.dtype, np.floating):
        x = x.astype("float32", copy=False)
    return x, np.asarray(y)
