"""Keras layers: candidate operations, mixed operations and cells."""

from darts_tf.layers.batch_norm import BatchNorm
from darts_tf.layers.conv_cell import ConvCell
from darts_tf.layers.conv_cell import ConvSearchCell
from darts_tf.layers.convolution import Convolution
from darts_tf.layers.convolution import DepthwiseConvolution
from darts_tf.layers.mixed_op import MixedOp
from darts_tf.layers.operations import Conv7x1
from darts_tf.layers.operations import DilatedConvolution
from darts_tf.layers.operations import FactorizedReduce
from darts_tf.layers.operations import Identity
from darts_tf.layers.operations import PointwiseConvolution
from darts_tf.layers.operations import Pool
from darts_tf.layers.operations import SeparableConvolution
from darts_tf.layers.operations import Zero
from darts_tf.layers.regularization import DropPath
