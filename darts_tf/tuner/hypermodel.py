"""What one trial does: how it searches, and how it scores what it found."""

import keras_tuner

from darts_tf import checks
from darts_tf.search.tasks import registry

_MANY = 2**31 - 1
_CELLS = {"conv": "convolutional", "recurrent": "recurrent"}


def resolve_space(space, kind):
    """Returns the space of a hypermodel.

    Args:
        space: String or `darts_tf.SearchSpace`.
        kind: String, `"conv"` or `"recurrent"`, what it must be.

    Returns:
        A `darts_tf.SearchSpace`.

    Raises:
        ValueError: If it is of the other kind, or none.
    """
    space = registry.resolve_space(space)
    if space.kind != kind:
        raise ValueError(
            f"`space` must be one of {_CELLS[kind]} cells. "
            f"Received: space={space}"
        )
    return space


def validation_metrics(network, data):
    """Returns the metrics of a network on validation data.

    Args:
        network: A compiled network.
        data: A `tf.data.Dataset`, as `keras.Model.evaluate` takes it.

    Returns:
        A dictionary of floats whose names begin with `val_`.
    """
    measured = network.evaluate(data, return_dict=True, verbose=0)
    return {f"val_{name}": float(v) for name, v in measured.items()}


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

    Example:

    >>> class OtherOptimizer(darts_tf.ConvHyperModel):
    ...     def build(self, hp):
    ...         model = super().build(hp)
    ...         model.compile(model.optimizer, keras.optimizers.Adam(1e-3))
    ...         return model
    >>> isinstance(OtherOptimizer(), darts_tf.tuner.DartsHyperModel)
    True
    """

    def __init__(self, space, defaults):
        super().__init__()
        self.space = space
        self.found = {}  # of the arguments, what `prepare_data` found
        self.reading = {}  # where a tuner keeps a data set that is large
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

    @property
    def directions(self):
        """Dictionary from metrics to `"min"` or `"max"`, which is better."""
        return {}

    def measured_metrics(self, hp):
        """Returns the names of the metrics that a network gets.

        With them a tuner refuses another objective before the first search.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            Collection of strings, what `fit_network` and `network_sizes`
            return. `None` says that it is not known: the objective is then
            looked for after the first search.
        """
        return None

    def known_metrics(self, genotype):
        """Returns the metrics of a cell that need no training.

        Args:
            genotype: A `darts_tf.Genotype`.

        Returns:
            A dictionary; `None` if its network has to be trained.
        """
        return None

    def prepare_data(self, x, y, validation_data):
        """Returns the data as the other methods take them.

        Args:
            x: What `DartsTuner.search` got.
            y: What `DartsTuner.search` got.
            validation_data: What `DartsTuner.search` got.

        Returns:
            A tuple `(x, y, validation_data)`, and a dictionary of the
            arguments of the hypermodel that are found in the data.
        """
        return (x, y, validation_data), {}

    def size_given(self, name, number):
        """Returns a size of the data that the user gave, or `None`.

        Args:
            name: String, `"num_classes"` or `"vocabulary_size"`.
            number: Integer; or `None`, so that it is found in the data.

        Returns:
            Integer or `None`.

        Raises:
            ValueError: If it is no integer, or below 2.
        """
        if number is None:
            return None
        return checks.integer(number, name, 2, _MANY)

    def size_found(self, name, number):
        """Keeps a size of the data that was found in them.

        Args:
            name: String, `"num_classes"` or `"vocabulary_size"`.
            number: Integer.

        Returns:
            A dictionary of the size that counts, as `prepare_data` returns it.
        """
        self.found = {name: number}
        return {name: self.given_or_found(name)}

    def given_or_found(self, name):
        """Returns an argument, or what `prepare_data` found in its place.

        Args:
            name: String, `"num_classes"` or `"vocabulary_size"`.

        Returns:
            Integer.

        Raises:
            ValueError: If there is neither.
        """
        number = getattr(self, name) or self.found.get(name)
        if number is None:
            raise ValueError(
                f"`{name}` is found in the data by `DartsTuner.search`; "
                "without a search it must be given to the hypermodel. "
                f"Received: {name}=None"
            )
        return number

    def check_network(self, hp):
        """Raises an error, before the search, for a network that cannot be.

        Args:
            hp: `keras_tuner.HyperParameters` of a trial.
        """

    def check_data(self, hp, x, y, validation_data):
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
