"""One tiny network in all formats, and what is known of each file."""

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as litert

import darts_tf
from darts_tf import export
from darts_tf import layers

# Every primitive kind, every kind at stride 2 that has a form of its own.
_GENOTYPE = darts_tf.Genotype(
    normal=darts_tf.Cell(
        (
            (
                darts_tf.Edge("sep_conv_3x3", 0),
                darts_tf.Edge("dil_conv_3x3", 1),
            ),
            (
                darts_tf.Edge("max_pool_3x3", 2),
                darts_tf.Edge("skip_connect", 0),
            ),
        ),
        (2, 3),
    ),
    reduction=darts_tf.Cell(
        (
            (
                darts_tf.Edge("max_pool_3x3", 0),
                darts_tf.Edge("avg_pool_3x3", 1),
            ),
            (
                darts_tf.Edge("skip_connect", 0),
                darts_tf.Edge("sep_conv_3x3", 2),
            ),
        ),
        (2, 3),
    ),
)
_NAMES = ("cat", "dog", "elk", "fox", "gnu")
_CLASSIFICATION = darts_tf.Classification(
    (0.5, 0.4, 0.3), (0.2, 0.3, 0.25), _NAMES
)
# float16 and int8 weights and int8 activations carry 11 and 8 bits. Each of
# some ten layers in a row adds its rounding, relative to logits of size 1,
# and the slope of a probability is 1/4 at most: ten times 2^-11 and 2^-8 / 4.
_TOLERANCES = {
    "saved_model": 1e-6,
    "float32": 1e-5,
    "float16": 2e-3,
    "dynamic_range": 2e-2,
    "int8": 4e-2,
}


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 8, 8, 3)).astype("uint8")


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    network = darts_tf.ConvNetwork(
        # 16 filters: the converter leaves weights below 1024 numbers alone.
        _GENOTYPE,
        num_classes=len(_NAMES),
        filters=16,
        num_cells=3,
        drop_path_rate=0.3,
    )
    network.build((None, 8, 8, 3))
    rng = np.random.default_rng(0)
    for variable in network.variables:  # as after training: nothing is 0 or 1
        if variable.path.rsplit("/")[-1] in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.7, 1.3, variable.shape))
        if variable.path.rsplit("/")[-1] in ("beta", "moving_mean"):
            variable.assign(rng.normal(0, 0.1, variable.shape))
    return network


@pytest.fixture(scope="module")
def expected(network, pixels):
    logits = np.array(network(_normalized(pixels), training=False))
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


@pytest.fixture(scope="module")
def files(network, pixels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    saved_model = export.export_saved_model(
        network, folder / "saved_model", _CLASSIFICATION
    )
    return {
        "saved_model": saved_model,
        **{
            precision: export.export_tflite(
                saved_model,
                folder / f"{precision}.tflite",
                precision,
                pixels if precision == "int8" else None,
            )
            for precision in export.PRECISIONS
        },
    }


def _normalized(pixels):
    mean, std = (
        np.array(values, "float32")
        for values in (_CLASSIFICATION.mean, _CLASSIFICATION.std)
    )
    return (pixels.astype("float32") / 255 - mean) / std


@pytest.mark.parametrize("name", _TOLERANCES)
def test_pixels_give_the_probabilities_of_keras(files, pixels, expected, name):
    outputs = export.predict(files[name], pixels)
    np.testing.assert_allclose(outputs, expected, atol=_TOLERANCES[name])
    # One image alone is what it is in a batch.
    if name != "dynamic_range":  # the scale is that of the batch
        np.testing.assert_allclose(
            export.predict(files[name], pixels[:1]), outputs[:1], atol=1e-6
        )


def test_precisions_are_not_the_same(files, pixels):
    outputs = [export.predict(path, pixels) for path in files.values()]
    for k, later in enumerate(outputs[2:], 2):
        for earlier in outputs[1:k]:
            assert np.abs(later - earlier).max() > 1e-6
    sizes = [files[name].stat().st_size for name in ("float32", "float16")]
    assert sizes[1] < sizes[0]


def test_saved_model_has_its_signatures_and_names_the_classes(
    files, network, pixels, expected
):
    loaded = tf.saved_model.load(str(files["saved_model"]))
    assert set(loaded.signatures) == {
        "serve",
        "serving_default",
        "probabilities",
        "classify",
    }
    outputs = loaded.signatures["classify"](images=pixels)
    best = expected.argmax(-1)
    names = [name.decode() for name in outputs["class_name"].numpy()]
    assert names == [_NAMES[k] for k in best]
    assert tuple(n.decode() for n in outputs["class_names"].numpy()) == _NAMES
    floats = loaded.probabilities(pixels.astype("float32"))["probabilities"]
    np.testing.assert_array_equal(floats, outputs["probabilities"])
    served = loaded.signatures["serving_default"](images=pixels)
    np.testing.assert_array_equal(
        served["probabilities"], outputs["probabilities"]
    )
    images = _normalized(pixels)
    np.testing.assert_allclose(
        loaded.signatures["serve"](images=images)["logits"],
        network(images, training=False),
        atol=1e-6,  # the same operations, fused in another way
    )


def test_saved_model_is_a_keras_layer(files, pixels, expected):
    layer = keras.layers.TFSMLayer(
        str(files["saved_model"]), call_endpoint="classify"
    )
    np.testing.assert_allclose(
        layer(pixels)["probabilities"], expected, atol=1e-6
    )


def test_what_only_training_uses_is_not_in_the_file(tmp_path):
    network = darts_tf.ConvNetwork(
        _GENOTYPE,
        filters=2,
        num_cells=2,
        auxiliary_weight=0.4,
        drop_path_rate=0.3,
    )
    network.build((None, 32, 32, 1))
    network.compile("adam")
    network.optimizer.build(network.trainable_variables)
    path = export.export_saved_model(network, tmp_path / "net")
    kept = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    numbers = sum(
        int(np.prod(shape))
        for name, shape in kept.get_variable_to_shape_map().items()
        if "OBJECT_GRAPH" not in name
    )
    auxiliary = {id(v) for v in network.auxiliary_head.variables}
    wanted = [
        int(np.prod(v.shape))
        for v in network.variables
        if id(v) not in auxiliary
        and v.path.rsplit("/")[-1]
        not in ("drop_path_rate", "seed_generator_state")
    ]
    assert numbers - sum(wanted) in (0, 1)  # one counts how often it was saved
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 1))
    images = images.astype("float32")
    np.testing.assert_allclose(
        export.predict(path, images),
        network(images, training=False),
        atol=1e-6,  # the same operations, fused in another way
    )


@pytest.mark.parametrize("name", _TOLERANCES)
def test_genotype_config_and_labels_are_inside(files, name):
    texts = export.read_assets(files[name])
    assert darts_tf.Genotype.from_json(texts["genotype.json"]) == _GENOTYPE
    config = json.loads(texts["config.json"])
    assert config["config"]["filters"] == 16
    assert config["input_shape"] == [None, 8, 8, 3]
    assert config["mean"] == [0.5, 0.4, 0.3]
    assert tuple(texts["labels.txt"].split()) == _NAMES
    if name != "saved_model":
        with zipfile.ZipFile(files[name]) as archive:
            assert archive.testzip() is None
            assert {entry.compress_type for entry in archive.infolist()} == {
                zipfile.ZIP_STORED
            }


def test_int8_file_counts_in_grey_levels_and_holds_no_floats(files):
    interpreter = litert.Interpreter(str(files["int8"]))
    (source,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()
    assert source["dtype"] == result["dtype"] == np.uint8
    assert source["quantization"] == (1.0, 0)
    assert result["quantization"] == (1 / 256, 0)
    types = {details["dtype"] for details in interpreter.get_tensor_details()}
    assert not types & {np.float32, np.float16}


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic_range"])
def test_other_files_take_bytes_and_return_floats(files, name):
    interpreter = litert.Interpreter(str(files[name]))
    (source,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()
    assert (source["dtype"], result["dtype"]) == (np.uint8, np.float32)


def test_operators_are_those_that_the_network_needs(files):
    counts = export.count_operators(files["float32"])
    # Each batch normalisation and each ReLU is folded: what adds is a node of
    # two edges, what multiplies is the preprocessing.
    nodes = 3 * 2
    assert counts["ADD"] == nodes + 1
    assert counts["MUL"] == 1
    # A separable convolution has two, a dilated one has one.
    assert counts["DEPTHWISE_CONV_2D"] == 1 * (2 + 1) + 2 * 2
    # Stem, preprocessing of the cells (6, one of them in halves), and the
    # pointwise ones; the second skip of a reduction is in halves, too.
    assert counts["CONV_2D"] == 1 + 6 + 1 + 7 + 2 * 2
    for absent in (
        "ADD_N",
        "RELU",
        "PADV2",
        "TRANSPOSE",
        "DIV",
        "SPACE_TO_BATCH_ND",
        "BATCH_TO_SPACE_ND",
    ):
        assert absent not in counts


def _convert(function, shape):
    traced = tf.function(function, input_signature=[tf.TensorSpec((1, *shape))])
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [traced.get_concrete_function()], tf.Module()
    ).convert()


def _normalised_after_joining(layer, inputs):
    active = keras.ops.relu(inputs)
    halves = [layer.even(active), layer.odd(active[:, 1:, 1:])]
    return layer.norm(keras.ops.concatenate(halves, -1), training=False)


_REST = {"STRIDED_SLICE": 1, "CONCATENATION": 1, "CONV_2D": 2}


@pytest.mark.parametrize(
    ("layer", "training_form", "before", "after"),
    [
        (
            layers.FactorizedReduce(4),
            _normalised_after_joining,
            {**_REST, "RELU": 1, "MUL": 1, "ADD": 1},
            {**_REST, "MAX_POOL_2D": 1},
        ),
        (
            layers.Pool("max", 4),
            lambda layer, inputs: layer(inputs, training=True),
            {"PADV2": 1, "MAX_POOL_2D": 1},
            {"MAX_POOL_2D": 1},
        ),
        (
            layers.Pool("average", 4, 2),
            lambda layer, inputs: layer(inputs, training=True),
            {"PAD": 1, "AVERAGE_POOL_2D": 1, "MUL": 1},
            {"AVERAGE_POOL_2D": 1, "MAX_POOL_2D": 1},
        ),
    ],
    ids=["factorized_reduce", "max_pool", "average_pool"],
)
def test_forms_for_export_have_better_operators(
    tmp_path, layer, training_form, before, after
):
    layer.build((1, 8, 8, 4))
    rng = np.random.default_rng(0)
    for variable in layer.variables:  # as after training: nothing is 0 or 1
        variable.assign(rng.uniform(0.5, 0.9, variable.shape))
    counts = []
    for name, function in (
        ("before", lambda inputs: training_form(layer, inputs)),
        ("after", lambda inputs: layer(inputs, training=False)),
    ):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(_convert(function, (8, 8, 4)))
        counts.append(export.count_operators(path))
    assert counts == [before, after]


def test_report_says_how_alike_the_files_are(files, network, pixels, expected):
    labels = expected.argmax(-1)
    labels[0] = (labels[0] + 1) % len(_NAMES)  # Keras is wrong about one image
    report = export.describe_files(
        network,
        {name: files[name] for name in ("saved_model", "float32")},
        pixels,
        labels,
        _CLASSIFICATION,
        num_threads=(1,),
    )
    json.dumps(report)
    assert report["images"] == 6
    assert report["keras_accuracy"] == pytest.approx(5 / 6)
    assert report["parameters"] == darts_tf.count_parameters(network)
    assert report["multiply_adds"] == darts_tf.count_multiply_adds(network)
    entry = report["files"]["float32"]
    assert entry["accuracy"] == pytest.approx(5 / 6)
    assert entry["top_1_agreement"] == 1.0
    assert entry["largest_difference"] < _TOLERANCES["float32"]
    assert entry["bytes"] == files["float32"].stat().st_size
    times = entry["latency_ms"]["1"]
    assert 0 < times["least"] <= times["lower"] <= times["median"]
    assert times["median"] <= times["upper"] <= times["most"]
    profile = entry["profile"]
    assert {row["operator"]: row["count"] for row in profile} == entry[
        "operators"
    ]
    assert sum(row["share"] for row in profile) == pytest.approx(1, abs=1e-2)
    assert profile[0]["milliseconds"] >= profile[-1]["milliseconds"] > 0
    assert "latency_ms" not in report["files"]["saved_model"]


def test_profile_of_float16_counts_weights_with_their_convolutions(files):
    rows = export.profile_operators(files["float16"], runs=1)
    counted = export.count_operators(files["float16"])
    assert counted.pop("DEQUANTIZE") > 0
    assert {row["operator"]: row["count"] for row in rows} == counted


def test_without_a_classification_normalised_images_give_logits(
    network, pixels, tmp_path
):
    images = _normalized(pixels)
    logits = np.array(network(images, training=False))
    saved_model = export.export_saved_model(network, tmp_path / "net")
    assert set(tf.saved_model.load(str(saved_model)).signatures) == {
        "serve",
        "serving_default",
    }
    assert "labels.txt" not in export.read_assets(saved_model)
    path = export.export_tflite(
        saved_model, tmp_path / "int8.tflite", "int8", images
    )
    interpreter = litert.Interpreter(str(path))
    assert interpreter.get_input_details()[0]["dtype"] == np.int8
    compared = export.compare(
        network,
        {"saved_model": saved_model, "int8": path},
        images,
        logits.argmax(-1),
    )
    assert compared["keras_accuracy"] == 1.0
    assert compared["saved_model"]["largest_difference"] < 1e-5
    # Ten roundings to 8 bits of logits of size 1, as above.
    assert 1e-6 < compared["int8"]["largest_difference"] < 0.2


def test_onnx_file_runs_in_any_batch_and_holds_the_texts(
    files, pixels, expected, tmp_path
):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    path = export.export_onnx(files["saved_model"], tmp_path / "net.onnx")
    for batch in (1, 6):
        np.testing.assert_allclose(
            export.predict(path, pixels[:batch]),
            expected[:batch],
            atol=1e-5,  # float32, summed in another order
        )
    texts = export.read_assets(path)
    assert darts_tf.Genotype.from_json(texts["genotype.json"]) == _GENOTYPE
    times = export.measure_latency(path, pixels, (1,), runs=2)
    assert times["1"]["median"] > 0


def test_what_files_cannot_take_is_refused(files, network, pixels, tmp_path):
    with pytest.raises(ValueError, match="uint8.*float32"):
        export.predict(files["float32"], pixels.astype("float32"))
    with pytest.raises(ValueError, match="uint8.*float32"):
        export.predict(files["saved_model"], pixels.astype("float32"))
    other = darts_tf.Classification((0.5,), (0.2,), _NAMES)
    with pytest.raises(ValueError, match="3 channels and 5 classes"):
        export.export_saved_model(network, tmp_path / "net", other)
    with pytest.raises(ValueError, match="must be built"):
        export.export_saved_model(
            darts_tf.ConvNetwork(_GENOTYPE), tmp_path / "net"
        )
    with pytest.raises(FileExistsError, match="must not exist"):
        export.export_saved_model(network, files["saved_model"])
    (tmp_path / "empty.tflite").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"empty\.tflite"):
        export.read_assets(tmp_path / "empty.tflite")
    with pytest.raises(FileNotFoundError):
        export.read_assets(tmp_path / "missing.tflite")
    with pytest.raises(ValueError, match=r"\.onnx"):
        export.export_onnx(files["saved_model"], tmp_path / "net.tflite")


@pytest.mark.parametrize(
    ("precision", "shape", "message"),
    [
        ("float64", None, "float64"),
        ("int8", None, "representative_images"),
        ("float32", (2, 8, 8, 3), "representative_images"),
        ("int8", (2, 8, 8, 1), r"\(2, 8, 8, 1\)"),
        ("int8", (0, 8, 8, 3), r"\(0, 8, 8, 3\)"),
    ],
)
def test_a_conversion_that_cannot_work_is_refused(
    files, tmp_path, precision, shape, message
):
    images = None if shape is None else np.zeros(shape)
    with pytest.raises(ValueError, match=message):
        export.export_tflite(
            files["saved_model"], tmp_path / "net.tflite", precision, images
        )
    assert not (tmp_path / "net.tflite").exists()


@pytest.mark.parametrize(
    ("mean", "std", "names"),
    [
        ((), (), _NAMES),
        ((0.5,), (0.2, 0.2), _NAMES),
        ((0.5,), (0.0,), _NAMES),
        ((float("nan"),), (0.2,), _NAMES),
        ((0.5,), (0.2,), ()),
        ((0.5,), (0.2,), ("cat", "cat")),
        ((0.5,), (0.2,), ("cat", "two\nlines")),
    ],
)
def test_a_wrong_classification_is_refused(mean, std, names):
    with pytest.raises(ValueError, match="Received"):
        darts_tf.Classification(mean, std, names)
