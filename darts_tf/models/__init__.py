"""Keras models: the supernet that is searched and the networks derived."""

from darts_tf.models.alphas import Alphas
from darts_tf.models.classification import Classes
from darts_tf.models.classification import Classification
from darts_tf.models.conv_network import ConvNetwork
from darts_tf.models.conv_supernet import ConvSupernet
from darts_tf.models.counting import count_multiply_adds
from darts_tf.models.counting import count_parameters
from darts_tf.models.counting import multiply_adds_by_layer
from darts_tf.models.inheritance import Inheritance
from darts_tf.models.inheritance import inherit_weights
from darts_tf.models.label_smoothing import SmoothedCrossentropy
from darts_tf.models.language_loss import language_losses
from darts_tf.models.language_model import LanguageModel
from darts_tf.models.language_model import slowness
from darts_tf.models.perplexity import Perplexity
from darts_tf.models.plain_network import PlainNetwork
from darts_tf.models.recurrent_network import RecurrentNetwork
from darts_tf.models.recurrent_supernet import RecurrentSupernet
from darts_tf.models.saved_network import load_network
from darts_tf.models.stateful_language_model import StatefulLanguageModel
