"""A search that takes no time, so that the tests are about the tuner."""

import keras
import keras_tuner
import numpy as np

import darts_tf

SPACE = darts_tf.SearchSpace.conv(["none", "skip_connect", "max_pool_3x3"], 1)
X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X[:, :1]
DATA = {"x": X, "y": Y, "validation_data": (X, Y)}


@keras.saving.register_keras_serializable(package="tests_tuner")
class TinySearchModel(keras.Model):
    """What the tuner knows of a search model, around one dense layer."""

    def __init__(self, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.space = SPACE
        self.dense = keras.layers.Dense(1)
        self.alphas = [
            self.add_weight(
                shape=SPACE.alphas_shape,
                name=f"alphas_{cell_type}",
                initializer=keras.initializers.RandomNormal(seed=seed + k),
            )
            for k, cell_type in enumerate(SPACE.cell_types)
        ]

    def call(self, inputs):
        for logits in self.alphas:
            self.add_loss(keras.ops.mean(keras.ops.square(logits - 1.0)))
        return self.dense(inputs)

    def op_weights(self):
        return {
            cell_type: keras.ops.convert_to_numpy(keras.ops.softmax(logits))
            for cell_type, logits in zip(
                SPACE.cell_types, self.alphas, strict=True
            )
        }

    def entropy(self):
        return dict.fromkeys(SPACE.cell_types, 0.0)

    def genotype(self):
        return darts_tf.discretize(SPACE, self.op_weights())

    def explain(self):
        return darts_tf.explain(SPACE, self.op_weights())

    def get_config(self):
        return {"seed": self.seed}


class TinyHyperModel(darts_tf.tuner.DartsHyperModel):
    """Scores by the seed: the best is the trial with the largest one."""

    objective = "val_accuracy"

    def __init__(self, **defaults):
        super().__init__(
            SPACE,
            {
                "learning_rate": 0.1,
                "alpha_learning_rate": 0.1,
                "retrain_epochs": 1,
                **defaults,
            },
        )
        self.searched_epochs = []

    def check_data(self, hp, x, y, validation_data):
        if validation_data is None:
            raise ValueError("Expected `validation_data`. Received: None")

    def build(self, hp):
        model = TinySearchModel(hp.get("seed"))
        # One step an epoch: building a graph would take longer.
        model.compile(
            keras.optimizers.Adam(hp.get("learning_rate")),
            "mse",
            run_eagerly=True,
        )
        return model

    def fit(self, hp, model, x, y, callbacks=(), total_epochs=None, **kwargs):
        note = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self.searched_epochs.append(
                (hp.get("seed"), epoch)
            )
        )
        return model.fit(x, y, callbacks=[note, *callbacks], **kwargs)

    def build_network(self, hp, genotype):
        network = keras.Sequential([keras.layers.Dense(1)])
        network.compile("sgd", "mse", run_eagerly=True)
        return network

    def fit_network(
        self, hp, network, x, y, validation_data, initial_epoch=0, **kwargs
    ):
        network.fit(
            x,
            y,
            epochs=hp.get("retrain_epochs"),
            initial_epoch=initial_epoch,
            **kwargs,
        )
        return {"val_accuracy": self.score(hp)}

    def score(self, hp):
        return hp.get("seed") / 10_000


def tuner(folder, hypermodel=None, **kwargs):
    """Returns a tuner of the tiny search in a folder."""
    return darts_tf.DartsTuner(
        hypermodel=TinyHyperModel() if hypermodel is None else hypermodel,
        directory=str(folder),
        project_name="tiny",
        **kwargs,
    )


def space(function):
    """Returns the hyperparameters that a function declares."""
    hp = keras_tuner.HyperParameters()
    function(hp)
    return hp
