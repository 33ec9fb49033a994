"""A web page in one file, which opens without a network."""

import base64
import html

from darts_tf.visualize import svg

_STYLE = """
body { font: 15px/1.5 system-ui, Helvetica, Arial, sans-serif; color: #222;
       max-width: 1100px; margin: 0 auto; padding: 1.5em; }
h1 { font-size: 1.6em; margin: 0 0 .2em; }
h2 { font-size: 1.2em; margin: 2.2em 0 .5em; padding-bottom: .2em;
     border-bottom: 1px solid #ddd; }
p { max-width: 48em; margin: .5em 0; }
table { border-collapse: collapse; margin: .6em 0; font-size: 14px; }
th, td { text-align: left; padding: .2em .9em .2em 0; vertical-align: top;
         border-bottom: 1px solid #eee; }
th { border-bottom: 1px solid #aaa; }
.wide { overflow-x: auto; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #f4f6f8; padding: .7em .9em; white-space: pre-wrap;
      overflow-wrap: anywhere;
      font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
figure { margin: .6em 0; overflow-x: auto; }
figcaption { color: #555; font-size: 13px; max-width: 60em; }
.row { display: flex; flex-wrap: wrap; gap: .8em; }
.row svg { flex: none; max-width: 100%; height: auto; }
img { max-width: 100%; height: auto; }
nav { color: #555; font-size: 14px; }
nav a { margin-right: 1em; }
tr.weak td { background: #fff6e5; }
tr.minor td { color: #777; }
details summary { cursor: pointer; color: #0057a0; margin: .6em 0; }
"""


class HtmlPage:
    """Collects the parts of a page; all text is escaped.

    Args:
        title: String.
        subtitle: String, one line below the title. Defaults to `""`.

    Example:

    >>> from darts_tf.visualize import html_page
    >>> page = html_page.HtmlPage("A <search>")
    >>> page.paragraph("2 < 3")
    >>> "<p>2 &lt; 3</p>" in page.to_html()
    True
    """

    def __init__(self, title, subtitle=""):
        self.title = title
        self.subtitle = subtitle
        self._parts = []
        self._headings = []

    def heading(self, text):
        """Begins a section, which the top of the page links to."""
        self._headings.append(text)
        number = len(self._headings)
        self._parts.append(f'<h2 id="part{number}">{html.escape(text)}</h2>')

    def paragraph(self, text):
        """Adds a paragraph."""
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def code(self, text):
        """Adds lines of code or commands."""
        self._parts.append(f"<pre>{html.escape(text)}</pre>")

    def table(self, header, rows, classes=None):
        """Adds a table.

        Args:
            header: List of strings.
            rows: List of lists of strings and numbers. Columns of numbers,
                or of strings that are numbers, are aligned at the right.
            classes: Optional list with `"weak"`, `"minor"` or `""` for each
                row: `"weak"` is highlighted, `"minor"` is grey. Defaults to
                `None`, no row has a class.
        """
        numeric = [
            bool(rows) and all(_is_number(row[k]) for row in rows)
            for k in range(len(header))
        ]
        lines = [
            "<tr>"
            + "".join(
                _cell("th", text, number)
                for text, number in zip(header, numeric, strict=True)
            )
            + "</tr>"
        ]
        for row, name in zip(rows, classes or [""] * len(rows), strict=True):
            mark = f' class="{html.escape(name)}"' if name else ""
            fields = "".join(
                _cell("td", value, number)
                for value, number in zip(row, numeric, strict=True)
            )
            lines.append(f"<tr{mark}>{fields}</tr>")
        # On a narrow screen a wide table moves by itself.
        body = "\n".join(lines)
        self._parts.append(f'<div class="wide"><table>\n{body}\n</table></div>')

    def figures(self, figures, caption=""):
        """Adds `Figure`s side by side, as far as there is room."""
        drawn = "\n".join(svg.to_svg(figure) for figure in figures)
        self._parts.append(
            f'<figure><div class="row">{drawn}</div>{_caption(caption)}'
            "</figure>"
        )

    def animation(self, gif, caption=""):
        """Adds an animated GIF, which is given as bytes."""
        data = base64.b64encode(gif).decode("ascii")
        self._parts.append(
            f'<figure><img alt="{html.escape(caption)}" '
            f'src="data:image/gif;base64,{data}">{_caption(caption)}</figure>'
        )

    def begin_details(self, summary):
        """Begins a part that the reader opens; `end_details` ends it."""
        self._parts.append(
            f"<details><summary>{html.escape(summary)}</summary>"
        )

    def end_details(self):
        """Ends the part that `begin_details` began."""
        self._parts.append("</details>")

    def to_html(self):
        """Returns the page, a string."""
        links = "".join(
            f'<a href="#part{number}">{html.escape(text)}</a>'
            for number, text in enumerate(self._headings, 1)
        )
        return "\n".join(
            [
                "<!doctype html>",
                '<html lang="en"><head><meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width">',
                f"<title>{html.escape(self.title)}</title>",
                f"<style>{_STYLE}</style></head><body>",
                f"<h1>{html.escape(self.title)}</h1>",
                f"<p>{html.escape(self.subtitle)}</p>",
                f"<nav>{links}</nav>",
                *self._parts,
                "</body></html>\n",
            ]
        )


def _is_number(value):
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _cell(tag, value, is_number):
    mark = ' class="number"' if is_number else ""
    return f"<{tag}{mark}>{html.escape(_text(value))}</{tag}>"


def _text(value):
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _caption(text):
    return f"<figcaption>{html.escape(text)}</figcaption>" if text else ""
