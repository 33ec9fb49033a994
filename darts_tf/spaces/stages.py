"""A skeleton of stages: cells of equal size, with residual blocks between."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from darts_tf import checks

_MAX_STAGES = 16
_MAX_MULTIPLIER = 1024


@dataclass(frozen=True)
class Stages:
    """How cells of one type are stacked, stage after stage.

    All cells of a stage have equal filters and see equal resolutions. Between
    two stages stands a residual block, which is not searched: it brings the
    images to the filters, and by its stride to the resolution, of the next
    stage.

    The defaults are the skeleton of NAS-Bench-201: three stages of 1, 2 and 4
    times the filters, with strides of 2 between them.

    Args:
        multipliers: Positive integers, the filters of each stage in multiples
            of the network's `filters`. Defaults to `(1, 2, 4)`.
        strides: Integers, 1 or 2, of the block before the second stage and of
            each further one. Defaults to `None`, all 2.

    Raises:
        ValueError: If there are no stages or too many, a multiplier is not
            positive, or there is not one stride of 1 or 2 between every two
            stages.

    Example:

    >>> darts_tf.Stages((1, 2)).strides
    (2,)
    >>> darts_tf.Stages((1, 2, 2), strides=(2, 1)).halvings
    1

    Reference:
        Section 2.1 of Dong and Yang, "NAS-Bench-201", arXiv:2001.00326.
    """

    multipliers: tuple[int, ...] = (1, 2, 4)
    strides: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        multipliers = _integers(
            self.multipliers, "multipliers", _MAX_MULTIPLIER
        )
        between = len(multipliers) - 1
        strides = (
            (2,) * between
            if self.strides is None
            else _integers(self.strides or (), "strides", 2)
            if between
            else tuple(self.strides)
        )
        if len(multipliers) > _MAX_STAGES or len(strides) != between:
            raise ValueError(
                f"There must be 1 to {_MAX_STAGES} stages, with a stride "
                "between every two of them. Received: "
                f"{len(multipliers)} multipliers, {len(strides)} strides"
            )
        object.__setattr__(self, "multipliers", multipliers)
        object.__setattr__(self, "strides", strides)

    @property
    def halvings(self) -> int:
        """How often the blocks halve the resolution."""
        return sum(stride == 2 for stride in self.strides or ())

    def stage_of(self, index: int, num_cells: int) -> int:
        """Returns the stage of a cell, from 0.

        Args:
            index: Integer, the place of the cell, from 0.
            num_cells: Integer, the number of cells of the network.

        Raises:
            ValueError: If the stages cannot have equally many cells.
        """
        count = len(self.multipliers)
        if num_cells % count:
            raise ValueError(
                f"`num_cells` must be a multiple of the {count} stages, so "
                f"that each has equally many. Received: num_cells={num_cells}"
            )
        return index * count // num_cells

    def get_config(self) -> dict[str, object]:
        """Returns the constructor's arguments as plain JSON types."""
        return {
            "multipliers": list(self.multipliers),
            "strides": list(self.strides or ()),
        }

    @classmethod
    def from_config(cls, config: object) -> "Stages":
        """Returns the stages that `get_config` wrote.

        Args:
            config: Mapping with `multipliers` and perhaps `strides`.

        Raises:
            ValueError: If it is no such mapping.
        """
        values: Mapping[str, object] = checks.mapping(
            config, "skeleton", ("multipliers",), ("strides",)
        )
        return cls(**values)  # pyright: ignore (the constructor checks)


def given(value: object) -> Stages | None:
    """Returns the stages that an argument stands for.

    Args:
        value: `Stages`, their config, or `None`.

    Raises:
        ValueError: If it is something else.
    """
    if value is None or isinstance(value, Stages):
        return value
    if isinstance(value, Mapping):
        return Stages.from_config(cast("object", value))
    raise ValueError(
        "`skeleton` must be `darts_tf.Stages`, or None for reduction cells at "
        f"1/3 and 2/3 of the depth. Received: skeleton={value!r}"
    )


def _integers(value: object, name: str, high: int) -> tuple[int, ...]:
    entries: Sequence[object] = checks.sequence(value, name)
    return tuple(
        checks.integer(entry, f"{name}[{k}]", 1, high)
        for k, entry in enumerate(entries)
    )
