"""Resumes a training exactly, at whichever step it was stopped."""

import contextlib
import pathlib

import keras
import tensorflow as tf

from darts_tf.callbacks import callback_state
from darts_tf.callbacks import checkpoint
from darts_tf.callbacks import run_options
from darts_tf.callbacks import stop_signals
from darts_tf.distribution import replicas
from darts_tf.files import atomic_file

CHECKPOINT_FILE = "checkpoint.npz"


class Stopped(KeyboardInterrupt):
    """Raised when a signal has stopped a training, after its state was saved.

    Args:
        signal_number: Integer, such as `signal.SIGTERM`.
        step: Integer, the number of steps that were taken in all.

    Example:

    >>> str(darts_tf.callbacks.Stopped(signal_number=15, step=7))
    'stopped after step 7, which is saved'
    """

    def __init__(self, signal_number, step):
        super().__init__(f"stopped after step {step}, which is saved")
        self.signal_number = signal_number
        self.step = step


class ExactResume(keras.callbacks.Callback):
    """Saves a training as it goes on, and takes it up again at the same step.

    The state is that of the model (weights, alphas, batch statistics, hidden
    states, random generators), of its optimizers with their learning rates, of
    the metrics of a half epoch, of the other callbacks, and whether one of them
    has ended the training; the position in the data is the number of the step.
    It is saved every few steps and after each epoch, in `checkpoint.npz`; the
    one before is kept beside it, and is used if the last one is damaged. The
    run that went on is that which was never stopped: with
    `tf.config.experimental.enable_op_determinism()` to the last bit.

    `DartsSearchModel.fit` goes on by itself where it finds this callback. With
    any other Keras model, call `restore` with the other callbacks, and begin
    the data at the step that it returns; the data must be endless,
    `steps_per_epoch` given. The callback is the last of the list, so that what
    the others do is in what it saves.

    A callback has a state if it has an attribute `variables`, a list of
    variables, such as `darts_tf.CollapseGuard`; or two methods, `get_state()`
    and `set_state(state)`, of a state of numbers, strings, arrays, and lists
    and dictionaries of them; or is `EarlyStopping`, `ReduceLROnPlateau` or
    `ModelCheckpoint` of Keras.

    The steps of the epoch that were taken before the stop are passed over
    without data; the other callbacks see them, and their state and that of the
    model is then set to what was saved.

    SIGTERM and Ctrl-C finish the step, save, and raise `Stopped`, which is a
    `KeyboardInterrupt`; a second one acts at once.

    With several workers, the chief writes and all read, so that all must see
    the folder. A signal to one of them stops all, after the same step.

    Args:
        directory: String or path, an existing folder.
        every: Optional positive integer, steps between two checkpoints.
            Defaults to `None`: after each epoch only.
        callbacks: Sequence of callbacks of the same `fit` that have a state.
            Those that `DartsSearchModel.fit` or `restore` gets need not be
            given here. Defaults to `()`.

    Raises:
        NotADirectoryError: If the folder does not exist.
        ValueError: If `every` is not positive; in `restore` and `fit`, if the
            checkpoint is of another run, or not the same for all workers.
        OSError: In `fit`, if the state cannot be saved, or another worker has
            ended.

    Example:

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> model = darts_tf.DartsSearchModel(
    ...     darts_tf.SearchSpace.conv(["none", "skip_connect"], num_nodes=1),
    ...     "first_order", num_classes=2, filters=2, num_cells=3,
    ... )
    >>> x, y = np.zeros((16, 8, 8, 1)), np.arange(16) % 2
    >>> resume = darts_tf.ExactResume(folder.name, every=1)
    >>> history = model.fit(x, y, batch_size=4, callbacks=[resume], verbose=0)
    >>> resume.step
    2
    >>> folder.cleanup()
    """

    def __init__(self, directory, every=None, callbacks=()):
        super().__init__()
        self.path = pathlib.Path(directory) / CHECKPOINT_FILE
        if not self.path.parent.is_dir():
            raise NotADirectoryError(
                "`directory` must be an existing folder. "
                f"Received: directory={str(directory)!r}"
            )
        if every is not None and not every >= 1:
            raise ValueError(
                "`every` must be a positive number of steps. "
                f"Received: every={every}"
            )
        self.every = every
        self.callbacks = tuple(callbacks)
        self.step = 0
        self.history = []
        self._ready_for = None
        self._asked = stop_signals.StopSignals()
        self._train_function = self._wrapper = None

    def restore(self, model, steps_per_epoch, callbacks=()):
        """Sets a model to the last checkpoint, if there is one.

        Args:
            model: A Keras model, built and compiled.
            steps_per_epoch: Integer, the steps in an epoch.
            callbacks: Sequence of the callbacks of the coming `fit`; those with
                a state go on, too. Defaults to `()`.

        Returns:
            Integer, the number of steps that are done: where the data is to
            begin. 0 in a new run.

        Raises:
            ValueError: If the checkpoint is of another run, or the workers
                have different ones.
        """
        if not (model.built and model.compiled):
            raise ValueError(
                "The model must be built and compiled. Received: "
                f"built={model.built}, compiled={model.compiled}"
            )
        self.release()  # what a `fit` has left that died by an exception
        self._states = callback_state.CallbackState(
            [
                *self.callbacks,
                *(c for c in callbacks if c not in self.callbacks),
            ],
            model,
        )
        self._strategy = model.distribute_strategy
        self._configuration = run_options.describe(model, steps_per_epoch)
        self._groups = _groups(model, self._states)
        self._arrays = None
        if replicas.is_chief(self._strategy):
            atomic_file.remove_leftovers(self.path.parent)
        info = {"epoch": 0, "batch": 0, "step": 0, "history": []}
        try:
            self._arrays, info = checkpoint.load(
                self.path, self._groups, self._configuration
            )
            checkpoint.assign(self._groups, self._arrays)
        except FileNotFoundError:
            pass
        self.step, self.history = info["step"], info["history"]
        self._check_common_step()
        self._epoch, self._batch = info["epoch"], info["batch"]
        self._skip, self._metrics = self._batch, info.get("metrics")
        self._values = info.get("callbacks", {})
        self._stopped = info.get("stop_training", False)
        self._steps_per_epoch = steps_per_epoch
        self._ready_for = model
        return self.step

    def on_train_begin(self, logs=None):
        """Makes `fit` begin in the epoch that was stopped."""
        model = self.model
        if self._wrapper is not None:
            self.release()
        steps = self.params.get("steps")
        if model.steps_per_execution != 1:
            raise ValueError(
                "Each step can be the last one, so `steps_per_execution` must "
                f"be 1. Received: {model.steps_per_execution}"
            )
        if self._ready_for is not model and self.restore(model, steps):
            raise ValueError(
                "There is a checkpoint of this run: call `restore` before "
                "`fit`, and begin the data at the step that it returns. "
                f"Received: {str(self.path)!r} at step {self.step}"
            )
        if steps != self._steps_per_epoch:
            raise ValueError(
                "The steps in an epoch must be those of `restore`, "
                f"{self._steps_per_epoch}. Received: steps_per_epoch={steps}"
            )
        self._restore_callbacks()  # what they forget as `fit` begins
        model._initial_epoch = self._epoch or None
        if self._stopped and not self._skip:
            model._initial_epoch = self.params["epochs"]  # no epoch follows
        self._signals = replicas.joined(self._strategy, lambda number: [number])
        self._wrap_train_function()
        self._asked.begin(model)

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the epoch."""
        self.model._initial_epoch = None  # or a later `fit` would begin there
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Saves, if it is time or if a signal has come."""
        if self._skip:
            self._skip -= 1
            self.model.stop_training = not self._skip and self._stopped
            if not self._skip:  # undoes what other callbacks did meanwhile
                checkpoint.assign(self._groups, self._arrays)
                self._restore_callbacks()
                self._arrays = None
        else:
            self.step += 1
            self._batch = batch + 1
            self._share_signal()
            if self._asked.number or (
                self.every and self.step % self.every == 0
            ):
                self._save()
            self._stop_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        """Saves, with the figures of the epoch."""
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        self.history = [*self.history, {"epoch": epoch + 1, **numbers}]
        self._epoch, self._batch = epoch + 1, 0
        self._share_signal()
        self._save()
        self._stop_if_asked()

    def on_train_end(self, logs=None):
        """Completes the history that `fit` returns."""
        self.release()
        history = self.model.history
        history.epoch = [line["epoch"] - 1 for line in self.history]
        history.history = {}
        for line in self.history:
            for name, value in line.items():
                if name != "epoch":
                    history.history.setdefault(name, []).append(value)

    def release(self):
        """Takes back what it has done to a model and to this process.

        It does so by itself where `fit` comes to its end, or a step or a save
        fails. Call it where another callback may have raised an exception, of
        which Keras tells nobody; else the next `fit` does.
        """
        self._asked.end()
        if self._wrapper is None:
            return
        self._ready_for = None
        self.model._initial_epoch = None
        if self.model.train_function is self._wrapper:
            self.model.train_function = self._train_function
        self._train_function = self._wrapper = None

    def _save(self):
        metrics = replicas.joined(
            self._strategy,
            lambda: [v.value for v in self.model.metrics_variables],
        )()
        info = {
            "epoch": self._epoch,
            "batch": self._batch,
            "step": self.step,
            "metrics": [values.tolist() for values in metrics],
            "history": self.history,
            "stop_training": bool(self.model.stop_training),
        }
        if not replicas.is_chief(self._strategy):
            return
        # Variables can be new since the first step, as the optimizer's are.
        self._groups = _groups(self.model, self._states)
        try:
            info["callbacks"] = self._states.get()
            checkpoint.save(self.path, self._groups, info, self._configuration)
        except (OSError, ValueError):
            self.release()
            raise

    def _restore_callbacks(self):
        if self._arrays is not None:
            names = {"callbacks": self._groups["callbacks"]}
            checkpoint.assign(names, self._arrays)
        self._states.set(self._values)

    def _wrap_train_function(self):
        wrapped_by = getattr(self.model.train_function, "resume", None)
        if wrapped_by is not None:  # and died in `fit`
            wrapped_by.release()
        step = self._train_function = self.model.train_function

        def train_function(iterator):
            if self._skip:
                return self._pass_over(iterator)
            try:
                with replicas.meeting(self._strategy):
                    return step(iterator)
            except BaseException:
                self.release()
                raise

        train_function.resume = self
        self.model.train_function = self._wrapper = train_function

    def _pass_over(self, iterator):
        """Returns the figures of a step that was taken before the stop."""
        if self._metrics is not None:
            if len(self.model.metrics_variables) != len(self._metrics):
                _make_metrics(self.model, iterator)
            replicas.assign_rows(
                self._strategy, self.model.metrics_variables, self._metrics
            )
            self._metrics = None
            self._figures = self.model.get_metrics_result()
        return dict(self._figures)

    def _check_common_step(self):
        """Raises an error if the workers go on from different steps."""
        (steps,) = replicas.joined(
            self._strategy, lambda: [tf.constant(self.step)]
        )()
        if len(set(steps.tolist())) > 1:
            raise ValueError(
                "All workers must see the same folder, and the same checkpoint "
                f"in it. Received: {str(self.path)!r}, where they are at the "
                f"steps {steps.tolist()}"
            )

    def _share_signal(self):
        """Lets a signal to one of the workers stop all at the same step."""
        if replicas.has_workers(self._strategy):
            (numbers,) = self._signals(tf.constant(self._asked.number or 0))
            self._asked.number = int(numbers.max()) or None

    def _stop_if_asked(self):
        if self._asked.number:
            self.release()
            raise Stopped(self._asked.number, self.step)


def find(callbacks):
    """Returns the `ExactResume` in a list of callbacks, or `None`.

    Args:
        callbacks: Sequence of callbacks.

    Returns:
        An `ExactResume` or `None`.

    Raises:
        ValueError: If it is not the last one.
    """
    found = [c for c in callbacks if isinstance(c, ExactResume)]
    if found and callbacks[-1] is not found[0]:
        raise ValueError(
            "ExactResume must be the last callback, so that what the others "
            f"do is in what it saves. Received: {callbacks}"
        )
    return found[0] if found else None


@contextlib.contextmanager
def released(callbacks):
    """Takes back, after a `with` block, what an `ExactResume` has done.

    Keras does not call `on_train_end` where a `fit` ends by an exception.

    Args:
        callbacks: List of Keras callbacks.

    Yields:
        Nothing.
    """
    try:
        yield
    finally:
        resume = find(callbacks)
        if resume is not None:
            resume.release()


def _make_metrics(model, iterator):
    """Makes the variables of metrics, as Keras does while it traces a step."""

    def step(iterator):
        return model.distribute_strategy.run(
            model.train_step, args=(iterator.get_next(),)
        )

    tf.function(step, autograph=False).get_concrete_function(iterator)


def _groups(model, states):
    groups = {"model": model.variables}
    for name, optimizer in run_options.optimizers(model):
        if not optimizer.built:
            with model.distribute_strategy.scope():
                optimizer.build(model.trainable_variables)
        groups[name] = optimizer.variables
    groups["callbacks"] = states.variables
    return groups
