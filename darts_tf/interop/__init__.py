"""Checkpoints of the official PyTorch code: reading and writing them."""

from darts_tf.interop.checkpoint_file import read_checkpoint
from darts_tf.interop.derived import network_from_official
from darts_tf.interop.log_file import read_genotypes
from darts_tf.interop.official import load_official
from darts_tf.interop.official import save_official
from darts_tf.interop.official import to_official
