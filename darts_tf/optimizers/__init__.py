"""The optimizers of the paper: SGD and Adam with coupled weight decay."""

from darts_tf.optimizers.adam import Adam
from darts_tf.optimizers.averaged_sgd import NonMonotonicTrigger
from darts_tf.optimizers.averaged_sgd import WeightAverage
from darts_tf.optimizers.coupled_decay import clip_coefficient
from darts_tf.optimizers.sgd import SGD
