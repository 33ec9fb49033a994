"""A search, read back from its folder and drawn over its epochs."""

import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import darts_tf
from darts_tf import visualize

SVG = "{http://www.w3.org/2000/svg}"
SPACE = darts_tf.SearchSpace.conv(["none", "skip_connect", "sep_conv_3x3"], 2)


def op_weights(seed):
    logits = np.random.default_rng(seed).normal(size=(2, 5, 3))
    exponentials = np.exp(2 * logits)
    normal, reduction = exponentials / exponentials.sum(-1, keepdims=True)
    return {"normal": normal, "reduction": reduction}


def write(folder, lines):
    (folder / "space.json").write_text(json.dumps(SPACE.get_config()))
    (folder / "alphas.jsonl").write_text("".join(lines))


def line(epoch, seed):
    weights = {
        f"op_weights_{name}": array.tolist()
        for name, array in op_weights(seed).items()
    }
    return json.dumps({"epoch": epoch, **weights}) + "\n"


def test_a_folder_gives_what_was_written(tmp_path):
    write(tmp_path, [line(0, 0), line(1, 1)])
    trace = visualize.read_trace(tmp_path)
    assert trace.space == SPACE
    assert trace.epochs == (0, 1)
    for seed, read in enumerate(trace.op_weights):
        for name, array in op_weights(seed).items():
            np.testing.assert_array_equal(read[name], array)
    assert trace.genotypes()[1] == darts_tf.discretize(SPACE, op_weights(1))
    assert trace.over_time("normal").shape == (2, 5, 3)


def test_a_running_and_a_resumed_search_can_be_read(tmp_path):
    # Epoch 1 was done again, and the last line is being written.
    write(tmp_path, [line(0, 0), line(1, 1), line(1, 2), line(2, 3)[:40]])
    trace = visualize.read_trace(tmp_path)
    assert trace.epochs == (0, 1)
    np.testing.assert_array_equal(
        trace.op_weights[1]["normal"], op_weights(2)["normal"]
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{}\n"], "epoch"),
        (['{"epoch": 1}\n'], "op_weights_normal"),
        (["[]\n", line(0, 0)], "line 1"),
        (["half a l\n"], "line 1"),
        ([line(0, 0), '{"epoch": 1, "op_weights_normal": 3}\n'], "line 2"),
        ([line(0, 0).replace("[[0.", '[["0.5"], [0.')], "line 1"),
        ([line(0, 0).replace("[[0.", '[["0.5", 0.')], r"shape \(5, 3\)"),
        ([], "empty"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path, lines, message):
    write(tmp_path, lines)
    with pytest.raises(ValueError, match=message):
        visualize.read_trace(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": 5}'])
def test_a_damaged_space_is_named(tmp_path, content):
    write(tmp_path, [line(0, 0)])
    (tmp_path / "space.json").write_text(content)
    with pytest.raises(ValueError, match=r"space\.json'$"):
        visualize.read_trace(tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"space\.json"):
        visualize.read_trace(tmp_path)


@pytest.fixture
def trace():
    seeds = [0, 0, 0, 1, 2, 0]
    return visualize.SearchTrace(
        SPACE, tuple(range(6)), tuple(op_weights(seed) for seed in seeds)
    )


def test_stages_join_neighbours_with_the_same_cell(trace):
    genotypes = [darts_tf.discretize(SPACE, op_weights(k)) for k in range(3)]
    assert len({str(genotype) for genotype in genotypes}) == 3
    assert visualize.stages(trace) == [
        (0, 2, genotypes[0]),
        (3, 3, genotypes[1]),
        (4, 4, genotypes[2]),
        (5, 5, genotypes[0]),
    ]


def test_film_shows_each_stage_and_the_longer_the_more_epochs(trace):
    film = Image.open(io.BytesIO(visualize.to_gif(trace)))
    assert film.n_frames == 4
    pictures, durations = [], []
    for k in range(film.n_frames):
        film.seek(k)
        durations.append(film.info["duration"])
        pictures.append(np.asarray(film.convert("RGB")).astype(int))
    assert durations[0] > durations[1] == durations[2]
    assert film.info["loop"] == 0
    for one, other in zip(pictures, pictures[1:], strict=False):
        assert np.abs(one - other).max() > 100
    assert (pictures[1][0, 0] == 255).all()  # the ground is white, not grey


def test_heat_map_has_each_weight_and_frames_what_is_kept(trace):
    weights = op_weights(1)
    svg = visualize.to_svg(
        visualize.draw_op_weights(SPACE, weights, "reduction")
    )
    root = ElementTree.fromstring(svg)
    shown = [
        e.text for e in root.iter(SVG + "text") if e.get("class") == "weight"
    ]
    assert shown == [f"{w:.2f}" for w in weights["reduction"].ravel()]
    rows = [e for e in root.iter(SVG + "text") if e.get("class") == "row"]
    kept = {
        f"{choice.source} -> {choice.node}"
        for choice in darts_tf.explain(SPACE, weights)
        if choice.cell_type == "reduction"
    }
    assert {e.text for e in rows if e.get("font-weight")} == kept
    frames = [e for e in root.iter(SVG + "polyline")]
    assert len(frames) == len(kept)


def test_curves_have_a_panel_for_each_edge(trace):
    figure = visualize.draw_op_weight_curves(trace, "normal")
    root = ElementTree.fromstring(visualize.to_svg(figure))
    titles = [
        e.text.partition(":")[0]
        for e in root.iter(SVG + "text")
        if e.get("class") == "title"
    ]
    assert titles == [f"{a} -> {b}" for a, b in SPACE.edges]
    long = [
        e
        for e in root.iter(SVG + "polyline")
        if e.get("points").count(" ") == 5
    ]
    assert len(long) == 5 * 3  # a curve of six epochs for each op weight


def test_a_cell_that_the_space_does_not_have_is_refused(trace):
    with pytest.raises(ValueError, match="cell_type='recurrent'"):
        visualize.draw_op_weights(SPACE, op_weights(0), "recurrent")


def test_pictures_of_a_search_are_images():
    pictures = visualize.search_pictures(SPACE, op_weights(0))
    assert sorted(pictures) == [
        "cell_normal",
        "cell_reduction",
        "op_weights_normal",
        "op_weights_reduction",
    ]
    for picture in pictures.values():
        assert picture.dtype == np.uint8
        assert picture.shape[-1] == 3
        assert picture.min() < 100  # something is drawn
