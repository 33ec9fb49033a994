import html.parser
import re

import pytest

from darts_tf import visualize
from darts_tf.spaces import zoo

NASTY = "</td><script>alert('x')</script> & \"quoted\" größer"
VOID = {"meta", "img", "input", "link", "rect", "path", "polyline"}


class Reader(html.parser.HTMLParser):
    """Collects elements and texts, and checks that elements are closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def full_page(text):
    page = visualize.HtmlPage(text, text)
    page.heading(text)
    page.paragraph(text)
    page.code(text)
    page.table([text, "n"], [[text, 1], ["b", 2.5]], ["weak", ""])
    page.begin_details(text)
    page.figures([visualize.draw_cell(zoo.get("DARTS_V2").normal, text)], text)
    page.end_details()
    figure = visualize.draw_cell(zoo.get("DARTS_V2").normal, "cell")
    page.film([(figure, text, 1.0), (figure, text, 2.0)], text)
    page.pictures([(b"PNG", text)], text)
    page.lead(text)
    page.subheading(text)
    return page.to_html()


def test_any_text_is_shown_as_it_is():
    reader = Reader(full_page(NASTY))
    names = [tag for tag, _ in reader.elements]
    assert "script" not in names
    # Title, heading, its link, subtitle, section, paragraph, code, two in the
    # table, summary, figure, its name, two frames, a picture, the paragraph at
    # the top, the part of the section, and three captions.
    assert reader.texts.count(NASTY) == 20
    [image] = [a for tag, a in reader.elements if tag == "img"]
    assert image["alt"] == NASTY
    figures = [a for tag, a in reader.elements if tag == "svg"]
    assert figures[0]["aria-label"].startswith(NASTY)


def test_nothing_is_fetched_from_elsewhere():
    text = full_page("plain")
    reader = Reader(text)
    for tag, attributes in reader.elements:
        assert tag not in ("link", "iframe", "script")
        for name in ("src", "href"):
            target = attributes.get(name, "#")
            assert re.match("#|data:", target), target
    assert "url(" not in text
    assert "@import" not in text


def test_links_at_the_top_lead_to_the_sections():
    page = visualize.HtmlPage("title")
    page.heading("one")
    page.heading("two")
    reader = Reader(page.to_html())
    targets = [a["href"] for tag, a in reader.elements if tag == "a"]
    ids = [a["id"] for tag, a in reader.elements if tag == "h2"]
    assert targets == [f"#{name}" for name in ids]


@pytest.mark.parametrize(
    ("values", "right"),
    [([1, 2], True), ([0.5, "0.25"], True), (["a", 1], False), ([True], False)],
)
def test_numbers_stand_at_the_right(values, right):
    page = visualize.HtmlPage("title")
    page.table(["head"], [[value] for value in values])
    cells = [a for tag, a in Reader(page.to_html()).elements if tag == "td"]
    assert [a.get("class") == "number" for a in cells] == [right] * len(values)


def test_large_numbers_have_separators():
    page = visualize.HtmlPage("title")
    page.table(["head"], [[3349342], [0.123456]])
    text = page.to_html()
    assert "3,349,342" in text
    assert "0.1235" in text
