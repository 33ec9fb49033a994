"""Lets each dilated convolution of a TFLite file be a single operator."""

import collections

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_OPERATOR = schema.BuiltinOperator
_CONVOLUTION = _OPERATOR.DEPTHWISE_CONV_2D
# The first version of the operator that knows dilation.
_VERSION = 2


def fuse(model):
    """Makes single operators of convolutions between two of space-to-batch.

    TensorFlow writes a dilated convolution as an ordinary one on images with
    fewer pixels, between `SPACE_TO_BATCH_ND` and `BATCH_TO_SPACE_ND`. Its
    converter makes one operator of the three, but not where several of equal
    dilation read one node: they then share the first of the three. Here each
    of them becomes one operator on the node itself, with the same numbers.

    Args:
        model: `schema.ModelT`, which is changed.
    """
    for graph in model.subgraphs:
        kinds = {id(o): _kind(model, o) for o in graph.operators}
        makers, uses = {}, collections.Counter(graph.outputs)
        for operator in graph.operators:
            makers.update(dict.fromkeys(operator.outputs, operator))
            uses.update(operator.inputs)
        gone = set()
        for last in graph.operators:
            if kinds[id(last)] != _OPERATOR.BATCH_TO_SPACE_ND:
                continue
            middle = makers.get(last.inputs[0])
            first = middle and makers.get(middle.inputs[0])
            if (
                first is None
                or kinds[id(middle)] != _CONVOLUTION
                or kinds[id(first)] != _OPERATOR.SPACE_TO_BATCH_ND
                or uses[last.inputs[0]] != 1
                or not _is_dilation(model, graph, first, middle, last)
            ):
                continue
            rate = _constant(model, graph, first.inputs[1])
            options = middle.builtinOptions
            options.padding = schema.Padding.SAME
            options.dilationHFactor, options.dilationWFactor = map(int, rate)
            uses[middle.inputs[0]] -= 1
            if not uses[middle.inputs[0]]:
                gone.add(id(first))
            gone.add(id(last))
            middle.inputs = [first.inputs[0], *middle.inputs[1:]]
            middle.outputs = [last.outputs[0]]
            code = model.operatorCodes[middle.opcodeIndex]
            code.version = max(code.version, _VERSION)
        if gone:
            graph.operators = [o for o in graph.operators if id(o) not in gone]
            _drop_unused_tensors(model, graph)
    _drop_unused_codes(model)


def _kind(model, operator):
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _constant(model, graph, index):
    """Returns the int32 numbers of a constant tensor, `None` of others."""
    data = model.buffers[graph.tensors[index].buffer].data
    if data is None:
        return None
    tensor = graph.tensors[index]
    numbers = np.frombuffer(bytes(bytearray(data)), "int32")
    return numbers.reshape([int(size) for size in tensor.shape])


def _is_dilation(model, graph, first, middle, last):
    """Tells whether three operators are a dilated convolution, "same"."""
    constants = [
        _constant(model, graph, operator.inputs[k])
        for operator in (first, last)
        for k in (1, 2)
    ]
    if any(numbers is None for numbers in constants):
        return False
    rate, padding, other_rate, crops = constants
    options = middle.builtinOptions
    plain = {
        options.strideH,
        options.strideW,
        options.dilationHFactor,
        options.dilationWFactor,
    }
    if plain != {1} or options.padding != schema.Padding.VALID:
        return False
    # The border of zeros that "same" puts around an image; what was added
    # to make an even number of pixels is taken away again.
    rows, columns = graph.tensors[middle.inputs[1]].shape[1:3]
    border = (np.array([rows, columns]) - 1) * rate
    return (
        rate.tolist() == other_rate.tolist()
        and (border % 2 == 0).all()
        and (padding[:, 0] == border // 2).all()
        and (padding[:, 1] - crops[:, 1] == border // 2).all()
        and (crops[:, 0] == 0).all()
        and _same_scale(graph, first.inputs[0], first.outputs[0])
        and _same_scale(graph, last.inputs[0], last.outputs[0])
    )


def _same_scale(graph, *indices):
    """Tells whether the integers of two tensors mean the same."""
    scales = []
    for index in indices:
        how = graph.tensors[index].quantization
        numbers = (how.scale, how.zeroPoint) if how else (None, None)
        scales.append(
            [
                None if part is None else np.ravel(part).tolist()
                for part in numbers
            ]
        )
    return scales[0] == scales[1]


def _drop_unused_tensors(model, graph):
    """Removes the tensors that no operator has any more."""
    used = {*graph.inputs, *graph.outputs}
    for operator in graph.operators:
        used.update(operator.inputs, operator.outputs)
    kept = [k for k in range(len(graph.tensors)) if k in used]
    index = {old: new for new, old in enumerate(kept)}
    index[-1] = -1  # an input that an operator does without
    before = graph.tensors
    graph.tensors = [before[k] for k in kept]
    graph.inputs = [index[k] for k in graph.inputs]
    graph.outputs = [index[k] for k in graph.outputs]
    for operator in graph.operators:
        operator.inputs = [index[k] for k in operator.inputs]
        operator.outputs = [index[k] for k in operator.outputs]
    number = model.subgraphs.index(graph)
    for signature in model.signatureDefs or ():
        if signature.subgraphIndex == number:
            for entry in [*signature.inputs, *signature.outputs]:
                entry.tensorIndex = index[entry.tensorIndex]
    # The weights that others share stay; a buffer keeps its number.
    shared = {tensor.buffer for tensor in graph.tensors}
    for tensor in before:
        if tensor.buffer not in shared:
            model.buffers[tensor.buffer].data = None


def _drop_unused_codes(model):
    """Removes the kinds of operators that there are none of any more."""
    operators = [o for graph in model.subgraphs for o in graph.operators]
    kept = sorted({operator.opcodeIndex for operator in operators})
    model.operatorCodes = [model.operatorCodes[k] for k in kept]
    for operator in operators:
        operator.opcodeIndex = kept.index(operator.opcodeIndex)
