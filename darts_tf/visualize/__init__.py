"""Drawings and reports of cells and searches; no drawing program is needed."""

from darts_tf.visualize.animation import stages
from darts_tf.visualize.animation import to_gif
from darts_tf.visualize.cells import draw_cell
from darts_tf.visualize.cells import draw_genotype
from darts_tf.visualize.chart import draw_chart
from darts_tf.visualize.comparison import draw_comparison
from darts_tf.visualize.dot import genotype_to_dot
from darts_tf.visualize.evaluation import Evaluation
from darts_tf.visualize.evaluation import read_evaluation
from darts_tf.visualize.figure import Figure
from darts_tf.visualize.html_page import HtmlPage
from darts_tf.visualize.op_weights import draw_op_weight_curves
from darts_tf.visualize.op_weights import draw_op_weights
from darts_tf.visualize.pictures import search_pictures
from darts_tf.visualize.png import to_pixels
from darts_tf.visualize.png import to_png
from darts_tf.visualize.run_comparison import write_comparison
from darts_tf.visualize.run_report import write_report
from darts_tf.visualize.svg import to_svg
from darts_tf.visualize.trace import SearchTrace
from darts_tf.visualize.trace import read_trace
