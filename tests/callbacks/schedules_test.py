import keras
import numpy as np
import pytest

import darts_tf
from darts_tf.callbacks import schedules
from tests.search import image_search


def _fit(callbacks, epochs=3):
    model = image_search.model(
        "first_order", compiled=False, space=image_search.SMALL
    )
    history = model.fit(
        *image_search.data(),
        batch_size=12,
        epochs=epochs,
        callbacks=callbacks,
        verbose=0,
    )
    return model, history.history["learning_rate"]


def test_a_scheduler_of_the_user_replaces_the_default():
    seen = []

    def halve(epoch, rate):
        seen.append(rate)
        return rate / 2

    _, rates = _fit(keras.callbacks.LearningRateScheduler(halve))
    # Each from the rate before it, none from that of the default schedule.
    np.testing.assert_allclose(seen, [0.025, 0.0125, 0.00625], rtol=1e-6)
    np.testing.assert_allclose(rates, [0.0125, 0.00625, 0.003125], rtol=1e-6)


def test_a_reduction_on_a_plateau_is_not_undone():
    reduce = keras.callbacks.ReduceLROnPlateau(
        "alpha_loss", factor=0.1, patience=1, min_delta=1e9
    )
    model, rates = _fit([reduce])
    np.testing.assert_allclose(rates, [0.025, 0.025, 0.0025], rtol=1e-5)
    np.testing.assert_allclose(
        np.array(model.optimizer.learning_rate), 0.00025, rtol=1e-5
    )


def test_another_schedule_of_the_library_replaces_the_default():
    _, rates = _fit([darts_tf.callbacks.ExponentialDecay(0.1, 0.5)])
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.025])


class _Change(keras.callbacks.Callback):
    """Sets the learning rate after the first epoch, as users do by hand."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self.model.optimizer.learning_rate = 0.5


def test_a_rate_that_someone_else_changes_is_left_alone_with_a_warning():
    with pytest.warns(UserWarning, match="from epoch 2 on.*changed to 0.5"):
        model, rates = _fit([_Change()])
    np.testing.assert_allclose(rates, [0.025, 0.5, 0.5])
    assert float(model.optimizer.learning_rate) == 0.5


def test_other_callbacks_leave_the_default_in_place():
    _, rates = _fit([keras.callbacks.TerminateOnNaN()], epochs=2)
    np.testing.assert_allclose(rates, [0.025, 0.013])


@pytest.mark.parametrize("epochs", [0, 1.5, True])
def test_a_number_of_epochs_that_is_none_is_refused(epochs):
    with pytest.raises(ValueError, match="epochs"):
        schedules.CosineDecay(epochs=epochs)
    assert schedules.CosineDecay(epochs=np.int64(2)).epochs == 2
