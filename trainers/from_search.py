"""What the folder of a search says to the training of its cell."""

import pathlib
from collections.abc import Collection
from collections.abc import Mapping
from typing import Any

from trainers import late
from trainers import options
from trainers import workdir

with late.imports():
    from darts_tf.files import json_file

GENOTYPE_FILE = "genotype.json"
# Written by a search at its beginning.
DATA_FILE = "data.json"
HELP = (
    "Folder of a finished search, which says which genotype and which data: "
    "other flags override it; none asks for --genotype."
)


def values(
    given: Mapping[str, Any],
    data: str,
    others: Collection[str] = (),
    of_cell: Collection[str] = (),
) -> dict[str, Any]:
    """Returns the options that `--search` gives to a training.

    Args:
        given: Mapping from options to the values that were given explicitly.
        data: String, the option that names the data.
        others: Strings, the options that belong to the data. If other data
            are given, those of the search say nothing.
        of_cell: Strings, the options that belong to the genotype.

    Returns:
        Dictionary from options to values; empty without `search`.

    Raises:
        ValueError: If a genotype is given, too, or the folder is not that of a
            search by a command.
        OSError: If a file in it cannot be read.

    Example:

    >>> from trainers import from_search
    >>> from_search.values({"dataset": "digits"}, "dataset")
    {}
    """
    search = given.get("search")
    if search is None:
        return {}
    if given.get("genotype") is not None:
        raise ValueError(
            "`search` says which genotype, so `genotype` must be left out. "
            f"Received: search={search!r}, genotype={given['genotype']!r}"
        )
    folder = pathlib.Path(search).expanduser()
    for name in (GENOTYPE_FILE, workdir.CONFIG_FILE, "space.json"):
        if not (folder / name).is_file():
            raise ValueError(
                "`search` must be the folder of a search by a command, after "
                f"its first epoch. Received: search={search!r}, which has no "
                f"{name}"
            )
    config = json_file.read_object(folder / workdir.CONFIG_FILE)
    found = {name: config[name] for name in of_cell if name in config}
    found["genotype"] = str(folder / GENOTYPE_FILE)
    if data not in config:
        raise ValueError(
            f"`search` must be a search on what `{data}` names. "
            f"Received: search={search!r}, whose options have no {data!r}"
        )
    if given.get(data, config[data]) != config[data]:
        return found
    found[data] = config[data]
    return found | {name: config[name] for name in others if name in config}


def check_classes(config: Any, class_names: Collection[str]) -> None:
    """Raises an error for data that have changed since the search.

    Args:
        config: A config with `search` and `dataset`.
        class_names: Strings, the classes of the data now.

    Raises:
        ValueError: If the search was on the same data with other classes.
    """
    if config.search is None:
        return
    folder = pathlib.Path(config.search).expanduser()
    if not (folder / DATA_FILE).exists():
        return  # a search of an older version
    searched = json_file.read_object(folder / workdir.CONFIG_FILE)
    before = json_file.read_object(folder / DATA_FILE).get("class_names")
    if searched.get("dataset") == config.dataset and before != [*class_names]:
        raise ValueError(
            "The data must have the classes that they had in the search, "
            f"{before}. Received: dataset={config.dataset!r} with "
            f"{[*class_names]}"
        )


def option() -> Any:
    """Declares the option `search` of a training."""
    return options.option(HELP, None)
