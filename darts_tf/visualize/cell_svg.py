"""Cells and genotypes straight to SVG, the usual case."""

from darts_tf.visualize import cells
from darts_tf.visualize import svg


def cell_to_svg(cell, title=None):
    """Draws a cell.

    Args:
        cell: A `Cell` of a genotype.
        title: String to stand above the figure. Defaults to `None`, nothing.

    Returns:
        String, an SVG document.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf.visualize import cell_svg
    >>> cell = zoo.get("DARTS_V2").normal
    >>> svg = cell_svg.cell_to_svg(cell)
    >>> svg.startswith("<svg"), svg.count(">sep_conv_3x3<")
    (True, 5)
    """
    return svg.to_svg(cells.draw_cell(cell, title))


def genotype_to_svg(genotype):
    """Draws all cells of a genotype, one above the other, with their types.

    Args:
        genotype: A `Genotype`.

    Returns:
        String, an SVG document.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf.visualize import cell_svg
    >>> genotype = zoo.get("DARTS_V2")
    >>> svg = cell_svg.genotype_to_svg(genotype)
    >>> "normal cell" in svg, "reduction cell" in svg
    (True, True)
    """
    return svg.to_svg(cells.draw_genotype(genotype))
