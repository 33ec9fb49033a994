"""The memory of a file: by hand, by all orders, and beside the runtime."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as litert

from darts_tf import export
from darts_tf.export import memory


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        ([], 0),
        ([(1, 0, 0)], 16),  # a place is 16 bytes, or a multiple
        ([(16, 0, 1), (16, 1, 2), (16, 2, 3)], 32),
        ([(16, 0, 3), (16, 1, 1), (16, 2, 2)], 32),
        # Between two that stay, one place is used twice.
        ([(32, 0, 5), (48, 0, 5), (16, 1, 2), (16, 3, 4)], 96),
    ],
)
def test_an_arena_by_hand(needed, expected):
    assert memory.arena_size(needed) == expected


def test_an_arena_holds_what_is_needed_together_and_is_seldom_larger():
    generator = np.random.default_rng(0)
    larger = 0
    for _ in range(50):
        first = generator.integers(0, 6, 5)
        needed = [
            (16 * int(size), int(start), int(start + length))
            for size, start, length in zip(
                generator.integers(1, 9, 5),
                first,
                generator.integers(0, 4, 5),
                strict=True,
            )
        ]
        at_once = max(
            sum(size for size, a, b in needed if a <= step <= b)
            for step in range(12)
        )
        size = memory.arena_size(needed)
        best = min(map(_placed_in_order, itertools.permutations(needed)))
        assert at_once <= best <= size
        larger += size > best
    assert larger < 10


def _placed_in_order(needed):
    """Places tensors one by one, as low as they fit."""
    placed = []
    for size, first, last in needed:
        others = [p for p in placed if p[2] <= last and first <= p[3]]
        starts = [0, *(start + extent for start, extent, *_ in others)]
        start = min(
            s
            for s in starts
            if all(s + size <= o or o + e <= s for o, e, *_ in others)
        )
        placed.append((start, size, first, last))
    return max(start + size for start, size, *_ in placed)


def test_a_chain_of_layers_needs_its_largest_neighbours(tmp_path):
    matrices = [tf.ones(shape) for shape in ((100, 200), (200, 50), (50, 4))]

    @tf.function(input_signature=[tf.TensorSpec((1, 100), tf.float32)])
    def chain(values):
        for matrix in matrices:
            values = tf.nn.relu(values @ matrix)
        return values

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [chain.get_concrete_function()]
    )
    path = tmp_path / "chain.tflite"
    path.write_bytes(converter.convert())
    # 100 numbers in and 200 out are more than 200 and 50; a place is 16 bytes.
    assert export.count_ram(path) == 400 + 800


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_the_runtime_needs_about_as_much(small, name):
    path = getattr(small, name)
    interpreter = litert.Interpreter(
        str(path),
        experimental_op_resolver_type=(
            litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    interpreter.allocate_tensors()
    constants = _constants(path)
    places = []
    for details in interpreter.get_tensor_details():
        if details["index"] not in constants and details["shape"].size:
            try:
                view = interpreter.tensor(details["index"])()
            except ValueError:  # not allocated: it was folded away
                continue
            start = view.__array_interface__["data"][0]
            places.append((start, start + view.nbytes))
    used = max(end for _, end in places) - min(start for start, _ in places)
    size = export.count_ram(path)
    # It keeps the input for the whole run, and has its kernels' own memory
    # between the tensors.
    assert size <= used
    assert used - size <= small.pixels[0].nbytes * 4 + 0.5 * size


def _constants(path):
    model = memory.flatbuffer_utils.read_model(str(path))
    return {
        index
        for index, tensor in enumerate(model.subgraphs[0].tensors)
        if model.buffers[tensor.buffer].data is not None
    }


def test_int8_needs_a_quarter_of_float32(small):
    ratio = export.count_ram(small.float32) / export.count_ram(small.int8)
    # The file of float32 takes its pixels in uint8, too.
    assert 3.5 < ratio <= 4.1


def test_another_file_is_refused(small):
    with pytest.raises(ValueError, match=r"a \.tflite file.*network\.keras"):
        export.count_ram("network.keras")
