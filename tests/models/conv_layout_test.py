import json

import keras
import numpy as np
import pytest

import darts_tf

GENOTYPE = darts_tf.zoo.DARTS_V2


def _network(**options):
    return darts_tf.ConvNetwork(
        GENOTYPE, **{"num_classes": 3, "filters": 2, "num_cells": 3, **options}
    )


def _search(**options):
    return darts_tf.DartsSearchModel(
        **{"num_classes": 3, "filters": 2, "num_cells": 3, **options}
    )


def _language(**options):
    return darts_tf.RecurrentNetwork(
        darts_tf.zoo.RECURRENT_DARTS_V2,
        **{"vocabulary_size": 5, "units": 2, **options},
    )


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (_network, ("num_classes", "filters", "num_cells", "stem_multiplier")),
        (
            _search,
            (
                "num_classes",
                "filters",
                "num_cells",
                "stem_multiplier",
                "seed",
                "micro_batch",
            ),
        ),
        (_language, ("vocabulary_size", "units", "embedding_dim")),
    ],
    ids=["network", "search", "language"],
)
def test_integers_of_numpy_are_integers_of_a_config(make, names):
    options = dict.fromkeys(names, np.int64(3))
    model = make(**options)
    config = json.loads(json.dumps(model.get_config()))
    assert {name: config[name] for name in names} == dict.fromkeys(names, 3)
    type(model).from_config(config)
    for name in set(names) - {"embedding_dim"}:
        for value in (True, np.True_, 3.0, "3"):
            with pytest.raises(ValueError, match=f"`{name}` must be an int"):
                make(**{name: value})


def test_a_search_for_the_classes_of_an_array_is_saved(tmp_path):
    labels = np.arange(9) % 3
    model = _search(num_classes=labels.max() + 1)
    model.build((None, 8, 8, 1))
    model.save(tmp_path / "search.keras")
    again = keras.saving.load_model(tmp_path / "search.keras")
    assert again.supernet.num_classes == 3
