"""Several runs side by side, as one web page that opens without a network."""

import pathlib
import statistics
import typing

from darts_tf.files import atomic_file
from darts_tf.visualize import cells
from darts_tf.visualize import chart
from darts_tf.visualize import figure as figure_lib
from darts_tf.visualize import html_page
from darts_tf.visualize import run_folder
from darts_tf.visualize import run_report
from darts_tf.visualize import summary

# Of the figures of an epoch, those that are compared, in this order.
_CURVES = (
    "val_accuracy",
    "accuracy",
    "val_loss",
    "loss",
    "alpha_loss",
    "val_perplexity",
    "perplexity",
    "entropy_normal",
    "entropy_reduction",
    "entropy_recurrent",
)
# More curves than colours cannot be told apart.
_MOST_CURVES = len(figure_lib.PALETTE) - 1
_SCORES = (("test_accuracy", True), ("test_perplexity", False))


class Entry(typing.NamedTuple):
    """A run, or several like runs with other seeds.

    Args:
        name: String, that of its folder.
        runs: Tuple of `RunFolder`s.
    """

    name: str
    runs: tuple

    @property
    def first(self):
        """The first of the runs, which stands for all in drawings."""
        return self.runs[0]

    def score(self):
        """Returns the figure of merit of a training and its values."""
        for name, _ in _SCORES:
            values = [
                run.metrics[name]
                for run in self.runs
                if not run.is_search and run.metrics.get(name) is not None
            ]
            if values:
                return name, values
        return None, []


def find_runs(directory):
    """Reads the runs in a folder of run folders.

    Args:
        directory: String or path.

    Returns:
        A list of `Entry`, by name, and a dictionary from the names of the
        folders that cannot be read to the reason, a line of text.

    Example:

    >>> import pathlib, tempfile
    >>> from darts_tf.visualize import run_comparison
    >>> folder = tempfile.TemporaryDirectory()
    >>> pathlib.Path(folder.name, "notes").mkdir()
    >>> run_comparison.find_runs(folder.name)
    ([], {'notes': 'has no genotype.json'})
    >>> folder.cleanup()
    """
    entries, passed_over = [], {}
    for path in sorted(pathlib.Path(directory).iterdir()):
        if not path.is_dir() or path.name.startswith("."):
            continue
        # The seeds of a repeated training have a folder each.
        parts = [path]
        if not (path / "genotype.json").exists():
            parts = sorted(path.glob("run_*"), key=_number) or [path]
        try:
            runs = tuple(run_folder.RunFolder(part) for part in parts)
        except (OSError, ValueError) as error:
            passed_over[path.name] = _reason(error)
            continue
        entries.append(Entry(path.name, runs))
    return entries, passed_over


def write_comparison(directory):
    """Writes a page that compares the runs in a folder.

    The page is `report.html` in the folder: a table of all searches and
    trainings, their curves together, and their cells side by side. The command
    `python -m trainers.report --workdir=runs` writes the same page.

    Args:
        directory: String or path, a folder whose folders are those of runs, as
            `write_report` takes each. Others are passed over, and named.

    Returns:
        The path of the page, a `pathlib.Path`.

    Raises:
        NotADirectoryError: If the folder does not exist.
        ValueError: If there is no run in it that can be read.
        OSError: If the page cannot be written.

    Example:

    >>> import pathlib, tempfile
    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> runs = tempfile.TemporaryDirectory()
    >>> for name in ("one", "two"):
    ...     folder = pathlib.Path(runs.name, name)
    ...     folder.mkdir()
    ...     darts_tf.zoo.DARTS_V2.save(folder / "genotype.json")
    ...     _ = (folder / "history.jsonl").write_text('{"epoch": 1, "loss": 2}')
    >>> visualize.write_comparison(runs.name).name
    'report.html'
    >>> runs.cleanup()
    """
    directory = pathlib.Path(directory)
    if not directory.is_dir():
        raise NotADirectoryError(
            "`directory` must be an existing folder. "
            f"Received: directory={str(directory)!r}"
        )
    entries, passed_over = find_runs(directory)
    if not entries:
        raise ValueError(
            "The folder must hold folders of searches or trainings. Received: "
            f"directory={str(directory)!r}, "
            + (describe_passed_over(passed_over) or "which holds none")
        )
    entries.sort(key=_rank)
    page = html_page.HtmlPage(
        f"{len(entries)} run{'' if len(entries) == 1 else 's'} compared",
        str(directory),
    )
    page.lead(_sentence(entries))
    _add_table(page, entries, passed_over)
    _add_curves(page, entries)
    _add_cells(page, entries)
    path = directory / run_report.REPORT_FILE
    atomic_file.write_text(path, page.to_html())
    return path


def describe_passed_over(passed_over):
    """Returns a line that names what could not be read; `""` for nothing.

    Args:
        passed_over: Dictionary, as `find_runs` returns it.
    """
    return "; ".join(f"{name} {why}" for name, why in passed_over.items())


def _number(path):
    digits = path.name.removeprefix("run_")
    return int(digits) if digits.isdigit() else -1


def _reason(error):
    text = " ".join(str(error).split())
    if ", which has " in text:  # a folder of something else
        return f"has {text.rpartition(', which has ')[2]}"
    return f"cannot be read: {text}"


def _rank(entry):
    """Sorts trainings from the best to the worst, then searches by name."""
    name, values = entry.score()
    if not values:
        return 1, 0.0, entry.name
    sign = -1 if dict(_SCORES)[name] else 1
    return 0, sign * statistics.mean(values), entry.name


def _sentence(entries):
    searches = sum(entry.first.is_search for entry in entries)
    trainings = len(entries) - searches
    text = f"{_count(trainings, 'training')} and {_count(searches, 'search')}."
    best = entries[0]
    name, values = best.score()
    if not values:
        return f"{text} None of them has results on test data yet."
    mean = statistics.mean(values)
    reached = (
        f"classifies {mean:.1%} of the test images right"
        if name == "test_accuracy"
        else f"has a perplexity of {mean:.1f} on the test text"
    )
    text += f" The best network is that of {best.name}: it {reached}"
    if "parameters" in best.first.metrics:
        text += f", with {best.first.metrics['parameters']:,} parameters"
    text += "."
    scored = [entry for entry in entries if entry.score()[1]]
    if len(scored) > 1 and any(len(e.score()[1]) < 2 for e in scored[:2]):
        text += (
            " The first two do not both have several seeds, so their "
            "difference may be chance. What to do next: repeat them with other "
            "seeds, or export the best."
        )
    else:
        text += " What to do next: export it."
    return text


def _count(number, what):
    many = f"{what}es" if what.endswith("ch") else f"{what}s"
    return f"{number} {what if number == 1 else many}"


def _add_table(page, entries, passed_over):
    page.heading("Results")
    header = ["run", "method", "epochs", "accuracy in %", "perplexity"]
    header += ["parameters", "seeds", "time in min"]
    rows = [_row(entry) for entry in entries]
    # Runs on images have no perplexity, those on texts no accuracy.
    shown = [
        k
        for k, name in enumerate(header)
        if name not in ("accuracy in %", "perplexity")
        or any(row[k] != "-" for row in rows)
    ]
    page.table(
        [header[k] for k in shown],
        [[row[k] for k in shown] for row in rows],
        caption="Trainings from the best to the worst, on test data; then "
        "searches, whose accuracy, perplexity and parameters are those of the "
        "supernet in the last epoch.",
    )
    if passed_over:
        page.paragraph(f"Passed over: {describe_passed_over(passed_over)}.")


def _row(entry):
    run = entry.first
    _, values = entry.score()
    return [
        entry.name,
        _method(run),
        summary.epochs_text(*summary.epochs_of(run)).removesuffix(" epochs"),
        _spread(entry, "accuracy", 100, 1),
        _spread(entry, "perplexity", 1, 1),
        run.metrics.get("parameters", "-"),
        ", ".join(
            str(one.settings["seed"])
            for one in entry.runs
            if "seed" in one.settings
        )
        or "-",
        _time(entry),
    ]


def _method(run):
    settings = run.settings
    if run.is_search:
        how = settings.get("hypergradient")
        return f"search, {how.replace('_', ' ')}" if how else "search"
    cell = settings.get("search") or settings.get("genotype")
    if not cell:
        return "training"
    name = str(cell)
    if name.endswith("genotype.json"):
        name = pathlib.Path(name).parent.name
    elif settings.get("search"):
        name = pathlib.Path(name).name
    if len(name) > 30:
        name = f"{name[:29]}…"
    return f"training of {name}"


def _spread(entry, name, factor, digits):
    """Returns a figure, of several seeds their mean and deviation."""
    if entry.first.is_search:
        last = entry.first.history[-1] if entry.first.history else {}
        values = [last[name]] if name in last else []
    else:
        found, values = entry.score()
        if found != f"test_{name}":
            values = []
    if not values:
        return "-"
    text = f"{factor * statistics.mean(values):.{digits}f}"
    if len(values) > 1:
        text += f" ± {factor * statistics.stdev(values):.{digits}f}"
    return text


def _time(entry):
    seconds = [
        run.metrics.get("search_seconds" if run.is_search else "train_seconds")
        for run in entry.runs
    ]
    known = [value for value in seconds if isinstance(value, int | float)]
    return f"{sum(known) / 60:.1f}" if known else "-"


def _add_curves(page, entries):
    shown = entries[:_MOST_CURVES]
    charts = []
    for name in _CURVES:
        lines = {
            entry.name: {
                line["epoch"]: run_report.finite(line.get(name))
                for line in entry.first.history
            }
            for entry in shown
        }
        lines = {
            run: values
            for run, values in lines.items()
            if any(value is not None for value in values.values())
        }
        if not lines:
            continue
        last = max(max(values) for values in lines.values())
        epochs = list(range(1, last + 1))
        unit = run_report.UNITS.get(run_report.subject_of(name), "")
        charts.append(
            chart.draw_chart(
                name.replace("_", " "),
                epochs,
                {
                    run: [values.get(epoch) for epoch in epochs]
                    for run, values in lines.items()
                },
                unit=unit,
                colors={
                    entry.name: chart.color_of(
                        entry.name, [e.name for e in shown]
                    )
                    for entry in shown
                },
            )
        )
    if charts:
        page.heading("Curves")
        left_out = len(entries) - len(shown)
        page.figures(
            charts,
            "The figures of each epoch; of several seeds those of the first. "
            "A run has the same colour in each chart."
            + (f" {left_out} more runs are not drawn." if left_out else ""),
        )


def _add_cells(page, entries):
    """Draws each cell once, with the names of the runs that have it."""
    owners_of = {}
    for entry in entries:
        owners_of.setdefault(entry.first.genotype, []).append(entry.name)
    page.heading("Cells")
    kinds = dict.fromkeys(
        kind for genotype in owners_of for kind in genotype.cells
    )
    for kind in kinds:
        page.subheading(f"{kind} cell")
        page.figures(
            [
                cells.draw_cell(genotype.cells[kind], ", ".join(owners))
                for genotype, owners in owners_of.items()
                if kind in genotype.cells
            ],
            "Runs with the same cell share a drawing.",
        )
