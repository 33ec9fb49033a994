"""What the bytes of a TFLite file are."""

import pathlib
import zipfile

from ai_edge_litert import schema_py_generated as schema

from darts_tf.export import networks

# Where the format has a field: its schema numbers the fields of each table.
_BUFFER_DATA = 4
_CODE_NAME = 6
_GRAPH_NAME = 12
_MAP_NAME = 4
_METADATA_NAME = 4
_MODEL_DESCRIPTION = 10
_SIGNATURE_KEY = 8
_TENSOR_NAME = 10
# Of a quantization, with the bytes of each number: minima, maxima, scales and
# zero points.
_QUANTIZATION = {4: 4, 6: 4, 8: 4, 10: 8}


def bytes_by_content(path):
    """Returns what the bytes of a `.tflite` file are.

    Args:
        path: String or path of the file.

    Returns:
        A dictionary of integers, which add up to the size of the file:
        `weights`, all constant tensors; `quantization`, the scales and zero
        points of tensors; `names`, of tensors, signatures and the like;
        `metadata`, the texts that travel in the file and what the converter
        notes; `structure`, all else: the tables of operators and tensors,
        shapes, and the gaps that put weights where runtimes want them.

    Raises:
        ValueError: If it is the path of another kind of file.

    Example:

    >>> import tempfile
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> file = darts_tf.export.export_tflite(path, folder.name + "/net.tflite")
    >>> counts = darts_tf.export.bytes_by_content(file)
    >>> list(counts)
    ['weights', 'quantization', 'names', 'metadata', 'structure']
    >>> sum(counts.values()) == file.stat().st_size
    True
    >>> folder.cleanup()
    """
    networks.check_file(path, "a .tflite file")
    content = pathlib.Path(path).read_bytes()
    model = schema.Model.GetRootAs(content, 0)
    # The place and the size of each text and row of numbers: what several
    # tables share is in the file once.
    noted = _buffers_of_metadata(model)
    weights, metadata, quantization, names = set(), set(), set(), set()
    for index, buffer in enumerate(_all(model, "Buffers")):
        _note(buffer, _BUFFER_DATA, metadata if index in noted else weights)
    for graph in _all(model, "Subgraphs"):
        _note(graph, _GRAPH_NAME, names, end=1)
        for tensor in _all(graph, "Tensors"):
            _note(tensor, _TENSOR_NAME, names, end=1)
            if tensor.Quantization() is not None:
                for slot, size in _QUANTIZATION.items():
                    _note(tensor.Quantization(), slot, quantization, size)
    _note(model, _MODEL_DESCRIPTION, names, end=1)
    for code in _all(model, "OperatorCodes"):
        _note(code, _CODE_NAME, names, end=1)
    for signature in _all(model, "SignatureDefs"):
        _note(signature, _SIGNATURE_KEY, names, end=1)
        for each in (*_all(signature, "Inputs"), *_all(signature, "Outputs")):
            _note(each, _MAP_NAME, names, end=1)
    for entry in _all(model, "Metadata"):
        _note(entry, _METADATA_NAME, metadata, end=1)
    counts = {
        "weights": _sum(weights),
        "quantization": _sum(quantization),
        "names": _sum(names),
        "metadata": _sum(metadata) + _size_of_archive(path),
    }
    return {**counts, "structure": len(content) - sum(counts.values())}


def _all(table, name):
    """Returns the tables in a field of a table."""
    length = getattr(table, f"{name}Length")()
    return [getattr(table, name)(index) for index in range(length)]


def _buffers_of_metadata(model):
    return {
        *(entry.Buffer() for entry in _all(model, "Metadata")),
        *_all(model, "MetadataBuffer"),
    }


def _note(table, slot, places, size=1, end=0):
    """Adds the place and size of a row of numbers, or of a text.

    Args:
        table: The object that reads the table.
        slot: Integer, the number of the field.
        places: Set to which a pair is added, if the table has the field.
        size: Integer, bytes of an entry. Defaults to `1`.
        end: Integer, bytes after the last one, of a text 1. Defaults to `0`.
    """
    offset = table._tab.Offset(slot)
    if offset:
        length = table._tab.VectorLen(offset)
        # The length itself is there, too, in four bytes.
        places.add((table._tab.Vector(offset), 4 + length * size + end))


def _sum(places):
    return sum(size for _, size in places)


def _size_of_archive(path):
    """Returns the bytes of the zip archive behind the network, if any."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        first = min(entry.header_offset for entry in archive.infolist())
    return pathlib.Path(path).stat().st_size - first
