"""The record of a search: what stands on disk, and what is read from it."""

import doctest
import json

import numpy as np
import pytest

import darts_tf
from darts_tf.spaces import search_record

SPACE = darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=1)


def append(folder, epoch, share=0.5):
    search_record.append_alphas(
        folder,
        epoch,
        {"recurrent": np.array([[0.0, 1.5]], "float32")},
        {"recurrent": np.array([[share, 1 - share]], "float32")},
    )


def test_the_files_have_the_published_names_and_lines(tmp_path):
    search_record.write_space(tmp_path, SPACE)
    append(tmp_path, 0)
    append(tmp_path, 1, 0.25)
    assert json.loads((tmp_path / "space.json").read_text()) == json.loads(
        json.dumps(SPACE.get_config())
    )
    assert (tmp_path / "alphas.jsonl").read_text() == (
        '{"epoch": 0, "alphas_recurrent": [[0.0, 1.5]], '
        '"op_weights_recurrent": [[0.5, 0.5]]}\n'
        '{"epoch": 1, "alphas_recurrent": [[0.0, 1.5]], '
        '"op_weights_recurrent": [[0.25, 0.75]]}\n'
    )


def test_what_was_written_is_read_back(tmp_path):
    search_record.write_space(tmp_path, SPACE)
    for epoch in (1, 0):  # the order on disk does not matter
        append(tmp_path, epoch, 0.25 + epoch / 2)
    assert search_record.read_space(tmp_path) == SPACE
    found = search_record.read_op_weights(tmp_path, SPACE)
    assert list(found) == [0, 1]
    np.testing.assert_array_equal(found[0]["recurrent"], [[0.25, 0.75]])
    np.testing.assert_array_equal(found[1]["recurrent"], [[0.75, 0.25]])


def test_a_record_that_is_not_begun_is_told(tmp_path):
    assert not search_record.has_space(tmp_path / "missing")
    assert not search_record.has_space(tmp_path)
    assert not search_record.has_alphas(tmp_path)
    (tmp_path / "alphas.jsonl").touch()
    assert not search_record.has_alphas(tmp_path)
    search_record.write_space(tmp_path, SPACE)
    append(tmp_path, 0)
    assert search_record.has_space(tmp_path)
    assert search_record.has_alphas(tmp_path)


def test_later_epochs_can_be_removed(tmp_path):
    search_record.drop_later_alphas(tmp_path, 0)  # there is nothing yet
    for epoch in range(3):
        append(tmp_path, epoch)
    search_record.drop_later_alphas(tmp_path, 1)
    assert list(search_record.read_op_weights(tmp_path, SPACE)) == [0, 1]


def test_a_line_of_another_space_is_named(tmp_path):
    append(tmp_path, 0)
    other = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    with pytest.raises(
        ValueError,
        match=r"alphas\.jsonl' must have numbers of"
        r" shape \(1, 3\).*line 1",
    ):
        search_record.read_op_weights(tmp_path, other)


@pytest.mark.parametrize("row", [[0.5, float("nan")], [0.5, 0.6], [-1, 2]])
def test_a_line_without_probabilities_is_named(tmp_path, row):
    append(tmp_path, 0)
    search_record.append_alphas(tmp_path, 1, {}, {"recurrent": [row]})
    with pytest.raises(
        ValueError, match=r"alphas\.jsonl' must hold op weights.*line 2"
    ):
        search_record.read_op_weights(tmp_path, SPACE)


def test_the_example_runs():
    assert not doctest.testmod(search_record).failed
