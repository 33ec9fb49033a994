"""A web page in one file, which opens without a network."""

import base64
import html

from darts_tf.visualize import html_style
from darts_tf.visualize import svg

# A part wider than the screen moves by itself, also with the keys.
_MOVES = 'tabindex="0" role="region"'
# The smallest letters, of 10 pixels, can still be read.
_LEAST_SCALE = 0.85


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
        self._styles = []
        self._leads = []

    def heading(self, text):
        """Begins a section, which the top of the page links to."""
        self._headings.append(text)
        number = len(self._headings)
        self._parts.append(f'<h2 id="part{number}">{html.escape(text)}</h2>')

    def subheading(self, text):
        """Begins a part of a section."""
        self._parts.append(f"<h3>{html.escape(text)}</h3>")

    def lead(self, text):
        """Adds the paragraph at the top that says the whole in short."""
        self._leads.append(f'<p class="lead">{html.escape(text)}</p>')

    def paragraph(self, text):
        """Adds a paragraph."""
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def code(self, text):
        """Adds lines of code or commands."""
        self._parts.append(f"<pre>{html.escape(text)}</pre>")

    def table(self, header, rows, classes=None, caption=""):
        """Adds a table.

        Args:
            header: List of strings.
            rows: List of lists of strings and numbers. Columns of numbers,
                or of strings that are numbers, are aligned at the right.
            classes: Optional list with `"weak"`, `"minor"` or `""` for each
                row: `"weak"` is highlighted, `"minor"` is grey. Defaults to
                `None`, no row has a class.
            caption: String, what the table shows. Defaults to `""`.
        """
        numeric = [
            bool(rows) and all(_is_number(row[k]) for row in rows)
            for k in range(len(header))
        ]
        lines = [
            "<tr>"
            + "".join(
                _cell('th scope="col"', text, number)
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
        body = "\n".join(lines)
        head = f"<caption>{html.escape(caption)}</caption>" if caption else ""
        # Two columns have room on any screen, if their texts may break.
        kind = "wide pairs" if len(header) == 2 else "wide"
        label = html.escape(caption or ", ".join(map(str, header)))
        self._parts.append(
            f'<div class="{kind}" {_MOVES} aria-label="{label}">'
            f"<table>{head}\n{body}\n</table></div>"
        )

    def figures(self, figures, caption=""):
        """Adds `Figure`s side by side, as far as there is room."""
        drawn = "\n".join(_drawn(figure) for figure in figures)
        label = html.escape(caption or _names(figures))
        self._parts.append(
            f'<figure><div class="row" {_MOVES} aria-label="{label}">{drawn}'
            f"</div>{_caption(caption)}</figure>"
        )

    def pictures(self, pictures, caption=""):
        """Adds small pictures side by side, each with a text below it.

        Args:
            pictures: List of tuples of a PNG file as bytes and a string.
            caption: String. Defaults to `""`.
        """
        shown = "\n".join(
            f'<div class="picture"><img alt="{html.escape(text)}" src="'
            f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
            f'">{html.escape(text)}</div>'
            for png, text in pictures
        )
        self._parts.append(
            f'<figure><div class="row">{shown}</div>{_caption(caption)}'
            "</figure>"
        )

    def film(self, frames, caption=""):
        """Adds figures that are shown one after the other.

        The reader can pause the film and pick a frame. Who has asked for
        reduced motion sees the last frame until another is picked.

        Args:
            frames: List of tuples `(figure, label, seconds)`.
            caption: String. Defaults to `""`.
        """
        if len(frames) == 1:
            self.figures([frames[0][0]], caption)
            return
        name = f"film{len(self._styles) + 1}"
        seconds = [duration for _, _, duration in frames]
        self._styles.append(html_style.film_style(name, seconds))
        choices = [("play", "play"), ("pause", "pause")] + [
            (str(number), label) for number, (_, label, _) in enumerate(frames)
        ]
        controls = "\n".join(
            f'<label><input type="radio" name="{name}" id="{name}-{key}"'
            f"{' checked' if key == 'play' else ''}>{html.escape(text)}</label>"
            for key, text in choices
        )
        drawn = "\n".join(
            f'<div class="frame">{_drawn(figure)}</div>'
            for figure, _, _ in frames
        )
        self._parts.append(
            f'<figure class="film" id="{name}" role="group" '
            f'aria-label="{html.escape(caption)}">\n{controls}\n'
            f'<div class="frames" {_MOVES} aria-label="frames">{drawn}</div>'
            f"{_caption(caption)}</figure>"
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
                f"<style>{html_style.style()}",
                *self._styles,
                "</style></head><body><main>",
                f"<h1>{html.escape(self.title)}</h1>",
                f"<p>{html.escape(self.subtitle)}</p>",
                *self._leads,
                f'<nav aria-label="sections">{links}</nav>',
                *self._parts,
                "</main></body></html>\n",
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
    end = tag.partition(" ")[0]
    return f"<{tag}{mark}>{html.escape(_text(value))}</{end}>"


def _text(value):
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _drawn(figure):
    """Returns a figure that shrinks a little before it has to be moved."""
    least = f"{_LEAST_SCALE * figure.width:.0f}px"
    style = f"max-width:100%;min-width:{least};height:auto"
    return svg.to_svg(figure).replace("<svg ", f'<svg style="{style}" ', 1)


def _names(figures):
    return ", ".join(figure.title for figure in figures if figure.title)


def _caption(text):
    return f"<figcaption>{html.escape(text)}</figcaption>" if text else ""
