"""A process of a distributed search: `python -m tests.tuner.worker FOLDER`.

Keras Tuner's environment variables decide whether it is the chief.
"""

import os
import sys
import time

import keras

from tests.tuner import tiny

EPOCHS = 4
TRIALS = 4


class SlowHyperModel(tiny.TinyHyperModel):
    """Notes each epoch that begins, and takes its time for it."""

    def fit(self, hp, *args, callbacks=(), **kwargs):
        def note(epoch, logs):
            path = os.path.join(sys.argv[1], "epochs.txt")
            who = os.environ["KERASTUNER_TUNER_ID"]
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{who} {hp.get('seed')} {epoch}\n")
            time.sleep(0.5)

        slow = keras.callbacks.LambdaCallback(on_epoch_begin=note)
        return super().fit(hp, *args, callbacks=[slow, *callbacks], **kwargs)


def make(folder):
    """Returns the tuner of all processes."""
    return tiny.tuner(folder, SlowHyperModel(), max_trials=TRIALS)


if __name__ == "__main__":
    make(sys.argv[1]).search(**tiny.DATA, epochs=EPOCHS, verbose=0)
