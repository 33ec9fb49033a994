import json

import keras
import numpy as np
import pytest

import darts_tf
from trainers import export
from trainers import import_checkpoint


def test_a_checkpoint_becomes_a_network_of_its_sizes(tmp_path, capsys):
    genotype = darts_tf.zoo.DARTS_V2
    network = darts_tf.ConvNetwork(
        genotype, 5, filters=2, num_cells=3, auxiliary_weight=0.4
    )
    network.build((None, 32, 32, 1))
    darts_tf.interop.save_official(network, tmp_path / "model.npz")
    log = tmp_path / "log.txt"
    log.write_text(f"genotype = {darts_tf.zoo.DARTS_V1.to_text()}\n")
    with log.open("a") as file:
        file.write(f"genotype = {genotype.to_text()}\n")
    config = import_checkpoint.Config(
        checkpoint=str(tmp_path / "model.npz"),
        genotype=str(log),
        workdir=str(tmp_path / "run"),
    )
    report = import_checkpoint.run(config)
    again = keras.saving.load_model(tmp_path / "run" / "network.keras")
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 1))
    np.testing.assert_array_equal(again(images), network(images))
    assert again.auxiliary_weight == 0.4
    saved = darts_tf.Genotype.load(tmp_path / "run" / "genotype.json")
    assert saved == genotype
    assert report["parameters"] == darts_tf.count_parameters(network, False)
    assert json.loads((tmp_path / "run" / "import.json").read_text()) == report
    printed = capsys.readouterr().out
    assert f"Read {len(report['arrays'])} arrays, each once:" in printed
    assert "auxiliary_head" in printed
    # It was trained on no data set that the command could take images of.
    with pytest.raises(ValueError, match="darts_tf.export.*without.*dataset"):
        export.run(
            export.Config(
                network=str(tmp_path / "run" / "network.keras"),
                workdir=str(tmp_path / "export"),
            )
        )


def test_a_language_model_is_imported_by_the_name_of_its_genotype(tmp_path):
    genotype = darts_tf.zoo.RECURRENT_DARTS_V2
    network = darts_tf.RecurrentNetwork(genotype, 20, units=4)
    network.build()
    darts_tf.interop.save_official(network, tmp_path / "model.npz")
    values = {
        "checkpoint": str(tmp_path / "model.npz"),
        "genotype": "RECURRENT_DARTS_V2",
        "workdir": str(tmp_path / "run"),
    }
    with pytest.raises(ValueError, match="image_size=32"):
        import_checkpoint.run(import_checkpoint.Config(**values, image_size=32))
    with pytest.raises(ValueError, match="must have recurrent cells"):
        import_checkpoint.run(
            import_checkpoint.Config(**{**values, "genotype": "DARTS_V2"})
        )
    assert not (tmp_path / "run").exists()
    import_checkpoint.run(import_checkpoint.Config(**values))
    again = keras.saving.load_model(tmp_path / "run" / "network.keras")
    tokens = np.arange(8).reshape(2, 4)
    np.testing.assert_array_equal(
        again(tokens)["logits"], network(tokens)["logits"]
    )


def test_an_image_size_that_is_none_is_refused():
    with pytest.raises(ValueError, match="image_size=0"):
        import_checkpoint.Config("model.npz", "DARTS_V2", "run", 0)
