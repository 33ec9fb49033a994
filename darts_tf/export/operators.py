"""What a TFLite file consists of, and which of it takes the time."""

import collections
import copy
import time

import numpy as np
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from darts_tf.export import networks


def count_operators(path):
    """Counts the operators of a `.tflite` file.

    Args:
        path: String or path of the file.

    Returns:
        A dictionary from the name of each kind, the most frequent first, to
        how many there are.

    Example:

    >>> import tempfile
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> file = darts_tf.export.export_tflite(path, folder.name + "/net.tflite")
    >>> "CONV_2D" in darts_tf.export.count_operators(file)
    True
    >>> folder.cleanup()
    """
    networks.check_file(path, "a .tflite file")
    model = flatbuffer_utils.read_model(str(path))
    return dict(
        collections.Counter(
            flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
            for operator in model.subgraphs[0].operators
        ).most_common()
    )


def profile_operators(path, runs=20):
    """Times each operator of a `.tflite` file on its own, on one thread.

    The runtime's profiler cannot be reached from Python. So each operator is
    cut out, made a file of its own and run on random numbers; those of equal
    kind, shapes and options are run once. Alone an operator cannot be fused
    with its neighbours, as a padding is with the convolution behind it, so the
    times are shares of the work, not parts of the latency.

    Args:
        path: String or path of the file.
        runs: Integer, how often each is run; the median counts. Defaults to
            `20`.

    Returns:
        A list of dictionaries, one for each kind of operator, the slowest
        first: `operator`, `count`, `milliseconds` (of all of the kind) and
        `share` (of all kinds).

    Example:

    >>> import tempfile
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> file = darts_tf.export.export_tflite(path, folder.name + "/net.tflite")
    >>> rows = darts_tf.export.profile_operators(file, runs=2)
    >>> round(sum(row["share"] for row in rows), 2)
    1.0
    >>> folder.cleanup()
    """
    networks.check_file(path, "a .tflite file")
    model = flatbuffer_utils.read_model(str(path))
    graph = model.subgraphs[0]
    makers = {
        index: operator
        for operator in graph.operators
        for index in operator.outputs
    }
    integers = _integer_tensors(path)
    seconds, counts = collections.Counter(), collections.Counter()
    known = {}
    for operator in graph.operators:
        operators = [*_unpacked(model, operator, makers), operator]
        name = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        if name == "DEQUANTIZE" and _is_constant(model, operator.inputs[0]):
            continue  # of a weight, which is done once, when the file is loaded
        key = _signature(model, operator)
        if key not in known:
            content, indices = _cut_out(model, operators)
            given = {k: integers.get(old) for k, old in enumerate(indices)}
            known[key] = _median_seconds(content, given, runs)
        seconds[name] += known[key]
        counts[name] += 1
    total = sum(seconds.values())
    return [
        {
            "operator": name,
            "count": counts[name],
            "milliseconds": round(1e3 * spent, 4),
            "share": round(spent / total, 4),
        }
        for name, spent in seconds.most_common()
    ]


def _is_constant(model, index):
    tensor = model.subgraphs[0].tensors[index]
    return model.buffers[tensor.buffer].data is not None


def _unpacked(model, operator, makers):
    """Returns the operators that make weights of float16 into float32."""
    sources = [makers[k] for k in operator.inputs if k in makers]
    return [
        source
        for source in sources
        if all(k >= 0 and _is_constant(model, k) for k in source.inputs)
    ]


def _signature(model, operator):
    """Returns what two operators that take the same time have in common."""
    tensors = model.subgraphs[0].tensors
    shapes = [
        (tuple(tensors[k].shape), tensors[k].type) if k >= 0 else None
        for k in [*operator.inputs, *operator.outputs]
    ]
    options = vars(operator.builtinOptions) if operator.builtinOptions else {}
    return operator.opcodeIndex, str(shapes), str(options)


def _cut_out(model, operators):
    """Returns a file of a few operators, and which tensors went into it."""
    graph = model.subgraphs[0]
    used = {
        k
        for operator in operators
        for k in [*operator.inputs, *operator.outputs]
        if k >= 0
    }
    new_index = {old: new for new, old in enumerate(sorted(used))}
    buffers, tensors = [schema.BufferT()], []
    for old in new_index:
        tensor = copy.copy(graph.tensors[old])
        buffers.append(model.buffers[tensor.buffer])
        tensor.buffer = len(buffers) - 1
        tensors.append(tensor)
    made = {k for operator in operators for k in operator.outputs}
    part = schema.SubGraphT()
    part.tensors = tensors
    part.operators = []
    for operator in operators:
        operator = copy.copy(operator)
        operator.inputs = [new_index.get(k, -1) for k in operator.inputs]
        operator.outputs = [new_index[k] for k in operator.outputs]
        part.operators.append(operator)
    part.inputs = [
        new
        for old, new in new_index.items()
        if old not in made and not _is_constant(model, old)
    ]
    part.outputs = list(part.operators[-1].outputs)
    whole = schema.ModelT()
    whole.version = model.version
    whole.operatorCodes = model.operatorCodes
    whole.subgraphs = [part]
    whole.buffers = buffers
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(whole))
    return content, list(new_index)


def _integer_tensors(path):
    """Returns the int32 tensors of a run: indices and shapes, not numbers."""
    interpreter = litert.Interpreter(
        str(path),
        experimental_op_resolver_type=(
            litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        zeros = np.zeros(details["shape"], details["dtype"])
        interpreter.set_tensor(details["index"], zeros)
    interpreter.invoke()
    return {
        details["index"]: interpreter.get_tensor(details["index"])
        for details in interpreter.get_tensor_details()
        if details["dtype"] == np.int32
    }


def _median_seconds(content, given, runs):
    interpreter = litert.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        values = given[details["index"]]
        if values is None:
            values = rng.uniform(0, 100, details["shape"])
        interpreter.set_tensor(
            details["index"], values.astype(details["dtype"])
        )
    return float(np.median(invocation_seconds(interpreter.invoke, runs)))


def invocation_seconds(invoke, runs, warm_up=3):
    """Returns how long each call of a function took, after a few to warm up.

    Args:
        invoke: Callable without arguments.
        runs: Integer, calls that count.
        warm_up: Integer, calls before them. Defaults to `3`.

    Returns:
        List of floats, in seconds.
    """
    for _ in range(warm_up):
        invoke()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        invoke()
        seconds.append(time.perf_counter() - start)
    return seconds
