"""The bilevel search: hypergradients and the search model."""

from darts_tf.search.collapse_guard import CollapseGuard
from darts_tf.search.curvature import largest_alpha_eigenvalue
from darts_tf.search.hypergradient import Loss
from darts_tf.search.hypergradient_check import check_hypergradient
from darts_tf.search.search_log import SearchLog
from darts_tf.search.search_model import DartsSearchModel
from darts_tf.search.supernet_accuracy import supernet_accuracy
