"""The whole protocol as a Keras Tuner: several searches, the best cell."""

from darts_tf.tuner.conv_hypermodel import ConvHyperModel
from darts_tf.tuner.darts_tuner import DartsTuner
from darts_tf.tuner.hypermodel import DartsHyperModel
from darts_tf.tuner.oracles import RandomArchitectureOracle
from darts_tf.tuner.oracles import RepeatedSearchOracle
from darts_tf.tuner.recurrent_hypermodel import RecurrentHyperModel
from darts_tf.tuner.selection import GenotypeChoice
