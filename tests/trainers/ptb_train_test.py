"""Training, resuming, export and sampling of a language model, by command."""

import json
import shutil
import signal

import keras
import numpy as np
import pytest

import darts_tf
from trainers import export
from trainers import export_steps
from trainers import genotypes
from trainers import language_callbacks
from trainers import options
from trainers import ptb_train
from trainers import sample_text

TINY = {
    "units": 6,
    "batch_size": 4,
    "evaluation_batch_size": 2,
    "sequence_length": 6,
    "epochs": 6,
    "steps_per_epoch": 4,
    "patience": 1,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder with a text whose words follow one another in a circle."""
    folder = tmp_path_factory.mktemp("corpus")
    words = ["<unk>", "a", "b", "c", "d"]
    for part, length in (("train", 400), ("valid", 60), ("test", 50)):
        text = [words[index % 5] for index in range(length)]
        lines = [" ".join(text[i : i + 10]) for i in range(0, length, 10)]
        (folder / f"{part}.txt").write_text("\n".join(lines) + "\n")
    return folder


def config(folder, text, **overrides):
    values = {
        "workdir": str(folder),
        "genotype": "RECURRENT_DARTS_V2",
        **TINY,
        "corpus": str(text),
        **overrides,
    }
    return options.resolve(ptb_train.Config, ptb_train.PRESETS, "quick", values)


def history_of(folder):
    lines = (folder / "history.jsonl").read_text().splitlines()
    timed = ("seconds", "words_per_second")
    return [
        {k: v for k, v in json.loads(line).items() if k not in timed}
        for line in lines
    ]


@pytest.fixture(scope="module")
def unbroken(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "unbroken"
    # So high a rate that the loss rises, and averaging begins.
    return folder, ptb_train.run(config(folder, corpus, learning_rate=60.0))


def test_a_run_leaves_its_files_and_figures(unbroken, corpus):
    folder, metrics = unbroken
    assert {file.name for file in folder.iterdir()} == {
        "checkpoint.npz",
        "checkpoint.previous.npz",
        "config.json",
        "environment.json",
        "genotype.json",
        "history.jsonl",
        "metrics.json",
        "network.keras",
        "report.html",
        "tensorboard",
        "vocabulary.txt",
    }
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    lines = history_of(folder)
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[-1]["averaged"] == 1.0
    best = min(lines, key=lambda line: line["val_loss"])
    assert metrics["best_epoch"] == best["epoch"]
    # Evaluated twice, float32.
    np.testing.assert_allclose(
        metrics["valid_perplexity"], np.exp(best["val_loss"]), rtol=1e-5
    )


def test_the_kept_network_has_the_perplexity_that_is_stated(unbroken, corpus):
    folder, metrics = unbroken
    network = keras.saving.load_model(folder / "network.keras")
    words = (folder / "vocabulary.txt").read_text().splitlines()
    text = (corpus / "test.txt").read_text().replace("\n", " <eos> ").split()
    tokens = np.array([[words.index(word) for word in text]])
    logits = np.array(network(tokens[:, :-1])["logits"], "float64")
    scores = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    chosen = np.take_along_axis(scores, tokens[:, 1:, None], 2)
    # float32 logits.
    np.testing.assert_allclose(
        metrics["test_perplexity"], np.exp(-chosen.mean()), rtol=1e-4
    )


def test_an_interrupted_run_goes_on_as_if_unbroken(
    tmp_path, unbroken, corpus, monkeypatch
):
    assert history_of(unbroken[0])[4]["averaged"]  # the mean has begun
    folder = tmp_path / "run"
    options = config(folder, corpus, learning_rate=60.0)

    class Interrupt(language_callbacks.KeepBest):
        def on_train_batch_end(self, batch, logs=None):
            if len(self.resume.history) == 5 and batch == 2:
                signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(language_callbacks, "KeepBest", Interrupt)
        with pytest.raises(darts_tf.callbacks.Stopped):
            ptb_train.run(options)
    assert len(history_of(folder)) == 5
    metrics = ptb_train.run(options)
    assert history_of(folder) == history_of(unbroken[0])
    timed = "train_seconds"
    assert {k: v for k, v in metrics.items() if k != timed} == {
        k: v for k, v in unbroken[1].items() if k != timed
    }
    one, two = (
        np.load(path / "checkpoint.npz") for path in (folder, unbroken[0])
    )
    for name in set(one.files) - {"info"}:
        np.testing.assert_array_equal(one[name], two[name])


def test_a_run_that_was_stopped_wants_the_same_options(tmp_path, corpus):
    (tmp_path / "config.json").write_text(
        json.dumps(options.to_json(config(tmp_path, corpus)))
    )
    with pytest.raises(ValueError, match="learning_rate=20.0.*learning_rate=1"):
        ptb_train.run(config(tmp_path, corpus, learning_rate=1.0))


@pytest.mark.slow
def test_rare_and_unseen_words_go_through_training_export_and_sampling(
    tmp_path, capsys
):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for part, lines in {
        "train": [f"it is thing{n} again" for n in range(80)],
        "valid": [f"it is thing{n}" for n in range(200, 220)],
        "test": [f"it is thing{n}" for n in range(300, 320)],
    }.items():
        (folder / f"{part}.txt").write_text("\n".join(lines))
    run = tmp_path / "run"
    ptb_train.run(config(run, folder, min_count=2, epochs=1))
    assert "Became <unk>: 80 of the 400 words of train" in (
        capsys.readouterr().out
    )
    vocabulary = (run / "vocabulary.txt").read_text().split()
    assert vocabulary == ["it", "is", "<unk>", "again", "<eos>"]
    values = {
        "network": str(run / "network.keras"),
        "workdir": str(tmp_path / "exported"),
        "formats": "float32",
        "test_words": 8,
    }
    export.run(options.resolve(export.Config, overrides=values))
    text = sample_text.run(
        sample_text.Config(
            network=str(tmp_path / "exported" / "network_float32.tflite"),
            words=5,
            prompt="it is unheard",
        )
    )
    assert text.startswith("it is unheard")


def test_a_run_that_was_stopped_wants_the_same_cell(tmp_path, corpus):
    darts_tf.zoo.RECURRENT_DARTS_V1.save(tmp_path / "genotype.json")
    (tmp_path / "config.json").write_text(
        json.dumps(options.to_json(config(tmp_path, corpus)))
    )
    with pytest.raises(ValueError, match="begun with"):
        ptb_train.run(config(tmp_path, corpus))


def test_a_run_that_ended_is_left_alone(unbroken, corpus, capsys):
    folder, metrics = unbroken
    files = contents(folder)
    again = ptb_train.run(config(folder, corpus, learning_rate=60.0))
    assert again == metrics
    assert "is finished; nothing is changed" in capsys.readouterr().out
    assert contents(folder) == files


def contents(folder):
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file: file.read_bytes() for file in files}


def test_export_and_sampling(unbroken, tmp_path, capsys):
    network = unbroken[0] / "network.keras"
    values = {"network": str(network), "workdir": str(tmp_path / "export")}
    report = export.run(
        options.resolve(export.Config, overrides={**values, "test_words": 20})
    )
    assert report["words"] == 20
    assert list(report["files"]) == list(export_steps.FORMATS)
    for name in ("saved_model", "float32"):
        # float32 logits of size 1, rounded at each of 20 steps.
        assert report["files"][name]["largest_difference"] < 1e-4
    assert set(report["files"]["float32"]["latency_ms"]) == {"1", "2"}
    written = json.loads((tmp_path / "export" / "export.json").read_text())
    assert written == report
    assert "perplexity" in capsys.readouterr().out

    def sample(path, **overrides):
        return sample_text.run(
            options.resolve(
                sample_text.Config,
                overrides={"network": str(path), "words": 12, **overrides},
            )
        )

    text = sample(network, seed=5, prompt="a b")
    assert text.startswith("a b ")
    assert capsys.readouterr().out.endswith(text + "\n")
    assert text == sample(network, seed=5, prompt="a b")
    assert text != sample(network, seed=6, prompt="a b")
    for file in ("saved_model", "network_float32.tflite"):
        exported = sample(tmp_path / "export" / file, seed=5, prompt="a b")
        assert exported == text


def test_an_export_that_cannot_work_is_refused(unbroken, tmp_path, corpus):
    folder = tmp_path / "copy"
    shutil.copytree(unbroken[0], folder)
    (folder / "vocabulary.txt").write_text("a\n" * 6)
    values = {
        "network": str(folder / "network.keras"),
        "workdir": str(tmp_path / "export"),
    }
    for overrides, message in (
        ({"formats": "float32,int8"}, r"int8 would round the state.*float32,"),
        ({"formats": "onnx"}, "one name"),
        ({"dataset": "digits"}, "dataset='digits'"),
        ({"test_images": 2}, "test_images=2"),
        ({"preprocessing": False}, "preprocessing=False"),
        ({"test_words": 1}, "test_words=1"),
    ):
        with pytest.raises(ValueError, match=message):
            export.run(
                options.resolve(
                    export.Config, overrides={**values, **overrides}
                )
            )
    with pytest.raises(ValueError, match="vocabulary of the network"):
        export.run(options.resolve(export.Config, overrides=values))
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"genotype": "DARTS_V2"}, "recurrent cells"),
        ({"genotype": "random:x"}, "random:x"),
        ({"corpus": "ptb2"}, "ptb"),
        ({"units": 0}, "units=0"),
        ({"epochs": 0}, "epochs=0"),
        ({"steps_per_epoch": 0}, "steps_per_epoch=0"),
        ({"batch_size": 200}, "one batch"),
        ({"evaluation_batch_size": 100}, "two words in each row"),
        ({"test_batch_size": 100}, "two words in each row"),
        ({"sequence_length": 3}, "sequence_length=3"),
        ({"output_dropout": 1.0}, "output=1.0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
        ({"weight_decay": -1.0}, "coupled_weight_decay"),
        ({"clipnorm": 0.0}, "global_clipnorm"),
        ({"slowness": -1.0}, "slowness_weight=-1.0"),
        ({"patience": 0}, "patience=0"),
    ],
)
def test_a_wrong_option_is_refused_before_the_folder_is_made(
    tmp_path, corpus, overrides, message
):
    with pytest.raises(ValueError, match=message):
        ptb_train.run(config(tmp_path / "run", corpus, **overrides))
    assert not (tmp_path / "run").exists()


def test_an_empty_text_is_refused_before_the_folder_is_made(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for part in ("train", "valid", "test"):
        (folder / f"{part}.txt").write_text("" if part == "valid" else "a b\n")
    with pytest.raises(ValueError, match="at least one word"):
        ptb_train.run(config(tmp_path / "run", folder))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("preset", list(ptb_train.PRESETS))
def test_each_preset_is_a_valid_config(preset):
    values = {"workdir": "run", "genotype": "RECURRENT_DARTS_V2"}
    options.resolve(ptb_train.Config, ptb_train.PRESETS, preset, values)


def test_a_random_genotype_follows_from_its_seed():
    one, two, other = (
        genotypes.read(f"random:{seed}", "recurrent") for seed in (3, 3, 4)
    )
    assert one == two != other
    assert one == darts_tf.SearchSpace.recurrent().random_genotype(3)
    assert genotypes.read("random:3", "conv").kind == "conv"
