"""Writes what a run found as one web page, which opens without a network.

    python -m trainers.report --workdir=RUN

RUN is the folder of a search or of a training, finished, stopped or still
running. The commands write `RUN/report.html` themselves when they end, and
`RUN/environment.json` with the versions they ran on; this one writes the page
again. It takes a few seconds.
"""

# The annotations name modules that are imported late.
from __future__ import annotations

import dataclasses
import os
import pathlib
import platform
import shlex
from typing import Any

from trainers import late
from trainers import options
from trainers import workdir

with late.imports():
    import keras
    import numpy as np
    import tensorflow as tf

    import darts_tf
    from darts_tf import visualize
    from darts_tf.files import atomic_file
    from darts_tf.files import json_file
    from darts_tf.visualize import trace as trace_lib

REPORT_FILE = "report.html"
ENVIRONMENT_FILE = "environment.json"
# Cells, filters and images of the networks that `cnn_train` makes of a cell by
# its presets: the quick one for the digits, or the paper's.
_DIGITS_FORM = 3, 8, (8, 8, 1)
_PAPER_FORM = 20, 36, (32, 32, 3)
_PAPER_UNITS, _PAPER_WORDS = 850, 10000
# A choice that rounding, another seed or one more epoch may turn over.
_CLOSE = 0.05


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the report; each field is a flag of the same name."""

    workdir: str = options.option("Folder of a search or of a training.")


def run(config: Config) -> pathlib.Path:
    """Writes the report.

    Args:
        config: A `Config`.

    Returns:
        The path of the page.

    Raises:
        ValueError: If the folder is not that of a run, or a file in it is
            damaged.
        OSError: If a file cannot be read, or the page cannot be written.
    """
    workdir.check_file("workdir", config.workdir)
    path = _write(pathlib.Path(config.workdir).expanduser())
    print(f"Wrote {path}")
    return path


def finish(folder: str | os.PathLike[str]) -> pathlib.Path:
    """Records what a run ran on, and writes its report: the last step of it.

    Args:
        folder: String or path, the `workdir` of the run, with `config.json`
            and `genotype.json`; and, as far as the run has them,
            `history.jsonl`, `metrics.json`, and the files of
            `darts_tf.SearchLog`.

    Returns:
        The path of the page.
    """
    folder = pathlib.Path(folder)
    json_file.write(folder / ENVIRONMENT_FILE, _environment())
    path = _write(folder)
    print(f"Report: {path}")
    return path


def _environment() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "darts_tf": darts_tf.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "dtype_policy": keras.config.dtype_policy().name,
    }


def _write(folder: pathlib.Path) -> pathlib.Path:
    found = _Run(folder)
    page = visualize.HtmlPage(*_title(found))
    page.heading("The cell")
    page.figures(
        [
            visualize.draw_cell(cell, f"{cell_type} cell")
            for cell_type, cell in found.genotype.cells.items()
        ]
    )
    page.code(f"{found.genotype}\n\n{found.genotype.to_text()}")
    if found.trace is not None:
        _add_choices(page, found, found.trace)
    _add_curves(page, found)
    if found.trace is not None:
        _add_trace(page, found.trace)
    _add_network(page, found)
    page.heading("To go on")
    page.code("\n".join(_next_commands(found)))
    page.heading("Settings")
    page.table(
        ["option", "value"],
        [[name, str(value)] for name, value in found.config.items()],
    )
    page.heading("Versions")
    if found.environment:
        page.table(
            ["what", "version"],
            [[name, str(value)] for name, value in found.environment.items()],
        )
    else:
        page.paragraph(
            "Not recorded: the run has not come to its end, or was made "
            "before runs recorded them."
        )
    path = folder / REPORT_FILE
    atomic_file.remove_leftovers(folder)
    atomic_file.write_text(path, page.to_html())
    return path


class _Run:
    """What stands in the folder of a run."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        for name in (workdir.CONFIG_FILE, "genotype.json"):
            if not (folder / name).is_file():
                raise ValueError(
                    "`workdir` must be the folder of a search or of a "
                    "training, after its first epoch. Received: "
                    f"{str(folder)!r}, which has no {name}"
                )
        self.genotype = darts_tf.Genotype.load(folder / "genotype.json")
        self.config = self._json(workdir.CONFIG_FILE)
        self.metrics = self._json("metrics.json")
        self.environment = self._json(ENVIRONMENT_FILE)
        history = folder / "history.jsonl"
        self.history = json_file.read_lines(history) if history.exists() else []
        self.trace = None
        if (folder / trace_lib.SPACE_FILE).exists():
            self.trace = visualize.read_trace(folder)

    @property
    def data(self) -> str:
        """The name of the data."""
        return self.config.get("dataset") or self.config.get("corpus") or ""

    def _json(self, name: str) -> dict[str, Any]:
        """Returns a file's dictionary, an empty one if there is no file."""
        path = self.folder / name
        return json_file.read_object(path) if path.exists() else {}


def _title(found: _Run) -> tuple[str, str]:
    kind = {"conv": "convolutional", "recurrent": "recurrent"}
    what = "Training with" if found.trace is None else "Search for"
    title = f"{what} a {kind[found.genotype.kind]} cell"
    if found.data:
        title += f" on {found.data}"
    done = max((line["epoch"] for line in found.history), default=0)
    planned = found.config.get("epochs", done)
    return title, f"{done} of {planned} epochs · {found.folder}"


def _add_choices(
    page: visualize.HtmlPage, found: _Run, trace: visualize.SearchTrace
) -> None:
    """Explains the cell edge by edge."""
    kept = darts_tf.explain(trace.space, trace.op_weights[-1])
    # A space that keeps every edge explains every edge.
    everything = dataclasses.replace(
        trace.space, edges_per_node=max(trace.space.nodes)
    )
    weakest = {  # of the kept edges of a node, which come strongest first
        (choice.cell_type, choice.node): choice.op_weight for choice in kept
    }
    rows, classes = [], []
    for choice in darts_tf.explain(everything, trace.op_weights[-1]):
        is_kept = choice in kept
        if is_kept:
            is_close = choice.margin < _CLOSE
            verdict = "kept, a close call" if is_close else "kept"
        else:
            is_close = False
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
    page.heading("Why these edges")
    page.paragraph(
        "Each node keeps the edges whose best operation, leaving out none, has "
        "the largest op weight; the margin is how far the second best "
        "operation on the same edge lies behind. Nodes are numbered as in the "
        "text above, the inputs first. Within a node the rows go from the "
        "strongest edge to the weakest; an edge that is left out says how far "
        "it is behind the last one that is kept. Choices with a margin below "
        f"{_CLOSE} are marked: they could have gone the other way."
    )
    if trace.genotypes()[-1] != found.genotype:
        page.paragraph(
            "The search was stopped within an epoch: genotype.json is a "
            "little younger than these op weights."
        )
    page.table(
        ["cell", "edge", "operation", "op weight", "second", "margin", ""],
        rows,
        classes,
    )
    for cell_type in trace.space.cell_types:
        page.figures(
            [
                visualize.draw_op_weights(
                    trace.space, trace.op_weights[-1], cell_type
                )
            ],
            f"Op weights of the {cell_type} cell; the framed ones are chosen.",
        )


def _add_curves(page: visualize.HtmlPage, found: _Run) -> None:
    """Draws what was measured at each epoch, what belongs together in one."""
    if not found.history:
        return
    epochs = [line["epoch"] for line in found.history]
    groups: dict[str, dict[str, list[float | None]]] = {}
    for name in dict.fromkeys(n for line in found.history for n in line):
        if name == "epoch":
            continue
        values = [line.get(name) for line in found.history]
        if any(_is_finite(value) for value in values):
            groups.setdefault(_subject(name), {})[name] = values
    page.heading("Curves")
    page.figures(
        [
            visualize.draw_chart(subject, epochs, series)
            for subject, series in groups.items()
        ],
        "By epoch. Entropy is in nats; skips counts the operations of the "
        "likely cell that change nothing; margin is that of its closest call."
        if found.trace is not None
        else "By epoch.",
    )


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < float("inf")


def _subject(name: str) -> str:
    """Returns what a number is of: `val_loss` is a loss."""
    for prefix in ("alpha_", "val_", "valid_", "train_", "test_"):
        name = name.removeprefix(prefix)
    for suffix in ("_normal", "_reduction", "_recurrent"):
        name = name.removesuffix(suffix)
    return name.replace("_", " ")


def _add_trace(page: visualize.HtmlPage, trace: visualize.SearchTrace) -> None:
    """Shows how the cell and its op weights came about."""
    stages = visualize.stages(trace)
    page.heading("Over the epochs")
    page.paragraph(
        "How often the most likely cell changed from one epoch to the next: "
        f"{len(stages) - 1}."
    )
    page.film(
        visualize.to_gif(trace),
        "The most likely cells, from the first epoch to the last.",
    )
    for cell_type in trace.space.cell_types:
        page.begin_details(f"Op weights of the {cell_type} cell, edge by edge")
        page.figures(
            [visualize.draw_op_weight_curves(trace, cell_type)],
            "A row of panels is a node, a column the node that the edge comes "
            "from. Panels with a frame are the edges of the cell.",
        )
        page.end_details()


def _add_network(page: visualize.HtmlPage, found: _Run) -> None:
    """Says how large the network of the cell is, and how good, if known."""
    page.heading("The network of this cell")
    if found.trace is None:
        if found.metrics:
            page.table(
                ["figure", "value"],
                [[name, value] for name, value in found.metrics.items()],
            )
        else:
            page.paragraph("The training has not come to its end.")
        return
    sizes = _sizes(found)
    if sizes is None:
        page.paragraph(
            "Not counted: the cell has operations that are registered only "
            "where they are defined."
        )
        return
    page.table(["figure", "value"], [list(pair) for pair in sizes.items()])


def _sizes(found: _Run) -> dict[str, Any] | None:
    """Counts a network of the cell: of the digits, or of the paper's form."""
    if found.genotype.kind == "recurrent":
        network = darts_tf.RecurrentNetwork(
            found.genotype, _PAPER_WORDS, _PAPER_UNITS
        )
        network.build((1, None))
        return {
            "form": f"{_PAPER_UNITS} units, {_PAPER_WORDS:,} words",
            "parameters": darts_tf.count_parameters(network),
        }
    num_cells, filters, shape = (
        _DIGITS_FORM if found.data == "digits" else _PAPER_FORM
    )
    try:
        network = darts_tf.ConvNetwork(found.genotype, 10, filters, num_cells)
    except ValueError:  # the names of its operations are not known here
        return None
    network.build((None, *shape))
    return {
        "form": f"{num_cells} cells, {filters} filters, 10 classes, "
        f"images of {' x '.join(map(str, shape))}",
        "parameters": darts_tf.count_parameters(network),
        "multiply-adds": darts_tf.count_multiply_adds(network),
    }


def _next_commands(found: _Run) -> list[str]:
    folder = str(found.folder)
    if found.trace is None:
        out = str(found.folder.with_name(found.folder.name + "_export"))
        network = str(found.folder / "network.keras")
        return [
            _command("trainers.export", {"network": network, "workdir": out})
        ]
    out = str(found.folder.with_name(found.folder.name + "_train"))
    flags = {"genotype": str(found.folder / "genotype.json"), "workdir": out}
    trainer = {"conv": "cnn_train", "recurrent": "ptb_train"}
    return [
        _command(
            f"trainers.{trainer[found.genotype.kind]}",
            {**_data_flags(found), **flags},
        ),
        f"tensorboard --logdir={shlex.quote(f'{folder}/tensorboard')}",
    ]


def _data_flags(found: _Run) -> dict[str, Any]:
    """Returns the flags that name the same data to the next command."""
    if found.data in ("digits", "topics"):
        return {"preset": "quick"}
    names = ("dataset", "corpus", "data_dir", "image_size")
    flags = {
        name: found.config[name]
        for name in names
        if found.config.get(name) is not None
    }
    # The auxiliary classifier is made for images of 32x32.
    if flags.get("image_size", 32) != 32:
        flags["auxiliary_weight"] = 0
    return flags


def _command(module: str, flags: dict[str, Any]) -> str:
    words = [shlex.quote(f"--{name}={value}") for name, value in flags.items()]
    return " ".join(["python", "-m", module, *words])


if __name__ == "__main__":
    options.main(Config, run)
