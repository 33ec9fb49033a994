"""Pieces of a text against a walk over the text in plain Python."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from darts_tf.data import text_streams


def values(dataset, steps):
    return list(dataset.take(steps).as_numpy_iterator())


def rows_of(num_tokens, batch_size, first=0):
    """Cuts the text first, first + 1, ... by the definition."""
    columns = num_tokens // batch_size
    return [
        [first + row * columns + column for column in range(columns)]
        for row in range(batch_size)
    ]


def check_piece(piece, rows, start, length):
    inputs, targets, is_first = piece
    assert inputs.dtype == targets.dtype == np.int32
    assert inputs.tolist() == [row[start : start + length] for row in rows]
    assert targets.tolist() == [
        row[start + 1 : start + length + 1] for row in rows
    ]
    assert is_first == (start == 0)


def lengths_of(pieces):
    return [inputs.shape[1] for inputs, _, _ in pieces]


def test_rows_follow_the_text_and_drop_its_rest():
    rows = text_streams.batchify(np.arange(23, dtype=np.int64), 4)
    assert rows.dtype == np.int32
    assert rows.tolist() == rows_of(23, 4)


@pytest.mark.parametrize("num_tokens", [36, 37, 400, 1000, 5003])
@pytest.mark.parametrize(("batch_size", "length"), [(1, 35), (3, 10), (4, 2)])
def test_an_epoch_has_the_most_pieces_of_which_a_twentieth_is_short(
    num_tokens, batch_size, length
):
    steps = text_streams.steps_per_epoch(num_tokens, batch_size, length)

    def columns_of(steps):
        short = int(steps / 20 + 0.5)
        return (steps - short) * length + short * (length // 2)

    room = num_tokens // batch_size - 1
    assert columns_of(steps) <= room < columns_of(steps + 1)


def test_the_steps_of_the_papers_search_and_training():
    # 3,631 words in a row: 101 pieces of 35 words and 5 of 17 are 3,620.
    assert text_streams.steps_per_epoch(929_589, 256) == 106
    # 14,524 words in a row: 404 pieces of 35 words and 21 of 17 are 14,497.
    assert text_streams.steps_per_epoch(929_589, 64) == 425
    assert text_streams.steps_per_epoch(929_589, 64, vary_length=False) == 414


@pytest.mark.parametrize("vary_length", [False, True])
def test_epochs_walk_over_the_text_from_its_start(vary_length):
    num_tokens, batch_size, length = 703, 2, 10
    rows = rows_of(num_tokens, batch_size)
    steps = text_streams.steps_per_epoch(
        num_tokens, batch_size, length, vary_length
    )
    stream = text_streams.sequences(
        np.arange(num_tokens), batch_size, length, vary_length=vary_length
    )
    read = values(stream, 3 * steps)
    for epoch in (read[k : k + steps] for k in range(0, 3 * steps, steps)):
        start = 0
        for piece in epoch:
            size = piece[0].shape[1]
            check_piece(piece, rows, start, size)
            start += size
        sizes = lengths_of(epoch)
        short = round(steps / 20) if vary_length else 0
        assert sorted(sizes) == [5] * short + [10] * (steps - short)


def test_lengths_are_drawn_anew_from_the_seed_and_the_epoch():
    def lengths(seed):
        stream = text_streams.sequences(np.arange(2001), 1, 10, seed)
        sizes = lengths_of(values(stream, 410))
        return tuple(sizes[:205]), tuple(sizes[205:])

    assert text_streams.steps_per_epoch(2001, 1, 10) == 205
    assert lengths(0) == lengths(0)
    drawn = {epoch for seed in (0, 1, -1, 2**40) for epoch in lengths(seed)}
    assert len(drawn) == 8


def test_short_pieces_are_equally_likely_at_each_place():
    steps, epochs = 20, 400
    stream = text_streams.sequences(np.arange(196), 1, 10)
    assert text_streams.steps_per_epoch(196, 1, 10) == steps
    sizes = np.array(lengths_of(values(stream, steps * epochs)))
    counts = (sizes.reshape(epochs, steps) == 5).sum(0)
    assert counts.sum() == epochs
    expected = epochs / steps
    chi_square = ((counts - expected) ** 2 / expected).sum()
    # 19 degrees of freedom: deviation sqrt(2 * 19) = 6.2; five of them.
    assert chi_square < 19 + 5 * 6.2


@pytest.mark.parametrize("start_step", [1, 30, 31, 32, 77])
def test_a_stream_that_starts_late_equals_one_that_skips(start_step):
    def stream(**options):
        return text_streams.sequences(np.arange(612), 2, 10, seed=3, **options)

    assert text_streams.steps_per_epoch(612, 2, 10) == 31
    skipped = values(stream().skip(start_step), 40)
    started = values(stream(start_step=start_step), 40)
    for one, two in zip(skipped, started, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, two)


def test_a_late_start_far_away_costs_no_skipping():
    tokens = np.arange(612)
    for stream in (
        text_streams.sequences(tokens, 2, 10, start_step=10**12),
        text_streams.paired(tokens, tokens, 2, 10, start_step=10**12),
    ):
        assert len(values(stream, 1)) == 1


def test_elements_have_an_open_time_axis_and_no_end():
    piece = (
        tf.TensorSpec((4, None), tf.int32),
        tf.TensorSpec((4, None), tf.int32),
        tf.TensorSpec((), tf.bool),
    )
    tokens = np.arange(99)
    single = text_streams.sequences(tokens, 4, 5)
    pair = text_streams.paired(tokens, tokens, 4, 5)
    assert single.element_spec == piece
    assert pair.element_spec == (piece, piece)
    assert text_streams.evaluation(tokens, 4, 5).element_spec == piece
    for stream in (single, pair):
        assert stream.cardinality() == tf.data.INFINITE_CARDINALITY


@pytest.mark.parametrize(
    "alpha_tokens", [22, 23, 100, 611, 612, 613, 632, 634, 700, 2000]
)
def test_the_alphas_walk_over_their_own_text_with_the_same_lengths(
    alpha_tokens,
):
    rows = rows_of(alpha_tokens, 2, first=1000)
    room = len(rows[0]) - 1
    steps = text_streams.steps_per_epoch(612, 2, 10)
    train = values(text_streams.sequences(np.arange(612), 2, 10, 7), 6 * steps)
    stream = text_streams.paired(
        np.arange(612), 1000 + np.arange(alpha_tokens), 2, 10, seed=7
    )
    span = sum(lengths_of(train[:steps]))
    # The text's columns at which an epoch can begin with a whole piece.
    beginnings = range(0, room - 10 + 1, span)
    seen = set()
    for step, (piece, pair) in enumerate(
        zip(train, values(stream, 6 * steps), strict=True)
    ):
        tf.nest.map_structure(np.testing.assert_array_equal, piece, pair[0])
        length = piece[0].shape[1]
        epoch, place = divmod(step, steps)
        if place == 0:
            start = beginnings[epoch % len(beginnings)]
        if start + length > room:
            start = 0
        check_piece(pair[1], rows, start, length)
        seen.update(range(start, start + length))
        start += length
    # Nothing but the rest that no whole piece fits into is never read.
    assert len(seen) > room - 10


def test_paired_streams_resume_at_any_step():
    def stream(**options):
        return text_streams.paired(
            np.arange(612), np.arange(1400), 2, 10, seed=1, **options
        )

    skipped = values(stream().skip(75), 40)
    for one, two in zip(
        skipped, values(stream(start_step=75), 40), strict=True
    ):
        tf.nest.map_structure(np.testing.assert_array_equal, one, two)


@pytest.mark.parametrize("num_tokens", [4, 5, 11, 12, 13, 40, 41])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_evaluation_scores_every_column_once_in_order(num_tokens, batch_size):
    rows = rows_of(num_tokens, batch_size)
    room = len(rows[0]) - 1
    dataset = text_streams.evaluation(np.arange(num_tokens), batch_size, 5)
    start = 0
    for piece in dataset.as_numpy_iterator():
        check_piece(piece, rows, start, min(5, room - start))
        start += piece[0].shape[1]
    assert start == room
    assert dataset.cardinality() == -(-room // 5)


def test_the_shortest_text_has_one_piece_in_an_epoch():
    stream = text_streams.sequences(np.arange(6), 1, 5)
    assert text_streams.steps_per_epoch(6, 1, 5) == 1
    for piece in values(stream, 3):
        check_piece(piece, rows_of(6, 1), 0, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: text_streams.batchify(np.arange(3), 2), "3 words"),
        (lambda: text_streams.batchify(np.arange(3), 0), "batch_size=0"),
        (
            lambda: text_streams.batchify(np.zeros((2, 2), int), 1),
            r"rank 1.*\(2, 2\)",
        ),
        (lambda: text_streams.batchify(np.zeros(4), 1), "integer.*float64"),
        (lambda: text_streams.steps_per_epoch(11, 2, 5), "5 words in a row"),
        (lambda: text_streams.steps_per_epoch(9, 1, 0), "sequence_length=0"),
        (lambda: text_streams.steps_per_epoch(9, 1, 1), "at least 2"),
        (lambda: text_streams.sequences(np.arange(5), 1, 5), "one batch"),
        (
            lambda: text_streams.sequences(np.arange(9), 1, 5, start_step=-1),
            "start_step=-1",
        ),
        (
            lambda: text_streams.paired(np.arange(9), np.arange(5), 1, 5),
            "one batch.*5 words",
        ),
        (lambda: text_streams.evaluation(np.arange(1), 1), "1 words"),
        (
            lambda: text_streams.evaluation(np.arange(9), 1, 0),
            "sequence_length=0",
        ),
    ],
    ids=itertools.count(),
)
def test_impossible_streams_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_pieces_of_one_word_cannot_be_halved_but_read():
    stream = text_streams.sequences(np.arange(4), 1, 1, vary_length=False)
    read = [inputs.tolist() for inputs, _, _ in values(stream, 4)]
    assert read == [[[0]], [[1]], [[2]], [[0]]]


def test_a_seed_must_be_an_integer():
    with pytest.raises(TypeError):
        text_streams.sequences(np.arange(99), 1, 5, seed=0.5)
