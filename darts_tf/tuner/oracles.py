"""What is tried next: the same search with other seeds, or random cells."""

import keras_tuner
import numpy as np

from darts_tf import checks


class RepeatedSearchOracle(keras_tuner.Oracle):
    """Runs the same search again and again, each time with another seed.

    The paper's protocol, and the oracle of `darts_tf.DartsTuner` unless it is
    given another one. Trial k has the seed `seed + k`. Hyperparameters that
    are not fixed are drawn at random. Unlike Keras Tuner's oracles it does not
    stop where no other values are left to try, and `seed=0` is a seed.

    Args:
        objective: String, or `keras_tuner.Objective`: what makes a trial
            better than another.
        max_trials: Integer, the number of searches. Defaults to `4`.
        seed: Integer, not negative, the seed of the first trial. Defaults to
            `0`.
        **kwargs: Keyword arguments of `keras_tuner.Oracle`, such as
            `hyperparameters`.

    Raises:
        ValueError: If the seed is not such an integer, or `hyperparameters`
            holds one, too.

    Example:

    >>> oracle = darts_tf.RepeatedSearchOracle("val_accuracy", max_trials=2)
    >>> oracle.populate_space("0")
    {'status': 'RUNNING', 'values': {'seed': 0}}

    Reference:
        Section 3.2 of the DARTS paper, arXiv:1806.09055: four searches with
        different seeds, the best cell by validation.
    """

    def __init__(self, objective, max_trials=4, seed=0, **kwargs):
        self.first_seed = checks.integer(seed, "seed", 0, 2**31 - 1)
        declared = kwargs.get("hyperparameters")
        if declared is not None and "seed" in declared:
            raise ValueError(
                "This oracle gives each trial a seed, from `seed` on. "
                f"Received: hyperparameters with seed={declared.get('seed')}"
            )
        # Keras Tuner takes 0 for "no seed"; none of its draws is used here.
        super().__init__(
            objective=objective,
            max_trials=max_trials,
            seed=self.first_seed + 1,
            **kwargs,
        )

    def populate_space(self, trial_id):
        """Returns the values of the next trial.

        Args:
            trial_id: String, the id of the trial.

        Returns:
            A dictionary with `"status"` and `"values"`, as Keras Tuner's.
        """
        seed = self.first_seed + len(self.trials)
        generator = np.random.default_rng(seed)
        space = keras_tuner.HyperParameters()
        for parameter in self.get_space().space:
            space.merge([parameter])
            drawn = parameter.random_sample(int(generator.integers(2**31)))
            if space.is_active(parameter):
                space.values[parameter.name] = drawn
        return {
            "status": "RUNNING",
            "values": {**space.values, "seed": seed},
        }


class RandomArchitectureOracle(RepeatedSearchOracle):
    """Draws cells at random instead of searching: the baseline of a search.

    Each trial draws one genotype of the space, all with equal probability, by
    the seed of the trial, and scores it like one that was found. A cell that
    computes the same as that of another trial is drawn again. What a search is
    worth is how much better its cells are than these.

    Args:
        objective: String, or `keras_tuner.Objective`.
        max_trials: Optional integer, the number of cells. `None` needs
            `max_seconds`. Defaults to `4`.
        seed: Integer, not negative, the seed of the first trial. Defaults to
            `0`.
        max_seconds: Optional float, the time that all trials together may
            take: no trial starts after it. With the time that searches took,
            the comparison is one of equal cost. Defaults to `None`, no limit.
        **kwargs: Keyword arguments of `keras_tuner.Oracle`.

    Raises:
        ValueError: If there is no limit at all, or the time is not positive.

    Example:

    >>> oracle = darts_tf.RandomArchitectureOracle("val_accuracy", seed=7)
    >>> oracle.populate_space("0")["values"]
    {'seed': 7, 'architecture': 'random'}

    Reference:
        The random search baseline of Tables 1 and 2 of the DARTS paper; Li and
        Talwalkar, arXiv:1902.07638.
    """

    def __init__(
        self, objective, max_trials=4, seed=0, max_seconds=None, **kwargs
    ):
        if max_trials is None and max_seconds is None:
            raise ValueError(
                "The number of random cells must have a limit. "
                "Received: max_trials=None, max_seconds=None"
            )
        if max_seconds is not None:
            checks.positive(max_seconds, "max_seconds")
        super().__init__(objective, max_trials, seed, **kwargs)
        self.max_seconds = max_seconds

    def populate_space(self, trial_id):
        """Returns the values of the next trial, or stops.

        Args:
            trial_id: String, the id of the trial.

        Returns:
            A dictionary with `"status"` and `"values"`, as Keras Tuner's.
        """
        if self.max_seconds is not None:
            spent = sum(
                trial.metrics.get_best_value("seconds")
                for trial in self.trials.values()
                if trial.metrics.exists("seconds")
            )
            if spent >= self.max_seconds:
                return {"status": "STOPPED", "values": None}
        response = super().populate_space(trial_id)
        response["values"]["architecture"] = "random"
        return response
