import keras
import numpy as np
import pytest

from darts_tf.models import label_smoothing


def test_equals_keras_crossentropy_with_smoothed_targets():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6, 5)).astype("float32")
    labels = rng.integers(0, 5, 6)
    loss = label_smoothing.SmoothedCrossentropy(0.1)
    expected = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=0.1
    )(np.eye(5)[labels], logits)
    np.testing.assert_allclose(loss(labels, logits), expected, rtol=1e-6)
    plain = label_smoothing.SmoothedCrossentropy(0.0)(labels, logits)
    assert float(plain) != float(expected)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.smoothing == 0.1


def test_a_smoothing_of_all_is_refused():
    with pytest.raises(ValueError, match="smoothing=1.0"):
        label_smoothing.SmoothedCrossentropy(1.0)
