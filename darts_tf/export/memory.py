"""How much memory the tensors of a TFLite file need while it runs."""

import collections

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from darts_tf.export import networks

# Where tensors begin in the arena of LiteRT for Microcontrollers.
_ALIGNMENT = 16
_NUM_BYTES = {
    number: np.dtype(name.lower()).itemsize
    for name, number in vars(schema.TensorType).items()
    if name
    in (
        "FLOAT16",
        "FLOAT32",
        "FLOAT64",
        "INT8",
        "INT16",
        "INT32",
        "INT64",
        "UINT8",
        "UINT16",
        "UINT32",
        "BOOL",
    )
}


def count_ram(path):
    """Returns the memory that the tensors of a `.tflite` file need at a time.

    Tensors that are never needed together share their place. They are placed
    as LiteRT for Microcontrollers does it, the largest first, each at the
    lowest place that is free while it is needed; the sum is the size of the
    arena. It leaves out the file itself (its weights may stay in flash
    memory), the runtime, and what single kernels need beside their tensors: a
    few kilobytes on a microcontroller; on a phone XNNPACK packs the weights
    once more.

    Args:
        path: String or path of the file.

    Returns:
        Integer, in bytes, for one image (or one step of a language model).

    Raises:
        ValueError: If it is the path of another kind of file, or the file has
            tensors of open shapes.

    Example:

    >>> import tempfile
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> file = darts_tf.export.export_tflite(path, folder.name + "/net.tflite")
    >>> # Two nodes of 8x8 pixels and 6 channels in float32, at least.
    >>> darts_tf.export.count_ram(file) >= 2 * 8 * 8 * 6 * 4
    True
    >>> folder.cleanup()

    Reference:
        Section "Memory management" of TensorFlow Lite Micro,
        arXiv:2010.08678.
    """
    networks.check_file(path, "a .tflite file")
    model = flatbuffer_utils.read_model(str(path))
    return arena_size(_needed(model))


def arena_size(needed):
    """Returns the size of an arena that holds tensors while they are needed.

    Args:
        needed: Sequence of tuples `(size, first, last)`, in bytes and in
            numbers of operators, both included.

    Returns:
        Integer, in bytes.

    Example:

    >>> from darts_tf.export import memory
    >>> # The third tensor fits where the first one was.
    >>> memory.arena_size([(64, 0, 1), (32, 1, 2), (48, 2, 3)])
    96
    """
    placed = []
    # The largest first; of equals the one that is needed first.
    for size, first, last in sorted(needed, key=lambda t: (-t[0], t[1])):
        size = -(-size // _ALIGNMENT) * _ALIGNMENT
        others = sorted(
            (start, end)
            for start, end, other_first, other_last in placed
            if other_first <= last and first <= other_last
        )
        start = 0
        for other_start, other_end in others:
            if start + size <= other_start:
                break
            start = max(start, other_end)
        placed.append((start, start + size, first, last))
    return max((end for _, end, *_ in placed), default=0)


def _needed(model):
    """Returns size, first and last operator of each tensor of a run."""
    graph = model.subgraphs[0]
    uses = collections.defaultdict(list)
    for number, operator in enumerate(graph.operators):
        for index in [*operator.inputs, *operator.outputs]:
            uses[index].append(number)
    end = len(graph.operators)
    for index in graph.inputs:
        uses[index].append(0)
    for index in graph.outputs:
        uses[index].append(end)
    return [
        (_size(graph.tensors[index]), min(numbers), max(numbers))
        for index, numbers in uses.items()
        # -1 stands for an input that an operator does without.
        if index >= 0
        and model.buffers[graph.tensors[index].buffer].data is None
    ]


def _size(tensor):
    shape = [] if tensor.shape is None else [int(size) for size in tensor.shape]
    if min(shape, default=1) < 0 or tensor.type not in _NUM_BYTES:
        raise ValueError(
            "A file with tensors of fixed shapes and numbers is expected. "
            f"Received: {tensor.name!r} of shape {shape}"
        )
    return int(np.prod(shape, dtype=np.int64)) * _NUM_BYTES[tensor.type]
