"""The part of a report that shows what a classifier takes for what."""

from darts_tf.visualize import heat_map

# A larger table of all classes cannot be read; the most frequent mistakes can.
_MOST_CLASSES = 30
_MOST_ROWS = 20
_LONGEST_NAME = 12


def add(page, evaluation, what="test"):
    """Adds accuracy by class, the confusion matrix and the worst mistakes.

    Args:
        page: A `HtmlPage`.
        evaluation: An `Evaluation`.
        what: String, which images they are. Defaults to `"test"`.
    """
    total = int(evaluation.confusion.sum())
    if not total:
        return
    page.heading("What is taken for what")
    right = int(evaluation.confusion.trace())
    page.paragraph(
        f"{right:,} of {total:,} {what} images are recognised, "
        f"{evaluation.accuracy:.1%}."
    )
    if len(evaluation.class_names) <= _MOST_CLASSES:
        page.figures(
            [draw_confusion(evaluation)],
            "Confusion matrix. Each row is a class, each column what its "
            f"{what} images are taken for, and each number counts images. The "
            "diagonal has those that are recognised. The shade is the share "
            "of the row.",
        )
    _add_classes(page, evaluation, what)
    _add_confused(page, evaluation, what)
    if evaluation.mistakes:
        page.subheading("The worst mistakes")
        page.pictures(
            [
                (
                    mistake.png,
                    f"{mistake.label} taken for {mistake.predicted}, "
                    f"{mistake.probability:.0%} sure, image {mistake.index}",
                )
                for mistake in evaluation.mistakes
            ],
            f"The {what} images of which the network is most certain, and "
            "wrong. The numbers are their places in the data, from 0.",
        )


def draw_confusion(evaluation):
    """Draws a confusion matrix.

    Args:
        evaluation: An `Evaluation`.

    Returns:
        A `Figure`.

    Example:

    >>> import numpy as np
    >>> from darts_tf import visualize
    >>> from darts_tf.visualize import evaluation_report
    >>> found = visualize.Evaluation(["cat", "dog"])
    >>> found.add(np.zeros((1, 2, 2, 3), "uint8"), [1], [[0.9, 0.1]])
    >>> evaluation_report.draw_confusion(found).description
    'The most frequent mistakes: dog taken for cat, 1 image.'
    """
    counts = evaluation.confusion
    totals = counts.sum(axis=1, keepdims=True)
    figure = heat_map.draw_heat_map(
        heat_map.Axis("class", list(evaluation.class_names)),
        heat_map.Axis("taken for", [*map(_short, evaluation.class_names)]),
        counts / totals.clip(1),
        1.0,
        "share of row",
        [[f"{n:,}" if n else "" for n in row] for row in counts.tolist()],
    )
    worst = "; ".join(
        f"{name} taken for {other}, {count} image{'' if count == 1 else 's'}"
        for name, other, count in evaluation.confused()[:5]
    )
    return figure._replace(
        title="Confusion matrix",
        description=f"The most frequent mistakes: {worst or 'none'}.",
    )


def _add_classes(page, evaluation, what):
    totals = evaluation.confusion.sum(axis=1).tolist()
    shares = evaluation.accuracy_by_class()
    rows = [
        [name, "-" if share is None else f"{100 * share:.1f}", total]
        for (name, share), total in zip(shares.items(), totals, strict=True)
    ]
    rows.sort(key=lambda row: float("inf") if row[1] == "-" else float(row[1]))
    page.subheading("Accuracy by class")
    page.table(
        ["class", "accuracy in %", f"{what} images"],
        rows[:_MOST_ROWS],
        caption="Weakest first."
        if len(rows) <= _MOST_ROWS
        else f"The {_MOST_ROWS} weakest of {len(rows)} classes.",
    )


def _add_confused(page, evaluation, what):
    if len(evaluation.class_names) <= _MOST_CLASSES:
        return  # the matrix shows it
    found = evaluation.confused()[:_MOST_ROWS]
    if found:
        page.subheading("The most frequent mistakes")
        page.table(
            ["class", "taken for", f"{what} images"], [list(f) for f in found]
        )


def _short(name):
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 1]}…"
