"""Takes out of a TFLite file what it can do without."""

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from darts_tf.export import dilations

# Of the weights in the file: what kernels and memory maps rely on.
_ALIGNMENT = 16


class _AlignedBuffer(schema.BufferT):
    """Weights, written where the format wants them.

    The writer of Python, unlike the one of C++, forgets the alignment.
    """

    def Pack(self, builder):  # noqa: N802 (the name that the writer calls)
        data = None
        if self.data is not None:
            content = bytes(bytearray(self.data))
            builder.StartVector(1, len(content), _ALIGNMENT)
            builder.head -= len(content)
            head = builder.head
            builder.Bytes[head : head + len(content)] = content
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        schema.BufferAddOffset(builder, self.offset)
        schema.BufferAddSize(builder, self.size)
        return schema.BufferEnd(builder)


def shortened(content):
    """Returns a TFLite file of the same network with less in it.

    The names of inner tensors go: they are the places of layers in Python, a
    fifth of a small int8 file. The names of inputs and outputs stay, and the
    signatures with them. Each dilated convolution becomes one operator.

    Args:
        content: Bytes of the file.

    Returns:
        Bytes.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    dilations.fuse(model)
    for graph in model.subgraphs:
        outer = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in outer:
                tensor.name = None
    for buffer in model.buffers:
        buffer.__class__ = _AlignedBuffer
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
