"""The bilevel search: hypergradients, optimizers and the search model."""

from darts_tf.search.averaged_sgd import NonMonotonicTrigger
from darts_tf.search.averaged_sgd import WeightAverage
from darts_tf.search.averaged_sgd_switch import SwitchToAveragedSGD
from darts_tf.search.callbacks import SearchLog
from darts_tf.search.collapse_guard import CollapseGuard
from darts_tf.search.curvature import largest_alpha_eigenvalue
from darts_tf.search.engine.objective import Objective
from darts_tf.search.exact_resume import ExactResume
from darts_tf.search.exact_resume import Stopped
from darts_tf.search.history_log import HistoryLog
from darts_tf.search.hypergradient_check import check_hypergradient
from darts_tf.search.optimizers import SGD
from darts_tf.search.optimizers import Adam
from darts_tf.search.optimizers import clip_coefficient
from darts_tf.search.schedules import CosineDecay
from darts_tf.search.schedules import ExponentialDecay
from darts_tf.search.search_model import DartsSearchModel
