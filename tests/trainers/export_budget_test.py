"""Limits of exported files: what is said of those that do not keep them."""

import types

import pytest

import darts_tf
from trainers import export_budget
from trainers import export_images
from trainers import export_steps

ENTRY = {
    "bytes": 80_000,
    "ram_bytes": 40_000,
    "latency_ms": {"1": {"median": 4.0}, "2": {"median": 1.0}},
}


@pytest.fixture(scope="module")
def network():
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, num_classes=3, filters=8, num_cells=2
    )
    network.build((None, 8, 8, 3))
    return network


@pytest.fixture
def report(network):
    return {
        "parameters": darts_tf.count_parameters(network),
        "multiply_adds": darts_tf.count_multiply_adds(network),
        # The folder of a SavedModel is for servers; it has no memory listed.
        "files": {"int8": ENTRY, "saved_model": {"bytes": 10**6}},
    }


def check(report, network, **limits):
    export_budget.check(export_budget.BudgetOptions(**limits), report, network)


def test_what_keeps_its_limits_passes(report, network):
    check(report, network)
    check(
        report,
        network,
        max_bytes=80_000,
        max_ram_bytes=40_000,
        max_ms=4.0,
        max_parameters=report["parameters"],
        max_multiply_adds=report["multiply_adds"],
    )


@pytest.mark.parametrize(
    ("flag", "limit", "message"),
    [
        ("max_bytes", 79_999, "int8 has 80,000 bytes, --max_bytes=79,999"),
        ("max_ram_bytes", 30_000, "int8 has 40,000 bytes of memory, --max_ram"),
        ("max_ms", 3.5, "int8 has 4 ms, --max_ms=3.5"),
        ("max_parameters", 5, "the network has .* parameters, --max_par"),
        ("max_multiply_adds", 5, "the network has .* multiply-adds, --max_"),
    ],
)
def test_what_is_over_a_limit_is_named(report, network, flag, limit, message):
    with pytest.raises(ValueError, match=message):
        check(report, network, **{flag: limit})


def test_the_largest_network_that_fits_is_named(report, network):
    half = report["parameters"] // 2
    with pytest.raises(ValueError, match=r"estimate (\d) filters") as error:
        check(report, network, max_parameters=half)
    found = int(str(error.value).split("--filters=")[1][0])
    counts = []
    for filters in (found, found + 1):
        other = darts_tf.ConvNetwork(
            darts_tf.zoo.DARTS_V2, num_classes=3, filters=filters, num_cells=2
        )
        other.build((None, 8, 8, 3))
        counts.append(darts_tf.count_parameters(other))
    assert counts[0] <= half < counts[1]
    # Memory grows with the filters: 30,000 are three quarters of 40,000.
    with pytest.raises(ValueError, match="6 filters fit instead of 8"):
        check(report, network, max_ram_bytes=30_000)
    with pytest.raises(ValueError, match="no number of filters fits"):
        check(report, network, max_ram_bytes=100)


def test_other_networks_have_no_filters_to_take_fewer_of(report):
    other = types.SimpleNamespace()
    with pytest.raises(ValueError, match=r"=79,999\. All files are written"):
        check(report, other, max_bytes=79_999)


@pytest.mark.parametrize(
    ("limits", "formats", "of_kind", "message"),
    [
        (
            {"max_bytes": 9},
            ["saved_model", "onnx"],
            export_images.DEFAULT_FORMATS,
            "`max_bytes` applies to the TFLite files.*'saved_model,onnx'",
        ),
        (
            {"max_multiply_adds": 9},
            ["float32"],
            export_steps.FORMATS,
            "networks of images only",
        ),
    ],
    ids=["no_tflite", "texts"],
)
def test_a_limit_without_effect_is_refused(limits, formats, of_kind, message):
    config = export_budget.BudgetOptions(**limits)
    with pytest.raises(ValueError, match=message):
        export_budget.check_applies(config, formats, of_kind)
    formats = export_images.DEFAULT_FORMATS
    export_budget.check_applies(config, formats, formats)


def test_limits_are_positive():
    with pytest.raises(ValueError, match="`max_bytes` must be positive"):
        export_budget.BudgetOptions(max_bytes=0)
