"""Exported steps against the network that reads the whole text at once."""

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
    network.save(folder / "network.keras")
    step_model.write_vocabulary(folder / "vocabulary.txt", VOCABULARY)
    return {
        "keras": folder / "network.keras",
        "saved_model": saved_model,
        "tflite": tflite,
    }


def tokens():
    return np.random.default_rng(1).integers(len(VOCABULARY), size=(3, 9))


def test_steps_of_all_files_equal_the_network_on_the_whole_text(network, files):
    differences = step_model.largest_step_differences(
        network, tokens(), files["saved_model"], files["tflite"]
    )
    assert set(differences) == {"saved_model", "tflite", "saved_model_tflite"}
    # Logits up to 5, whose rounding goes through nine steps of the state.
    assert max(differences.values()) < 1e-4


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


def test_the_genotype_is_inside(network, files):
    path = files["saved_model"] / "assets.extra" / "genotype.json"
    assert darts_tf.Genotype.load(path) == network.genotype


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
