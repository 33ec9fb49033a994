"""The hypergradient of a search on texts, against plain tapes."""

import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import optimizers
from tests.search import image_search
from tests.search import text_search


@pytest.mark.parametrize("max_norm", [0.05, 1e6])
def test_exact_hypergradient_equals_differentiating_the_whole_step(
    float64, max_norm
):
    model = text_search.model("exact", compiled=False, slowness=0.1)
    model.compile(
        darts_tf.optimizers.SGD(1.5, 0.0, 0.01, global_clipnorm=max_norm),
        run_eagerly=True,
    )
    text_search.spread(model)
    train, alpha = text_search.batches()
    loss, gradients = model.hypergradient_at(train, alpha)

    step = model.engine
    weights, alphas = (
        [tf.convert_to_tensor(v.value) for v in variables]
        for variables in (model.network_weights, model.alphas)
    )

    def evaluate(stream, weights, batch):
        carried = [tf.identity(v) for v in model.task.carried(stream)]
        return step.loss_at(
            stream, weights, alphas, step.state(stream), carried, batch
        )[0]

    with tf.GradientTape(persistent=True) as outer:
        outer.watch(alphas)
        with tf.GradientTape() as inner:
            inner.watch(weights)
            train_loss = evaluate("weights", weights, train)
        slopes = inner.gradient(train_loss, weights)
        clip = tf.stop_gradient(optimizers.clip_coefficient(slopes, max_norm))
        virtual = [
            w - 1.5 * (clip * slope + 0.01 * w)
            for w, slope in zip(weights, slopes, strict=True)
        ]
        held = [tf.stop_gradient(w) for w in virtual]
        with tf.GradientTape() as inner:
            inner.watch(held)
            direct = evaluate("alphas", held, alpha)
        vector = inner.gradient(direct, held)
        clip_vector = optimizers.clip_coefficient(vector, max_norm)
        surrogate = direct + tf.add_n(
            [
                tf.reduce_sum(tf.stop_gradient(clip_vector * v) * w)
                for v, w in zip(vector, virtual, strict=True)
            ]
        )
        whole = evaluate("alphas", virtual, alpha)
    assert (clip < 1) == (clip_vector < 1) == (max_norm < 1)
    np.testing.assert_allclose(loss, whole, rtol=1e-12)
    references = [surrogate] if max_norm < 1 else [surrogate, whole]
    for reference in references:
        for a, b in zip(
            gradients, outer.gradient(reference, alphas), strict=True
        ):
            assert a.dtype == tf.float64
            # Rounding of float64 over some hundred operations.
            np.testing.assert_allclose(a, b, atol=1e-9 * np.abs(b).max())


def test_finite_difference_converges_to_the_exact_hypergradient(float64):
    # With the masks of the paper's dropout: they are the same in all passes.
    model = text_search.model("exact", slowness=0.1)
    text_search.spread(model, 0.1)  # where terms of a higher order are small
    batches = text_search.batches()
    exact = np.array(model.hypergradient_at(*batches)[1][0])
    errors = []
    for model.epsilon in (0.1, 0.01, 0.001):
        approximate = model.hypergradient_at(*batches, "finite_difference")
        errors.append(np.linalg.norm(approximate[1][0] - exact))
    # A central difference errs by the square of epsilon.
    assert 90 < errors[0] / errors[1] < 110
    assert 90 < errors[1] / errors[2] < 110


def test_computing_the_hypergradient_changes_no_variable():
    model = text_search.model()
    text_search.spread(model)
    variables = [*model.variables, *model.optimizer.variables]
    before = image_search.arrays(variables)
    train, alpha = text_search.batches()
    errors = darts_tf.check_hypergradient(model, (train, alpha))
    assert 0 < errors["finite_difference"] < errors["first_order"]
    for a, b in zip(before, variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=b.path)


def test_the_masks_are_those_of_the_step_and_of_the_stream():
    model = text_search.model(slowness=0.0)
    text_search.spread(model)
    (batch, _), step = text_search.batches(), model.engine
    weights, alphas = model.network_weights, model.alphas

    def loss(stream, state):
        values = [
            [tf.convert_to_tensor(v.value) for v in group]
            for group in (weights, alphas, model.task.carried("weights"))
        ]
        weight_values, alpha_values, carried = values
        return float(
            step.loss_at(
                stream, weight_values, alpha_values, state, carried, batch
            )[0]
        )

    # Without the penalty the two losses differ by their masks only.
    first = loss("weights", step.state("weights"))
    assert loss("weights", step.state("weights")) == first
    assert loss("alphas", step.state("weights")) == first
    assert loss("alphas", step.state("alphas")) != first
    before = step.state("weights")
    model.optimizer.learning_rate = 0.0
    model.alpha_optimizer.learning_rate = 0.0
    model.fit(tf.data.Dataset.from_tensors((batch, batch)), verbose=0)
    assert loss("weights", before) != loss("weights", step.state("weights"))
