import keras
import numpy as np
import pytest

import darts_tf
from darts_tf import optimizers as own
from tests.search import image_search
from tests.search import text_search

keras_optimizers = keras.optimizers


def _refused(optimizer, message, space=image_search, **options):
    for argument in ("optimizer", "alpha_optimizer"):
        model = space.model(compiled=False, **options)
        with pytest.raises(ValueError, match=message) as error:
            model.compile(**{argument: optimizer()})
        assert f"Received: {argument}=" in str(error.value)
        assert not model.compiled


@pytest.mark.parametrize("space", [image_search, text_search])
@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (lambda: keras_optimizers.Adam(1e-3, use_ema=True), "use_ema=True"),
        (lambda: own.Adam(use_ema=True), "use_ema=True"),
        (
            lambda: keras_optimizers.LossScaleOptimizer(own.SGD(0.1)),
            "the class LossScaleOptimizer",
        ),
        (lambda: own.SGD(loss_scale_factor=8.0), "loss_scale_factor=8.0"),
        (
            lambda: keras_optimizers.SGD(0.1, loss_scale_factor=1024.0),
            "loss_scale_factor=1024.0",
        ),
    ],
    ids=["ema", "own_ema", "scaled", "own_factor", "factor"],
)
def test_options_that_a_step_has_not_are_refused(space, optimizer, message):
    _refused(optimizer, message, space)


def test_several_optimizers_in_one_are_refused():
    kind = getattr(keras_optimizers, "MultiOptimizer", None)
    if kind is None:
        pytest.skip("this Keras has no MultiOptimizer")
    _refused(
        lambda: kind(lambda variable: keras_optimizers.SGD(0.1)),
        "MultiOptimizer",
    )


def test_an_option_that_a_file_brings_is_refused(tmp_path):
    model = image_search.model()
    # As a version that did not look at it would have saved it.
    model.optimizer.use_ema = True
    model.save(tmp_path / "search.keras")
    with pytest.raises(ValueError, match="use_ema=True"):
        keras.saving.load_model(tmp_path / "search.keras")
    keras.saving.load_model(tmp_path / "search.keras", compile=False)


def test_one_optimizer_for_both_is_refused():
    optimizer = keras_optimizers.SGD(0.1)
    with pytest.raises(ValueError, match="the same object, 'sgd"):
        image_search.model(compiled=False).compile(optimizer, optimizer)


def test_an_optimizer_of_another_model_is_refused():
    other = image_search.model()
    for argument in ("optimizer", "alpha_optimizer"):
        used = {argument: getattr(other, argument)}
        model = image_search.model(compiled=False)  # which is built
        with pytest.raises(ValueError, match="each model needs a new one"):
            model.compile(**used)
        model = darts_tf.DartsSearchModel(
            image_search.SPACE, num_classes=3, filters=2, num_cells=3
        )
        model.compile(**used)
        with pytest.raises(ValueError, match="each model needs a new one"):
            model.build((None, 8, 8, 1))
    other.compile(other.optimizer, other.alpha_optimizer)  # its own


@pytest.mark.parametrize("option", ["clipnorm", "clipvalue"])
def test_texts_clip_by_the_global_norm_alone(option):
    # The virtual step is clipped as the steps are, which is said of this one.
    def optimizer():
        return keras_optimizers.SGD(0.1, **{option: 0.5})

    with pytest.raises(ValueError, match=f"with {option}=0.5"):
        text_search.model(compiled=False).compile(optimizer())
    text_search.model(compiled=False).compile(None, optimizer())
    image_search.model(compiled=False).compile(optimizer())


def test_texts_do_not_accumulate_gradients_of_steps_of_unequal_length():
    optimizer = own.SGD(0.1, gradient_accumulation_steps=2)
    with pytest.raises(ValueError, match="gradient_accumulation_steps=2"):
        text_search.model(compiled=False).compile(optimizer)


@pytest.mark.parametrize(
    "option", ["loss_weights", "weighted_metrics", "loss", "metrics"]
)
def test_texts_refuse_every_option_of_a_loss(option):
    with pytest.raises(ValueError, match="own loss"):
        text_search.model(compiled=False).compile(**{option: [1.0]})


def test_accumulated_gradients_are_the_mean_of_their_steps():
    dataset, _ = image_search.pairs(4)
    results = []
    for steps, accumulation in ((1, None), (2, 2), (3, 2)):
        keras.utils.set_random_seed(0)
        model = image_search.model(
            "first_order", compiled=False, space=image_search.SMALL
        )
        # The alphas stay, so that the two steps see one loss.
        model.compile(
            own.SGD(0.1, 0.0, gradient_accumulation_steps=accumulation),
            own.Adam(0.0),
            run_eagerly=True,
        )
        model.fit(dataset.repeat(steps), verbose=0)
        results.append(image_search.arrays(model.network_weights))
    for once, *others in zip(*results, strict=True):
        for other in others:
            # Two equal gradients, added and halved: to a rounding or two.
            np.testing.assert_allclose(other, once, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "mixed_float16"])
def test_half_precision_is_refused(dtype):
    model = image_search.model(compiled=False, dtype=dtype)
    with pytest.raises(ValueError, match=f"dtype_policy='{dtype}'"):
        model.fit(*image_search.data(), batch_size=4, verbose=0)


def test_frozen_alphas_are_refused_with_what_to_do():
    model = image_search.model(compiled=False)
    model.supernet.alphas.trainable = False
    with pytest.raises(ValueError, match="trainable=False"):
        model.fit(*image_search.data(), batch_size=4, verbose=0)
    model.supernet.alphas.trainable = True
    model.supernet.stem.trainable = False
    assert not model.compiled
    for layer in model.supernet.cells + [model.supernet.classifier]:
        layer.trainable = False
    with pytest.raises(ValueError, match="network weights"):
        model.fit(*image_search.data(), batch_size=4, verbose=0)
