"""One execution of a trial: search, train for a short time, measure."""

import keras
import numpy as np

from darts_tf.models import counting
from darts_tf.search import search_log as search_callbacks
from darts_tf.spaces import computation
from darts_tf.tuner import execution as execution_lib

_NO_METRICS = ("seed", "architecture")
# From the seed of a trial to another one that no trial has.
_FAR = 2**40
_MOST_REPEATS = 1000


def run(
    tuner,
    trial,
    hp,
    execution,
    before,
    x,
    y,
    validation_data,
    epochs,
    callbacks,
    verbose,
    say,
):
    """Does what is left of an execution.

    Args:
        tuner: The `darts_tf.DartsTuner`.
        trial: The `keras_tuner` trial.
        hp: `keras_tuner.HyperParameters`, with the seed of the execution.
        execution: The `Execution`.
        before: Optional `Execution` whose search this one continues.
        x: Training data.
        y: Labels, or `None`.
        validation_data: The data that scores.
        epochs: Integer, the epochs of a whole search.
        callbacks: List of Keras callbacks of this execution.
        verbose: As in `keras.Model.fit`.
        say: Callable that is given what is done next, as a string.

    Returns:
        A dictionary of numbers.

    Raises:
        ValueError: If the execution was begun with other hyperparameters, or
            the hypermodel asks for one that was not declared.
    """
    if execution.metrics is None:
        execution.begin(hp.values)
        if execution.genotype is None:
            # With the values of this trial, and before its long search.
            tuner.hypermodel.check_data(hp, x, y, validation_data)
            tuner.hypermodel.check_network(hp)
            _find(
                tuner,
                trial,
                hp,
                execution,
                before,
                epochs,
                callbacks,
                say,
                x=x,
                y=y,
                verbose=verbose,
            )
        metrics = _score(
            tuner.hypermodel,
            hp,
            execution,
            say,
            x=x,
            y=y,
            validation_data=validation_data,
            verbose=verbose,
        )
        _check_declared(hp, trial.hyperparameters)
        execution.save_metrics(metrics)
    return {
        name: value
        for name, value in execution.metrics.items()
        if name not in _NO_METRICS
    }


def _find(
    tuner,
    trial,
    hp,
    execution,
    before,
    epochs,
    callbacks,
    say,
    **fit_arguments,
):
    """Searches for a genotype, or draws one, and keeps it."""
    hypermodel = tuner.hypermodel
    if hp.get("architecture") == "random":
        say("drawing a random cell")
        genotype = _draw_another(tuner, trial, hp.get("seed"))
        execution.save_genotype(genotype, {})
        return
    last_epoch = hp.values.get("tuner/epochs", epochs)  # Hyperband's
    if last_epoch > epochs:
        raise ValueError(
            "`epochs` is the length of the learning-rate schedule and must "
            "reach the `max_epochs` of the oracle. Received: "
            f"epochs={epochs}, where a trial wants {last_epoch}"
        )
    path, initial_epoch = execution.checkpoint("search")
    if path is None and before is not None:
        path, initial_epoch = before.checkpoint("search")
    say(f"searching, {_epochs(initial_epoch, last_epoch)}")
    model = _prepare(path, hp.get("seed"), hypermodel.build, hp)
    _check_declared(hp, trial.hyperparameters)
    execution.forget_log_after(initial_epoch)
    remembered = execution.callback_state("search")
    # Callbacks may do something at the end, also if no epoch is left.
    if initial_epoch < last_epoch or remembered is not None:
        hypermodel.fit(
            hp,
            model,
            epochs=last_epoch,
            initial_epoch=initial_epoch,
            total_epochs=epochs,
            callbacks=[
                *callbacks,
                search_callbacks.SearchLog(execution.log_folder),
                _TunerHooks(tuner, trial),
                execution_lib.SaveEachEpoch(execution, "search", callbacks),
            ],
            **fit_arguments,
        )
    alphas = [keras.ops.convert_to_numpy(v) for v in model.alphas]
    execution.save_genotype(
        model.genotype(),
        dict(zip(hypermodel.space.cell_types, alphas, strict=True)),
    )


def _draw_another(tuner, trial, seed):
    """Draws a cell that computes something else than those of other trials."""
    known = {
        computation.key(genotype)
        for other in tuner.oracle.trials.values()
        if other.trial_id != trial.trial_id
        for genotype in tuner.genotypes_of(other.trial_id)
    }
    space = tuner.hypermodel.space
    for repeat in range(_MOST_REPEATS):
        # The first draw is the one that the seed stands for.
        genotype = space.random_genotype(seed + repeat * _FAR)
        if computation.key(genotype) not in known:
            break
    return genotype


def _epochs(done, last):
    """Returns in words which epochs come."""
    if done >= last:
        return "no epoch is left"
    if done:
        return f"from epoch {done + 1} of {last}"
    return f"{last} epoch{'s' if last > 1 else ''}"


def _score(hypermodel, hp, execution, say, **fit_arguments):
    """Trains the network of the genotype for a short time; measures it."""
    known = hypermodel.known_metrics(execution.genotype)
    if known is not None:
        say("looking the cell up")
    path, initial_epoch = execution.checkpoint("network")
    epochs = hp.values.get("retrain_epochs")
    text = "" if epochs is None else f", {_epochs(initial_epoch, epochs)}"
    if known is None:
        say(f"training the cell{text}")
    network = _prepare(
        path,
        hp.get("seed"),
        hypermodel.build_network,
        hp,
        execution.genotype,
    )
    if known is None:
        metrics = hypermodel.fit_network(
            hp,
            network,
            initial_epoch=initial_epoch,
            callbacks=[execution_lib.SaveEachEpoch(execution, "network")],
            **fit_arguments,
        )
    else:
        metrics = known
        if not network.built:
            network.build((None, *np.shape(fit_arguments["x"])[1:]))
    seconds = {
        f"{name}_seconds": execution.seconds(name)
        for name in ("search", "network")
    }
    return {
        **metrics,
        "parameters": counting.count_parameters(
            network, include_auxiliary=False
        ),
        **hypermodel.network_sizes(network),
        **seconds,
        "seconds": sum(seconds.values()),
        "seed": hp.get("seed"),
        "architecture": hp.get("architecture"),
    }


def _prepare(path, seed, build, *args):
    """Returns the saved model, or a new one that the seed decides."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    return build(*args) if path is None else execution_lib.load_model(path)


def _check_declared(hp, declared):
    """Raises an error for a hyperparameter that would never be tuned."""
    names = {parameter.name for parameter in declared.space}
    new = [p.name for p in hp.space if p.name not in names]
    if new:
        raise ValueError(
            "A hypermodel declares its hyperparameters in "
            "`declare_hyperparameters`; those of `build` come too late. "
            f"Received: {new[0]!r}"
        )


class _TunerHooks(keras.callbacks.Callback):
    """Calls the tuner's public hooks, which a subclass may override."""

    def __init__(self, tuner, trial):
        super().__init__()
        self.tuner = tuner
        self.trial = trial

    def on_epoch_begin(self, epoch, logs=None):
        """Calls the tuner's hook."""
        self.tuner.on_epoch_begin(self.trial, self.model, epoch, logs)

    def on_batch_begin(self, batch, logs=None):
        """Calls the tuner's hook."""
        self.tuner.on_batch_begin(self.trial, self.model, batch, logs)

    def on_batch_end(self, batch, logs=None):
        """Calls the tuner's hook."""
        self.tuner.on_batch_end(self.trial, self.model, batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        """Calls the tuner's hook."""
        self.tuner.on_epoch_end(self.trial, self.model, epoch, logs)
