"""Dilated convolutions in TFLite files: one operator each, equal numbers."""

import keras
import numpy as np
import pytest
from ai_edge_litert import interpreter as litert
from ai_edge_litert.tools import flatbuffer_utils

import darts_tf
from darts_tf import export
from darts_tf.export import rewriting
from darts_tf.export import tflite

EDGE = darts_tf.Edge
# Three dilated convolutions of 3x3 and two of 5x5 read one node, with which a
# fourth, that reads another node alone, is compared.
CELL = darts_tf.Cell(
    (
        (EDGE("dil_conv_3x3", 0), EDGE("dil_conv_3x3", 0)),
        (EDGE("dil_conv_5x5", 0), EDGE("dil_conv_5x5", 0)),
        (EDGE("dil_conv_3x3", 0), EDGE("dil_conv_3x3", 1)),
    ),
    concat=(2, 3, 4),
)
SIZES = (12, 13)  # even, and odd, where pixels are added to make it even


@pytest.fixture(scope="module", params=SIZES)
def exported(request, tmp_path_factory):
    keras.utils.set_random_seed(0)
    network = darts_tf.ConvNetwork(
        darts_tf.Genotype(normal=CELL, reduction=CELL),
        num_classes=3,
        filters=4,
        num_cells=3,  # the first is not a reduction
    )
    network.build((None, request.param, request.param, 2))
    rng = np.random.default_rng(0)
    for variable in network.variables:  # as after training: nothing is 0 or 1
        low = 0.3 if variable.path.endswith(("gamma", "variance")) else -0.4
        variable.assign(rng.uniform(low, 0.9, variable.shape))
    images = rng.normal(size=(8, request.param, request.param, 2))
    folder = tmp_path_factory.mktemp("dilated")
    path = export.export_saved_model(network, folder / "saved_model")
    return network, images.astype("float32"), path


@pytest.mark.parametrize(
    "precision",
    [
        "float32",
        "int8",
        pytest.param("float16", marks=pytest.mark.slow),
        pytest.param("dynamic_range", marks=pytest.mark.slow),
    ],
)
def test_convolutions_that_read_one_node_are_one_operator_each(
    exported, precision, tmp_path
):
    network, images, saved_model = exported
    content = tflite.convert(
        saved_model, precision, images if precision == "int8" else None
    )
    before, after = tmp_path / "before.tflite", tmp_path / "after.tflite"
    before.write_bytes(content)
    after.write_bytes(rewriting.shortened(content))
    assert "SPACE_TO_BATCH_ND" in export.count_operators(before)
    counts = export.count_operators(after)
    assert not {"SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"} & set(counts)
    assert counts["DEPTHWISE_CONV_2D"] == 3 * 6
    assert export.count_ram(after) <= export.count_ram(before)
    expected, outputs = _outputs(before, images), _outputs(after, images)
    if precision == "int8":
        # Integers are exact, whatever the order of the sums.
        np.testing.assert_array_equal(outputs, expected)
    else:
        # Nine or 25 products are added in another order.
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    if precision == "float32":
        reference = network.predict(images, verbose=0)
        for values in (outputs, export.predict(after, images)):  # XNNPACK
            np.testing.assert_allclose(values, reference, rtol=1e-4, atol=1e-5)


def _outputs(path, images):
    """Returns what the plain kernels, without XNNPACK, say."""
    interpreter = litert.Interpreter(
        str(path),
        experimental_op_resolver_type=(
            litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()
    scale, zero = source["quantization"]
    outputs = []
    for image in images:
        values = image[np.newaxis]
        if scale:
            values = np.clip(np.rint(values / scale) + zero, -128, 127)
        interpreter.set_tensor(source["index"], values.astype(source["dtype"]))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result["index"])[0])
    return np.array(outputs)


def test_a_file_has_no_tensor_and_no_kind_of_operator_in_vain(
    exported, tmp_path
):
    _, images, saved_model = exported
    path = export.export_tflite(saved_model, tmp_path / "network.tflite")
    model = flatbuffer_utils.read_model(str(path))
    (graph,) = model.subgraphs
    used = {
        index
        for operator in graph.operators
        for index in [*operator.inputs, *operator.outputs]
    }
    assert used - {-1} == set(range(len(graph.tensors)))
    assert {operator.opcodeIndex for operator in graph.operators} == set(
        range(len(model.operatorCodes))
    )
    # The signature still finds its tensors.
    runner = litert.Interpreter(str(path)).get_signature_runner()
    (name,) = runner.get_input_details()
    outputs = runner(**{name: images[:1]})
    assert outputs["logits"].shape == (1, 3)
