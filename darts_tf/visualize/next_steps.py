"""The network that a cell makes: its size, and the commands that train it."""

import json
import shlex

from darts_tf.models import conv_network
from darts_tf.models import counting
from darts_tf.models import recurrent_network
from darts_tf.spaces import genotype_json

# Cells, filters and images of the networks that `trainers.cnn_train` makes of
# a cell by its presets: the quick one for the digits, or the paper's.
DIGITS_FORM = 3, 8, (8, 8, 1)
PAPER_FORM = 20, 36, (32, 32, 3)
_NUM_CLASSES = 10
_PAPER_UNITS, _PAPER_WORDS = 850, 10000
_TRAINERS = {"conv": "cnn_train", "recurrent": "ptb_train"}


def network_sizes(genotype, data):
    """Counts a network of a cell.

    Args:
        genotype: A `darts_tf.Genotype`.
        data: String, the name of the data. For `"digits"` the network has the
            form of the quick preset, for any other the paper's.

    Returns:
        A dictionary with the form of the network, its parameters and, of a
        convolutional one, its multiply-adds. `None` if the operations of the
        cell are not registered.

    Example:

    >>> import darts_tf
    >>> from darts_tf.visualize import next_steps
    >>> sizes = next_steps.network_sizes(darts_tf.zoo.DARTS_V2, "digits")
    >>> sizes["form"]
    '3 cells, 8 filters, 10 classes, images of 8 x 8 x 1'
    """
    try:
        if genotype.kind == "recurrent":
            return _recurrent_sizes(genotype)
        return _conv_sizes(genotype, *_conv_form(data))
    except ValueError:  # the names of its operations are not known here
        return None


def next_commands(run):
    """Returns the commands that continue with the result of a command.

    Args:
        run: A `RunFolder` of a command of `trainers`.

    Returns:
        A list of strings.
    """
    if not run.is_search:
        network = str(run.directory / "network.keras")
        flags = {"network": network, "workdir": _beside(run, "_export")}
        return [_command("trainers.export", flags)]
    flags = {
        **_data_flags(run),
        "genotype": str(run.directory / genotype_json.FILE),
        "workdir": _beside(run, "_train"),
    }
    trainer = f"trainers.{_TRAINERS[run.genotype.kind]}"
    return [_command(trainer, flags), show_log(run)]


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
        num_cells, filters, _ = _conv_form(run.data)
        network = (
            f"ConvNetwork(genotype, num_classes={_NUM_CLASSES}, "
            f"filters={filters}, num_cells={num_cells})"
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


def _conv_form(data):
    return DIGITS_FORM if data == "digits" else PAPER_FORM


def _conv_sizes(genotype, num_cells, filters, shape):
    network = conv_network.ConvNetwork(
        genotype, _NUM_CLASSES, filters, num_cells
    )
    network.build((None, *shape))
    return {
        "form": f"{num_cells} cells, {filters} filters, {_NUM_CLASSES} "
        f"classes, images of {' x '.join(map(str, shape))}",
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


def _data_flags(run):
    """Returns the flags that name the same data to the next command."""
    if run.data in ("digits", "topics"):
        return {"preset": "quick"}
    names = ("dataset", "corpus", "data_dir", "image_size")
    flags = {
        name: run.settings[name]
        for name in names
        if run.settings.get(name) is not None
    }
    # The auxiliary classifier is made for images of 32x32.
    if flags.get("image_size", 32) != 32:
        flags["auxiliary_weight"] = 0
    return flags


def _beside(run, ending):
    """Returns the path of a folder beside that of the run."""
    return str(run.directory.with_name(run.directory.name + ending))


def _command(module, flags):
    words = [shlex.quote(f"--{name}={value}") for name, value in flags.items()]
    return " ".join(["python", "-m", module, *words])
