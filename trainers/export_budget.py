"""The limits that networks and their exported files have to keep."""

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
OF_FILES = {
    "max_bytes": ("bytes", "parameters"),
    "max_ram_bytes": ("bytes of memory", "filters"),
    "max_ms": ("ms", "multiply_adds"),
}
_OF_NETWORKS = {
    "max_parameters": ("parameters", "parameters"),
    "max_multiply_adds": ("multiply-adds", "multiply_adds"),
}
_TFLITE = ("float32", "float16", "dynamic_range", "int8")
NAMES = (*OF_FILES, *_OF_NETWORKS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BudgetOptions:
    """Options of what a network and its TFLite files may take at most."""

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
        check_positive(self)


def given(config: Any) -> list[str]:
    """Returns the names of the limits that there are."""
    return [name for name in NAMES if getattr(config, name) is not None]


def check_positive(config: Any) -> None:
    """Raises an error for a limit that nothing can keep.

    Args:
        config: A config with the fields of `BudgetOptions`.

    Raises:
        ValueError: If one is not positive.
    """
    for name in NAMES:
        value = getattr(config, name)
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
    names = given(config)
    if not set(formats) & set(_TFLITE):
        for name in names:
            if name in OF_FILES:
                raise ValueError(
                    f"`{name}` applies to the TFLite files {_TFLITE}. "
                    f"Received: formats={','.join(formats)!r}"
                )
    if "max_multiply_adds" in names and "int8" not in of_kind:
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
    over = excesses(config, report)
    if over:
        raise options.Outcome(
            f"The budget is exceeded: {describe(over)}. "
            f"{_remedy(over, network)}All files are written"
        )


@dataclasses.dataclass(frozen=True)
class Excess:
    """Something that is over its budget.

    Args:
        flag: String, the limit.
        what: String, a file or `"the network"`.
        value: Number.
        limit: Number.
        unit: String.
        grown: Callable that estimates the value from how many times as large
            the `filters`, `parameters` and `multiply_adds` are.
    """

    flag: str
    what: str
    value: float
    limit: float
    unit: str
    grown: Callable[[dict[str, float]], float]


def describe(over: Sequence[Excess]) -> str:
    """Returns in words by how much something is over its budget."""
    return "; ".join(
        f"{each.what} has {number(each.value)} {each.unit}, "
        f"--{each.flag}={number(each.limit)}"
        for each in over
    )


def excesses(config: Any, report: dict[str, Any]) -> list[Excess]:
    """Returns what is over its budget.

    Args:
        config: A config with the fields of `BudgetOptions`.
        report: Dictionary, as `export.json`.

    Returns:
        List of `Excess`.
    """
    return list(_excesses(config, report))


def _excesses(config: Any, report: dict[str, Any]) -> Iterator[Excess]:
    for flag, (unit, growth) in _OF_NETWORKS.items():
        limit = getattr(config, flag)
        if limit is not None and report[growth] > limit:
            grown = _in_proportion(report[growth], growth)
            yield Excess(
                flag, "the network", report[growth], limit, unit, grown
            )
    for flag, (unit, growth) in OF_FILES.items():
        limit = getattr(config, flag)
        for name, entry in report["files"].items():
            if limit is None or "ram_bytes" not in entry:  # of TFLite only
                continue
            value = value_of(flag, entry)
            if value > limit:
                grown = _in_proportion(value, growth)
                if flag == "max_bytes" and "bytes_by_content" in entry:
                    grown = _of_contents(entry["bytes_by_content"])
                yield Excess(flag, name, value, limit, unit, grown)


def value_of(flag: str, entry: dict[str, Any]) -> float:
    """Returns what a flag limits of a TFLite file.

    Args:
        flag: String, one of `OF_FILES`.
        entry: Dictionary, what the report says of the file.

    Returns:
        A number.
    """
    if flag == "max_ms":
        return next(iter(entry["latency_ms"].values()))["median"]
    return entry[flag.removeprefix("max_")]


def _in_proportion(
    value: float, growth: str
) -> Callable[[dict[str, float]], float]:
    return lambda ratios: value * ratios[growth]


def _of_contents(
    counts: dict[str, int],
) -> Callable[[dict[str, float]], float]:
    """Returns an estimate that knows what of a file has always one size."""
    weights, scales = counts["weights"], counts["quantization"]
    fixed = sum(counts.values()) - weights - scales
    return lambda ratios: (
        fixed + weights * ratios["parameters"] + scales * ratios["filters"]
    )


def _remedy(over: Sequence[Excess], network: Any) -> str:
    """Returns a sentence on the largest network that would fit."""
    if not isinstance(network, darts_tf.ConvNetwork):
        return ""
    filters = largest_filters([over], network)
    if filters is None:
        return f"{NONE_FITS}. "
    return (
        f"By estimate {filters} filters fit instead of {network.filters}: "
        f"train the genotype anew with --filters={filters}. "
    )


NONE_FITS = (
    "By estimate no number of filters fits; take fewer cells, or smaller images"
)


def largest_filters(
    alternatives: Sequence[Sequence[Excess]], network: Any
) -> int | None:
    """Returns the most filters with which a network would fit, by estimate.

    Args:
        alternatives: Lists of `Excess`; one of them is to be mended whole.
        network: A built `darts_tf.ConvNetwork`.

    Returns:
        Integer, fewer filters than it has, or `None`.
    """
    full = _growths(network, network.filters)

    def fits(filters: int) -> bool:
        smaller = _growths(network, filters)
        ratios = {name: smaller[name] / full[name] for name in full}
        return any(
            all(each.grown(ratios) <= each.limit for each in over)
            for over in alternatives
        )

    return _largest(fits, network.filters - 1)


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


def number(value: float) -> str:
    """Returns a number as it stands in messages."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
