"""The profile of a step."""

import os

import pytest
import tensorflow as tf

from benchmarks import profile_step


def test_time_inside_is_taken_off_outside():
    events = [
        (0, 100, "a"),
        (10, 40, "b"),
        (10, 20, "c"),  # begins with b, inside of it
        (40, 50, "d"),  # begins where b ends, beside it
        (100, 130, "e"),
    ]
    assert profile_step.exclusive(events) == [
        ("a", 100 - 30 - 10),
        ("b", 30 - 10),
        ("c", 10),
        ("d", 10),
        ("e", 30),
    ]


@pytest.mark.parametrize(
    ("operation_type", "kind"),
    [
        ("Conv2D", "convolution, forward"),
        ("_MklNativeFusedConv2D", "convolution, forward"),
        ("_FusedConv2D", "convolution, forward"),
        ("Conv2DBackpropInput", "convolution, gradient for inputs"),
        (
            "_MklNativeDepthwiseConv2dNativeBackpropFilter",
            "convolution, gradient for kernels",
        ),
        ("_MklNativeFusedMatMul", "matrix product"),
        ("_MklNativeFusedBatchNormEx", "normalisation"),
        ("FusedBatchNormGradV3", "normalisation"),
        ("_MklNativeAvgPoolGrad", "pooling"),
        ("MaxPoolGradGrad", "pooling"),
        ("BatchToSpaceND", "data movement"),
        ("PadV2", "data movement"),
        ("_MklTranspose", "data movement"),
        ("AddN", "element-wise"),
        ("ReluGrad", "element-wise"),
        ("_MklSoftmax", "element-wise"),
        ("ResourceApplyMomentum", "step of the variables"),
        ("compiled", "compiled kernel"),
        ("executor", "executor"),
        ("PyFunc", "other"),
    ],
)
def test_kinds(operation_type, kind):
    assert profile_step.kind_of(operation_type) == kind


def test_a_compiled_kernel_is_told_from_the_executor(tmp_path):
    values = tf.ones((64, 300))
    kernel = tf.function(lambda x: tf.tanh(x) + 1, jit_compile=True)
    step = tf.function(lambda: kernel(kernel(values)))
    step()
    _, operations = profile_step.traced(step, 3, tmp_path)
    compiled = [o for o in operations if o.type == "compiled"]
    assert len(compiled) == 3 * 2


def test_a_step_is_traced(tmp_path):
    image, kernel = tf.ones((4, 8, 8, 3)), tf.ones((3, 3, 3, 4))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch([image, kernel])
            loss = tf.reduce_sum(tf.nn.conv2d(image, kernel, 1, "SAME") ** 2)
        return tape.gradient(loss, [image, kernel])

    step()
    seconds, operations = profile_step.traced(step, 2, tmp_path)
    kinds = [profile_step.kind_of(each.type) for each in operations]
    for kind in ("forward", "gradient for inputs", "gradient for kernels"):
        assert kinds.count(f"convolution, {kind}") == 2  # steps
    assert min(each.seconds for each in operations) >= 0
    assert 0 < sum(each.seconds for each in operations)
    # Beside this thread there are as many as there are cores.
    threads = 1 + os.cpu_count()
    assert sum(each.seconds for each in operations) < threads * seconds


def test_options_that_do_not_apply_are_refused():
    with pytest.raises(ValueError, match="one form, merged. Received"):
        profile_step.Config(space="recurrent", form="plain")
    with pytest.raises(ValueError, match="`method` must be one of"):
        profile_step.Config(method="second_order")


@pytest.mark.slow
@pytest.mark.parametrize("space", ["conv", "recurrent"])
def test_a_search_step_is_profiled(space, capsys, tmp_path):
    kinds = profile_step.run(
        profile_step.Config(
            space=space,
            method="first_order",
            batch_size=2,
            filters=2,
            num_cells=3,
            image_size=8,
            units=4,
            vocabulary_size=20,
            steps=1,
            table=str(tmp_path / "table.md"),
        )
    )
    product = {"conv": "convolution, forward", "recurrent": "matrix product"}
    for kind in (product[space], "element-wise", "data movement", "executor"):
        assert kinds[kind] > 0
    table = (tmp_path / "table.md").read_text()
    assert table in capsys.readouterr().out
    assert f"| {product[space]} |" in table
