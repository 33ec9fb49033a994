"""What `trainers.ptb_train` does between steps and epochs."""

import math
import time

import keras

from trainers import resumable


class WordsPerSecond(keras.callbacks.Callback):
    """Adds the speed of training, since the epoch began, to the figures.

    Args:
        language_model: The `darts_tf.StatefulLanguageModel`.
    """

    def __init__(self, language_model):
        super().__init__()
        self.language_model = language_model

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Counts the words so far."""
        words = float(self.language_model.perplexity.count)
        self.speed = words / (time.perf_counter() - self.start)
        if logs is not None:
            logs["words_per_second"] = self.speed

    def on_epoch_end(self, epoch, logs=None):
        """Keeps the speed, without the time of the validation."""
        if logs is not None:
            logs["words_per_second"] = self.speed
            logs["seconds"] = time.perf_counter() - self.start


class KeepBest(keras.callbacks.Callback):
    """Saves the network with the lowest validation loss so far.

    Args:
        path: Path of the file.
        network: The `darts_tf.RecurrentNetwork`.
        switch: The `darts_tf.callbacks.SwitchToAveragedSGD`.
        resume: The `darts_tf.ExactResume`, which knows the epochs so far.
    """

    def __init__(self, path, network, switch, resume):
        super().__init__()
        self.path = path
        self.network = network
        self.switch = switch
        self.resume = resume

    def on_epoch_end(self, epoch, logs=None):
        """Saves the network, if it is the best."""
        best = min(
            (line["val_loss"] for line in self.resume.history),
            default=math.inf,
        )
        if logs is not None and logs["val_loss"] < best:
            with self.switch.evaluated_weights():
                resumable.save_network(self.network, self.path)
