"""The command that searches a recurrent cell."""

import json
import xml.etree.ElementTree

import numpy as np
import pytest

import darts_tf
from trainers import options
from trainers import ptb_search

TINY = {
    "epochs": 2,
    "steps_per_epoch": 2,
    "batch_size": 2,
    "sequence_length": 4,
    "units": 4,
    "num_nodes": 2,
    "primitives": "none, tanh, relu",
    "hypergradient": "first_order",
}


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for part in ("train", "valid", "test"):
        (folder / f"{part}.txt").write_text("the cat saw the dog\n" * 12)
    return folder


def _search(folder, texts, **overrides):
    values = {
        "workdir": str(folder),
        "corpus": str(texts),
        **TINY,
        **overrides,
    }
    config = options.resolve(
        ptb_search.Config, ptb_search.PRESETS, "quick", values
    )
    return ptb_search.run(config)


def test_search_leaves_the_cell_and_how_it_came_about(tmp_path, corpus, capsys):
    folder = tmp_path / "search"
    genotype = _search(folder, corpus)
    printed = capsys.readouterr().out
    assert str(genotype) in printed
    assert genotype.to_text() in printed
    assert printed.count(" before ") == 2  # an edge for each of the nodes
    assert genotype.kind == "recurrent"
    assert darts_tf.Genotype.load(folder / "genotype.json") == genotype
    assert json.loads((folder / "config.json").read_text())["units"] == 4
    xml.etree.ElementTree.fromstring((folder / "cell.svg").read_text())
    history, alphas = (
        [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("history.jsonl", "alphas.jsonl")
    )
    assert [line["epoch"] for line in history] == [1, 2]
    assert {"loss", "alpha_loss", "perplexity", "entropy_recurrent"} <= set(
        history[0]
    )
    assert [line["epoch"] for line in alphas] == [0, 1, 2]
    moved = np.subtract(
        alphas[2]["alphas_recurrent"], alphas[0]["alphas_recurrent"]
    )
    assert moved.shape == (3, 3)
    assert np.any(moved)
    assert list((folder / "tensorboard").iterdir())
    page = (folder / "report.html").read_text()
    assert "trainers.ptb_train" in page
    assert "perplexity" in page


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"corpus": "pbt"}, "ptb"),
        ({"primitives": "none,swisch"}, "swisch"),
        ({"hypergradient": "third"}, "hypergradient='third'"),
        ({"batch_size": 30}, "at least one batch"),
        ({"batch_size": 300}, "two words in each row"),
        ({"units": 0}, "units=0"),
        ({"sequence_length": 2}, "sequence_length"),
        ({"output_dropout": 1.0}, "output=1.0"),
        ({"data_dir": "folder"}, "data_dir"),
        ({"weight_decay": -1.0}, "coupled_weight_decay"),
    ],
)
def test_a_wrong_option_is_refused_before_the_folder_is_made(
    tmp_path, corpus, overrides, message
):
    with pytest.raises((ValueError, OSError), match=message):
        _search(tmp_path / "search", corpus, **overrides)
    assert not (tmp_path / "search").exists()


def test_an_empty_text_is_refused(tmp_path, corpus):
    (corpus / "valid.txt").write_text("")
    with pytest.raises(ValueError, match="at least one word"):
        _search(tmp_path / "search", corpus)


@pytest.mark.parametrize("preset", list(ptb_search.PRESETS))
def test_each_preset_is_a_valid_config(preset):
    options.resolve(
        ptb_search.Config, ptb_search.PRESETS, preset, {"workdir": "run"}
    )


def test_the_preset_of_the_paper_is_that_of_the_model():
    config = options.resolve(
        ptb_search.Config, ptb_search.PRESETS, "paper", {"workdir": "run"}
    )
    assert (config.epochs, config.batch_size, config.units) == (50, 256, 300)
    model = darts_tf.DartsSearchModel("recurrent")
    model.compile()
    sgd, adam = model.optimizer, model.alpha_optimizer
    assert config.learning_rate == float(sgd.learning_rate)
    assert config.clipnorm == sgd.global_clipnorm
    assert config.weight_decay == sgd.coupled_weight_decay
    assert config.momentum == sgd.momentum
    np.testing.assert_allclose(config.alpha_learning_rate, adam.learning_rate)
    assert config.alpha_weight_decay == adam.coupled_weight_decay
    assert (config.sequence_length, config.slowness) == (
        model.task.sequence_length,
        model.task.slowness,
    )
    assert model.supernet.dropouts == {
        "output": config.output_dropout,
        "hidden": config.hidden_dropout,
        "cell_input": config.cell_input_dropout,
        "embedded": config.embedded_dropout,
        "words": config.word_dropout,
    }
