"""What the commands that search have in common: the run and its files."""

import dataclasses
import time

from trainers import device
from trainers import from_search
from trainers import late
from trainers import method_options
from trainers import options
from trainers import report
from trainers import resumable
from trainers import stopping
from trainers import strategies
from trainers import workdir

with late.imports():
    import darts_tf
    from darts_tf import visualize
    from darts_tf.distribution import replicas
    from darts_tf.files import json_file
    from trainers import draw_cell
    from trainers import expected_time
    from trainers import progress

# Written out, as they are checked before TensorFlow is imported.
GUARDS = ("none", "warn", "stop", "return")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """Options of everything that searches."""

    hypergradient: str = options.option(
        "first_order, finite_difference or exact.", "finite_difference"
    )
    alpha_learning_rate: float = options.option("Of the alphas (Adam).")
    intra_op_threads: int | None = options.option(
        "Processor threads that take an operation together; none is one for "
        "each core. With 1 the cores take operations side by side, on 2 cores "
        "up to twice as fast.",
        1,
    )


@dataclasses.dataclass(frozen=True)
class SearchOptions(
    method_options.RobustOptions,
    MethodOptions,
    strategies.StrategyOption,
    resumable.RunOptions,
):
    """Options of a single search."""

    workdir: str = options.option(
        "Folder for everything that is found: new, or of a stopped run."
    )
    _: dataclasses.KW_ONLY
    xi: float | None = options.option(
        "Length of the virtual step; none is the current learning rate.", None
    )
    momentum: float = options.option("Of the network weights.")
    weight_decay: float = options.option("Of the network weights.")
    clipnorm: float = options.option(
        "Largest norm of the gradient of the network weights."
    )
    alpha_weight_decay: float = options.option("Of the alphas.")
    collapse_guard: str = options.option(
        "Against collapse to skip connections: none, warn, stop, or return "
        "(stop and take the alphas of the last epoch without a sign of it).",
        "warn",
    )
    eigenvalue_every: int | None = options.option(
        "Epochs between two measurements of the eigenvalue that the guard "
        "watches; none leaves it out.",
        5,
    )


def check(config, *names):
    """Raises an error for an option of a search that is out of range.

    Args:
        config: The config of a search.
        *names: The names of its own numbers that must be positive.

    Raises:
        ValueError: If a number is below 1, the guard or the strategy is
            unknown, or a batch cannot be taken in parts of `micro_batch`.
    """
    options.check_positive(
        config,
        "epochs",
        "steps_per_epoch",
        "batch_size",
        "checkpoint_every",
        "eigenvalue_every",
        "intra_op_threads",
        *names,
    )
    method_options.check(config)
    options.check_choice(config, "collapse_guard", GUARDS)
    options.check_choice(config, "strategy", strategies.NAMES)
    size = config.micro_batch
    if size is not None and (size < 1 or config.batch_size % size):
        raise ValueError(
            "`micro_batch` must be positive and divide `batch_size`. Received: "
            f"micro_batch={size}, batch_size={config.batch_size}"
        )


def search(
    model, pairs_from, config, steps_per_epoch, title, *callbacks, data=None
):
    """Searches, with all that is found in a folder, and prints the cell.

    Args:
        model: A `darts_tf.DartsSearchModel`, built and compiled.
        pairs_from: Callable from the number of a step to the endless data set
            of pairs of batches that begins there.
        config: A config with `workdir`, `epochs`, `hypergradient`,
            `checkpoint_every` and the options of the guard.
        steps_per_epoch: Integer.
        title: String, what is searched on.
        *callbacks: Keras callbacks that come before the log.
        data: Optional dictionary that describes the data, for `data.json`,
            which the training of the cell and the report read. Defaults to
            `None`, no such file.

    Returns:
        The `darts_tf.Genotype` that was found.

    Raises:
        ValueError: If the folder is that of a run with other options.
        OSError: If the folder cannot be made, or holds something else, or a
            file cannot be written; it says what is saved.
        FloatingPointError: If the search diverges; the cell so far is kept.
    """
    writes = replicas.is_chief(model.distribute_strategy)
    folder, finished = resumable.open_folder(config, model.distribute_strategy)
    if finished:
        return darts_tf.Genotype.load(folder / "genotype.json")
    parameters = darts_tf.count_parameters(model)
    if writes and data is not None:
        json_file.write(folder / from_search.DATA_FILE, data)
    print(
        f"{device.start_line()}\n{title}.\n{steps_per_epoch} steps an epoch, "
        f"{parameters:,} parameters, hypergradient {config.hypergradient}. "
        f"Results go to {folder}.",
        flush=True,
    )
    guards = _guards(config, pairs_from)
    resume = darts_tf.ExactResume(folder, config.checkpoint_every, guards)
    start = resume.restore(model, steps_per_epoch)
    resumable.say_where(start)
    measures = guards and config.eigenvalue_every
    watch = progress.Progress(start, every=measures or None)
    began = time.perf_counter()
    try:
        with (
            resumable.saying_what_is_saved(resume),
            stopping.after_the_step(watch.step_line),
            progress.unless_part_of(expected_time.of_a_processor),
        ):
            model.fit(
                pairs_from,
                epochs=config.epochs,
                steps_per_epoch=steps_per_epoch,
                callbacks=[
                    *callbacks,
                    *guards,
                    darts_tf.SearchLog(
                        folder,
                        visualize.search_pictures,
                        options.to_json(config),
                    ),
                    *(
                        [draw_cell.DrawCell(model, folder / "cell.svg")]
                        if writes
                        else []
                    ),
                    watch,
                    resume,
                ],
                verbose=watch.verbose,
            )
    except (KeyboardInterrupt, FloatingPointError) as error:
        # The files of the last epoch are there; these alphas are younger.
        if writes:
            model.genotype().save(folder / "genotype.json")
        print(f"\n{model.genotype().to_text()}")
        print(f"\nThe cell so far, which is in {folder}/genotype.json.")
        if isinstance(error, KeyboardInterrupt):
            resumable.say_how_to_go_on(error)
        raise
    genotype = model.genotype()
    print(f"\n{genotype}\n\n{genotype.to_text()}\n")
    print("How sure each choice is (op weight, and margin to the second best):")
    for choice in model.explain():
        print(f"  {_sentence(choice)}")
    if writes:
        genotype.save(folder / "genotype.json")
        json_file.write(
            folder / workdir.METRICS_FILE,
            {
                "parameters": parameters,
                "search_seconds": round(time.perf_counter() - began, 1),
                **resume.history[-1],
                **expected_time.of_next_training(folder),
            },
        )
        report.finish(folder)
    replicas.wait(model.distribute_strategy)
    return genotype


def _guards(config, pairs_from):
    """Returns the guard against collapse, if there is to be one."""
    if config.collapse_guard == "none":
        return []
    batch = None
    if config.eigenvalue_every is not None:
        _, batch = next(iter(pairs_from(0)))
    return [
        darts_tf.CollapseGuard(
            config.collapse_guard,
            alpha_batch=batch,
            eigenvalue_every=config.eigenvalue_every or 1,
        )
    ]


def _sentence(choice):
    text = (
        f"{choice.cell_type:9} {choice.source} -> {choice.node}: "
        f"{choice.primitive:12} {choice.op_weight:.3f}"
    )
    if choice.runner_up is None:
        return text
    return f"{text}, {choice.margin:.3f} before {choice.runner_up}"
