import json

import pytest
import tensorflow as tf

from benchmarks import kept_memory


def test_what_the_gradient_reads_is_kept_once():
    matrix = tf.Variable(tf.ones((3, 5)))

    def loss(rows):
        rectified = tf.nn.relu(rows @ matrix)
        # The sum needs no more than the shape, the square the flat tensor.
        return tf.reduce_sum(
            tf.reshape(rectified, (-1,)) ** 2 + rectified[0, 0]
        )

    (tensor,) = kept_memory.kept(loss, [matrix], tf.TensorSpec((4, 3)))
    # The rows come from outside; of 4 x 5 numbers of 4 bytes there is one.
    assert tensor == kept_memory.Kept(80, "element-wise", ("element-wise",))


def test_a_gradient_that_is_not_asked_for_keeps_nothing():
    matrix, offset = tf.Variable(tf.ones((3, 5))), tf.Variable(tf.ones(5))

    def loss(rows):
        hidden = tf.abs(rows) @ matrix + offset
        return tf.reduce_sum(hidden**2)

    def kinds(variables):
        tensors = kept_memory.kept(loss, variables, tf.TensorSpec((4, 3)))
        return sorted((each.num_bytes, each.made_by) for each in tensors)

    squared = (80, "element-wise")  # 4 x 5 sums
    assert kinds([offset]) == [squared]
    assert kinds([matrix]) == [(48, "element-wise"), squared]


def test_sizes_that_are_not_known_are_refused():
    offset = tf.Variable(tf.ones(5))
    with pytest.raises(ValueError, match="Expected known shapes"):
        kept_memory.kept(
            lambda rows: tf.reduce_sum((rows + offset) ** 2),
            [offset],
            tf.TensorSpec((None, 5)),
        )


def test_a_supernet_keeps_as_much_for_each_image(capsys, tmp_path):
    def kept(batch_size, **values):
        config = kept_memory.Config(
            filters=2,
            num_cells=3,
            image_size=8,
            batch_size=batch_size,
            output=str(tmp_path / "kept.json"),
            **values,
        )
        return kept_memory.run(config)

    two, three = kept(2), kept(3)
    # The rest are parts of the weights, which do not grow with the batch.
    assert 0 <= two - 2 * (three - two) < three - two
    written = json.loads((tmp_path / "kept.json").read_text("utf-8"))
    assert sum(kind["mb"] for kind in written["kinds"]) == pytest.approx(
        three / 1e6, abs=0.005 * len(written["kinds"])
    )
    assert "made by" in capsys.readouterr().out
    assert kept(3, rematerialize=True) < three / 4
