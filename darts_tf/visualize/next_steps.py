"""The network that a cell makes: its size, and the commands that train it."""

import json
import shlex
import typing

from darts_tf.models import conv_network
from darts_tf.models import counting
from darts_tf.models import recurrent_network
from darts_tf.spaces import genotype_json


class TrainingPlan(typing.NamedTuple):
    """The network that is trained of a cell, and how.

    Args:
        num_cells: Integer.
        filters: Integer.
        image_shape: Tuple `(height, width, channels)`.
        num_classes: Integer.
        epochs: Integer.
        images: Integer, how many there are to train on.
        flags: Dictionary from flags of `trainers.cnn_train` to values, which
            train it so.
    """

    num_cells: int
    filters: int
    image_shape: tuple
    num_classes: int
    epochs: int
    images: int
    flags: dict


# What `trainers.cnn_train` makes of a cell by its presets.
DIGITS_PLAN = TrainingPlan(3, 8, (8, 8, 1), 10, 15, 1437, {"preset": "quick"})
PAPER_PLAN = TrainingPlan(
    20, 36, (32, 32, 3), 10, 600, 50_000, {"preset": "paper"}
)
# For fewer images than in the paper smaller networks, which overfit later and
# are trained in a part of the time: up to how many images, cells, filters,
# epochs, and images in a batch.
_SMALLER = ((5_000, 8, 16, 100, 32), (20_000, 14, 24, 200, 64))
_VALIDATION = 0.1
_PAPER_UNITS, _PAPER_WORDS = 850, 10000
_TRAINERS = {"conv": "cnn_train", "recurrent": "ptb_train"}


def training_plan(run):
    """Returns how the cell of a search is trained on the data of the search.

    Args:
        run: A `RunFolder` of a search for a convolutional cell.

    Returns:
        A `TrainingPlan`: the quick preset's for the digits, the paper's for as
        many images as there, or if nothing is known of them; smaller for
        fewer images.
    """
    facts = run.facts
    if run.data == "digits" and facts.get("train_images", 0) in (
        0,
        DIGITS_PLAN.images,
    ):
        return DIGITS_PLAN
    try:
        images = int(facts["train_images"])
        shape = tuple(map(int, facts["image_shape"]))
        num_classes = len(facts["class_names"])
        side = min(shape[:2])
    except (KeyError, TypeError, ValueError):
        return DIGITS_PLAN if run.data == "digits" else PAPER_PLAN
    flags = {}
    sizes = PAPER_PLAN.num_cells, PAPER_PLAN.filters, PAPER_PLAN.epochs
    for most, num_cells, filters, epochs, batch_size in _SMALLER:
        if images < most:
            sizes = num_cells, filters, epochs
            flags = {
                "epochs": epochs,
                "num_cells": num_cells,
                "filters": filters,
                "batch_size": max(min(batch_size, images // 4), 1),
                "validation_fraction": _VALIDATION,
            }
            break
    # The auxiliary classifier is made for images of 32x32, and so is the
    # paper's square of 16 pixels that is cut out.
    if side != 32 or flags:
        flags["auxiliary_weight"] = 0
    if side != 32:
        flags["cutout"] = side // 2
    num_cells, filters, epochs = sizes
    return TrainingPlan(
        num_cells,
        filters,
        shape,
        num_classes,
        epochs,
        images,
        flags or PAPER_PLAN.flags,
    )


def network_sizes(run):
    """Counts a network of the cell of a search.

    Args:
        run: A `RunFolder` of a search.

    Returns:
        A dictionary with the form of the network, its parameters and, of a
        convolutional one, its multiply-adds: that of the `training_plan`, or
        the paper's language model. `None` if the operations of the cell are
        not registered.
    """
    try:
        if run.genotype.kind == "recurrent":
            return _recurrent_sizes(run.genotype)
        return _conv_sizes(run.genotype, training_plan(run))
    except ValueError:  # the names of its operations are not known here
        return None


def next_commands(run):
    """Returns the commands that continue with the result of a command.

    Args:
        run: A `RunFolder` of a command of `trainers`.

    Returns:
        A list of strings, of which the first is what to do next.
    """
    if not run.is_search:
        network = str(run.directory / "network.keras")
        flags = {"network": network, "workdir": _beside(run, "_export")}
        commands = [_command("trainers.export", flags)]
        if (run.directory / "tensorboard").is_dir():
            commands.append(show_log(run))
        return commands
    flags = {"search": str(run.directory), "workdir": _beside(run, "_train")}
    if run.genotype.kind == "conv":
        flags = {**training_plan(run).flags, **flags}
    elif run.data == "topics":
        flags = {"preset": "quick", **flags}
    trainer = f"trainers.{_TRAINERS[run.genotype.kind]}"
    return [_command(trainer, flags), show_log(run)]


def expected_seconds(run):
    """Returns how long the next training will take on the machine of a search.

    Args:
        run: A `RunFolder` of a search by a command.

    Returns:
        Number of seconds, or `None` if the search has not measured it.
    """
    value = run.is_search and run.metrics.get("next_training_seconds")
    return value if isinstance(value, float) and value > 0 else None


def duration(seconds):
    """Returns a time in words.

    Example:

    >>> from darts_tf.visualize import next_steps
    >>> [next_steps.duration(s) for s in (45.2, 1500, 20_000, 1e7)]
    ['45 seconds', '25 minutes', '6 hours', '116 days']
    """
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:.0f} seconds"


def next_program(run):
    """Returns the Python program that makes the network of a search.

    Args:
        run: A `RunFolder` of a search.

    Returns:
        A list of strings, its lines.
    """
    path = json.dumps(str(run.directory / genotype_json.FILE))
    if run.genotype.kind == "recurrent":
        network = (
            f"RecurrentNetwork(genotype, vocabulary_size={_PAPER_WORDS}, "
            f"units={_PAPER_UNITS})"
        )
    else:
        plan = training_plan(run)
        network = (
            f"ConvNetwork(genotype, num_classes={plan.num_classes}, "
            f"filters={plan.filters}, num_cells={plan.num_cells})"
        )
    return [
        "import darts_tf",
        "",
        f"genotype = darts_tf.Genotype.load({path})",
        f"network = darts_tf.{network}",
    ]


def show_log(run):
    """Returns the command that shows the log of a search in TensorBoard.

    Args:
        run: A `RunFolder`.
    """
    return f"tensorboard --logdir={shlex.quote(f'{run.directory}/tensorboard')}"


def _conv_sizes(genotype, plan):
    network = conv_network.ConvNetwork(
        genotype, plan.num_classes, plan.filters, plan.num_cells
    )
    network.build((None, *plan.image_shape))
    return {
        "form": f"{plan.num_cells} cells, {plan.filters} filters, "
        f"{plan.num_classes} classes, images of "
        f"{' x '.join(map(str, plan.image_shape))}",
        "parameters": counting.count_parameters(network),
        "multiply-adds": counting.count_multiply_adds(network),
    }


def _recurrent_sizes(genotype):
    network = recurrent_network.RecurrentNetwork(
        genotype, _PAPER_WORDS, _PAPER_UNITS
    )
    network.build((1, None))
    return {
        "form": f"{_PAPER_UNITS} units, {_PAPER_WORDS:,} words",
        "parameters": counting.count_parameters(network),
    }


def _beside(run, ending):
    """Returns the path of a folder beside that of the run."""
    return str(run.directory.with_name(run.directory.name + ending))


def _command(module, flags):
    words = [shlex.quote(f"--{name}={value}") for name, value in flags.items()]
    return " ".join(["python", "-m", module, *words])
