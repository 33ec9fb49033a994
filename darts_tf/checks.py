"""Checks of arguments.

They take `object` where values often come out of a file, and raise nothing but
`ValueError`.
"""

import numbers
import reprlib
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import cast

# Far above every published cell (NASNet has 5 nodes, ENAS 11), and low enough
# that no step on a genotype from an unknown file takes long.
MAX_NODES = 32
MAX_NAME_LENGTH = 100
_LARGEST_SIZE = 2**31 - 1
# To Python a boolean is an integer; in a file it is a mistake.
_BOOLEANS: tuple[type, ...] = (bool,)


def integer(value: object, name: str, low: int, high: int) -> int:
    """Returns a whole number from `low` to `high` as a Python integer.

    NumPy integers are converted; booleans and floats are refused.
    """
    if isinstance(value, numbers.Integral) and not isinstance(value, _BOOLEANS):
        number = int(value)
        if low <= number <= high:
            return number
    raise ValueError(
        f"`{name}` must be an integer from {low} to {high}. "
        f"Received: {name}={reprlib.repr(value)}"
    )


def boolean(value: object, name: str) -> None:
    """Raises an error for what is neither true nor false."""
    if not isinstance(value, _BOOLEANS):
        raise ValueError(
            f"`{name}` must be a boolean. "
            f"Received: {name}={reprlib.repr(value)}"
        )


def sizes(**values: object) -> list[int]:
    """Returns sizes, given by name, as Python integers of at least 1.

    A config in JSON needs them so.
    """
    return [
        integer(value, name, 1, _LARGEST_SIZE) for name, value in values.items()
    ]


def positive(value: float, name: str) -> None:
    """Raises an error for a number that is not above 0."""
    if not value > 0:
        raise ValueError(f"`{name}` must be positive. Received: {name}={value}")


def not_negative(value: float, name: str) -> None:
    """Raises an error for a number that is below 0."""
    if not value >= 0:
        raise ValueError(
            f"`{name}` must not be negative. Received: {name}={value}"
        )


def fraction(value: object, name: str) -> None:
    """Raises an error for what is no number in [0, 1)."""
    if (
        not isinstance(value, numbers.Real)
        or isinstance(value, _BOOLEANS)
        or not 0 <= float(value) < 1
    ):
        raise ValueError(
            f"`{name}` must be in [0, 1). "
            f"Received: {name}={reprlib.repr(value)}"
        )


def sequence(value: object, name: str) -> tuple[object, ...]:
    """Returns a list or tuple that is not empty as a tuple."""
    if isinstance(value, list | tuple) and value:
        return tuple(cast("Sequence[object]", value))
    raise ValueError(
        f"`{name}` must be a list or tuple with at least one entry. "
        f"Received: {name}={reprlib.repr(cast('object', value))}"
    )


def text_name(value: object, name: str) -> str:
    """Returns a string that can name something in a file and on a screen.

    NumPy strings are converted.
    """
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= MAX_NAME_LENGTH
        or not value.isprintable()
    ):
        raise ValueError(
            f"`{name}` must be a string of 1 to {MAX_NAME_LENGTH} printable "
            f"characters. Received: {name}={reprlib.repr(value)}"
        )
    return str(value)


def mapping(
    value: object,
    name: str,
    required: Collection[str],
    optional: Collection[str] = (),
) -> Mapping[str, object]:
    """Returns a mapping that has the required keys and no unknown ones."""
    if not isinstance(value, Mapping):
        raise ValueError(
            f"`{name}` must be a mapping. "
            f"Received: {name}={reprlib.repr(value)}"
        )
    checked = cast("Mapping[str, object]", value)
    missing = [key for key in required if key not in checked]
    unknown = [
        key for key in checked if key not in required and key not in optional
    ]
    if missing or unknown:
        raise ValueError(
            f"`{name}` must have the keys {sorted(required)} and may have "
            f"{sorted(optional)}. Received: {name} without "
            f"{missing} and with {reprlib.repr(unknown)}"
        )
    return checked
