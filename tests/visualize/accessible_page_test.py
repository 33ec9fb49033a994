"""Reports can be read on any screen, by any reader, in any light."""

import html
import itertools
import re

import pytest

import darts_tf
from darts_tf import visualize
from darts_tf.visualize import figure as figure_lib
from darts_tf.visualize import heat_map
from darts_tf.visualize import html_style
from tests.visualize import run_folders

# WCAG 2, success criteria 1.4.3 (texts) and 1.4.11 (what else is needed).
TEXT, GRAPHIC = 4.5, 3.0


def luminance(color):
    """Is written by the definition in WCAG 2, apart from the library's."""
    channels = []
    for k in (1, 3, 5):
        s = int(color[k : k + 2], 16) / 255
        channels.append(
            s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4
        )
    return sum(
        weight * channel
        for weight, channel in zip(
            (0.2126, 0.7152, 0.0722), channels, strict=True
        )
    )


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_definition():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("colors", [html_style.LIGHT, html_style.DARK])
def test_texts_of_a_page_stand_out(colors):
    for text in ("ink", "soft", "link"):
        for ground in ("ground", "panel"):
            assert contrast(colors[text], colors[ground]) >= TEXT
    assert contrast(colors["ink"], colors["marked"]) >= TEXT
    assert contrast(colors["soft"], colors["marked"]) >= TEXT


def shown(color, dark):
    return figure_lib.DARK[color] if dark else color


@pytest.mark.parametrize("dark", [False, True])
def test_texts_and_lines_of_figures_stand_out(dark):
    ground = shown(figure_lib.GROUND, dark)
    for color in figure_lib.PALETTE:  # also labels, in comparisons
        assert contrast(shown(color, dark), ground) >= TEXT
    assert contrast(shown("#666666", dark), ground) >= GRAPHIC
    for fill in ("#d5ecd4", "#d3e5f7", "#fbeebb", "#eef5fc"):
        assert contrast(shown(figure_lib.INK, dark), shown(fill, dark)) >= TEXT


def test_numbers_stand_out_from_every_shade_of_a_heat_map():
    for k in range(101):
        fill = heat_map.shade(k / 100)
        assert contrast(heat_map.ink_on(fill), fill) >= TEXT
        # A page in dark mode leaves both as they are.
        assert not {fill, heat_map.ink_on(fill)} & set(figure_lib.DARK)


@pytest.fixture(scope="module")
def search_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    run_folders.write_search(folder)
    return visualize.write_report(folder).read_text()


def test_every_colour_of_a_page_has_one_for_the_dark(search_page):
    used = set(re.findall(r' (?:fill|stroke)="(#[0-9a-f]{6})"', search_page))
    shades = {heat_map.shade(k / 10_000) for k in range(10_001)}
    assert used - shades - {"#000000", "#fefefe"} <= set(figure_lib.DARK)


def test_every_figure_says_what_it_shows(search_page):
    drawn = re.findall(
        r"<svg[^>]*>\n<title>(.+?)</title>\n<desc>(.+?)</", search_page
    )
    assert len(drawn) == search_page.count("<svg")
    labels = re.findall(r'<svg[^>]* role="img" aria-label="(.+?)"', search_page)
    assert [f"{title}. {text}" for title, text in drawn] == labels
    for alternative in re.findall(r"<img[^>]*>", search_page):
        assert re.search('alt="[^"]+"', alternative)


def test_parts_that_move_are_reached_by_the_keys_and_have_names(search_page):
    moving = re.findall(r'<div class="(?:wide|row|frames)[^>]*>', search_page)
    assert moving
    for tag in moving:
        assert 'tabindex="0"' in tag
        assert re.search('aria-label="[^"]+"', tag)


def test_nodes_have_one_number_in_drawing_table_and_text(search_page):
    drawing = re.search(r"<svg.*?</svg>", search_page, re.S)[0]
    nodes = re.findall(r'class="node".*?>(.*?)</text>', drawing)
    numbers = {int(text) for text in nodes if text.isdigit()}
    inputs = {int(text.partition(":")[0]) for text in nodes if ":" in text}
    text = html.unescape(re.search(r"<pre>(.*?)</pre>", search_page, re.S)[1])
    assert set(map(int, re.findall(r"node (\d+):", text))) == numbers
    edges = [
        (int(source), int(target))
        for source, target in re.findall(
            r"<td>normal</td><td>(\d+) -&gt; (\d+)</td>", search_page
        )
    ]
    assert {target for _, target in edges} == numbers
    assert {source for source, _ in edges} == inputs | numbers - {max(numbers)}
    # The heat map's rows, and the words of who hears the drawing.
    rows = re.findall(r'class="row".*?>(\d+) -&gt; (\d+)<', search_page)
    assert {(int(a), int(b)) for a, b in rows} == set(edges)
    described = re.search(r"<desc>(.*?)</desc>", drawing)[1]
    assert (
        set(map(int, re.findall(r"[Nn]ode (\d+) adds", described))) == numbers
    )


def test_axes_have_titles_and_units(search_page):
    charts = [
        svg
        for svg in re.findall(r"<svg.*?</svg>", search_page, re.S)
        if "over the epochs. loss" in svg or "entropy" in svg[:300]
    ]
    assert len(charts) == 2
    for svg in charts:
        assert re.search(r'class="axis"[^>]*>epoch<', svg)
        assert re.search(r'class="title"[^>]*>\w+ \(nats\)<', svg)


def test_heat_maps_of_a_page_have_one_scale_and_a_bar(search_page):
    maps = re.findall(
        r"<svg[^>]*Op weights of the \w+ cell\..*?</svg>", search_page, re.S
    )
    assert len(maps) == 2
    scales = [re.findall(r'class="tick"[^>]*>(.*?)<', svg)[-3:] for svg in maps]
    assert scales[0] == scales[1]
    largest = max(
        run_folders.op_weights(3)[name].max()
        for name in ("normal", "reduction")
    )
    assert largest <= float(scales[0][-1]) < largest + 0.1
    for svg in maps:
        assert re.search(r'class="axis"[^>]*>op weight<', svg)


def test_the_film_can_be_paused_and_respects_reduced_motion(search_page):
    assert "image/gif" not in search_page
    assert re.search(r'<input type="radio"[^>]*-pause"', search_page)
    assert "animation-play-state: paused" in search_page
    reduced = re.search(
        r"@media \(prefers-reduced-motion: reduce\) {(.*?)\n}",
        search_page,
        re.S,
    )[1]
    assert ".frame { animation: none !important; }" in reduced
    assert ".frame:last-child { visibility: visible; }" in reduced


def test_each_frame_of_a_film_is_shown_for_its_time():
    rules = html_style.film_style("film1", [1.0, 2.0, 1.0])
    spans = [
        tuple(map(float, span))
        for span in re.findall(
            r"([\d.]+)% { visibility: visible } ([\d.]+)%", rules
        )
    ]
    assert spans == [(0, 25), (25, 75), (75, 100)]
    assert rules.count("4.0s step-end infinite") == 3
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert end == start


def test_a_film_of_one_frame_is_a_picture():
    page = visualize.HtmlPage("title")
    figure = visualize.draw_genotype(darts_tf.zoo.get("DARTS_V2"))
    page.film([(figure, "epoch 0", 1.0)], "The cell.")
    assert "<input" not in page.to_html()
    assert "<svg" in page.to_html()


def test_a_page_has_rules_for_print_and_narrow_screens(search_page):
    assert "@media print" in search_page
    assert 'content="width=device-width"' in search_page
    # Only a screen is dark; paper is white.
    assert "@media screen and (prefers-color-scheme: dark)" in search_page
    for tag in re.findall(r"<th\b[^>]*>", search_page):
        assert 'scope="col"' in tag


def test_the_first_lines_say_what_was_found(search_page):
    [lead] = re.findall(r'<p class="lead">(.*?)</p>', search_page)
    choices = darts_tf.explain(run_folders.SPACE, run_folders.op_weights(3))
    close = sum(choice.margin < 0.05 for choice in choices)
    assert "After 3 of 3 epochs" in lead
    assert f"{len(choices)} choices, {close} of them close calls" in lead
    assert "still changes, at last in epoch 3" in lead
    assert re.search(r"has [\d,]+ parameters", lead)
    assert "What to do next:" in lead
