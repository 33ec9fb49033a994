"""What a run found, as one web page that opens without a network."""

import dataclasses
import math

from darts_tf.files import atomic_file
from darts_tf.spaces import discretization
from darts_tf.visualize import animation
from darts_tf.visualize import cells
from darts_tf.visualize import chart
from darts_tf.visualize import evaluation as evaluation_lib
from darts_tf.visualize import evaluation_report
from darts_tf.visualize import html_page
from darts_tf.visualize import next_steps
from darts_tf.visualize import op_weights as op_weights_lib
from darts_tf.visualize import run_folder
from darts_tf.visualize import summary

REPORT_FILE = "report.html"
# Of the figures of an epoch.
UNITS = {
    "accuracy": "share of images",
    "alpha eigenvalue": "",
    "eigenvalue": "",
    "entropy": "nats",
    "learning rate": "per step",
    "loss": "nats",
    "margin": "op weight",
    "seconds": "s",
    "skips": "operations",
    "top 5 accuracy": "share of images",
}


def write_report(directory, settings=None, versions=None):
    """Writes the report of a search, or of a training, to its folder.

    The report is one file, `report.html`. The search may be finished, stopped
    or still running. The page says at its top what was found, explains the cell
    edge by edge, and shows the curves of the losses and metrics, how the cell
    and its op weights changed over the epochs, and the size of the network of
    the cell. That of a training shows what the network takes for what, if an
    `Evaluation` was saved in the folder. The command `python -m
    trainers.report` writes the same page.

    Args:
        directory: String or path, the folder. That of a search holds what
            `darts_tf.SearchLog` writes. That of a training holds
            `genotype.json`, as `darts_tf.Genotype.save` writes it, and
            `history.jsonl`, as `darts_tf.callbacks.HistoryLog` writes it.
        settings: Optional dictionary from the names of the options of the run
            to their values, for a table. `"dataset"` and `"epochs"` are named
            in the title too. Defaults to `None`: `config.json` in the folder,
            which the commands write, or no table.
        versions: Optional dictionary from names to versions, of what the run
            ran on, such as `darts_tf.environment.versions()`. Defaults to
            `None`: `environment.json` in the folder, which the commands write,
            or no table.

    Returns:
        The path of the page, a `pathlib.Path`.

    Raises:
        NotADirectoryError: If the folder does not exist.
        ValueError: If the folder is not that of a run, or a file in it is
            damaged; the message names the file and the line.
        OSError: If a file cannot be read, or the page cannot be written.

    Example:

    After a search with `callbacks=[darts_tf.SearchLog("search")]`, call
    `write_report("search")`. The report of a training is shorter:

    >>> import tempfile
    >>> import keras
    >>> import numpy as np
    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> folder = tempfile.TemporaryDirectory()
    >>> darts_tf.zoo.DARTS_V2.save(f"{folder.name}/genotype.json")
    >>> network = keras.Sequential([keras.layers.Dense(1)])  # for a ConvNetwork
    >>> network.compile("sgd", "mse")
    >>> history = network.fit(
    ...     np.zeros((8, 2)),
    ...     np.zeros(8),
    ...     callbacks=[darts_tf.callbacks.HistoryLog(folder.name)],
    ...     verbose=0,
    ... )
    >>> visualize.write_report(folder.name, {"learning_rate": 0.01}).name
    'report.html'
    >>> folder.cleanup()
    """
    run = run_folder.RunFolder(directory, settings, versions)
    page = html_page.HtmlPage(*_title(run))
    sizes = evaluation = None
    if run.is_search:
        sizes = next_steps.network_sizes(run)
        page.lead(summary.of_search(run, sizes))
    else:
        evaluation = evaluation_lib.read_evaluation(run.directory)
        page.lead(summary.of_training(run, evaluation))
    page.heading("The cell")
    page.figures(
        [
            cells.draw_cell(cell, f"{cell_type} cell")
            for cell_type, cell in run.genotype.cells.items()
        ]
    )
    page.code(f"{run.genotype}\n\n{run.genotype.to_text()}")
    if run.is_search:
        _add_choices(page, run)
    _add_curves(page, run)
    if run.is_search:
        _add_trace(page, run.trace)
    if evaluation is not None:
        evaluation_report.add(page, evaluation)
    _add_network(page, run, sizes)
    _add_next_steps(page, run)
    _add_settings(page, run)
    path = run.directory / REPORT_FILE
    atomic_file.remove_leftovers(run.directory)
    atomic_file.write_text(path, page.to_html())
    return path


def _title(run):
    kind = {"conv": "convolutional", "recurrent": "recurrent"}
    what = "Search for" if run.is_search else "Training with"
    title = f"{what} a {kind[run.genotype.kind]} cell"
    if run.data:
        title += f" on {run.data}"
    epochs = summary.epochs_text(*summary.epochs_of(run))
    return title, f"{epochs} · {run.directory}"


def _add_choices(page, run):
    """Explains the cell, edge by edge."""
    space, op_weights = run.trace.space, run.trace.op_weights[-1]
    page.heading("Why these edges")
    page.paragraph(
        "Each node keeps the edges whose best operation has the largest op "
        "weight; the operation none does not count. The margin of a choice is "
        "the difference to the op weight of the second best operation on the "
        "same edge. Nodes have the numbers that they have in the drawing and "
        "in the text below it. The rows of a node are sorted from the "
        "strongest edge to the weakest. For an edge that is left out, the last "
        "column says how far its op weight lies behind that of the last edge "
        f"that is kept. Choices with a margin below {summary.CLOSE} are "
        "highlighted: another seed or one more epoch could change them."
    )
    if discretization.discretize(space, op_weights) != run.genotype:
        page.paragraph(
            "The search was stopped within an epoch, so the cell in "
            "genotype.json is a little younger than these op weights."
        )
    rows, classes = _choices(space, op_weights)
    page.table(
        ["cell", "edge", "operation", "op weight", "second best", "margin", ""],
        rows,
        classes,
    )
    for cell_type in space.cell_types:
        page.figures(
            [op_weights_lib.draw_op_weights(space, op_weights, cell_type)],
            f"Op weights of the {cell_type} cell. A frame marks the operation "
            "of each edge that the cell keeps.",
        )


def _choices(space, op_weights):
    """Returns the rows of a table with every edge, and their classes."""
    kept = discretization.explain(space, op_weights)
    # A space that keeps every edge explains every edge.
    everything = dataclasses.replace(space, edges_per_node=max(space.nodes))
    weakest = {  # of the kept edges of a node, which come strongest first
        (choice.cell_type, choice.node): choice.op_weight for choice in kept
    }
    rows, classes = [], []
    for choice in discretization.explain(everything, op_weights):
        is_kept = choice in kept
        is_close = is_kept and choice.margin < summary.CLOSE
        if is_kept:
            verdict = "kept, a close call" if is_close else "kept"
        else:
            behind = weakest[choice.cell_type, choice.node] - choice.op_weight
            verdict = f"left out, {behind:.3f} behind"
        rows.append(
            [
                choice.cell_type,
                f"{choice.source} -> {choice.node}",
                choice.primitive,
                f"{choice.op_weight:.3f}",
                choice.runner_up or "-",
                f"{choice.margin:.3f}",
                verdict,
            ]
        )
        classes.append("weak" if is_close else "" if is_kept else "minor")
    return rows, classes


def _add_curves(page, run):
    """Draws the figures of each epoch; those of one kind share a chart."""
    if not run.history:
        return
    epochs = [line["epoch"] for line in run.history]
    groups = {}
    for name in dict.fromkeys(n for line in run.history for n in line):
        if name == "epoch":
            continue
        values = [finite(line.get(name)) for line in run.history]
        if any(value is not None for value in values):
            groups.setdefault(subject_of(name), {})[name] = values
    best = None
    if run.metrics.get("best_epoch") in epochs:
        best = (run.metrics["best_epoch"], "best epoch")
    page.heading("Curves")
    page.figures(
        [
            chart.draw_chart(
                subject,
                epochs,
                series,
                unit=UNITS.get(subject, ""),
                mark=best if subject == "accuracy" else None,
            )
            for subject, series in groups.items()
        ],
        "The figures of each epoch. Entropy is that of the op weights, in "
        "nats. Skips is the number of operations of the most likely cell that "
        "change nothing. Margin is the smallest margin of its choices."
        if run.is_search
        else "The figures of each epoch."
        + (f" The best one is {best[0]}." if best else ""),
    )


def finite(value):
    """Returns a number, or `None` for what cannot be drawn."""
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return value if is_number else None


def subject_of(name):
    """Returns the kind of a figure: `val_loss` is a loss."""
    for prefix in ("alpha_", "val_", "valid_", "train_", "test_"):
        name = name.removeprefix(prefix)
    for suffix in ("_normal", "_reduction", "_recurrent"):
        name = name.removesuffix(suffix)
    return name.replace("_", " ")


def _add_trace(page, trace):
    """Shows how the cell and its op weights changed over the epochs."""
    changes = len(animation.stages(trace)) - 1
    page.heading("Over the epochs")
    page.paragraph(
        f"The most likely cell changed {changes} "
        f"{'time' if changes == 1 else 'times'} from one epoch to the next."
    )
    page.film(
        animation.film(trace),
        "The most likely cells, from the first epoch to the last.",
    )
    for cell_type in trace.space.cell_types:
        page.begin_details(f"Op weights of the {cell_type} cell, edge by edge")
        page.figures(
            [op_weights_lib.draw_op_weight_curves(trace, cell_type)],
            "Each row of panels is a node, and each column is the node from "
            "which the edge comes. A frame marks the edges that the cell "
            "keeps.",
        )
        page.end_details()


def _add_network(page, run, sizes):
    """Shows the size of the network of a search, or the final figures."""
    if run.is_search:
        figures = sizes
        otherwise = (
            "Not counted: the cell has custom operations, which are not "
            "registered in the program that wrote this report."
        )
    else:
        figures = run.metrics
        otherwise = "The training has not come to its end."
        if not figures and not run.is_of_command:
            return  # only the commands write the last figures
    page.heading("The network of this cell")
    if figures:
        page.table(
            ["figure", "value"], [list(pair) for pair in figures.items()]
        )
    else:
        page.paragraph(otherwise)


def _add_next_steps(page, run):
    if run.is_of_command:
        page.heading("Next steps")
        page.code("\n".join(next_steps.next_commands(run)))
        seconds = next_steps.expected_seconds(run)
        if seconds:
            page.paragraph(
                "The training takes about "
                f"{next_steps.duration(seconds)} on the machine "
                "of the search: an estimate, which may be wrong by a factor of "
                "two; the command itself says more after its first steps."
            )
    elif run.is_search:
        page.heading("Next steps")
        page.code("\n".join(next_steps.next_program(run)))
        page.code(next_steps.show_log(run))


def _add_settings(page, run):
    """Shows the options of the run, and what it ran on."""
    if run.settings or run.is_of_command:
        page.heading("Settings")
        page.table(
            ["option", "value"],
            [[name, str(value)] for name, value in run.settings.items()],
        )
    if run.versions:
        page.heading("Versions")
        page.table(
            ["component", "version"],
            [[name, str(value)] for name, value in run.versions.items()],
        )
    elif run.is_of_command:
        page.heading("Versions")
        page.paragraph(
            "Not recorded: the run has not come to its end, or an older "
            "version of darts_tf made it."
        )
