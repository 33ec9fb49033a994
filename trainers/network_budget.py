"""Holds a network against its budget before it is trained for long."""

import pathlib
import tempfile
from typing import Any

from trainers import export_budget
from trainers import late
from trainers import options

with late.imports():
    import numpy as np

    import darts_tf

# The largest and the smallest file that people ship.
_FORMATS = ("float32", "int8")
_CALIBRATION_IMAGES = 16


def check(config: Any, network: Any, pixels: Any) -> None:
    """Raises an error if no file of a network could keep its limits.

    Sizes and times do not depend on what weights will be learned, so random
    ones are exported to be measured.

    Args:
        config: A config with the fields of `export_budget.BudgetOptions`.
        network: A built `darts_tf.ConvNetwork`.
        pixels: Array of images, of which some calibrate the int8 file.

    Raises:
        options.Outcome: If it is over its budget, with the largest number of
            filters that would fit.
    """
    text = problem(config, network, pixels)
    if text is not None:
        raise options.Outcome(
            f"The budget cannot be kept: {text}. "
            f"Received: filters={network.filters}"
        )


def problem(config: Any, network: Any, pixels: Any) -> str | None:
    """Returns what is over the budget of a network, and what would fit.

    Args:
        config: As for `check`.
        network: As for `check`.
        pixels: As for `check`.

    Returns:
        String without a full stop; `None` if nothing is over, or a TFLite file
        of float32 or of int8 keeps all limits.
    """
    given = export_budget.given(config)
    if not given:
        return None
    report = {
        "parameters": darts_tf.count_parameters(network, False),
        "multiply_adds": darts_tf.count_multiply_adds(network),
        "files": {},
    }
    own = export_budget.excesses(config, report)
    alternatives = [own]
    if not own and set(given) & set(export_budget.OF_FILES):
        print("Measuring TFLite files of random weights ...", flush=True)
        files = _measure(network, pixels, with_time="max_ms" in given)
        _print(files, given)
        alternatives = [
            export_budget.excesses(config, {**report, "files": {name: entry}})
            for name, entry in files.items()
        ]
    if not all(alternatives):
        return None
    filters = export_budget.largest_filters(alternatives, network)
    remedy = export_budget.NONE_FITS
    if filters is not None:
        remedy = (
            f"By estimate --filters={filters} is the most that fits instead "
            f"of {network.filters}"
        )
    # Of several files the last one is the smallest.
    return f"{export_budget.describe(alternatives[-1])}. {remedy}"


def _measure(network: Any, pixels: Any, with_time: bool) -> dict[str, Any]:
    """Returns what there is to say of the files of random weights."""
    twin = _with_random_weights(network)
    classification = network.classification
    pixels = pixels[:_CALIBRATION_IMAGES]
    entries = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        saved_model = darts_tf.export.export_saved_model(
            twin, folder / "saved_model", classification
        )
        for name in _FORMATS:
            file = darts_tf.export.export_tflite(
                saved_model,
                folder / f"{name}.tflite",
                name,
                pixels if name == "int8" else None,
            )
            entries[name] = {
                "bytes": file.stat().st_size,
                "bytes_by_content": darts_tf.export.bytes_by_content(file),
                "ram_bytes": darts_tf.export.count_ram(file),
            }
            if with_time:
                entries[name]["latency_ms"] = darts_tf.export.measure_latency(
                    file, pixels, (1,)
                )
    return entries


def _with_random_weights(network: Any) -> Any:
    """Returns a network of the same shape that a converter cannot shorten.

    Of fresh weights, whose offsets are 0 and scales 1, it would leave out and
    join what differs after training.
    """
    config = {**network.get_config(), "auxiliary_weight": 0.0}
    twin = darts_tf.ConvNetwork.from_config(config)
    twin.build(darts_tf.export.input_shape(network))
    generator = np.random.default_rng(0)
    for variable in twin.variables:
        variable.assign(generator.uniform(0.1, 0.9, variable.shape))
    return twin


def _print(files: dict[str, Any], given: list[str]) -> None:
    sizes = "; ".join(
        f"{name} "
        + ", ".join(
            f"{export_budget.number(export_budget.value_of(flag, entry))} "
            f"{unit}"
            for flag, (unit, _) in export_budget.OF_FILES.items()
            if flag in given
        )
        for name, entry in files.items()
    )
    print(
        f"Whatever it will learn, the network takes: {sizes}.",
        flush=True,
    )
