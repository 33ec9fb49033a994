"""The switch in `fit`, against a mean that is computed by hand."""

import keras
import numpy as np
import pytest

from darts_tf import optimizers
from darts_tf.callbacks import averaged_sgd_switch

INPUTS = np.arange(8, dtype="float32").reshape(4, 2)
TARGETS = np.array([[1.0], [-1.0], [2.0], [0.0]], "float32")


class Recorder(keras.callbacks.Callback):
    """Keeps the weights after each step and during each evaluation."""

    def __init__(self):
        super().__init__()
        self.steps, self.evaluated = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self.model.get_weights())

    def on_test_batch_end(self, batch, logs=None):
        self.evaluated.append(self.model.get_weights())


def fit(epochs, losses=None, **options):
    """Fits a linear model; the validation losses are given, or its own."""
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizers.SGD(0.01, 0.0, 0.0), "mse", jit_compile=False)
    model.set_weights([np.ones((2, 1)), np.zeros(1)])
    switch = averaged_sgd_switch.SwitchToAveragedSGD(
        model.trainable_variables, patience=1
    )

    class Losses(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if losses is not None:
                logs["val_loss"] = losses[epoch]

    recorder = Recorder()
    history = model.fit(
        INPUTS,
        TARGETS,
        batch_size=2,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[Losses(), switch, recorder],
        **{"validation_data": (INPUTS, TARGETS), **options},
    )
    return model, switch, recorder, history.history


def test_the_mean_begins_after_the_trigger_and_is_what_is_evaluated():
    # With a patience of 1 the third loss, above the first, triggers.
    model, switch, recorder, history = fit(5, [3.0, 4.0, 5.0, 1.0, 1.0])
    assert history["averaged"] == [0.0, 0.0, 0.0, 1.0, 1.0]
    own = recorder.steps  # two steps, and two batches of evaluation, an epoch
    for epoch in range(5):
        seen = own[6 : 2 * epoch + 2] if epoch > 2 else own[2 * epoch + 1 :][:1]
        expected = [
            np.mean(values, axis=0) for values in zip(*seen, strict=True)
        ]
        for received, mean in zip(
            recorder.evaluated[2 * epoch], expected, strict=True
        ):
            # float32: means of at most four values of size 1.
            np.testing.assert_allclose(received, mean, rtol=1e-6)
    for received, last in zip(model.get_weights(), own[-1], strict=True):
        np.testing.assert_array_equal(received, last)
    assert switch.average.num_updates == 4


def test_evaluate_uses_the_mean_when_it_is_told_to():
    model, switch, _, _ = fit(4, [1.0, 2.0, 3.0, 4.0])
    plain = model.evaluate(INPUTS, TARGETS, verbose=0)
    averaged = model.evaluate(INPUTS, TARGETS, verbose=0, callbacks=[switch])
    with switch.evaluated_weights():
        kernel, bias = model.get_weights()
    expected = np.mean((INPUTS @ kernel + bias - TARGETS) ** 2)
    # float32 rounding.
    np.testing.assert_allclose(averaged, expected, rtol=1e-5)
    assert averaged != plain


def test_without_a_trigger_nothing_is_averaged():
    model, switch, _, history = fit(3, [3.0, 2.0, 1.0])
    assert history["averaged"] == [0.0] * 3
    assert not switch.averaging
    before = model.get_weights()
    with switch.evaluated_weights():
        for one, two in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_loss_that_is_not_finite_stops_the_training():
    with pytest.raises(FloatingPointError, match="val_loss=inf in epoch 2"):
        fit(3, [1.0, float("inf"), 1.0])


def test_a_validation_loss_is_needed():
    with pytest.raises(ValueError, match="validation_data"):
        fit(1, validation_data=None)


def test_several_steps_at_once_are_refused():
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=2)
    switch = averaged_sgd_switch.SwitchToAveragedSGD(model.trainable_variables)
    with pytest.raises(ValueError, match="steps_per_execution"):
        model.fit(INPUTS, TARGETS, verbose=0, callbacks=[switch])
