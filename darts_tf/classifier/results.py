"""What a run came to: which network was best, and how sure that is."""

import math
import pathlib

from darts_tf.classifier import clock
from darts_tf.classifier import plans
from darts_tf.files import atomic_file
from darts_tf.files import json_file

RESULTS_FILE, TABLE_FILE = "results.json", "results.md"
_WORDS = {
    "searched": "the network of the searched cell",
    "random": "the network of the random cell",
    "plain": "the plain network",
}
COLUMNS = {
    "validation accuracy": lambda n: f"{n['val_accuracy']:.4f}",
    "test accuracy": lambda n: f"{n['test_accuracy']:.4f}",
    "parameters": lambda n: f"{n['parameters']:,}",
    "multiply-adds": lambda n: f"{n['multiply_adds']:,}",
    "filters": lambda n: str(n["filters"]),
    "epochs": lambda n: str(n["epochs"]),
    "best epoch": lambda n: str(n["best_epoch"]),
    "seconds": lambda n: f"{n['seconds']:.0f}",
}


def best_of(networks):
    """Returns which network is best on the validation images.

    Args:
        networks: Dictionary from names to dictionaries with `val_accuracy` and
            `val_loss`.

    Returns:
        String; of equal ones that of the lower loss.

    Example:

    >>> from darts_tf.classifier import results
    >>> results.best_of({
    ...     "searched": {"val_accuracy": 0.5, "val_loss": 1.0},
    ...     "random": {"val_accuracy": 0.5, "val_loss": 0.9},
    ... })
    'random'
    """
    return min(
        networks,
        key=lambda name: (
            -networks[name]["val_accuracy"],
            networks[name]["val_loss"],
        ),
    )


def sentence(networks, num_validation, exported):
    """Says which network was best, and whether that is more than chance.

    Args:
        networks: Dictionary from names to dictionaries with `val_accuracy`,
            `val_loss` and `test_accuracy`.
        num_validation: Integer, the number of validation images.
        exported: String, which of them is exported.

    Returns:
        String.
    """
    best = best_of(networks)
    others = {name: n for name, n in networks.items() if name != best}
    second = best_of(others)
    gap = networks[best]["val_accuracy"] - networks[second]["val_accuracy"]
    # Two standard deviations of the difference of two such shares.
    doubt = 2 * math.sqrt(
        sum(
            networks[name]["val_accuracy"]
            * (1 - networks[name]["val_accuracy"])
            / num_validation
            for name in (best, second)
        )
    )
    words = _WORDS[best]
    text = (
        f"{words[0].upper()}{words[1:]} was best on the {num_validation:,} "
        f"validation images, {networks[best]['val_accuracy']:.4f}, "
        f"{gap:.4f} before {_WORDS[second]}: "
    )
    text += (
        "more than so many images make by chance."
        if gap > doubt
        else "so little that chance may have decided."
    )
    if exported != best:
        text += f" Exported is {_WORDS[exported]}, as was asked for."
    accuracy = networks[exported]["test_accuracy"]
    return f"{text} The exported one has a test accuracy of {accuracy:.4f}."


def to_markdown(results):
    """Returns the results as a page.

    Args:
        results: Dictionary of what is in `results.json`.

    Returns:
        String.
    """
    networks = {name: results["networks"][name] for name in plans.NETWORKS}
    lines = [
        results["sentence"],
        "",
        f"| | {' | '.join(networks)} |",
        "|---|---|---|---|",
        *(
            f"| {title} | {' | '.join(map(text, networks.values()))} |"
            for title, text in COLUMNS.items()
        ),
        "",
        f"Exported: {results['exported']}. "
        f"Planned {clock.minutes(results['planned_seconds'])}, took "
        f"{clock.minutes(results['seconds'])}.",
    ]
    return "\n".join(lines) + "\n"


def write(directory, results):
    """Writes `results.json` and `results.md`.

    Args:
        directory: Path.
        results: Dictionary.
    """
    directory = pathlib.Path(directory)
    atomic_file.write_text(directory / TABLE_FILE, to_markdown(results))
    json_file.write(directory / RESULTS_FILE, results)
