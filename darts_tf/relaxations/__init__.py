"""How a choice is made soft, disturbed and held back during a search.

Each method is a small object in one of three places of a search: how op
weights come from alphas, what is done to them while the weights are trained,
and what is added to the loss of the alphas.
"""

from darts_tf.relaxations.perturbation import EdgeMutation
from darts_tf.relaxations.perturbation import Perturbation
from darts_tf.relaxations.perturbation import RandomSmoothing
from darts_tf.relaxations.regularizer import AlphaRegularizer
from darts_tf.relaxations.regularizer import BetaDecay
from darts_tf.relaxations.relaxation import Relaxation
from darts_tf.relaxations.relaxation import Softmax
