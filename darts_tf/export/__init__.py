"""From a trained network to files that run without this library."""

from darts_tf.export.parity import largest_differences
from darts_tf.export.saved_model import export_saved_model
from darts_tf.export.step_model import StepModel
from darts_tf.export.step_model import export_step_model
from darts_tf.export.step_model import largest_step_differences
from darts_tf.export.text_sampler import sample_text
from darts_tf.export.tflite import export_tflite
