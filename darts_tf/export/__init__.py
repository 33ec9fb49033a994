"""From a trained network to files that run without this library."""

from darts_tf.export.parity import largest_differences
from darts_tf.export.saved_model import export_saved_model
from darts_tf.export.tflite import export_tflite
