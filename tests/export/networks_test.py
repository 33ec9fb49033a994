"""Which models are exported, and that all files compute in float32."""

import keras
import numpy as np
import pytest

import darts_tf
from darts_tf import export
from darts_tf.data import text_streams
from darts_tf.export import networks
from darts_tf.export import step_model

# A word of bfloat16 has 8 bits, one of float16 has 11: what a network of a
# few layers computes in them differs from float32 by about as many units.
_COARSE = {"mixed_bfloat16": 0.1, "mixed_float16": 0.02, "bfloat16": 0.1}


@pytest.fixture(autouse=True)
def float32_afterwards():
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    return request.param


_EDGES = "[('sep_conv_3x3', 0), ('max_pool_3x3', 1)]"
_GENOTYPE = darts_tf.Genotype.from_text(
    f"Genotype(normal={_EDGES}, normal_concat=[2])"
)


def _conv_network(**options):
    network = darts_tf.ConvNetwork(
        _GENOTYPE, 3, filters=2, num_cells=1, **options
    )
    network.build((None, 8, 8, 1))
    return network


def _in_float32(make, network):
    """Returns what a user would make by hand: float32, the same weights."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    again = make()
    keras.config.set_dtype_policy(before)
    again.set_weights(network.get_weights())
    return again


def _images():
    images = np.random.default_rng(0).normal(size=(16, 8, 8, 1))
    return images.astype("float32"), np.arange(16) % 3


def test_a_network_of_mixed_precision_becomes_files_of_float32(
    policy, tmp_path
):
    network = _conv_network()
    network.save(tmp_path / "network.keras")
    images, _ = _images()
    by_hand = _in_float32(_conv_network, network)
    expected = np.array(by_hand(images, training=False))
    rounded = np.array(network(images, training=False), "float32")
    saved_model = export.export_saved_model(network, tmp_path / "net")
    files = {
        "saved_model": saved_model,
        "float32": export.export_tflite(saved_model, tmp_path / "net.tflite"),
    }
    np.testing.assert_allclose(rounded, expected, atol=_COARSE[policy])
    assert np.abs(rounded - expected).max() > 1e-5
    report = export.compare(network, files, images, expected.argmax(-1))
    assert report["keras_accuracy"] == 1.0
    for name, path in files.items():
        # The same operations in float32, fused in another way.
        outputs = export.predict(path, images)
        np.testing.assert_allclose(outputs, expected, atol=1e-5)
        assert report[name]["largest_difference"] < 1e-5
    # The network that is given is as it was.
    assert network.dtype_policy.name == policy
    assert keras.config.dtype_policy().name == policy
    np.testing.assert_array_equal(
        np.array(network(images, training=False), "float32"), rounded
    )
    # One that was saved and comes back into a process of float32, too.
    keras.config.set_dtype_policy("float32")
    loaded = darts_tf.models.load_network(tmp_path / "network.keras")
    again = export.export_saved_model(loaded, tmp_path / "again")
    np.testing.assert_allclose(
        export.predict(again, images), expected, atol=1e-5
    )


@pytest.mark.slow
def test_a_network_trained_in_mixed_precision_becomes_every_file(
    policy, tmp_path
):
    network = _conv_network()
    network.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
    images, labels = _images()
    network.fit(images, labels, batch_size=8, verbose=0)
    by_hand = _in_float32(_conv_network, network)
    expected = np.array(by_hand(images, training=False))
    saved_model = export.export_saved_model(network, tmp_path / "net")
    # As in formats_test: roundings to 11 and 8 bits in a few layers.
    for precision, atol in (
        ("float32", 1e-5),
        ("float16", 2e-3),
        ("dynamic_range", 2e-2),
        ("int8", 0.2),
    ):
        path = export.export_tflite(
            saved_model,
            tmp_path / f"{precision}.tflite",
            precision,
            images if precision == "int8" else None,
        )
        outputs = export.predict(path, images)
        np.testing.assert_allclose(outputs, expected, atol=atol)


def test_a_network_trained_in_mixed_precision_becomes_an_onnx_file(tmp_path):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    keras.config.set_dtype_policy("mixed_bfloat16")
    network = _conv_network()
    saved_model = export.export_saved_model(network, tmp_path / "net")
    images, _ = _images()
    expected = _in_float32(_conv_network, network)(images, training=False)
    path = export.export_onnx(saved_model, tmp_path / "net.onnx")
    np.testing.assert_allclose(
        export.predict(path, images), expected, atol=1e-5
    )


def _language_model():
    return darts_tf.RecurrentNetwork(
        darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=7, units=8
    )


@pytest.mark.slow
def test_a_language_model_trained_in_mixed_precision_becomes_every_file(
    policy, tmp_path
):
    network = _language_model()
    model = darts_tf.StatefulLanguageModel(network, batch_size=2)
    model.compile("sgd")
    text = np.arange(150) % 7
    model.fit(
        text_streams.sequences(text, batch_size=2),
        steps_per_epoch=2,
        shuffle=False,
        verbose=0,
    )
    tokens = text[:6].reshape(1, 6)

    def make():
        again = _language_model()
        again.build((None, None))
        return again

    expected = np.array(_in_float32(make, network)(tokens)["logits"])
    saved_model = export.export_step_model(network, tmp_path / "net")
    tflite = export.export_tflite(saved_model, tmp_path / "net.tflite")
    network.save(tmp_path / "network.keras")
    for steps in (
        step_model.StepModel.of_network(network),
        step_model.StepModel.open(saved_model),
        step_model.StepModel.open(tflite),
        step_model.StepModel.open(tmp_path / "network.keras"),
    ):
        np.testing.assert_allclose(steps.run(tokens), expected, atol=1e-5)
    report = export.describe_step_files(
        network, {"saved_model": saved_model}, tokens[0]
    )
    assert report["files"]["saved_model"]["largest_difference"] < 1e-5


def test_a_language_model_of_mixed_precision_becomes_steps_of_float32(
    tmp_path,
):
    keras.config.set_dtype_policy("mixed_bfloat16")
    network = _language_model()
    saved_model = export.export_step_model(network, tmp_path / "net")
    keras.config.set_dtype_policy("float32")
    again = _language_model()
    again.build((None, None))
    again.set_weights(network.get_weights())
    tokens = np.arange(6).reshape(1, 6)
    for steps in (
        step_model.StepModel.of_network(network),
        step_model.StepModel.open(saved_model),
    ):
        np.testing.assert_allclose(
            steps.run(tokens), again(tokens)["logits"], atol=1e-5
        )


def test_whatever_type_a_network_has_its_file_is_of_float32():
    images, _ = _images()
    for dtype in ("float64", "bfloat16"):
        keras.config.set_dtype_policy(dtype)
        network = _conv_network()
        keras.config.set_dtype_policy("float32")
        twin = networks.in_float32(network)
        assert {weight.dtype for weight in twin.weights} == {"float32"}
        np.testing.assert_allclose(
            np.array(twin(images, training=False)),
            np.array(network(images, training=False), "float32"),
            atol=_COARSE.get(dtype, 1e-5),
        )
    # A type that was given to the network alone rounds its images.
    network = _conv_network(dtype="mixed_bfloat16")
    assert networks.in_float32(network).compute_dtype == "float32"


def test_an_operation_with_a_type_of_its_own_is_of_float32_in_the_file():
    darts_tf.register_operation(
        "conv_1x1_in_bfloat16",
        lambda filters, strides: keras.layers.Conv2D(
            filters, 1, strides, dtype="mixed_bfloat16"
        ),
    )
    text = "[('conv_1x1_in_bfloat16', 0), ('skip_connect', 1)]"
    network = darts_tf.ConvNetwork(
        darts_tf.Genotype.from_text(
            f"Genotype(normal={text}, normal_concat=[2])"
        ),
        filters=2,
        num_cells=1,
    )
    network.build((None, 8, 8, 1))
    twin = networks.in_float32(network)
    kinds = {layer.compute_dtype for layer in twin._flatten_layers()}
    assert kinds == {"float32"}


def test_a_network_of_float32_is_taken_as_it_is():
    network = _conv_network()
    assert networks.in_float32(network) is network


def _search(kind):
    if kind == "recurrent":
        return darts_tf.DartsSearchModel(
            darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=1),
            vocabulary_size=9,
            units=8,
            sequence_length=6,
        )
    return darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.conv(["none", "skip_connect"], num_nodes=1),
        num_classes=3,
        filters=2,
        num_cells=3,
    )


def _wrapped(network):
    return keras.Sequential([keras.layers.Rescaling(1 / 255), network])


def _functional(network):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, keras.layers.Softmax()(network(inputs)))


_OTHERS = {
    "search": (
        lambda: _search("conv"),
        r"darts_tf\.ConvNetwork\(model\.genotype\(\)",
    ),
    "recurrent_search": (
        lambda: _search("recurrent"),
        r"darts_tf\.RecurrentNetwork\(model\.genotype\(\)",
    ),
    "supernet": (
        lambda: _search("conv").supernet,
        r"darts_tf\.ConvNetwork\(model\.genotype\(\)",
    ),
    "sequential": (lambda: _wrapped(_conv_network()), r"model\.get_layer"),
    "functional": (lambda: _functional(_conv_network()), r"model\.get_layer"),
    "nested": (
        lambda: _wrapped(_wrapped(_conv_network())),
        "export the networks inside",
    ),
    "keras": (
        lambda: keras.Sequential([keras.layers.Dense(2)]),
        r"model\.export",
    ),
    "stateful": (
        lambda: darts_tf.StatefulLanguageModel(_language_model()),
        "has it as its `network`",
    ),
    "genotype": (lambda: darts_tf.zoo.DARTS_V2, r"darts_tf\.ConvNetwork.*, fi"),
    "file": (lambda: "network.keras", "load_network"),
    "nothing": (lambda: None, "genotype"),
}


@pytest.mark.parametrize("name", _OTHERS)
def test_every_door_says_what_to_do_with_other_models(name, tmp_path):
    make, message = _OTHERS[name]
    model, path = make(), tmp_path / "net"
    images, labels = _images()
    for beginning, door in (
        ("ConvNetwork", lambda: export.export_saved_model(model, path)),
        ("ConvNetwork", lambda: export.input_shape(model)),
        ("ConvNetwork", lambda: export.compare(model, {}, images, labels)),
        (
            "ConvNetwork",
            lambda: export.describe_files(model, {}, images, labels),
        ),
        ("RecurrentNetwork", lambda: export.export_step_model(model, path)),
        ("RecurrentNetwork", lambda: export.StepModel.of_network(model)),
        (
            "RecurrentNetwork",
            lambda: export.describe_step_files(model, {}, labels),
        ),
    ):
        with pytest.raises(
            ValueError, match=f"darts_tf.{beginning}`; .*{message}.*Received: a"
        ):
            door()
    assert not path.exists()


def test_networks_of_the_other_kind_are_told_their_door(tmp_path):
    with pytest.raises(ValueError, match="by `export_step_model`"):
        export.export_saved_model(_language_model(), tmp_path / "net")
    with pytest.raises(ValueError, match="by `export_saved_model`"):
        export.export_step_model(_conv_network(), tmp_path / "net")


@pytest.mark.parametrize("name", ["network", "file"])
def test_what_reads_exported_files_says_how_to_make_them(name, tmp_path):
    given = _conv_network() if name == "network" else tmp_path / "net.keras"
    message = "export_saved_model.*Received"
    images, _ = _images()
    for door in (
        lambda: export.export_tflite(given, tmp_path / "net.tflite"),
        lambda: export.export_onnx(given, tmp_path / "net.onnx"),
        lambda: export.predict(given, images),
        lambda: export.measure_latency(given, images),
        lambda: export.read_assets(given),
        lambda: export.count_operators(given),
        lambda: export.profile_operators(given),
        lambda: export.StepModel.of_tflite(given),
        lambda: export.StepModel.of_saved_model(given),
    ):
        with pytest.raises(ValueError, match=message):
            door()
    with pytest.raises(ValueError, match=r"StepModel\.of_network.*Received"):
        export.sample_text(given, ("a", "b"))


def test_a_network_of_any_size_is_told_to_take_one_for_a_tflite_file(tmp_path):
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, num_classes=3, filters=2, num_cells=1
    )
    network.build((None, None, None, 1))
    saved = darts_tf.export.export_saved_model(network, tmp_path / "any")
    with pytest.raises(ValueError, match="images of one size"):
        darts_tf.export.export_tflite(saved, tmp_path / "any.tflite")
    assert not (tmp_path / "any.tflite").exists()
