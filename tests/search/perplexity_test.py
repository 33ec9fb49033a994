import keras
import numpy as np

import darts_tf


def test_it_is_the_exponential_of_the_mean_over_words_not_over_batches():
    metric = darts_tf.search.Perplexity()
    metric.update_state(np.log(10.0), 30)
    metric.update_state(np.log(1000.0), 10)
    # (10^30 * 1000^10)^(1/40) = 10^1.5; float32 rounding.
    np.testing.assert_allclose(metric.result(), 10**1.5, rtol=1e-5)
    metric.reset_state()
    metric.update_state(np.log(7.0), 3)
    np.testing.assert_allclose(metric.result(), 7, rtol=1e-5)


def test_it_survives_its_config():
    metric = darts_tf.search.Perplexity(name="surprise")
    config = keras.metrics.serialize(metric)
    again = keras.metrics.deserialize(config)
    assert (type(again), again.name) == (type(metric), "surprise")
