"""The raw TensorFlow calls of the layers, each here for a measured reason.

Everything else in `layers/` is written with `keras.ops`, but for the edges of
the recurrent search in `highway_kernels.py`. Times are for a float32 tensor of
shape `(64, 32, 32, 64)` on 2 CPU cores, forward plus gradient.
"""

import contextlib
import functools

import tensorflow as tf

_NO_OPTIMIZER = "disable_meta_optimizer"


@functools.cache
def grouped_convolution_works(dtype):
    """Tells whether a grouped convolution is the fast path on this machine.

    On a CPU with oneDNN a depthwise convolution written as a grouped one is
    the faster form, most of all its gradients (5x5: 12 against 15 ms). Without
    oneDNN, or in float64, its gradient does not exist, and on a GPU the native
    kernel wins.

    Args:
        dtype: `tf.DType` of the tensors.

    Returns:
        `True` if `tf.nn.conv2d` should be given the groups.
    """
    if tf.config.list_physical_devices("GPU"):
        return False
    with tf.init_scope():
        image = tf.ones((1, 2, 2, 2), dtype)
        try:
            tf.raw_ops.Conv2DBackpropFilter(
                input=image,
                filter_sizes=(1, 1, 1, 2),
                out_backprop=image,
                strides=[1, 1, 1, 1],
                padding="VALID",
            )
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
            return False
    return True


def convolution(inputs, kernel, strides=(1, 1)):
    """Convolves with symmetric padding, in as many groups as the kernel says.

    TensorFlow pads "same" with stride 2 on one side only; the published
    networks pad both. Strides need an explicit padding, which is done apart:
    the padding of the convolution itself falls off oneDNN's fast path.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        kernel: Tensor of shape `(rows, columns, channels / groups, filters)`
            with odd `rows` and `columns`.
        strides: Tuple of 2 integers. Defaults to `(1, 1)`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides[0]),
        ceil(width / strides[1]), filters)`.
    """
    inputs, padding = _symmetric_padding(inputs, kernel, strides)
    groups = inputs.shape[-1] // kernel.shape[2]
    if groups == 1 or grouped_convolution_works(inputs.dtype):
        return tf.nn.conv2d(inputs, kernel, strides, padding)
    parts = zip(
        tf.split(inputs, groups, -1), tf.split(kernel, groups, -1), strict=True
    )
    return tf.concat(
        [tf.nn.conv2d(*part, strides, padding) for part in parts], -1
    )


def halving_convolution(inputs, kernel):
    """Convolves blocks of pixels that do not overlap, without padding.

    Two 1x1 convolutions of stride 2, the second on the inputs shifted by one
    pixel, are one of these with half of the kernel zero. It has four times the
    products, but no slices, whose gradients are slow: 10 against 40 ms with 64
    channels on either side.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        kernel: Tensor of shape `(2, 2, channels, filters)`.

    Returns:
        Tensor of shape `(batch, height / 2, width / 2, filters)`.
    """
    return tf.nn.conv2d(inputs, kernel, 2, "VALID")


def depthwise_convolution(inputs, kernel, strides=1, dilation_rate=1, *, fast):
    """Convolves each channel with filters of its own, padded symmetrically.

    A kernel with more channels than the inputs holds several copies side by
    side; each reads all the inputs. Repeating the inputs first is faster than
    a channel multiplier (3.6 against 8.2 ms), and done as late as possible.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        kernel: Tensor of shape `(rows, columns, 1, copies * channels)`.
        strides: Integer, `1` or `2`. Defaults to `1`.
        dilation_rate: Integer, `1` or `2`. Defaults to `1`.
        fast: Boolean. `True` takes the form with the fastest gradient,
            `False` the native operation, which exporters understand.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * channels)`.
    """
    # A variable would confuse the gradient of our own.
    kernel = tf.convert_to_tensor(kernel)
    copies = kernel.shape[-1] // inputs.shape[-1]
    if dilation_rate == 2 and strides == 2:
        # With both at 2 every tap falls on an even pixel. (The native
        # operation is wrong for this combination.)
        inputs, strides, dilation_rate = even_pixels(inputs), 1, 1
    strides = (strides, strides)
    if not (fast and grouped_convolution_works(inputs.dtype)):
        inputs, padding = _symmetric_padding(inputs, kernel, strides)
        return tf.nn.depthwise_conv2d(
            repeat_channels(inputs, copies),
            tf.transpose(kernel, (0, 1, 3, 2)),
            (1, *strides, 1),
            padding,
            dilations=(dilation_rate, dilation_rate),
        )
    if dilation_rate == 2:
        # The gradient of the dilated kernel is slow (5x5: 25 ms). What odd
        # sizes lack is outside, so zero.
        odd = (_odd(inputs, 1), _odd(inputs, 2))
        phases = repeat_channels(to_phases(inputs, odd), copies)
        return from_phases(_same_depthwise(phases, kernel), odd)
    inputs, padding = _symmetric_padding(inputs, kernel, strides)
    inputs = repeat_channels(inputs, copies)
    if padding == "SAME":
        return _same_depthwise(inputs, kernel)
    return _halving_depthwise(inputs, kernel)


def repeat_channels(inputs, copies):
    """Returns the inputs several times, side by side in the channels.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        copies: Integer.

    Returns:
        Tensor of shape `(batch, height, width, copies * channels)`.
    """
    return tf.tile(inputs, (1, 1, 1, copies)) if copies > 1 else inputs


def to_phases(inputs, odd=(0, 0)):
    """Returns the images of even and odd rows and columns, four of each.

    On these a convolution of dilation 2 is an ordinary one.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        odd: Pair of the rows and columns of zeros to add, so that there is an
            even number of both. Defaults to none.

    Returns:
        Tensor of shape `(4 * batch, height / 2, width / 2, channels)`.
    """
    return tf.space_to_batch(inputs, (2, 2), [[0, size] for size in odd])


def from_phases(images, odd=(0, 0)):
    """Undoes `to_phases`.

    Args:
        images: Tensor of shape `(4 * batch, height, width, channels)`.
        odd: Pair of the rows and columns to take away. Defaults to none.

    Returns:
        Tensor of shape `(batch, 2 * height, 2 * width, channels)`.
    """
    return tf.batch_to_space(images, (2, 2), [[0, size] for size in odd])


def even_pixels(inputs):
    """Returns every other pixel of every other row.

    A slice would do, with a gradient that takes three times as long.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.

    Returns:
        Tensor of shape `(batch, ceil(height / 2), ceil(width / 2), channels)`.
    """
    _, height, width, channels = inputs.shape
    if None in (height, width) or height % 2 or width % 2:
        return inputs[:, ::2, ::2]
    return tf.nn.space_to_depth(inputs, 2)[..., :channels]


def _same_depthwise(inputs, kernel):
    """Convolves each channel at stride 1, by the fastest gradient there is."""
    _, height, width, _ = inputs.shape
    # With fewer rows the gradient in two parts is the slow one.
    if tuple(kernel.shape[:2]) == (5, 5) and (height or 0) >= 6 and width:
        return _depthwise_5x5(inputs, kernel)
    return tf.nn.conv2d(inputs, kernel, 1, "SAME")


@tf.custom_gradient
def _depthwise_5x5(inputs, kernel):
    """Convolves at stride 1; the gradient for the kernel is taken in two parts.

    oneDNN's fast gradient for a depthwise kernel ends at 3 columns (5x5 takes
    21 ms, 5x3 takes 3). The three middle columns are a kernel of 5x3. The two
    outer ones are the outer columns of a 5x3 kernel on every other pixel: with
    neighbouring columns seen as channels, which costs nothing, each pixel's
    neighbour is two columns away. Together 6 ms, to float32 rounding.

    Widths that are odd or below 8 get columns of zeros first: halves of less
    than 4 columns are slow again.
    """

    def gradient(upstream):
        _, height, width, channels = inputs.shape
        missing = max(8 - width, width % 2)
        images = [inputs, upstream]
        if missing:
            right = ((0, 0), (0, 0), (0, missing), (0, 0))
            images = [tf.pad(image, right) for image in images]
        middle = _kernel_gradient(*images, 3)
        halves = tf.constant((-1, height, (width + missing) // 2, 2 * channels))
        outer = _kernel_gradient(
            *(tf.reshape(image, halves) for image in images), 3
        )
        outer = tf.reduce_sum(tf.reshape(outer, (5, 3, 1, 2, channels)), 3)
        first, _, last = tf.split(outer, 3, 1)
        return (
            _input_gradient(inputs, kernel, upstream, 1, "SAME"),
            tf.concat([first, middle, last], 1),
        )

    return tf.nn.conv2d(inputs, kernel, 1, "SAME"), gradient


def _halving_depthwise(inputs, kernel):
    """Convolves each channel at stride 2, of inputs that are padded."""
    width = inputs.shape[2] or 1
    if tuple(kernel.shape[:2]) == (5, 5) and width % 2 == 0:
        return _halving_depthwise_5x5(inputs, kernel)
    return tf.nn.conv2d(inputs, kernel, 2, "VALID")


@tf.custom_gradient
def _halving_depthwise_5x5(inputs, kernel):
    """Convolves at stride 2; the gradient for the kernel is that of 3 columns.

    With neighbouring columns seen as channels, which costs nothing, the even
    and the odd columns of the kernel are two kernels of stride 1 in a row, and
    of 3 and 2 columns: the fast path again. 21 against 37 ms for 33 million
    numbers, the whole of forward and gradients.
    """

    def gradient(upstream):
        _, height, width, channels = inputs.shape
        pairs = tf.reshape(inputs, (-1, height, width // 2, 2 * channels))
        both = tf.tile(upstream, (1, 1, 1, 2))
        slopes = _kernel_gradient(pairs, both, 3, (2, 1), "VALID")
        slopes = tf.reshape(slopes, (5, 6, 1, channels))
        return (
            _input_gradient(inputs, kernel, upstream, 2, "VALID"),
            slopes[:, :5],
        )

    return tf.nn.conv2d(inputs, kernel, 2, "VALID"), gradient


def _kernel_gradient(inputs, upstream, columns, strides=(1, 1), padding="SAME"):
    """Returns the gradient for a depthwise kernel of 5 rows."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=inputs,
        filter_sizes=[5, columns, 1, inputs.shape[-1]],
        out_backprop=upstream,
        strides=[1, *strides, 1],
        padding=padding,
    )


def _input_gradient(inputs, kernel, upstream, strides, padding):
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(inputs),
        filter=kernel,
        out_backprop=upstream,
        strides=[1, strides, strides, 1],
        padding=padding,
    )


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
    inputs = _pad(inputs, 1, 1, inputs.dtype.min)
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
        tf.nn.avg_pool2d(_pad(image, 1, 1), 3, strides, "VALID")
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
    if num_replicas() > 1 or inputs.dtype == tf.float64:
        # float64 is for checks; no fused kernel has it.
        mean, variance, count = moments(inputs, moving[0].dtype)
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


def num_replicas():
    """Returns how many replicas take this step together."""
    if tf.distribute.in_cross_replica_context():
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync


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
    if num_replicas() > 1 and isinstance(
        strategy, tf.distribute.MultiWorkerMirroredStrategy
    ):
        return {name: value[None] for name, value in logs.items()}
    return logs


def moments(inputs, dtype):
    """Returns the statistics of each channel over the batch, of all replicas.

    The replicas tell one another theirs, once, and each joins them all. To add
    up sums and squares would be simpler, but the variance, then a difference,
    would lose digits.

    Args:
        inputs: Tensor of shape `(..., channels)`.
        dtype: Type to compute in.

    Returns:
        The mean and variance, of shape `(channels,)`, and the count, a scalar.
    """
    inputs = tf.cast(inputs, dtype)
    count = tf.cast(tf.size(inputs) / inputs.shape[-1], dtype)
    axes = list(range(inputs.shape.rank - 1))
    mean = tf.reduce_mean(inputs, axes)
    # tf.nn.moments holds the mean constant here: that leaves the gradient as
    # it is, but not the second derivative.
    variance = tf.reduce_mean(tf.square(inputs - mean), axes)
    if num_replicas() == 1:
        return mean, variance, count
    context = tf.distribute.get_replica_context()
    own = tf.stack([mean, variance, count + 0 * mean])
    place = tf.one_hot(
        context.replica_id_in_sync_group, num_replicas(), dtype=dtype
    )
    # The gradient of this sum is one over the replicas, too.
    every = context.all_reduce(
        tf.distribute.ReduceOp.SUM, place[:, None, None] * own
    )
    means, variances, counts = tf.unstack(every, axis=1)
    count = tf.reduce_sum(counts[:, 0])
    part = counts / count
    mean = tf.reduce_sum(part * means, 0)
    deviations = tf.square(means - mean)
    return mean, tf.reduce_sum(part * (variances + deviations), 0), count


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


@contextlib.contextmanager
def graphs_as_traced():
    """Calls graphs without TensorFlow's graph optimiser, on a CPU.

    In a graph of convolutions it finds nothing that makes a step faster, and
    takes longer than all the tracing: the first step of the full CIFAR-10
    network takes 13 s without it and 19 s with it. On a GPU it chooses the
    memory layout, so there it stays. All calls of a graph should be in this
    context or none, for TensorFlow keeps a graph apart for either.
    """
    if tf.config.list_physical_devices("GPU"):
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


def _symmetric_padding(inputs, kernel, strides):
    """Returns the inputs and the name of the padding that is left to do."""
    if max(strides) == 1:
        return inputs, "SAME"  # symmetric, for an odd kernel
    rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
    return (_pad(inputs, rows, columns) if rows + columns else inputs), "VALID"


def _pad(inputs, rows, columns, value=0):
    paddings = ((0, 0), (rows, rows), (columns, columns), (0, 0))
    return tf.pad(inputs, paddings, constant_values=value)


def _pool_for_export(pool, inputs, strides):
    """Pools by "same" at stride 1, which is symmetric, and keeps every second.

    What keeps them is a pool of one pixel: LiteRT takes half as long as for a
    slice with strides.
    """
    outputs = pool(inputs, 3, 1, "SAME")
    if strides == 1:
        return outputs
    return tf.nn.max_pool2d(outputs, 1, strides, "VALID")


def _odd(inputs, axis):
    """Returns 1 if the images have an odd size along the axis, else 0."""
    size = inputs.shape[axis]
    return (tf.shape(inputs)[axis] if size is None else size) % 2
