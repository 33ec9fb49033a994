"""Folders of searches and trainings, as `SearchLog` and the commands write."""

import json

import numpy as np

import darts_tf
from darts_tf.files import json_file
from darts_tf.spaces import search_record

SPACE = darts_tf.SearchSpace.conv(
    ["none", "skip_connect", "max_pool_3x3", "sep_conv_3x3"], num_nodes=2
)
RECURRENT_SPACE = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)


def op_weights(seed):
    logits = np.random.default_rng(seed).normal(size=(2, 5, 4))
    exponentials = np.exp(logits)
    normal, reduction = exponentials / exponentials.sum(-1, keepdims=True)
    return {"normal": normal, "reduction": reduction}


def write_log(folder):
    """Writes what `darts_tf.SearchLog` does in a search of three epochs."""
    search_record.write_space(folder, SPACE)
    for epoch in range(4):
        weights = op_weights(epoch)
        logits = {name: np.log(array) for name, array in weights.items()}
        search_record.append_alphas(folder, epoch, logits, weights)
    for epoch in range(1, 4):
        numbers = {"loss": 1 / epoch, "alpha_loss": 2 / epoch}
        numbers["entropy_normal"] = numbers["entropy_reduction"] = 1.0
        json_file.append_line(
            folder / "history.jsonl", {"epoch": epoch, **numbers}
        )
    genotype = darts_tf.discretize(SPACE, op_weights(3))
    genotype.save(folder / "genotype.json")
    return genotype


def write_recurrent_log(folder):
    """Writes the log of a recurrent search that has not ended an epoch."""
    weights = {"recurrent": [[0.2, 0.3, 0.5]]}
    search_record.write_space(folder, RECURRENT_SPACE)
    search_record.append_alphas(folder, 0, weights, weights)
    darts_tf.discretize(RECURRENT_SPACE, weights).save(folder / "genotype.json")


def write_search(folder, **config):
    """Writes the files of a search by a command."""
    config = {"workdir": str(folder), "dataset": "digits", "epochs": 3} | config
    write_config(folder, config)
    return write_log(folder)


def write_training(folder, config=None):
    """Writes the files of a training, by a command if it has a config."""
    darts_tf.zoo.get("DARTS_V2").save(folder / "genotype.json")
    (folder / "history.jsonl").write_text('{"epoch": 1, "loss": 2.0}\n')
    if config is not None:
        write_config(folder, config)


def write_config(folder, config):
    (folder / "config.json").write_text(json.dumps(config))
