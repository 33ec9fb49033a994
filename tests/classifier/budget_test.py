import pytest

from darts_tf.classifier import budget
from darts_tf.classifier import shipping


def costs(network, images, budgets):
    """A network is its number of filters here."""
    everything = {
        "max_parameters": 10 * network**2,
        "max_bytes": 5000 + 12 * network**2,
        "max_ram_bytes": 300 * network,
        "max_ms": 0.01 * network**2,
    }
    return {name: everything[name] for name in budgets}


def largest(filters, **budgets):
    return budget.largest_filters(filters, lambda n: n, None, budgets, costs)


def test_what_fits_stays():
    assert largest(32, max_parameters=10 * 32**2, max_bytes=20_000) == 32


@pytest.mark.parametrize(
    ("budgets", "best"),
    [
        ({"max_parameters": 2000}, 14),
        ({"max_ram_bytes": 3000}, 10),
        ({"max_bytes": 8000}, 15),
        ({"max_ms": 1.0}, 9),  # with a tenth to spare
        ({"max_parameters": 2000, "max_bytes": 6000}, 9),
    ],
)
def test_the_largest_that_fits_is_found_or_nearly(budgets, best):
    found = largest(32, **budgets)
    assert best - 3 <= found <= best
    assert not shipping.over(costs(found, None, budgets), budgets)


def test_what_no_network_keeps_has_no_number():
    assert largest(32, max_bytes=5010) is None
    assert largest(32, max_parameters=10) is None


def test_a_limit_must_be_positive():
    with pytest.raises(ValueError, match="Received: max_bytes=0"):
        budget.check({"max_bytes": 0})


def test_what_is_over_is_said_with_the_limit():
    assert shipping.over({"max_ms": 2.5}, {"max_ms": 2}) == "2.5 ms, max_ms=2"
    assert shipping.over({"max_ms": 1.5}, {"max_ms": 2}) == ""
