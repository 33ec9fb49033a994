import pytest

from darts_tf.classifier import clock as clock_lib


def test_the_time_of_all_processes_is_counted(tmp_path):
    times = iter([100, 130, 500, 510])
    first = clock_lib.Clock(tmp_path, 60, now=times.__next__)
    first.save()  # after 30 seconds, and killed
    second = clock_lib.Clock(tmp_path, 60, now=times.__next__)
    assert second.left() == 60 - 30 - 10


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (59, "59 s"), (60, "1.0 min"), (599, "10 min")],
)
def test_times_are_said_in_minutes(seconds, text):
    assert clock_lib.minutes(seconds) == text
