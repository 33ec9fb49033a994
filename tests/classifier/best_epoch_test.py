import keras
import numpy as np

from darts_tf.classifier import best_epoch


def model():
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])


def epoch(callback, number, accuracy, loss=1.0):
    callback.model.set_weights([np.full((1, 1), number), np.zeros(1)])
    callback.on_epoch_begin(number - 1)
    callback.on_epoch_end(
        number - 1, {"val_accuracy": accuracy, "val_loss": loss}
    )


def test_the_weights_of_the_best_epoch_come_back(tmp_path):
    best = best_epoch.BestEpoch(tmp_path)
    best.set_model(model())
    for number, accuracy in enumerate([0.2, 0.7, 0.6], start=1):
        epoch(best, number, accuracy)
    other = model()
    best.restore(other)
    assert (best.epoch, best.value) == (2, 0.7)
    assert other.get_weights()[0] == 2


def test_of_equal_accuracies_the_lower_loss_counts(tmp_path):
    best = best_epoch.BestEpoch(tmp_path)
    best.set_model(model())
    epoch(best, 1, 0.5, 1.0)
    epoch(best, 2, 0.5, 0.9)
    epoch(best, 3, 0.5, 0.9)
    assert best.epoch == 2


def test_a_kill_before_the_checkpoint_leaves_the_file_that_it_names(tmp_path):
    best = best_epoch.BestEpoch(tmp_path)
    best.set_model(model())
    epoch(best, 1, 0.5)
    saved = best.get_state()
    epoch(best, 2, 0.6)  # and killed before this was saved
    again = best_epoch.BestEpoch(tmp_path)
    again.set_model(model())
    again.set_state(saved)
    other = model()
    again.restore(other)
    assert other.get_weights()[0] == 1
    again.on_epoch_begin(1)
    assert [path.name for path in tmp_path.iterdir()] == ["best_0001.npz"]
