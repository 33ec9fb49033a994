"""Callbacks for any Keras model: schedules, logs, exact resume."""

from darts_tf.callbacks.averaged_sgd_switch import SwitchToAveragedSGD
from darts_tf.callbacks.exact_resume import ExactResume
from darts_tf.callbacks.exact_resume import Stopped
from darts_tf.callbacks.history_log import HistoryLog
from darts_tf.callbacks.linear_drop_path import LinearDropPath
from darts_tf.callbacks.schedules import CosineDecay
from darts_tf.callbacks.schedules import ExponentialDecay
from darts_tf.callbacks.training_log import TrainingLog
