"""The raw TensorFlow calls of the layers, each here for a measured reason.

Everything else in `layers/` is written with `keras.ops`, but for convolutions
(`convolution_kernels.py`), the edges of the recurrent search
(`highway_kernels.py`), words (`word_kernels.py`) and what replicas do together
(`statistics.py`). Times are for a float32 tensor of shape `(64, 32, 32,
64)` on 2 CPU cores, forward plus gradient.
"""

import contextlib
import functools

import tensorflow as tf

from darts_tf.distribution import statistics

_NO_OPTIMIZER = "disable_meta_optimizer"


def relu(inputs, *, training=True):
    """Sets what is negative to zero.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        training: Boolean; the results are equal. Inference has a pool of one
            pixel in front: LiteRT has a fast integer kernel for a pool that
            ends in a ReLU, and a slow one for a ReLU on its own, as it remains
            where the inputs are also used as they are. Defaults to `True`.

    Returns:
        Tensor of the same shape.
    """
    if not training:
        inputs = tf.nn.max_pool2d(inputs, 1, 1, "VALID")
    return tf.nn.relu(inputs)


def max_pool(inputs, strides=1, *, training=True):
    """Takes the maximum over 3x3 windows with symmetric padding.

    The padding is explicit also where "same" would give equal results: the
    second derivative of the "same" kernel at stride 1 is wrong on a CPU inside
    a `tf.function`, and the exact hypergradient needs it. In inference the
    lowest number must not be there: as a value of the tensor it would stretch
    the scale of an int8 file over 1e38.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        strides: Integer. Defaults to `1`.
        training: Boolean; the results are equal. Defaults to `True`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), channels)`.
    """
    if not training:
        return _pool_for_export(tf.nn.max_pool2d, inputs, strides)
    inputs = pad(inputs, 1, 1, inputs.dtype.min)
    return tf.nn.max_pool2d(inputs, 3, strides, "VALID")


def average_pool(inputs, strides=1, *, training=True):
    """Averages over 3x3 windows, not counting the padding.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        strides: Integer. Defaults to `1`.
        training: Boolean; the results are equal. Inference has no division,
            which LiteRT does not have for integers. Defaults to `True`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), channels)`.
    """
    if strides == 1:  # here "same" is symmetric, and does not count padding
        return tf.nn.avg_pool2d(inputs, 3, 1, "SAME")
    if not training:
        return _pool_for_export(tf.nn.avg_pool2d, inputs, strides)
    inside = tf.ones_like(inputs[:1, :, :, :1])
    total, count = (
        tf.nn.avg_pool2d(pad(image, 1, 1), 3, strides, "VALID")
        for image in (inputs, inside)
    )
    return total / count


def batch_normalization(inputs, scale, offset, moving, momentum, epsilon):
    """Normalises by the statistics of the batch: 2.2 ms, by moments 27 ms.

    The fused kernel also moves the moving statistics, which saves a dozen
    small operations for each normalisation of a graph. Where a distribution
    strategy has several replicas, the batch is that of all of them together.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        scale: float32 tensor of shape `(channels,)`.
        offset: float32 tensor of shape `(channels,)`.
        moving: Pair of float32 tensors of shape `(channels,)`, the moving
            mean and variance.
        momentum: Float, the part of the moving statistics that stays.
        epsilon: Float, added to the variance.

    Returns:
        The normalised tensor and the new moving mean and (unbiased) variance.
    """
    if statistics.num_replicas() > 1 or inputs.dtype == tf.float64:
        # float64 is for checks; no fused kernel has it.
        mean, variance, count = statistics.moments(inputs, moving[0].dtype)
        outputs = tf.nn.batch_normalization(
            tf.cast(inputs, mean.dtype), mean, variance, offset, scale, epsilon
        )
        moved = (mean, variance * count / tf.maximum(count - 1, 1))
        return tf.cast(outputs, inputs.dtype), *(
            momentum * old + (1 - momentum) * new
            for old, new in zip(moving, moved, strict=True)
        )
    # The first version of the kernel has no low precision, and half as many
    # nodes: the tape makes no zeros for the gradients of what is not used.
    kernel = (
        tf.raw_ops.FusedBatchNorm
        if inputs.dtype == tf.float32
        else tf.raw_ops.FusedBatchNormV3
    )
    outputs, mean, variance, *_ = kernel(
        x=inputs,
        scale=scale,
        offset=offset,
        mean=moving[0],
        variance=moving[1],
        epsilon=epsilon,
        exponential_avg_factor=1.0 - momentum,
        is_training=True,
    )
    return outputs, mean, variance


def cross_entropies(targets, logits):
    """Measures the surprise at each target, `log sum_k exp z_k - z_t`.

    From the softmax, which the gradient is made of, whose largest probability
    tells the sum without a further pass over the exponentials: 17 ms with the
    gradient for 2,240 rows of 10,000, where TensorFlow's own kernel takes 41.
    Can be differentiated twice.

    Args:
        targets: Integer tensor of shape `(rows,)`.
        logits: Tensor of shape `(rows, classes)`.

    Returns:
        Tensor of shape `(rows,)`, in nats; NaN on a GPU for a target that is
        no class.

    Raises:
        tf.errors.InvalidArgumentError: On a CPU, if a target is no class.
    """

    @tf.custom_gradient
    def evaluate(logits, probabilities):
        def gradient(upstream):
            rows = tf.range(tf.size(targets, targets.dtype))
            return tf.tensor_scatter_nd_sub(
                upstream[:, None] * probabilities,
                tf.stack([rows, targets], -1),
                upstream,
            ), None  # that of the softmax is in there

        # The largest probability is not small, whatever the target's is.
        log_sum = tf.reduce_max(logits, -1) - tf.math.log(
            tf.reduce_max(probabilities, -1)
        )
        chosen = tf.gather(logits, targets, batch_dims=1)
        # On a GPU, TensorFlow gathers zeros beyond the last class.
        classes = tf.shape(logits, targets.dtype)[-1]
        is_class = (targets >= 0) & (targets < classes)
        return tf.where(is_class, log_sum - chosen, float("nan")), gradient

    # Outside, so that the derivative of the gradient knows how it was made.
    return evaluate(logits, tf.nn.softmax(logits))


def reducible(logs):
    """Returns the figures of a step in the form in which Keras averages them.

    Over several workers, Keras takes the mean along the first axis, which a
    scalar does not have.

    Args:
        logs: Dictionary of scalar tensors.

    Returns:
        Dictionary of tensors, the scalars if there are no workers.
    """
    strategy = tf.distribute.get_strategy()
    if statistics.num_replicas() > 1 and isinstance(
        strategy, tf.distribute.MultiWorkerMirroredStrategy
    ):
        return {name: value[None] for name, value in logs.items()}
    return logs


def add_n(tensors, *, training=True):
    """Adds tensors of one shape, always in the same order.

    The graph optimiser turns a chain of binary sums into one of many terms,
    too, but in an order that changes from graph to graph, and with it the last
    bit of the result: a resumed run would no longer equal an unbroken one.

    Args:
        tensors: Non-empty list of tensors.
        training: Boolean. `False` adds two at a time: LiteRT has no integer
            kernel for the sum of many terms, and its XNNPACK delegate none at
            all. Defaults to `True`.

    Returns:
        Tensor.
    """
    if not training:
        return functools.reduce(tf.add, tensors)
    return tf.add_n(tensors) if len(tensors) > 1 else tensors[0]


def halves(tensor):
    """Divides rows, whose number the graph may not know, in two halves.

    Args:
        tensor: Tensor of shape `(rows, ...)`.

    Returns:
        Two tensors; of an odd number of rows the second one has one more.
    """
    num_rows = tf.shape(tensor)[0]
    middle = num_rows // 2
    return tf.split(tensor, [middle, num_rows - middle])


def values(variables):
    """Returns what variables hold now, also if they change later.

    Args:
        variables: List of Keras variables, whose `value` is not yet read.

    Returns:
        List of tensors.
    """
    return [tf.convert_to_tensor(variable.value) for variable in variables]


def recomputed(function, inputs):
    """Calls a function, and once more when its gradient is taken.

    `tf.recompute_grad`, which Keras has, cannot be differentiated again, as
    the exact hypergradient needs, and gives zeros for missing gradients.

    Args:
        function: Callable from tensors to a tuple of tensors, of which only the
            first has a gradient.
        inputs: List of tensors.

    Returns:
        The tuple.
    """
    num_inputs = len(inputs)

    def gradients(*inputs_and_upstream):
        inputs = inputs_and_upstream[:num_inputs]
        upstream = inputs_and_upstream[num_inputs]
        # Otherwise the graph optimiser would find what was computed the first
        # time to be the same, and keep it.
        with tf.control_dependencies([upstream]):
            inputs = [tf.identity(tensor) for tensor in inputs]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            outputs, *_ = function(*inputs)
        return tape.gradient(outputs, inputs, upstream)

    @tf.custom_gradient
    def evaluate(*inputs):
        def gradient(upstream, *_):
            return gradients(*inputs, upstream)

        return function(*inputs), gradient

    return evaluate(*inputs)


def pad(inputs, rows, columns, value=0):
    """Adds rows and columns of a value on each side of images.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        rows: Integer.
        columns: Integer.
        value: Number. Defaults to `0`.

    Returns:
        Tensor of shape `(batch, height + 2 * rows, width + 2 * columns,
        channels)`.
    """
    paddings = ((0, 0), (rows, rows), (columns, columns), (0, 0))
    return tf.pad(inputs, paddings, constant_values=value)


def has_gpu():
    """Tells whether there is a GPU, where other forms are the fast ones."""
    return bool(tf.config.list_physical_devices("GPU"))


@contextlib.contextmanager
def graphs_as_traced():
    """Calls graphs without TensorFlow's graph optimiser, on a CPU.

    In a graph of convolutions it finds next to nothing that makes a step
    faster, and takes as long as all the tracing: the first step of the full
    CIFAR-10 network takes 14 s without it and 20 s with it. On a GPU it chooses
    the memory layout, so there it stays. All calls of a graph should be in this
    context or none, for TensorFlow keeps a graph apart for either.
    """
    if has_gpu():
        yield
        return
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({_NO_OPTIMIZER: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options(
            {_NO_OPTIMIZER: before.get(_NO_OPTIMIZER, False)}
        )


def _pool_for_export(pool, inputs, strides):
    """Pools by "same" at stride 1, which is symmetric, and keeps every second.

    What keeps them is a pool of one pixel: LiteRT takes half as long as for a
    slice with strides.
    """
    outputs = pool(inputs, 3, 1, "SAME")
    if strides == 1:
        return outputs
    return tf.nn.max_pool2d(outputs, 1, strides, "VALID")
