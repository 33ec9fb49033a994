"""Exported steps against the network that reads the whole text at once."""

import json

import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import zoo
from darts_tf.export import step_model

VOCABULARY = ("the", "cat", "saw", "<unk>", "<eos>", "a", "ß")
UNITS = 5


@pytest.fixture(scope="module")
def network():
    network = darts_tf.RecurrentNetwork(
        zoo.RECURRENT_DARTS_V2, len(VOCABULARY), UNITS
    )
    network.build((None, None))
    generator = np.random.default_rng(0)
    for weight in network.trainable_variables:
        weight.assign(generator.normal(scale=0.6, size=weight.shape))
    return network


@pytest.fixture(scope="module")
def files(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("step")
    saved_model = step_model.export_step_model(
        network, folder / "saved_model", VOCABULARY
    )
    tflite = darts_tf.export.export_tflite(saved_model, folder / "net.tflite")
    half = darts_tf.export.export_tflite(
        saved_model, folder / "half.tflite", "float16"
    )
    # Beside the network only: the exported files have theirs inside.
    beside = tmp_path_factory.mktemp("network")
    network.save(beside / "network.keras")
    step_model.write_vocabulary(beside / "vocabulary.txt", VOCABULARY)
    return {
        "keras": beside / "network.keras",
        "saved_model": saved_model,
        "tflite": tflite,
        "float16": half,
    }


def tokens():
    return np.random.default_rng(1).integers(len(VOCABULARY), size=(3, 9))


def test_report_says_how_alike_the_steps_are_to_the_whole_text(network, files):
    text = tokens().ravel()
    report = darts_tf.export.describe_step_files(
        network,
        {name: files[name] for name in ("saved_model", "tflite", "float16")},
        text,
        num_threads=(1,),
    )
    json.dumps(report)
    assert report["words"] == 27
    assert report["parameters"] == darts_tf.count_parameters(network)
    chances = np.array(tf.nn.softmax(network(text[None])["logits"][0]))
    perplexity = np.prod([chances[k, text[k + 1]] for k in range(26)]) ** (
        -1 / 26
    )
    # Float32 probabilities, whose product is taken in float64.
    assert report["keras_perplexity"] == pytest.approx(perplexity, rel=1e-5)
    for name in ("saved_model", "tflite"):
        entry = report["files"][name]
        # Logits up to 5, whose rounding goes through 27 steps of the state.
        assert entry["largest_difference"] < 1e-4
        assert entry["perplexity"] == pytest.approx(perplexity, rel=1e-4)
        assert entry["top_1_agreement"] == 1.0
    # Weights of 11 bits, half of a unit in the last place of 1 each.
    assert 1e-4 < report["files"]["float16"]["largest_difference"] < 0.05
    entry = report["files"]["tflite"]
    assert entry["bytes"] == files["tflite"].stat().st_size
    assert 0 < entry["latency_ms"]["1"]["median"]
    counts = {row["operator"]: row["count"] for row in entry["profile"]}
    assert counts == entry["operators"]
    assert "latency_ms" not in report["files"]["saved_model"]
    with pytest.raises(ValueError, match="two words"):
        darts_tf.export.describe_step_files(network, {}, text[:1])


@pytest.mark.parametrize("kind", ["keras", "saved_model", "tflite"])
def test_a_file_is_opened_by_its_suffix_and_carries_the_state(
    network, files, kind
):
    model = step_model.StepModel.open(files[kind])
    assert model.units == UNITS
    assert step_model.read_vocabulary(files[kind]) == VOCABULARY
    expected = network(tokens())["logits"]
    # As above.
    np.testing.assert_allclose(model.run(tokens()), expected, atol=1e-4)
    forgets = [
        model.step(np.asarray(token, "int32"), model.first_state(3))[0]
        for token in tokens().T
    ]
    assert np.abs(np.stack(forgets, 1) - expected).max() > 0.01


@pytest.mark.parametrize("kind", ["keras", "saved_model", "tflite"])
@pytest.mark.parametrize("token", [-1, len(VOCABULARY)])
def test_an_id_that_is_no_word_is_refused_by_each_file(files, kind, token):
    model = step_model.StepModel.open(files[kind])
    tokens = np.array([0, token], "int32")
    with pytest.raises(ValueError, match=f"from 0 to {len(VOCABULARY) - 1}"):
        model.step(tokens, model.first_state(2))


def test_inputs_and_outputs_have_names_and_any_batch_size(files):
    signature = tf.saved_model.load(str(files["saved_model"])).signatures[
        "serving_default"
    ]
    results = signature(
        token=tf.constant([1, 2], tf.int32), state=tf.zeros((2, UNITS))
    )
    shapes = {name: tuple(value.shape) for name, value in results.items()}
    assert shapes == {"logits": (2, len(VOCABULARY)), "state": (2, UNITS)}


def test_a_step_has_no_loop(files):
    loaded = tf.saved_model.load(str(files["saved_model"]))
    graph = loaded.signatures["serving_default"].graph
    nodes = list(graph.as_graph_def().node)
    for function in graph.as_graph_def().library.function:
        nodes += function.node_def
    assert not [node.op for node in nodes if "While" in node.op]


@pytest.mark.parametrize("kind", ["saved_model", "tflite", "float16"])
def test_genotype_config_and_vocabulary_are_inside(network, files, kind):
    texts = darts_tf.export.read_assets(files[kind])
    genotype = darts_tf.Genotype.from_json(texts["genotype.json"])
    assert genotype == network.genotype
    assert json.loads(texts["config.json"])["config"]["units"] == UNITS
    assert tuple(texts["vocabulary.txt"].split()) == VOCABULARY


@pytest.mark.parametrize("kind", ["keras", "saved_model", "tflite"])
def test_the_sampler_writes_the_same_text_from_each_file(files, kind):
    model = step_model.StepModel.open(files[kind])
    words = darts_tf.export.sample_text(model, VOCABULARY, 30, seed=3)
    reference = step_model.StepModel.open(files["keras"])
    # Rounding of 1e-6 moves a draw with a chance of about 30 * 1e-6.
    assert words == darts_tf.export.sample_text(
        reference, VOCABULARY, 30, seed=3
    )


def test_each_option_of_the_sampler_changes_the_text(files):
    model = step_model.StepModel.open(files["tflite"])
    texts = [
        darts_tf.export.sample_text(model, VOCABULARY, **options)
        for options in (
            {},
            {"seed": 1},
            {"temperature": 5.0},
            {"num_words": 99},
        )
    ]
    assert len({tuple(text) for text in texts}) == 4
    assert texts[3] == texts[0][:99]


def test_a_low_temperature_takes_the_likeliest_word(network, files):
    model = step_model.StepModel.open(files["tflite"])
    words = darts_tf.export.sample_text(
        model, VOCABULARY, 10, temperature=1e-3, prompt="a"
    )
    ids = [VOCABULARY.index(word) for word in ("a", *words)]
    logits = np.array(network(np.array([ids]))["logits"])[0]
    np.testing.assert_array_equal(logits[:-1].argmax(-1), ids[1:])
    first = {
        prompt: darts_tf.export.sample_text(
            model, VOCABULARY, 1, temperature=1e-3, prompt=prompt
        )[0]
        for prompt in (*VOCABULARY, "dog")
    }
    assert len(set(first.values())) > 1
    assert first["dog"] == first["<unk>"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_words": 0}, "num_words=0"),
        ({"seed": -1}, "seed=-1"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"vocabulary": VOCABULARY[:-1]}, "6 words"),
        ({"vocabulary": ("x",) * 6 + ("<eos>",), "prompt": "dog"}, "'dog'"),
    ],
)
def test_bad_options_of_the_sampler_are_refused(files, options, message):
    model = step_model.StepModel.open(files["tflite"])
    with pytest.raises(ValueError, match=message):
        darts_tf.export.sample_text(
            model, **{"vocabulary": VOCABULARY, **options}
        )


def test_what_is_no_step_model_is_refused(network, files, tmp_path):
    with pytest.raises(ValueError, match=r"nothing\.tflite"):
        step_model.StepModel.open(tmp_path / "nothing.tflite")
    with pytest.raises(ValueError, match=r"vocabulary\.txt"):
        step_model.read_vocabulary(tmp_path / "network.keras")
    with pytest.raises(FileExistsError, match="Received"):
        step_model.export_step_model(network, files["saved_model"])
    with pytest.raises(ValueError, match="2 words"):
        step_model.export_step_model(network, tmp_path / "net", ("a", "b"))
    conv = darts_tf.ConvNetwork(zoo.DARTS_V2, filters=2, num_cells=1)
    with pytest.raises(ValueError, match="ConvNetwork"):
        step_model.export_step_model(conv, tmp_path / "net")
    path = tmp_path / "net.tflite"
    with pytest.raises(ValueError, match="8 bits at each word"):
        darts_tf.export.export_tflite(
            files["saved_model"], path, "int8", np.zeros((1, 8, 8, 3))
        )
    with pytest.raises(ValueError, match=r"same name.*\['state'\]"):
        darts_tf.export.export_onnx(files["saved_model"], tmp_path / "net.onnx")
    assert not path.exists()
