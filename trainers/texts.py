"""Checks and describes the text that a trainer's flags name."""

import dataclasses
import pathlib
from typing import Any

from trainers import late
from trainers import options

with late.without_package():
    from darts_tf.spaces import paper

# Those of `darts_tf.data.corpus`, which TensorFlow comes with.
NAMES = ("ptb", "wikitext-2", "topics")
# Of the presets `quick`, whose text is small.
QUICK_DROPOUTS = {
    "output_dropout": 0.3,
    "hidden_dropout": 0.1,
    "cell_input_dropout": 0.3,
    "embedded_dropout": 0.1,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageOptions:
    """Options of a run on a text: the text, and the model of it."""

    corpus: str = options.option(
        "ptb, wikitext-2, topics, or a folder with train.txt, valid.txt and "
        "test.txt.",
        "ptb",
    )
    data_dir: str | None = options.option(
        "Folder of the published texts; none is ~/.cache/darts_tf.", None
    )
    min_count: int | None = options.option(
        "Words that occur less often in the training text become <unk>; none "
        "keeps all.",
        None,
    )
    epochs: int = options.option("Passes over the training text.")
    sequence_length: int = options.option(
        "Words in a piece.", paper.RecurrentSearch.sequence_length
    )
    vary_length: bool = options.option(
        "Give 5 % of the pieces half the length.", True
    )
    units: int = options.option("Width of the embedding and the cell.")
    output_dropout: float = options.option(
        "Of the cell's outputs.", paper.RecurrentSearch.output_dropout
    )
    hidden_dropout: float = options.option(
        "Of the state and the nodes.", paper.RecurrentSearch.hidden_dropout
    )
    cell_input_dropout: float = options.option(
        "Of the cell's inputs.", paper.RecurrentSearch.cell_input_dropout
    )
    embedded_dropout: float = options.option(
        "Of the embedded words.", paper.RecurrentSearch.embedded_dropout
    )
    word_dropout: float = options.option("Of whole words.")
    slowness: float = options.option(
        "Weight of the penalty on changes of the state.",
        paper.RecurrentSearch.slowness,
    )

    @property
    def dropouts(self) -> dict[str, float]:
        """The rates by place, as the language models take them."""
        return paper.dropouts(self)


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
