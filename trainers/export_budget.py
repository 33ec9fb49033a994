"""The limits that exported files have to keep."""

import dataclasses
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from trainers import late
from trainers import options

with late.imports():
    import darts_tf

# Of each flag: what it limits, and how the estimate of that grows.
_OF_FILES = {
    "max_bytes": ("bytes", "parameters"),
    "max_ram_bytes": ("bytes of memory", "filters"),
    "max_ms": ("ms", "multiply_adds"),
}
_OF_NETWORKS = {
    "max_parameters": ("parameters", "parameters"),
    "max_multiply_adds": ("multiply-adds", "multiply_adds"),
}
_TFLITE = ("float32", "float16", "dynamic_range", "int8")
NAMES = (*_OF_FILES, *_OF_NETWORKS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BudgetOptions:
    """Options of an export: what its files may take at most."""

    max_bytes: int | None = options.option(
        "Largest size of a TFLite file; none is any.", None
    )
    max_ram_bytes: int | None = options.option(
        "Largest memory for the tensors of a TFLite file; none is any.", None
    )
    max_ms: float | None = options.option(
        "Largest median latency of a TFLite file here, on one image or word, "
        "with the first of num_threads; none is any.",
        None,
    )
    max_parameters: int | None = options.option(
        "Largest number of parameters of the network; none is any.", None
    )
    max_multiply_adds: int | None = options.option(
        "Largest number of multiply-adds of a network of images; none is any.",
        None,
    )

    def __post_init__(self):
        """Fails on limits that nothing can keep."""
        for name in NAMES:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(
                    f"`{name}` must be positive. Received: {name}={value}"
                )


def check_applies(
    config: Any, formats: Sequence[str], of_kind: Sequence[str]
) -> None:
    """Raises an error for a limit that would have no effect.

    Args:
        config: A config with the fields of `BudgetOptions`.
        formats: Strings, the formats that will be written.
        of_kind: Strings, the default formats of this kind of network.

    Raises:
        ValueError: If a limit of TFLite files is given and none is written,
            or one of multiply-adds for a language model, which has none.
    """
    given = [name for name in NAMES if getattr(config, name) is not None]
    if not set(formats) & set(_TFLITE):
        for name in given:
            if name in _OF_FILES:
                raise ValueError(
                    f"`{name}` applies to the TFLite files {_TFLITE}. "
                    f"Received: formats={','.join(formats)!r}"
                )
    if "max_multiply_adds" in given and "int8" not in of_kind:
        raise ValueError(
            "`max_multiply_adds` applies to networks of images only. "
            f"Received: max_multiply_adds={config.max_multiply_adds}"
        )


def check(config: Any, report: dict[str, Any], network: Any) -> None:
    """Raises an error if something is over its budget.

    Args:
        config: A config with the fields of `BudgetOptions`.
        report: Dictionary, what is in `export.json`.
        network: The network that was exported.

    Raises:
        ValueError: If a file or the network is over a limit; it says by how
            much, and which network of this genotype would fit.
    """
    over = list(_over(config, report))
    if not over:
        return
    text = "; ".join(
        f"{what} has {_number(value)} {unit}, --{flag}={_number(limit)}"
        for flag, what, value, limit, unit, _ in over
    )
    raise options.Outcome(
        f"The budget is exceeded: {text}. {_remedy(over, network)}All files "
        "are written"
    )


def _over(config: Any, report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yields flag, what, value, limit, unit and growth of what is too much."""
    for flag, (unit, growth) in _OF_NETWORKS.items():
        limit = getattr(config, flag)
        if limit is not None and report[growth] > limit:
            yield flag, "the network", report[growth], limit, unit, growth
    for flag, (unit, growth) in _OF_FILES.items():
        limit = getattr(config, flag)
        for name, entry in report["files"].items():
            if limit is None or "ram_bytes" not in entry:  # of TFLite only
                continue
            value = {
                "max_bytes": entry["bytes"],
                "max_ram_bytes": entry["ram_bytes"],
                "max_ms": next(iter(entry["latency_ms"].values()))["median"],
            }[flag]
            if value > limit:
                yield flag, name, value, limit, unit, growth


def _remedy(over: list[tuple[Any, ...]], network: Any) -> str:
    """Returns a sentence on the largest network that would fit."""
    if not isinstance(network, darts_tf.ConvNetwork):
        return ""
    full = _growths(network, network.filters)

    def fits(filters: int) -> bool:
        smaller = _growths(network, filters)
        return all(
            value * smaller[growth] / full[growth] <= limit
            for _, _, value, limit, _, growth in over
        )

    filters = _largest(fits, network.filters - 1)
    if filters is None:
        return (
            "By estimate no number of filters fits; take fewer cells, or "
            "smaller images. "
        )
    return (
        f"By estimate {filters} filters fit instead of {network.filters}: "
        f"train the genotype anew with --filters={filters}. "
    )


def _growths(network: Any, filters: int) -> dict[str, float]:
    """Returns the counts of the same network with other filters."""
    config = {
        **network.get_config(),
        "filters": filters,
        "auxiliary_weight": 0.0,
    }
    other = darts_tf.ConvNetwork.from_config(config)
    other.build(darts_tf.export.input_shape(network))
    return {
        "filters": filters,
        "parameters": darts_tf.count_parameters(other),
        "multiply_adds": darts_tf.count_multiply_adds(other),
    }


def _largest(fits: Callable[[int], bool], most: int) -> int | None:
    """Returns the largest number from 1 to `most` that fits, or `None`."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low or None


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
