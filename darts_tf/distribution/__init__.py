"""Several devices: shares of a batch, sums and statistics of all replicas."""

from darts_tf.distribution.replicas import is_chief
from darts_tf.distribution.replicas import total
from darts_tf.distribution.statistics import mean
from darts_tf.distribution.statistics import moments
