"""Differentiable architecture search (DARTS) for Keras 3 on TensorFlow."""

from darts_tf import environment

environment.prepare()  # before TensorFlow reads its settings

from darts_tf import callbacks
from darts_tf import classifier
from darts_tf import data
from darts_tf import distribution
from darts_tf import export
from darts_tf import interop
from darts_tf import layers
from darts_tf import models
from darts_tf import optimizers
from darts_tf import relaxations
from darts_tf import search
from darts_tf import tuner
from darts_tf import visualize
from darts_tf.callbacks.exact_resume import ExactResume
from darts_tf.callbacks.linear_drop_path import LinearDropPath
from darts_tf.classifier.image_classifier import ImageClassifier
from darts_tf.layers.operations import register_operation
from darts_tf.models.classification import Classification
from darts_tf.models.conv_network import ConvNetwork
from darts_tf.models.conv_supernet import ConvSupernet
from darts_tf.models.counting import count_multiply_adds
from darts_tf.models.counting import count_parameters
from darts_tf.models.recurrent_network import RecurrentNetwork
from darts_tf.models.recurrent_supernet import RecurrentSupernet
from darts_tf.models.stateful_language_model import StatefulLanguageModel
from darts_tf.search.collapse_guard import CollapseGuard
from darts_tf.search.hypergradient_check import check_hypergradient
from darts_tf.search.search_log import SearchLog
from darts_tf.search.search_model import DartsSearchModel
from darts_tf.spaces import zoo
from darts_tf.spaces.discretization import EdgeChoice
from darts_tf.spaces.discretization import discretize
from darts_tf.spaces.discretization import explain
from darts_tf.spaces.genotype import Cell
from darts_tf.spaces.genotype import Edge
from darts_tf.spaces.genotype import Genotype
from darts_tf.spaces.search_space import SearchSpace
from darts_tf.spaces.stages import Stages
from darts_tf.tuner.conv_hypermodel import ConvHyperModel
from darts_tf.tuner.darts_tuner import DartsTuner
from darts_tf.tuner.oracles import RandomArchitectureOracle
from darts_tf.tuner.oracles import RepeatedSearchOracle
from darts_tf.tuner.recurrent_hypermodel import RecurrentHyperModel
from darts_tf.tuner.selection import GenotypeChoice
from darts_tf.version import __version__
