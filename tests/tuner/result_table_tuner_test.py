"""A tuner whose cells are judged by a table, and draws without repeats."""

import numpy as np
import pytest

import darts_tf
from darts_tf.spaces import computation
from darts_tf.spaces import distinct
from darts_tf.spaces import result_table

# Few cells, of which some compute the same.
SPACE = darts_tf.SearchSpace(
    ("none", "skip_connect", "nor_conv_1x1"),
    num_nodes=2,
    num_inputs=1,
    cell_types=("normal",),
    edges_per_node=2,
    none_selectable=True,
    output="last",
    skeleton=darts_tf.Stages((1,)),
)


@pytest.fixture
def tuner(tmp_path):
    """Nine random cells, judged by a table."""
    results = {
        darts_tf.Genotype(normal=cell).to_text(): 50.0 + number
        for number, cell in enumerate(distinct.cells(SPACE))
    }
    tuner = darts_tf.DartsTuner(
        hypermodel=darts_tf.ConvHyperModel(
            SPACE, num_classes=2, results=result_table.ResultTable(results)
        ),
        oracle=darts_tf.RandomArchitectureOracle("val_accuracy", 9),
        directory=tmp_path,
        project_name="table",
    )
    tuner.table = results
    x, y = np.zeros((200, 4, 4, 1), "float32"), np.arange(200) % 2
    tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    return tuner


def test_the_table_says_what_a_cell_is_worth_and_no_cell_comes_twice(tuner):
    keys = set()
    for trial_id in tuner.oracle.trials:
        (genotype,) = tuner.genotypes_of(trial_id)
        (metrics,) = tuner.executions(trial_id)
        expected = tuner.table[genotype.to_text()] / 100
        assert metrics["val_accuracy"] == pytest.approx(expected)
        assert metrics["parameters"] > 0
        keys.add(computation.key(genotype))
    assert len(keys) == 9  # all there are
    # Without a look at what they compute, the draws of these seeds repeat.
    naive = {computation.key(SPACE.random_genotype(seed)) for seed in range(9)}
    assert len(naive) < 9
    (best,) = tuner.get_best_genotypes()
    results = (e for t in tuner.oracle.trials for e in tuner.executions(t))
    assert tuner.table[best.to_text()] == pytest.approx(
        100 * max(metrics["val_accuracy"] for metrics in results)
    )
