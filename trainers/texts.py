"""Checks and describes the text that a trainer's flags name."""

import pathlib
from typing import Any

# Those of `darts_tf.data.corpus`, which TensorFlow comes with.
NAMES = ("ptb", "wikitext-2", "topics")


def check(name: str) -> None:
    """Raises an error for a text that is not there, before anything is loaded.

    Args:
        name: String, as `darts_tf.data.corpus.load` takes it.

    Raises:
        ValueError: If it is neither one of `NAMES` nor a path that exists.
    """
    if name not in NAMES and not pathlib.Path(name).expanduser().exists():
        raise ValueError(
            f"The text must be one of {NAMES}, or an existing folder with "
            f"train.txt, valid.txt and test.txt. Received: {name!r}, which "
            "does not exist"
        )


def describe(corpus: Any) -> str:
    """Returns a text's name and sizes, for the first lines of a run.

    Args:
        corpus: A `darts_tf.data.corpus.Corpus`.
    """
    return (
        f"{corpus.name}: {len(corpus.train):,} words to train on, "
        f"{len(corpus.valid):,} to validate, {len(corpus.test):,} to test, "
        f"{corpus.vocabulary_size:,} different ones"
    )
