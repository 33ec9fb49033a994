"""The guard sees a collapse, says so, and does what it was told to do."""

import numpy as np
import pytest
import tensorflow as tf

import darts_tf

EDGES, SKIP, CONV = 5, 1, 2  # of two nodes; columns of the alphas


@pytest.fixture(scope="module")
def model():
    model = darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.conv(
            ["none", "skip_connect", "sep_conv_3x3"], num_nodes=2
        ),
        "first_order",
        num_classes=2,
        filters=2,
        num_cells=3,
    )
    model.compile(run_eagerly=True)
    model.build((None, 8, 8, 1))
    return model


def _prefer(model, column, strength=1.0):
    logits = np.zeros((EDGES, 3), "float32")
    logits[:, column] = strength
    for alphas in model.alphas:
        alphas.assign(logits)


def _guard(model, **options):
    guard = darts_tf.CollapseGuard(**options)
    guard.set_model(model)
    model.stop_training = False
    return guard


def _end_epoch(guard, epoch):
    logs = {}
    guard.on_epoch_end(epoch, logs)
    return logs


def test_figures_are_added(model):
    _prefer(model, CONV)
    logs = _end_epoch(_guard(model), 0)
    assert logs["skips_normal"] == logs["skips_reduction"] == 0
    p = np.exp([0, 0, 1.0]) / np.exp([0, 0, 1.0]).sum()
    expected = -(p * np.log(p)).sum()
    # float32
    np.testing.assert_allclose(logs["entropy_normal"], expected, rtol=1e-5)
    _prefer(model, SKIP)
    with pytest.warns(UserWarning, match="epoch 1: 4 skip connections.*than 2"):
        assert _end_epoch(_guard(model), 0)["skips_normal"] == 4


@pytest.mark.parametrize("action", ["warn", "stop", "return"])
def test_each_action_does_what_it_says(model, action):
    guard = _guard(model, action=action)
    _prefer(model, CONV, 2.0)
    _end_epoch(guard, 0)
    assert not guard.collapsed
    _prefer(model, SKIP)
    with pytest.warns(UserWarning, match="collapse in epoch 2"):
        _end_epoch(guard, 1)
    assert guard.collapsed
    assert model.stop_training == (action != "warn")
    kept = np.array(model.alphas[0])[:, CONV]
    np.testing.assert_array_equal(kept, 2.0 if action == "return" else 0.0)
    if action == "warn":
        _end_epoch(guard, 2)  # a second warning would be an error


def test_thresholds_are_options(model):
    _prefer(model, SKIP)
    _end_epoch(_guard(model, max_skips=4), 0)  # a warning would be an error
    _prefer(model, CONV, 4.0)
    with pytest.warns(UserWarning, match="entropy_normal .* below 0.5 of 1.1"):
        _end_epoch(_guard(model, min_entropy=0.5), 0)


def test_an_eigenvalue_that_grows_is_a_sign(model, monkeypatch):
    _prefer(model, CONV)
    guard = _guard(model, alpha_batch=(np.zeros(1), np.zeros(1)))
    values = iter([3.0] * 5 + [3.9] * 5 + [6.0])

    def measure(*arguments):
        return next(values)

    monkeypatch.setattr(
        "darts_tf.search.curvature.largest_alpha_eigenvalue", measure
    )
    for epoch in range(10):  # 3.9 / 3 is below 4/3
        assert _end_epoch(guard, epoch)["alpha_eigenvalue"] >= 3
    # (4 * 3.9 + 6) / 5 against (4 * 3 + 3.9) / 5
    with pytest.warns(UserWarning, match="eigenvalue grew from 3.18 to 4.32"):
        _end_epoch(guard, 10)


def test_it_is_measured_at_intervals_on_the_batch_of_the_alphas(model):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4, 8, 8, 1)).astype("float32")
    guard = _guard(
        model, alpha_batch=(x, np.array([0, 1, 0, 1])), eigenvalue_every=2
    )
    _prefer(model, CONV, 0.5)
    before = [np.array(v) for v in model.variables]
    assert "alpha_eigenvalue" not in _end_epoch(guard, 0)
    assert np.isfinite(_end_epoch(guard, 1)["alpha_eigenvalue"])
    for one, two in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(one, two)


def test_in_fit_it_stops_the_search_and_returns_to_the_alphas(model):
    _prefer(model, SKIP)
    guard = _guard(model, action="return")
    pair = np.zeros((2, 8, 8, 1), "float32"), np.array([0, 1])
    data = tf.data.Dataset.from_tensors((pair, pair))
    with pytest.warns(UserWarning, match="epoch 1: 4 skip connections"):
        history = model.fit(data, epochs=3, verbose=0, callbacks=[guard])
    assert history.epoch == [0]
    assert history.history["skips_normal"] == [4.0]
    np.testing.assert_array_equal(np.array(model.alphas[0])[:, SKIP], 1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action": "ask"}, "action='ask'"),
        ({"max_skips": -1}, "max_skips=-1"),
        ({"min_entropy": 2.0}, "min_entropy=2.0"),
        ({"eigenvalue_every": 0}, "eigenvalue_every=0"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        darts_tf.CollapseGuard(**options)
