"""Shows the examples of docstrings as code in the reference of the site.

`mkdocs.yml` names `Examples` as an extension of Griffe, which reads the
docstrings for the site. Examples stand in them as Keras writes them, flush
with the text, which Markdown takes for quotations.
"""

import re

import griffe

_EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.M)
_HEADING = re.compile(r"^Example:$", re.M)


class Examples(griffe.Extension):
    """Puts each example into a block of code."""

    def on_object(self, *, obj, **kwargs):
        """Changes the docstring of an object that was read."""
        if obj.docstring is not None:
            obj.docstring.value = fence(obj.docstring.value)


def fence(docstring):
    """Returns a docstring whose examples are blocks of code.

    Args:
        docstring: String.

    Returns:
        String.

    Example:

    >>> print(fence("Example:" + chr(10) + chr(10) + ">" * 3 + " 1 + 1"))
    **Example**
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    ```
    """
    fenced = _EXAMPLE.sub(lambda match: f"```pycon\n{match[0]}\n```", docstring)
    return _HEADING.sub("**Example**", fenced)
