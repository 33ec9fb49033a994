"""From a trained network to files that run without this library."""

from darts_tf.export.assets import read_assets
from darts_tf.export.c_array import export_c_array
from darts_tf.export.contents import bytes_by_content
from darts_tf.export.memory import count_ram
from darts_tf.export.onnx_file import export_onnx
from darts_tf.export.operators import count_operators
from darts_tf.export.operators import profile_operators
from darts_tf.export.report import compare
from darts_tf.export.report import describe_files
from darts_tf.export.report import measure_latency
from darts_tf.export.runners import predict
from darts_tf.export.saved_model import export_saved_model
from darts_tf.export.saved_model import input_shape
from darts_tf.export.step_model import StepModel
from darts_tf.export.step_model import export_step_model
from darts_tf.export.step_report import describe_step_files
from darts_tf.export.text_sampler import sample_text
from darts_tf.export.tflite import PRECISIONS
from darts_tf.export.tflite import export_tflite
