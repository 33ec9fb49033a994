"""Finds the genotype that a trainer's flag names."""

import dataclasses
import pathlib

from trainers import late
from trainers import options

with late.imports():
    import darts_tf


HELP = (
    "File genotype.json of a search, a text or log with `Genotype(...)` in it "
    "(the last counts), `Genotype(...)` itself, the text of a cell of "
    "NAS-Bench-201, the name of a published genotype, or random:SEED, a cell "
    "drawn at random from the paper's space."
)
# Those of `darts_tf.zoo`, which TensorFlow comes with.
NAMES = (
    "DARTS_V1",
    "DARTS_V2",
    "NASNET_A",
    "AMOEBANET_A",
    "P_DARTS",
    "PC_DARTS",
    "RECURRENT_DARTS_V1",
    "RECURRENT_DARTS_V2",
    "RECURRENT_ENAS",
)
_RANDOM = "random:"
_LITERAL = "Genotype("


@dataclasses.dataclass(frozen=True)
class GenotypeOption:
    """The option of a run that is one of a genotype."""

    genotype: str = options.option(HELP)


def check(source: str) -> None:
    """Raises an error for what nothing is known of, before TensorFlow loads.

    Args:
        source: String, as `read` takes it.

    Raises:
        ValueError: If it is neither a genotype that is written out, nor a file
            that exists, nor one of `NAMES`, nor a seed.
    """
    if set("()[]{}|") & set(source) or _existing(source) is not None:
        return
    if source.startswith(_RANDOM):
        _seed(source)
        return
    path = pathlib.Path(source)
    if path.suffix or len(path.parts) > 1:
        raise ValueError(
            f"`genotype` must be a file that exists, or: {HELP} "
            f"Received: genotype={source!r}, which does not exist"
        )
    if source.upper().replace("-", "_") not in NAMES:
        raise ValueError(
            "`genotype` must be a file, `Genotype(...)`, random:SEED or one of "
            f"{NAMES}. Received: genotype={source!r}"
        )


def read(source: str, kind: str) -> "darts_tf.Genotype":
    """Reads a genotype from a file or a text, finds a published one, or draws.

    Args:
        source: String: a path, of the JSON of a genotype or of a text or log
            with published forms, of which the last counts; a published form
            itself; a name; or `random:` and a seed.
        kind: String, `"conv"` or `"recurrent"`, what it must be.

    Returns:
        A `darts_tf.Genotype`.

    Raises:
        ValueError: If it is not one of these, the file holds no genotype, or it
            is of the other kind.

    Example:

    >>> from trainers import genotypes
    >>> genotypes.read("RECURRENT_DARTS_V2", "recurrent").kind
    'recurrent'
    """
    if source.startswith(_RANDOM):
        return _draw(source, kind)
    if _LITERAL in source or source.startswith("|"):
        genotype = darts_tf.Genotype.from_text(source)
    elif (path := _existing(source)) is not None and path.is_file():
        genotype = darts_tf.interop.read_genotypes(path)[-1]
    elif len(pathlib.Path(source).parts) > 1 or pathlib.Path(source).suffix:
        raise ValueError(
            "`genotype` must be a file, `Genotype(...)`, random:SEED or one of "
            f"{darts_tf.zoo.names()}. Received: genotype={source!r}, which "
            + ("does not exist" if path is None else "is a folder")
        )
    else:
        genotype = darts_tf.zoo.get(source)
    if genotype.kind != kind:
        cells = {"conv": "convolutional", "recurrent": "recurrent"}
        raise ValueError(
            f"`genotype` must have {cells[kind]} cells. "
            f"Received: genotype={source!r}, which has {cells[genotype.kind]} "
            "ones"
        )
    return genotype


def _existing(source):
    """Returns the path of what a flag names, `None` if there is nothing."""
    try:
        path = pathlib.Path(source).expanduser()
        return path if path.exists() else None
    # A name too long for a file, or the home of somebody who has none.
    except (OSError, RuntimeError):
        return None


def _draw(source, kind):
    space = getattr(darts_tf.SearchSpace, kind)()
    return space.random_genotype(_seed(source))


def _seed(source):
    seed = source.removeprefix(_RANDOM)
    if not (seed.isascii() and seed.isdigit()):
        raise ValueError(
            "The seed of a random genotype must be a number that is not "
            f"negative. Received: genotype={source!r}"
        )
    return int(seed)
