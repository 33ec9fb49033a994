"""What a network of the user's own must have to be searched."""

import keras
import tensorflow as tf

from darts_tf.models import alphas as alphas_lib


def check(supernet):
    """Raises an error for what is no network that can be searched.

    Args:
        supernet: What the user passed as `supernet`.

    Raises:
        ValueError: If it is not a Keras model with alphas among its weights,
            or was made in the scope of another strategy than the current one.
    """
    if not isinstance(supernet, keras.Model):
        raise ValueError(
            "`supernet` must be an instance of keras.Model, not a class or a "
            f"function that makes one. Received: supernet={supernet!r}"
        )
    alphas = getattr(supernet, "alphas", None)
    if not isinstance(alphas, alphas_lib.Alphas):
        raise ValueError(
            "`supernet` must have an attribute `alphas`, the layer "
            "darts_tf.models.Alphas(space) whose op weights its mixed "
            f"operations use. Received: {type(supernet).__name__} with "
            f"alphas={alphas!r}"
        )
    known = {id(variable) for variable in supernet.variables}
    if not all(id(logits) in known for logits in alphas.logits):
        raise ValueError(
            "The alphas must be among the weights of `supernet`, so that they "
            "are trained and saved: set `self.alphas` in its constructor. "
            f"Received: {type(supernet).__name__}, whose variables do not "
            "include them"
        )
    strategy = tf.distribute.get_strategy()
    if not strategy.extended.variable_created_in_scope(alphas.logits[0].value):
        raise ValueError(
            "`supernet` must be made in the same `strategy.scope()` as the "
            "search model. Received: a supernet that was not made in the "
            f"current scope, of {type(strategy).__name__}"
        )


def check_policy(supernet, policy):
    """Raises an error if the search is to compute in another precision.

    Args:
        supernet: A supernet.
        policy: The dtype policy of the search model.

    Raises:
        ValueError: If it is not that of the supernet.
    """
    if supernet.dtype_policy.name != policy.name:
        raise ValueError(
            "A search computes in the precision of its `supernet`; leave "
            f"`dtype` out. Received: dtype={policy.name!r}, and a supernet of "
            f"{supernet.dtype_policy.name!r}"
        )


def build(supernet, input_shape, dtype):
    """Builds a supernet, also one without a method `build`.

    Args:
        supernet: The supernet.
        input_shape: Tuple, the shape of a batch of inputs.
        dtype: String, of the inputs.

    Returns:
        What a call on such a batch returns, as `keras.KerasTensor`.
    """
    # Keras builds what is not built, and asks for the shapes of the outputs.
    return supernet(keras.KerasTensor(input_shape, dtype))
