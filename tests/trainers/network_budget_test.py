"""Networks held against a budget before they are trained."""

import numpy as np
import pytest

import darts_tf
from trainers import cnn_train
from trainers import export_budget
from trainers import network_budget
from trainers import options

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), "uint8")


def _network(filters=6):
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2,
        num_classes=3,
        filters=filters,
        num_cells=3,
        classification=darts_tf.Classification([0.5], [0.25], list("abc")),
    )
    network.build((None, 8, 8, 1))
    return network


def _problem(network, **limits):
    config = export_budget.BudgetOptions(**limits)
    return network_budget.problem(config, network, PIXELS)


def test_without_limits_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(network_budget, "_measure", None)
    network = _network()
    assert _problem(network) is None
    count = darts_tf.count_parameters(network)
    assert _problem(network, max_parameters=count) is None
    # Counts need no files, and are looked at first.
    text = _problem(network, max_parameters=count // 2, max_bytes=9)
    assert "the network has" in text
    filters = int(text.split("--filters=")[1].split()[0])
    assert darts_tf.count_parameters(_network(filters)) <= count // 2
    assert darts_tf.count_parameters(_network(filters + 1)) > count // 2


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of a network as after training, by their own export."""
    folder, network = tmp_path_factory.mktemp("files"), _network()
    rng = np.random.default_rng(7)
    for variable in network.variables:
        variable.assign(rng.uniform(0.3, 0.8, variable.shape))
    saved_model = darts_tf.export.export_saved_model(network, folder / "s")
    return {
        name: darts_tf.export.export_tflite(
            saved_model,
            folder / f"{name}.tflite",
            name,
            PIXELS if name == "int8" else None,
        )
        for name in ("float32", "int8")
    }


def test_random_weights_take_what_trained_ones_do(files, capsys):
    network = _network()
    before = [np.array(variable) for variable in network.variables]
    entries = network_budget._measure(network, PIXELS, with_time=False)
    for name, file in files.items():
        parts, expected = (
            {**counts, "metadata": 0}  # Keras' name for the network is there
            for counts in (
                entries[name]["bytes_by_content"],
                darts_tf.export.bytes_by_content(file),
            )
        )
        assert parts == expected
        assert entries[name]["ram_bytes"] == darts_tf.export.count_ram(file)
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.fixture
def measured(monkeypatch, files):
    """Lets each network be the one that was exported already."""

    def entry(file):
        return {
            "bytes": file.stat().st_size,
            "bytes_by_content": darts_tf.export.bytes_by_content(file),
            "ram_bytes": darts_tf.export.count_ram(file),
            "latency_ms": {"1": {"median": 4.0}},
        }

    entries = {name: entry(file) for name, file in files.items()}
    monkeypatch.setattr(
        network_budget, "_measure", lambda *args, **kwargs: entries
    )
    return entries


def test_one_file_within_all_limits_is_enough(measured, capsys):
    small, large = measured["int8"]["bytes"], measured["float32"]["bytes"]
    assert _problem(_network(), max_bytes=small) is None
    printed = capsys.readouterr().out
    assert f"network takes: float32 {large:,} bytes; int8 {small:,}" in printed
    text = _problem(_network(), max_bytes=small - 1)
    assert f"int8 has {small:,} bytes, --max_bytes={small - 1:,}" in text
    text = _problem(_network(), max_bytes=small, max_ms=3.0)
    assert "int8 has 4 ms, --max_ms=3. By estimate --filters=" in text
    with pytest.raises(ValueError, match="cannot be kept.*Received: filters=6"):
        network_budget.check(
            export_budget.BudgetOptions(max_ram_bytes=9), _network(), PIXELS
        )


@pytest.mark.slow
def test_the_filters_that_are_named_fit(files):
    limit = int(0.9 * files["int8"].stat().st_size)
    text = _problem(_network(), max_bytes=limit)
    filters = int(text.split("--filters=")[1].split()[0])
    sizes = [
        network_budget._measure(_network(n), PIXELS, with_time=False)["int8"]
        for n in (filters, filters + 1)
    ]
    assert sizes[0]["bytes"] <= limit < sizes[1]["bytes"]


def test_a_training_over_its_budget_is_not_begun(tmp_path):
    overrides = {
        "workdir": str(tmp_path / "run"),
        "genotype": "DARTS_V2",
        "max_parameters": 100,
    }
    config = options.resolve(
        cnn_train.Config, cnn_train.PRESETS, "quick", overrides
    )
    with pytest.raises(ValueError, match="--max_parameters=100. By estimate"):
        cnn_train.run(config)
    assert not (tmp_path / "run").exists()
