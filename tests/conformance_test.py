"""Properties that each layer has, whatever it computes."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import layers
from tests import descriptors


def _each(layers_):
    return pytest.mark.parametrize(
        "descriptor", layers_, ids=lambda descriptor: descriptor.name
    )


each_layer = _each(descriptors.LAYERS)
# The path dropout drops whole samples, of any shape, at each call anew.
each_repeatable_layer = _each(
    [d for d in descriptors.LAYERS if d.name != "drop_path"]
)
each_layer_of_one_width = _each(
    [d for d in descriptors.LAYERS if not d.any_width]
)


def _call(descriptor, layer, training=False, inputs=None):
    if inputs is None:
        inputs = descriptor.inputs(np.random.default_rng(0))
    return (
        layer(*inputs, **descriptor.keywords, training=training)
        if ("training" in inspect.signature(layer.call).parameters)
        else layer(*inputs, **descriptor.keywords)
    )


def _flat(outputs):
    return [np.array(tensor) for tensor in keras.tree.flatten(outputs)]


def test_each_public_layer_has_a_descriptor():
    public = {
        value
        for value in vars(layers).values()
        if inspect.isclass(value) and issubclass(value, keras.layers.Layer)
    }
    described = {type(d.make()) for d in descriptors.LAYERS}
    assert public == described


@each_layer
def test_output_shape_is_as_described_and_as_computed(descriptor):
    layer = descriptor.make()
    inputs = descriptor.inputs(np.random.default_rng(0))
    outputs = _call(descriptor, layer, inputs=inputs)
    shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(outputs)]
    expected = descriptor.output_shape
    assert shapes == (expected if isinstance(expected, list) else [expected])
    computed = layer.compute_output_shape(
        tuple(np.shape(inputs[0]))
        if isinstance(inputs[0], np.ndarray)
        else [np.shape(tensor) for tensor in inputs[0]]
    )
    assert computed == expected


@each_layer
def test_works_in_a_functional_model(descriptor):
    first, *others = descriptor.inputs(np.random.default_rng(0))
    layer = descriptor.make()
    placeholders = [
        keras.tree.map_structure(
            lambda tensor: keras.Input(tensor.shape[1:]), first
        ),
        # Op weights, of which there is no batch.
        *keras.tree.map_structure(
            lambda tensor: keras.Input(batch_shape=tensor.shape), others
        ),
    ]
    outputs = layer(*placeholders, **descriptor.keywords)
    model = keras.Model(placeholders, outputs)
    results = _flat(model([first, *others]))
    expected = _flat(_call(descriptor, layer, inputs=[first, *others]))
    for a, b in zip(results, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@each_layer
def test_config_survives_json_and_makes_an_equal_layer(descriptor):
    layer = descriptor.make()
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    _call(descriptor, layer)
    _call(descriptor, again)
    assert [v.shape for v in again.variables] == [
        v.shape for v in layer.variables
    ]


@each_layer
def test_config_holds_exactly_the_constructor_arguments(descriptor):
    layer = descriptor.make()
    base = set(keras.layers.Layer().get_config())
    parameters = set()
    for kind in type(layer).__mro__:
        if kind is keras.layers.Layer:
            break
        parameters |= set(inspect.signature(kind.__init__).parameters)
    parameters -= {"self", "args", "kwargs"}
    assert set(layer.get_config()) - base == parameters


@each_layer
def test_weights_survive_saving(descriptor, tmp_path):
    class Holder(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = descriptor.make()

        def call(self, inputs):
            return _call(descriptor, self.layer, inputs=inputs)

    holder, other = Holder(), Holder()
    inputs = descriptor.inputs(np.random.default_rng(0))
    before = _flat(holder(inputs))
    other(inputs)
    path = tmp_path / "layer.weights.h5"
    holder.save_weights(path)
    other.load_weights(path)
    for a, b in zip(before, _flat(other(inputs)), strict=True):
        np.testing.assert_array_equal(a, b)


@each_repeatable_layer
@pytest.mark.parametrize("training", [False, True])
def test_graph_equals_eager(descriptor, training):
    layer = descriptor.make()
    inputs = descriptor.inputs(np.random.default_rng(0))
    _call(descriptor, layer, False, inputs)
    eager = _flat(_call(descriptor, layer, training, inputs))
    graph = tf.function(
        lambda: _call(descriptor, layer, training, inputs), autograph=False
    )()
    for a, b in zip(eager, _flat(graph), strict=True):
        # The graph's kernels sum in another order: some float32 roundings of
        # values of size 1 to 10.
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5)


@each_layer
def test_every_weight_has_a_gradient(descriptor):
    layer = descriptor.make()
    rng = np.random.default_rng(0)
    with tf.GradientTape() as tape:
        outputs = keras.tree.flatten(_call(descriptor, layer, training=True))
        total = tf.add_n(
            [
                tf.reduce_sum(tensor * rng.normal(size=tensor.shape))
                for tensor in outputs
            ]
        )
    variables = [v.value for v in layer.trainable_variables]
    gradients = tape.gradient(total, variables)
    for variable, gradient in zip(
        layer.trainable_variables, gradients, strict=True
    ):
        assert gradient is not None, variable.path
        assert np.any(np.array(gradient)), variable.path


@each_repeatable_layer
def test_bfloat16_computes_the_same_roughly(descriptor):
    exact = descriptor.make()
    inputs = descriptor.inputs(np.random.default_rng(0))
    expected = _flat(_call(descriptor, exact, True, inputs))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = descriptor.make()
        _call(descriptor, layer, False, inputs)
    finally:
        keras.config.set_dtype_policy("float32")
    assert all(v.dtype == "float32" for v in layer.trainable_variables)
    layer.set_weights(_weights_before_training(descriptor, exact, layer))
    outputs = keras.tree.flatten(_call(descriptor, layer, True, inputs))
    for tensor, value in zip(outputs, expected, strict=True):
        assert tensor.dtype == tf.bfloat16
        error = np.array(tf.cast(tensor, tf.float32)) - value
        # bfloat16 rounds to 0.4 %, and up to 12 layers follow one another.
        assert np.sqrt(np.mean(error**2)) < 0.03 * max(1, value.std())


def _weights_before_training(descriptor, exact, layer):
    """Returns the exact layer's trainable and the other's fresh weights."""
    trained = iter([np.array(v) for v in exact.trainable_weights])
    trainable = {id(v) for v in layer.trainable_weights}
    return [
        next(trained) if id(v) in trainable else np.array(v)
        for v in layer.weights
    ]


@each_layer
def test_inference_does_not_look_at_batch_neighbours(descriptor):
    layer = descriptor.make()
    inputs = descriptor.inputs(np.random.default_rng(0))
    _call(descriptor, layer, True, inputs)
    together = _flat(_call(descriptor, layer, False, inputs))
    first = keras.tree.map_structure(lambda tensor: tensor[:1], inputs[:1])
    alone = _flat(_call(descriptor, layer, False, [*first, *inputs[1:]]))
    for a, b in zip(together, alone, strict=True):
        # Another batch size may choose another kernel: float32 rounding.
        np.testing.assert_allclose(a[:1], b, rtol=1e-5, atol=1e-5)


@each_layer_of_one_width
def test_inputs_of_another_width_are_refused_by_both_numbers(descriptor):
    layer = descriptor.make()
    first, *others = descriptor.inputs(np.random.default_rng(0))
    _call(descriptor, layer)
    channels = keras.tree.flatten(first)[0].shape[-1]
    wider = keras.tree.map_structure(
        lambda tensor: np.concatenate([tensor, tensor[..., :1]], -1), first
    )
    with pytest.raises(ValueError, match=f"{channels}, .*{channels + 1}"):
        _call(descriptor, layer, inputs=[wider, *others])


@each_repeatable_layer
def test_inputs_of_another_rank_are_refused(descriptor):
    layer = descriptor.make()
    first, *others = descriptor.inputs(np.random.default_rng(0))
    _call(descriptor, layer)
    higher = keras.tree.map_structure(lambda tensor: tensor[None], first)
    with pytest.raises(ValueError, match="ndim"):
        _call(descriptor, layer, inputs=[higher, *others])


@each_layer
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "bool"])
def test_whole_numbers_are_cast(descriptor, dtype):
    layer = descriptor.make()
    first, *others = descriptor.inputs(np.random.default_rng(0))
    whole = keras.tree.map_structure(
        lambda tensor: np.abs(9 * tensor).astype(dtype), first
    )
    exact = keras.tree.map_structure(
        lambda tensor: tensor.astype("float32"), whole
    )
    results = _flat(_call(descriptor, layer, inputs=[whole, *others]))
    expected = _flat(_call(descriptor, layer, inputs=[exact, *others]))
    for a, b in zip(results, expected, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_array_equal(a, b)


@each_repeatable_layer
def test_a_frozen_layer_normalises_by_what_it_knows_and_stays(descriptor):
    layer = descriptor.make()
    inputs = descriptor.inputs(np.random.default_rng(0))
    _call(descriptor, layer, True, inputs)  # moves the statistics
    layer.trainable = False
    before = _flat(layer.weights)
    results = _flat(_call(descriptor, layer, True, inputs))
    for a, b in zip(_flat(layer.weights), before, strict=True):
        np.testing.assert_array_equal(a, b)
    expected = _flat(_call(descriptor, layer, False, inputs))
    for a, b in zip(results, expected, strict=True):
        # Training has other forms of the convolutions: float32 rounding.
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)


def test_the_path_dropout_is_what_the_properties_above_leave_out():
    layer = darts_tf.layers.DropPath(seed=0)
    images = np.ones((64, 2, 2, 1), "float32")
    kept = np.array(layer(images, rate=0.5, training=True))
    again = np.array(layer(images, rate=0.5, training=True))
    assert np.any(kept != again)  # draws anew at each call
    for call in (layer, tf.function(layer, autograph=False)):
        np.testing.assert_array_equal(call(images, rate=0.5), images)
    # Of any width and rank; whole samples are kept, scaled up, or dropped.
    rows = np.array(layer(np.ones((64, 3)), rate=0.5, training=True))
    assert set(np.unique(rows)) == {0.0, 2.0}
    assert np.all(rows == rows[:, :1])
    layer.trainable = False  # drops, frozen or not
    assert np.any(np.array(layer(images, rate=0.5, training=True)) == 0)


@_each([d for d in descriptors.LAYERS if d.any_width])
def test_a_layer_of_any_width_takes_another_one(descriptor):
    layer = descriptor.make()
    (first,) = descriptor.inputs(np.random.default_rng(0))
    _call(descriptor, layer)
    wider = np.concatenate([first, first], -1)
    assert _flat(_call(descriptor, layer, inputs=[wider]))[0].shape == (
        wider.shape
    )
