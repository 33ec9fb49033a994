import doctest
import io

import pytest

from trainers import progress


class _Terminal(io.StringIO):
    def isatty(self):
        return True


class _Clock:
    now = 0.0

    def __call__(self):
        return self.now


def _train(steps=4, epochs=3, first=30.0, step=2.0, between=5.0, **kwargs):
    """Goes through the hooks of `fit`, on a clock that is set; the lines."""
    clock = _Clock()
    out = kwargs.pop("out", io.StringIO())
    more = list(kwargs.pop("more", ()))
    every = kwargs.get("every")
    callback = progress.Progress(out=out, clock=clock, **kwargs)
    callback.set_params({"epochs": epochs, "steps": steps})
    callback.on_train_begin()
    took = [first]
    initial, passed = divmod(kwargs.get("start_step", 0), steps)
    for epoch in range(initial, epochs):
        callback.on_epoch_begin(epoch)
        for batch in range(steps):
            if passed:
                passed -= 1
            else:
                clock.now += took.pop() if took else step
            callback.on_train_batch_end(batch, {})
        clock.now += between
        if every and (epoch + 1) % every == 0:
            clock.now += more.pop(0)
        callback.on_epoch_end(epoch, {"loss": 1.25, "seconds": 9.0})
    callback.on_train_end()
    return out.getvalue().rstrip("\n").split("\n"), clock.now


def test_the_first_estimate_leaves_out_the_first_step():
    lines, total = _train(steps=100, epochs=10)
    assert total == 30 + 999 * 2 + 10 * 5
    # 30 for the first step, and 999 others; what is between the epochs shows
    # at the end of the first one only.
    assert lines[0].startswith("About 34 min in all, until ")
    assert lines[0].endswith(
        ": 2 s a step after the first one, which took 30 s."
    )
    assert lines[1] == "Epoch 1/10: 4 min  loss 1.2500  31 min left"
    assert lines[-1] == "Epoch 10/10: 3 min  loss 1.2500"
    assert len(lines) == 11


def test_what_is_left_counts_steps_and_what_is_between_the_epochs():
    lines, _ = _train()
    assert [line.rpartition("  ")[2] for line in lines[1:3]] == [
        "26 s left",  # 2 epochs of 4 steps of 2 s and of 5 s between them
        "13 s left",
    ]


def test_what_is_done_every_few_epochs_counts_as_soon_as_it_is_known():
    lines, total = _train(
        steps=100, epochs=7, every=2, more=[200.0, 100.0, 100.0]
    )
    assert lines[0].endswith("every 2 epochs comes on top.")
    left = [line.rpartition("  ")[2] for line in lines[1:-1]]
    # An epoch takes 205 s without it. The first time builds a graph: until
    # the second time it counts as much as the first one.
    assert left == [
        "20 min left",  # 6 * 205 = 1230, nothing known
        "24 min left",  # 5 * 205 + 2 * 200 = 1425
        "20 min left",  # 4 * 205 + 2 * 200 = 1220
        "12 min left",  # 3 * 205 + 1 * 100 = 715
        "8 min left",  # 2 * 205 + 1 * 100 = 510
        "3 min left",
    ]
    assert total == 30 + 699 * 2 + 7 * 5 + 400


def test_a_training_says_how_long_the_whole_takes_that_it_is_part_of():
    with progress.part_of(lambda seconds: f"{seconds:.0f} s, ten times."):
        lines, _ = _train(steps=100, epochs=10)
    assert lines[1] == "2028 s, ten times."
    with progress.part_of(lambda seconds: None):
        lines, _ = _train(steps=100, epochs=10)
    assert lines[1].startswith("Epoch 1/10: ")


def test_the_steps_that_a_resumed_epoch_passes_over_are_not_timed():
    lines, total = _train(steps=50, epochs=2, start_step=40)
    assert total == 30 + 59 * 2 + 2 * 5
    assert lines[0].startswith("About 2 min in all, until ")
    assert lines[1].startswith("Epoch 1/2: ")


def test_a_terminal_keeps_keras_progress_bar_and_gets_the_times():
    lines, _ = _train(steps=100, epochs=2, out=_Terminal())
    assert len(lines) == 2
    assert lines[0].startswith("\r\x1b[KAbout ")
    assert lines[1] == "\r\x1b[K3 min left."
    assert progress.Progress(out=_Terminal()).verbose == 1
    assert progress.Progress(out=io.StringIO()).verbose == 0


def test_how_long_a_step_takes_is_known_while_one_is_taken():
    clock = _Clock()
    callback = progress.Progress(out=io.StringIO(), clock=clock)
    assert callback.step_line() is None
    callback.set_params({"epochs": 1, "steps": 9})
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    assert "it builds the graph" in callback.step_line()
    for seconds in (60, 4, 5, 4):
        clock.now += seconds
        callback.on_train_batch_end(0, {})
    assert callback.step_line() == (
        "Stopping after this step (a step takes about 4 s)."
    )
    callback.on_train_end()
    assert callback.step_line() is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.0000"), (1e-5, "1.0e-05"), (0.5, "0.5000"), (12345.6, "12,346")],
)
def test_figures_are_short(value, text):
    out = io.StringIO()
    callback = progress.Progress(out=out)
    callback.set_params({"epochs": 1, "steps": 1})
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    callback.on_train_batch_end(0, {})
    callback.on_epoch_end(0, {"figure": value})
    assert out.getvalue().rstrip().endswith(f"  figure {text}")


def test_examples_run():
    results = doctest.testmod(progress)
    assert results.attempted
    assert not results.failed
