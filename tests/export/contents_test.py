"""What the bytes of a file are: the parts add up, and each is counted."""

import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from darts_tf import export
from darts_tf.export import assets
from darts_tf.export import rewriting
from darts_tf.export import tflite


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_the_parts_are_what_the_objects_of_the_file_hold(small, name):
    path = getattr(small, name)
    counts = export.bytes_by_content(path)
    assert sum(counts.values()) == path.stat().st_size
    assert (counts.pop("quantization") > 0) == (name == "int8")
    assert all(count > 0 for count in counts.values()), counts
    counts = export.bytes_by_content(path)
    model = flatbuffer_utils.read_model(str(path))
    noted = {entry.buffer for entry in model.metadata}
    # Each row of numbers has its length before it, in four bytes.
    assert counts["weights"] == sum(
        4 + len(buffer.data)
        for index, buffer in enumerate(model.buffers)
        if buffer.data is not None and index not in noted
    )
    rows = [
        (4, how.scale, 8, how.zeroPoint)
        for tensor in model.subgraphs[0].tensors
        if (how := tensor.quantization) is not None
    ]
    assert counts["quantization"] >= sum(
        4 + size * len(numbers)
        for row in rows
        for size, numbers in (row[:2], row[2:])
        if numbers is not None
    )
    texts = assets.read_assets(path)
    assert counts["metadata"] > sum(len(text) for text in texts.values())


def test_names_that_are_taken_out_are_counted_before(small, tmp_path):
    content = tflite.convert(small.saved_model, "int8", small.pixels)
    counts = {}
    for name, part in (
        ("before", content),
        ("after", rewriting.shortened(content)),
    ):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(part)
        counts[name] = export.bytes_by_content(path)
        assert sum(counts[name].values()) == len(part)
    assert counts["after"]["names"] < 0.1 * counts["before"]["names"]
    assert counts["after"]["weights"] == counts["before"]["weights"]
    # What travels at the end of a file is its metadata, to the byte.
    before = path.stat().st_size
    assets.append_to_tflite(path, {"labels.txt": "cat\ndog\n"})
    grown = export.bytes_by_content(path)
    added = path.stat().st_size - before
    assert grown == {
        **counts["after"],
        "metadata": counts["after"]["metadata"] + added,
    }


def test_another_file_is_refused(small):
    with pytest.raises(ValueError, match=r"a \.tflite file.*network\.keras"):
        export.bytes_by_content("network.keras")


def test_without_labels_no_accuracy_is_measured(small):
    images = small.pixels
    report = export.describe_files(
        small.network,
        {"float32": small.float32},
        images,
        None,
        small.network.classification,
        num_threads=(1,),
    )
    entry = report["files"]["float32"]
    assert "keras_accuracy" not in report
    assert "accuracy" not in entry
    assert entry["top_1_agreement"] == 1.0
    assert sum(entry["bytes_by_content"].values()) == entry["bytes"]
    with_labels = export.compare(
        small.network,
        {"float32": small.float32},
        images,
        np.zeros(len(images), int),
        small.network.classification,
    )
    assert {"accuracy", "top_1_agreement"} <= set(with_labels["float32"])
