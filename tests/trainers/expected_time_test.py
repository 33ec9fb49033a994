"""Long runs on a processor say so, and about how long they are."""

import types

import pytest

import darts_tf
from trainers import expected_time
from trainers import progress

EDGES = (darts_tf.Edge("skip_connect", 0), darts_tf.Edge("max_pool_3x3", 1))
CELL = darts_tf.Cell((EDGES,), (2,))
GENOTYPE = darts_tf.Genotype(normal=CELL, reduction=CELL)
CONFIG = types.SimpleNamespace(filters=2, num_cells=3, epochs=600)


def test_the_time_grows_with_images_and_with_multiply_adds():
    def seconds(multiply_adds, images):
        return expected_time.seconds_of_training(
            GENOTYPE, (8, 8, 1), 2, 3, multiply_adds, images
        )

    one = seconds(10_000, 10**9)
    # The machine may be busier the next time.
    assert 3 < seconds(10_000, 10**10) / one < 30
    assert 3 < seconds(100_000, 10**9) / one < 30


def test_the_papers_training_says_how_many_days_it_takes(capsys, monkeypatch):
    monkeypatch.setattr(expected_time, "seconds_of_training", lambda *args: 1e7)
    expected_time.say_if_long(
        GENOTYPE, (32, 32, 3), CONFIG, 547_000_000, 50_000
    )
    printed = capsys.readouterr().out
    assert printed.startswith(
        "600 epochs take about 116 days on this processor"
    )
    assert "--preset=quick" in printed
    assert printed.count("\n") == 1


def test_a_short_training_is_not_measured(capsys, monkeypatch):
    monkeypatch.delattr(expected_time, "seconds_of_training")
    expected_time.say_if_long(GENOTYPE, (8, 8, 1), CONFIG, 1_000_000, 1437)
    assert capsys.readouterr().out == ""


def test_the_papers_search_says_that_it_takes_days_and_a_quick_one_does_not(
    capsys,
):
    expected_time.say_if_search_is_long(10 * 704, 64, 4 * 3)
    assert capsys.readouterr().out == ""
    expected_time.say_if_search_is_long(50 * 25_000, 32 * 32, 16 * 8)
    assert "takes days" in capsys.readouterr().out


def test_on_a_gpu_nothing_is_said(capsys, monkeypatch):
    monkeypatch.setattr(expected_time, "has_gpu", lambda: True)
    monkeypatch.delattr(expected_time, "seconds_of_training")
    expected_time.say_if_search_is_long(50 * 25_000, 32 * 32, 16 * 8)
    expected_time.say_if_long(
        GENOTYPE, (32, 32, 3), CONFIG, 547_000_000, 50_000
    )
    assert expected_time.of_a_processor(1e7) is None
    assert capsys.readouterr().out == ""


def test_days_are_counted_after_the_first_steps():
    assert expected_time.of_a_processor(3600) is None
    text = expected_time.of_a_processor(2.5 * 86400)
    assert text is not None
    assert text.startswith("That is 2.5 days on this processor")


@pytest.mark.parametrize("within", [False, True])
def test_a_part_of_a_longer_command_says_what_the_whole_is(within):
    def whole(seconds):
        return "whole"

    def own(seconds):
        return "own"

    if not within:
        with progress.unless_part_of(own):
            assert progress._WHOLES == [own]
        assert progress._WHOLES == []
        return
    with progress.part_of(whole), progress.unless_part_of(own):
        assert progress._WHOLES == [whole]
