import pytest
import tensorflow as tf

from darts_tf import environment
from darts_tf.layers import input_transforms
from darts_tf.layers import merged_edges


@pytest.mark.parametrize(
    ("copies", "filters", "size", "training", "gpu", "expected"),
    [
        (4, 32, 32, True, False, 4),
        # Exporters see, and a GPU is fastest with, all copies side by side.
        (4, 32, 32, False, False, 1),
        (4, 32, 32, True, True, 1),
        (4, 32, None, True, False, 1),
        # Chunks of fewer numbers or channels would be slower.
        (4, 16, 12, True, False, 2),
        (3, 8, 32, True, False, 1),
        (4, 8, 32, True, False, 2),
    ],
)
def test_copies_are_computed_in_chunks_where_that_is_faster(
    monkeypatch, copies, filters, size, training, gpu, expected
):
    monkeypatch.setattr(environment, "has_gpu", lambda: gpu)
    shape = (None, size, size, filters)
    assert merged_edges.num_chunks(copies, shape, training) == expected


def test_edges_are_summed_before_space_to_batch_is_undone():
    images = tf.random.stateless_normal((4, 4, 4, 2), (0, 1))
    transform = input_transforms.RELU_SPACE_TO_BATCH
    edges = [merged_edges.LazySum() for _ in range(2)]
    for edge in edges:
        edge.add([transform.forward(images, True)], transform)
        edge.add([images])

    @tf.function
    def total():
        return merged_edges.total(edges)

    expected = 2 * (tf.nn.relu(images) + images)
    assert tf.reduce_max(tf.abs(total() - expected)) < 1e-6  # float32 rounding
    kinds = [
        op.type for op in total.get_concrete_function().graph.get_operations()
    ]
    assert kinds.count("BatchToSpaceND") == 1
