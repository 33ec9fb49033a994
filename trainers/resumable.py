"""Runs of the commands that can be stopped and go on: the folder, the fit."""

import contextlib
import dataclasses
import errno
import pathlib
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Sequence
from typing import Any

from trainers import late
from trainers import options
from trainers import report
from trainers import stopping
from trainers import strategies
from trainers import workdir

with late.imports():
    import darts_tf
    from darts_tf.callbacks import checkpoint
    from darts_tf.distribution import replicas
    from darts_tf.files import atomic_file
    from darts_tf.files import json_file
    from darts_tf.visualize import run_folder
    from darts_tf.visualize import run_report
    from trainers import expected_time
    from trainers import progress

GENOTYPE_FILE = "genotype.json"


@dataclasses.dataclass(frozen=True)
class WorkdirOption:
    """The option of a run that is its folder."""

    workdir: str = options.option(
        "Folder for everything that comes out: new, or of a stopped run."
    )


@dataclasses.dataclass(frozen=True)
class RunOptions(WorkdirOption):
    """Options of a run that can be stopped and go on."""

    _: dataclasses.KW_ONLY
    steps_per_epoch: int | None = options.option(
        "Steps in an epoch; none is a whole pass.", None
    )
    checkpoint_every: int | None = options.option(
        "Steps between two checkpoints; none saves after each epoch only.", 500
    )
    seed: int = options.option("Seeds Python, NumPy, TensorFlow and data.", 0)


def open_folder(config: Any, strategy: Any) -> tuple[pathlib.Path, bool]:
    """Makes or finds the folder of a run.

    Of several workers, the chief makes it, and the others wait for that. A
    run that was killed between its metrics and its report gets the report.

    Args:
        config: A config with `workdir`.
        strategy: The `tf.distribute.Strategy` of the run.

    Returns:
        The folder, and whether the run there has come to its end; then that
        is said.

    Raises:
        ValueError: If the run there is one with other options.
        OSError: If there is something else in it, or it cannot be made.
    """
    chief = replicas.is_chief(strategy)
    if not chief:
        replicas.wait(strategy)
    folder = workdir.create_or_resume(config.workdir, options.to_json(config))
    finished = (folder / workdir.METRICS_FILE).exists()
    completed = chief and finished and complete(folder)
    if chief:
        replicas.wait(strategy)
    if completed:
        print(f"The run in {folder} was finished but for its report.")
    elif finished:
        print(f"The run in {folder} is finished; nothing is changed.")
    return folder, finished


def complete(folder: pathlib.Path) -> bool:
    """Writes the report of a run that was killed just before it.

    Args:
        folder: Path, the folder of a run that has its metrics.

    Returns:
        Whether there was something to write. A folder of several runs has no
        report of its own.
    """
    if not (folder / GENOTYPE_FILE).exists() or all(
        (folder / name).exists()
        for name in (run_folder.ENVIRONMENT_FILE, run_report.REPORT_FILE)
    ):
        return False
    report.finish(folder)
    return True


def keep_genotype(folder: pathlib.Path, genotype: Any, strategy: Any) -> None:
    """Writes the genotype of a run to its folder, or finds it there.

    Args:
        folder: Path, the folder of the run.
        genotype: A `darts_tf.Genotype`.
        strategy: The `tf.distribute.Strategy` of the run.

    Raises:
        ValueError: If the run was begun with another one, whose matrices may
            only happen to fit.
    """
    path = folder / GENOTYPE_FILE
    if path.exists() and darts_tf.Genotype.load(path) != genotype:
        raise ValueError(
            "A run goes on with the genotype it was begun with, that of "
            f"{str(path)!r}. Received: genotype={genotype}"
        )
    if replicas.is_chief(strategy):
        genotype.save(path)


def fit(
    model: Any,
    batches_from: Callable[[int], Any],
    steps: int,
    epochs: int,
    callbacks: Sequence[Any],
    **kwargs: Any,
) -> None:
    """Trains a model, from where the last run in a folder was stopped.

    Args:
        model: A Keras model, built and compiled.
        batches_from: Callable from the number of a step to an endless data set
            that begins there.
        steps: Integer, the steps in an epoch.
        epochs: Integer, the number of epochs in all.
        callbacks: Keras callbacks, of which the last is a
            `darts_tf.ExactResume`.
        **kwargs: Further arguments of `fit`.

    Raises:
        ValueError: If the checkpoint in the folder is of another network.
        OSError: If a file cannot be written; it says what is saved.
        darts_tf.callbacks.Stopped: If a signal came; the state is saved.
    """
    *others, resume = callbacks
    start = resume.restore(model, steps, others)
    say_where(start)
    watch = progress.Progress(start)
    try:
        with (
            saying_what_is_saved(resume),
            stopping.after_the_step(watch.step_line),
            progress.unless_part_of(expected_time.of_a_processor),
        ):
            model.fit(
                strategies.read_by_all(batches_from(start)),
                epochs=epochs,
                steps_per_epoch=steps,
                shuffle=False,
                callbacks=[*others, watch, resume],
                verbose=watch.verbose,
                **kwargs,
            )
    except KeyboardInterrupt as error:
        say_how_to_go_on(error)
        raise
    finally:
        resume.release()


def finish(folder: pathlib.Path, network: Any, metrics: Any) -> None:
    """Writes what a training ends with; of several workers, the chief does.

    Args:
        folder: Path, the folder of the run.
        network: The trained Keras model, saved as `network.keras`.
        metrics: Dictionary of figures, for `metrics.json`.
    """
    if replicas.is_chief(network.distribute_strategy):
        save_network(network, folder / "network.keras")
        json_file.write(folder / workdir.METRICS_FILE, metrics)
        report.finish(folder)
    replicas.wait(network.distribute_strategy)


def save_network(network: Any, path: pathlib.Path) -> None:
    """Saves a network, whole or not at all.

    Args:
        network: A Keras model.
        path: Path, a file `.keras`.

    Raises:
        OSError: If the file cannot be written.
    """
    with atomic_file.replacing(path) as temporary:
        try:
            network.save(temporary)
        # What h5py raises for some failures of the disk.
        except RuntimeError as error:
            raise OSError(errno.EIO, str(error)) from error


@contextlib.contextmanager
def saying_what_is_saved(resume: Any) -> Generator[None]:
    """Makes an error of the disk in a fit say what is saved.

    Args:
        resume: The `darts_tf.ExactResume` of the fit.

    Yields:
        Nothing.

    Raises:
        OSError: What was raised in the block, with a sentence more.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:  # no file: another worker is lost
            raise
        path = resume.path
        saved = (
            "has the last checkpoint, from which the same command goes on"
            if path.exists() or checkpoint.previous(path).exists()
            else "has no checkpoint yet; the same command starts again"
        )
        raise OSError(
            error.errno,
            f"{error.strerror or error}. The folder {str(path.parent)!r} "
            f"{saved}",
        ) from error


def say_where(step: int) -> None:
    """Prints at which step a run goes on, if it does."""
    if step:
        print(f"Going on after step {step}.", flush=True)


def say_how_to_go_on(error: KeyboardInterrupt) -> None:
    """Prints what is saved, and how to go on."""
    step = (
        f"after step {error.step}, which is saved"
        if isinstance(error, darts_tf.callbacks.Stopped)
        else "before the end of a step"
    )
    print(f"\nStopped {step}. The same command goes on.", flush=True)
