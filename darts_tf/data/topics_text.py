"""A small English text that comes with Python, for a try without a network."""

import collections
import re

# Share of the tokens that each part should get.
_SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}
_UNKNOWN = "<unk>"


def read():
    """Splits the reference manual of Python in three texts of whole topics.

    The manual is what `help("assert")` shows: `pydoc_data.topics`. Words and
    punctuation marks are tokens, in lower case. Lines without a word, such
    as rules under a heading, are left out, and so are paragraphs that an
    earlier topic (in alphabetical order) has had, so that no paragraph is in
    two parts. Words that the training text has only once become `<unk>`.

    On Python 3.11 these are 79 topics with about 68,000 / 8,500 / 8,500
    tokens, `<eos>` included, and a vocabulary of about 2,050 words. Other
    versions of Python have another text, so results compare within one
    version only.

    Returns:
        Dictionary with the keys `"train"`, `"valid"` and `"test"`; each value
        is a list of lines, each line a list of words.

    Example:

    >>> from darts_tf.data import topics_text
    >>> parts = topics_text.read()
    >>> list(parts), "statement" in sum(parts["train"], [])
    (['train', 'valid', 'test'], True)
    """
    # Half a megabyte of source text: not to be loaded with the package.
    from pydoc_data import topics

    parts = _split(_tokenize(topics.topics))
    counts = collections.Counter(
        word for line in parts["train"] for word in line
    )
    rare = {word for word, count in counts.items() if count == 1}
    parts["train"] = [
        [_UNKNOWN if word in rare else word for word in line]
        for line in parts["train"]
    ]
    return parts


def _tokenize(topics):
    """Returns the lines of each topic, without repeated paragraphs."""
    seen = set()
    tokenized = {}
    for name in sorted(topics):
        lines = []
        for paragraph in re.split(r"\n\s*\n", topics[name]):
            # A quoted paragraph differs in indentation and line breaks.
            words = tuple(paragraph.split())
            if words not in seen:
                seen.add(words)
                lines += paragraph.lower().split("\n")
        tokenized[name] = [
            re.findall(r"\w+|[^\w\s]", line)
            for line in lines
            if re.search(r"\w", line)
        ]
    return tokenized


def _split(tokenized):
    """Gives each topic, the longest first, to the part that lacks most."""
    sizes = {
        name: sum(len(line) + 1 for line in lines)  # 1 for `<eos>`
        for name, lines in tokenized.items()
    }
    total = sum(sizes.values())
    lacking = {part: share * total for part, share in _SHARES.items()}
    parts = {part: [] for part in _SHARES}
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        part = max(lacking, key=lacking.get)
        lacking[part] -= sizes[name]
        parts[part] += tokenized[name]
    return parts
