"""A training takes from a search what the search knows."""

import json
import re

import pytest

import darts_tf
from tests.visualize import run_folders
from trainers import cnn_train
from trainers import from_search
from trainers import imagenet_train
from trainers import options
from trainers import ptb_train

SEARCHED = {
    "dataset": "photos",
    "data_dir": None,
    "image_size": 48,
    "max_samples": 400,
    "test_fraction": 0.1,
    "flip": False,
    "crop_padding": 2,
    "cutout": 0,
    "filters": 5,
    "epochs": 3,
}


@pytest.fixture
def search(tmp_path):
    folder = tmp_path / "search"
    folder.mkdir()
    run_folders.write_search(folder, **SEARCHED)
    return folder


def resolve(module, search, preset="paper", **given):
    values = {"workdir": "run", "search": str(search), **given}
    return options.resolve(module.Config, module.PRESETS, preset, values)


def test_data_and_augmentation_are_those_of_the_search(search):
    config = resolve(cnn_train, search)
    assert config.genotype == f"{search}/genotype.json"
    names = ("dataset", "data_dir", "image_size", "max_samples")
    for name in (*names, "test_fraction", "flip", "crop_padding"):
        assert getattr(config, name) == SEARCHED[name], name
    # The search's own sizes are not those of the training.
    assert (config.filters, config.epochs) == (36, 600)
    # The paper's search cuts nothing out, its training does.
    assert config.cutout == 16


def test_the_search_wins_over_a_preset_and_flags_win_over_both(search):
    config = resolve(cnn_train, search, "quick", crop_padding=3, filters=6)
    assert config.dataset == "photos"  # the preset says digits
    assert (config.crop_padding, config.filters) == (3, 6)
    assert config.epochs == 15  # of the preset, as the search says nothing


def test_what_a_search_cut_out_is_cut_out_in_training(search):
    run_folders.write_config(search, {**SEARCHED, "cutout": 8})
    assert resolve(cnn_train, search).cutout == 8


def test_other_data_take_the_cell_alone(search):
    config = resolve(cnn_train, search, dataset="cifar10")
    assert config.genotype == f"{search}/genotype.json"
    assert (config.image_size, config.max_samples, config.flip) == (
        None,
        None,
        True,
    )


def test_the_training_on_imagenet_takes_the_cell_alone(search):
    config = resolve(imagenet_train, search)
    assert config.genotype == f"{search}/genotype.json"
    assert (config.dataset, config.image_size) == ("imagenet2012", 224)


def test_a_language_model_takes_the_text_of_its_search(tmp_path):
    run_folders.write_recurrent_log(tmp_path)
    run_folders.write_config(
        tmp_path, {"corpus": "mine", "data_dir": "d", "min_count": 2}
    )
    config = resolve(ptb_train, tmp_path)
    assert config.genotype == f"{tmp_path}/genotype.json"
    assert (config.corpus, config.data_dir, config.min_count) == (
        "mine",
        "d",
        2,
    )


@pytest.mark.parametrize("module", [cnn_train, imagenet_train, ptb_train])
def test_a_genotype_beside_a_search_is_refused_in_one_line(search, module):
    with pytest.raises(ValueError, match=r"left out.*genotype='X'$") as error:
        resolve(module, search, genotype="X")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["genotype.json", "config.json", "space.json"])
def test_the_folder_of_something_else_is_refused(search, name):
    (search / name).unlink()
    with pytest.raises(ValueError, match=rf"has no {re.escape(name)}$"):
        resolve(cnn_train, search)


def test_a_search_on_texts_is_refused_by_a_training_on_images(tmp_path):
    run_folders.write_recurrent_log(tmp_path)
    run_folders.write_config(tmp_path, {"corpus": "ptb"})
    with pytest.raises(ValueError, match="have no 'dataset'$"):
        resolve(cnn_train, tmp_path)


def test_a_damaged_config_is_named(search):
    (search / "config.json").write_text("[")
    with pytest.raises(ValueError, match=r"config\.json"):
        resolve(cnn_train, search)


def test_neither_genotype_nor_search_is_refused():
    with pytest.raises(ValueError, match="--genotype"):
        options.resolve(
            cnn_train.Config, cnn_train.PRESETS, "quick", {"workdir": "run"}
        )


def test_classes_that_have_changed_since_the_search_are_refused(search):
    config = resolve(cnn_train, search)
    from_search.check_classes(config, ("cat", "dog"))  # nothing is known
    (search / "data.json").write_text(
        json.dumps({"class_names": ["cat", "dog"]})
    )
    from_search.check_classes(config, ("cat", "dog"))
    with pytest.raises(ValueError, match="'dog'.*with .'cat', 'cow'.$"):
        from_search.check_classes(config, ("cat", "cow"))
    other = resolve(cnn_train, search, dataset="cifar10")
    from_search.check_classes(other, ("cat", "cow"))


def test_a_search_on_digits_is_trained_from_its_folder(tmp_path):
    search = tmp_path / "search"
    search.mkdir()
    run_folders.write_search(
        search, dataset="digits", crop_padding=1, flip=False, max_samples=40
    )
    edges = (darts_tf.Edge("skip_connect", 0), darts_tf.Edge("max_pool_3x3", 1))
    cell = darts_tf.Cell((edges,), (2,))
    darts_tf.Genotype(normal=cell, reduction=cell).save(
        search / "genotype.json"
    )
    sizes = {"epochs": 1, "batch_size": 8, "filters": 2}
    config = resolve(
        cnn_train,
        search,
        "quick",
        **{**sizes, "workdir": str(tmp_path / "run")},
    )
    metrics = cnn_train.run(config)
    assert 0 <= metrics["test_accuracy"] <= 1
    saved = json.loads((tmp_path / "run" / "config.json").read_text())
    assert saved["search"] == str(search)
    assert saved["max_samples"] == 40
