"""The training on ImageNet, with tiny networks on a folder of noise."""

import json
import signal
import types

import numpy as np
import pytest
from PIL import Image

import darts_tf
from trainers import expected_time
from trainers import imagenet_train
from trainers import options

# One node: the graph is what takes time here.
GENOTYPE = darts_tf.Genotype(
    normal=darts_tf.Cell(
        ((darts_tf.Edge("sep_conv_3x3", 0), darts_tf.Edge("skip_connect", 1)),),
        (2,),
    ),
    reduction=darts_tf.Cell(
        ((darts_tf.Edge("max_pool_3x3", 0), darts_tf.Edge("skip_connect", 1)),),
        (2,),
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of several sizes in the layout of ImageNet, and a genotype."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3)):
        for label, name in enumerate(("n01", "n02")):
            (root / part / name).mkdir(parents=True)
            for k in range(count):
                pixels = rng.integers(0, 128, (40 + k, 48 - k, 3)) + 127 * label
                Image.fromarray(pixels.astype("uint8")).save(
                    root / part / name / f"{k}.JPEG"
                )
    GENOTYPE.save(root / "genotype.json")
    return root


def _config(folder, workdir, **overrides):
    values = {
        "workdir": str(workdir),
        "genotype": str(folder / "genotype.json"),
        "dataset": str(folder),
        "epochs": 3,
        "batch_size": 4,
        "filters": 2,
        "drop_path_rate": 0.5,
        **overrides,
    }
    return options.resolve(
        imagenet_train.Config, imagenet_train.PRESETS, "quick", values
    )


def _lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_stopped_run_goes_on_to_the_same_end(
    tmp_path, folder, monkeypatch, capsys
):
    whole = imagenet_train.run(_config(folder, tmp_path / "whole"))
    assert 0 <= whole["test_accuracy"] <= 1
    assert whole["test_top_5_accuracy"] == 1  # there are two classes

    class _Stop(darts_tf.callbacks.TrainingLog):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, batch) == (1, 1):
                signal.raise_signal(signal.SIGTERM)

    config = _config(folder, tmp_path / "stopped")
    with monkeypatch.context() as patch:
        patch.setattr(darts_tf.callbacks, "TrainingLog", _Stop)
        with pytest.raises(darts_tf.callbacks.Stopped):
            imagenet_train.run(config)
    assert "after step 6, which is saved. The same" in capsys.readouterr().out
    # As if it had been killed between the line and the checkpoint.
    history = tmp_path / "stopped" / "history.jsonl"
    history.write_text(history.read_text() + '{"epoch": 2}\n')
    again = imagenet_train.run(config)
    assert "Going on after step 6." in capsys.readouterr().out
    for metrics in (whole, again):
        del metrics["train_seconds"]
    assert again == whole
    assert _lines(history) == _lines(tmp_path / "whole" / "history.jsonl")
    assert [line["epoch"] for line in _lines(history)] == [1, 2, 3]
    assert _lines(history)[2]["learning_rate"] == 0.1 * 0.97**2
    files = _contents(tmp_path / "stopped")
    finished = imagenet_train.run(config)
    assert finished["test_loss"] == whole["test_loss"]
    assert "is finished; nothing is changed" in capsys.readouterr().out
    assert _contents(tmp_path / "stopped") == files


def _contents(folder):
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file): file.read_bytes() for file in files}


def test_a_run_does_not_go_on_with_other_options(tmp_path, folder):
    config = _config(folder, tmp_path / "run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text(
        json.dumps({**options.to_json(config), "filters": 4})
    )
    with pytest.raises(ValueError, match="filters=4"):
        imagenet_train.run(config)


@pytest.mark.parametrize(("steps", "is_long"), [(10, False), (10**6, True)])
def test_a_long_training_is_timed_at_the_side_that_the_cells_see(
    folder, monkeypatch, steps, is_long
):
    said = []
    monkeypatch.setattr(
        expected_time, "say_if_long", lambda *args: said.append(args)
    )
    config = _config(folder, folder / "run")
    dataset = types.SimpleNamespace(class_names=("n01", "n02"))
    imagenet_train._say_if_long(config, GENOTYPE, dataset, steps)
    if not is_long:
        assert said == []
        return
    [(genotype, shape, *_, multiply_adds, images)] = said
    assert genotype == GENOTYPE
    assert shape == (config.image_size // 8, config.image_size // 8, 3)
    assert multiply_adds > 0
    assert images == steps * config.batch_size


def test_the_budget_refuses_or_warns_and_says_where_operations_are(
    tmp_path, folder, capsys
):
    options_ = {"budget": 1000, "epochs": 1, "steps_per_epoch": 1}
    config = _config(folder, tmp_path / "run", **options_)
    with pytest.raises(ValueError, match="budget of 1,000"):
        imagenet_train.run(config)
    assert "cell_1 " in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
    config = _config(folder, tmp_path / "run", over_budget="warn", **options_)
    imagenet_train.run(config)
    assert "Warning: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"over_budget": "ask"}, "over_budget='ask'"),
        ({"strategy": "tpu"}, "strategy='tpu'"),
        ({"auxiliary_weight": 0.4}, "224x224"),
        ({"image_size": 31}, "at least 32 pixels"),
        ({"image_size": 0}, "image_size=0"),
        ({"batch_size": 17}, "batch_size=17"),
        ({"hue": 0.6}, "0.6"),
        ({"smallest_area": 0.0}, "smallest_area=0.0"),
        ({"label_smoothing": 1.0}, "smoothing=1.0"),
        ({"max_samples": 0}, "max_samples=0"),
        ({"data_dir": "data"}, "data_dir"),
        ({"dataset": "imagenet2021"}, "imagenet2012"),
    ],
)
def test_a_wrong_option_is_refused_before_the_folder_is_made(
    tmp_path, folder, overrides, message
):
    with pytest.raises((ValueError, OSError), match=message):
        imagenet_train.run(_config(folder, tmp_path / "run", **overrides))
    assert not (tmp_path / "run").exists()
