"""What a run came to, as one web page beside the reports of its parts."""

import pathlib

from darts_tf import visualize
from darts_tf.callbacks import history_log
from darts_tf.classifier import clock
from darts_tf.classifier import results as results_lib
from darts_tf.files import atomic_file

PAGE_FILE = "report.html"


def write(directory, results, genotypes):
    """Writes `report.html`, and the reports of the searches.

    Args:
        directory: Path of the run.
        results: Dictionary of what is in `results.json`.
        genotypes: Dictionary from the names of the networks to their
            `darts_tf.Genotype`, or `None`.

    Returns:
        The path of the page.
    """
    directory = pathlib.Path(directory)
    networks = results["networks"]
    page = visualize.HtmlPage(
        f"A classifier of {len(results['classes'])} classes",
        f"planned {clock.minutes(results['planned_seconds'])}, took "
        f"{clock.minutes(results['seconds'])} · {directory}",
    )
    page.paragraph(results["sentence"])
    page.heading("The networks")
    page.table(
        ["", *networks],
        [
            [title, *map(text, networks.values())]
            for title, text in results_lib.COLUMNS.items()
        ],
    )
    page.paragraph(
        f"Trained on {results['num_train']:,} images; the best epoch and the "
        f"best network were chosen by {results['num_validation']:,} validation "
        f"images; the {results['num_test']:,} test images were looked at once."
    )
    page.heading("Training")
    page.figures([_curves(directory, networks)])
    page.heading("The files")
    page.table(
        ["file", "bytes", "test accuracy", "memory, bytes", "ms, 1 thread"],
        [[name, *entry.values()] for name, entry in results["files"].items()],
    )
    page.code(
        f"python -m trainers.classify --network={directory}/network.keras *.jpg"
    )
    for name, genotype in genotypes.items():
        if genotype is not None:
            page.heading(f"The {name} cell")
            page.figures(
                [
                    visualize.draw_cell(cell, f"{cell_type} cell")
                    for cell_type, cell in genotype.cells.items()
                ]
            )
    path = directory / PAGE_FILE
    atomic_file.write_text(path, page.to_html())
    for search in sorted(directory.glob("search_*")):
        visualize.write_report(search, {"dataset": results["name"]})
    return path


def _curves(directory, networks):
    """Draws the validation accuracy of each network over its epochs."""
    series, longest = {}, 0
    for name in networks:
        lines = history_log.read_history(directory / f"train_{name}")
        series[name] = [line["val_accuracy"] for line in lines]
        longest = max(longest, len(lines))
    return visualize.draw_chart(
        "validation accuracy",
        list(range(1, longest + 1)),
        {
            name: values + [None] * (longest - len(values))
            for name, values in series.items()
        },
    )
