"""Keras layers: candidate operations, mixed operations and cells."""

from darts_tf.layers.batch_norm import BatchNorm
from darts_tf.layers.conv_cell import ConvCell
from darts_tf.layers.conv_cell import ConvSearchCell
from darts_tf.layers.conv_stem import ConvStem
from darts_tf.layers.convolution import Convolution
from darts_tf.layers.convolution import DepthwiseConvolution
from darts_tf.layers.convolution_stack import Conv7x1
from darts_tf.layers.convolution_stack import DilatedConvolution
from darts_tf.layers.convolution_stack import FactorizedReduce
from darts_tf.layers.convolution_stack import PointwiseConvolution
from darts_tf.layers.convolution_stack import SeparableConvolution
from darts_tf.layers.convolution_stack import StandardConvolution
from darts_tf.layers.mixed_op import MixedOp
from darts_tf.layers.operation import Identity
from darts_tf.layers.operation import Pool
from darts_tf.layers.operation import Zero
from darts_tf.layers.recurrent_cell import RecurrentCell
from darts_tf.layers.recurrent_cell import RecurrentSearchCell
from darts_tf.layers.regularization import DropPath
from darts_tf.layers.regularization import EmbeddingDropout
from darts_tf.layers.regularization import LockedDropout
from darts_tf.layers.residual_block import ResidualBlock
