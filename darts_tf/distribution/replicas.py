"""Several devices: what each replica takes of a batch, and what they add up.

A replica has its share of the rows of each batch and all of the variables. Its
loss is its share of the mean over the whole batch, so that losses and
gradients become those of the whole batch when they are added up.

A worker is a process with some of the replicas. All workers run the same
program; one of them, the chief, writes the files.
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf

# What TensorFlow raises in a worker when it does not hear of another one.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)


def check_strategy(strategy):
    """Raises an error for a strategy that the search cannot use.

    Args:
        strategy: A `tf.distribute.Strategy`.

    Raises:
        ValueError: If its replicas do not take their steps together.
    """
    if isinstance(
        strategy,
        (
            tf.distribute.ParameterServerStrategy,
            tf.distribute.experimental.CentralStorageStrategy,
            tf.distribute.TPUStrategy,
        ),
    ):
        raise ValueError(
            "A search needs MirroredStrategy or MultiWorkerMirroredStrategy: "
            "its replicas add gradients up several times in a step, so each "
            "must hold all variables and take its steps with the others; and "
            "XLA, which TPUs need, drops the check for finite losses. "
            f"Received: {type(strategy).__name__}"
        )


def check_optimizer(optimizer):
    """Raises an error for one of Keras' own optimizers that clips.

    Args:
        optimizer: A Keras optimizer.

    Raises:
        ValueError: If it clips.
    """
    for name in ("clipnorm", "global_clipnorm", "clipvalue"):
        if getattr(optimizer, name, None) is not None:
            raise ValueError(
                "Keras clips the gradients of each replica before they are "
                "added up; `darts_tf.optimizers.SGD` clips their sum. "
                f"Received: optimizer={optimizer.name!r}, "
                f"{name}={getattr(optimizer, name)}"
            )


def count():
    """Returns how many replicas take this step together, 1 outside of one."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def number():
    """Returns which of the replicas this is, from 0, as an integer tensor."""
    return tf.cast(
        tf.distribute.get_replica_context().replica_id_in_sync_group, "int32"
    )


def is_chief(strategy):
    """Tells whether this process writes the files.

    Args:
        strategy: A `tf.distribute.Strategy`.

    Returns:
        Boolean, `True` unless there is another worker that does.

    Example:

    >>> darts_tf.distribution.is_chief(tf.distribute.get_strategy())
    True
    """
    return strategy.extended.should_checkpoint


def has_workers(strategy):
    """Tells whether there are other processes that take each step, too.

    Args:
        strategy: A `tf.distribute.Strategy`.

    Returns:
        Boolean.
    """
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


@contextlib.contextmanager
def meeting(strategy):
    """Raises a clear error if a worker is lost in the `with` block.

    Args:
        strategy: A `tf.distribute.Strategy`.

    Yields:
        Nothing.

    Raises:
        ConnectionError: If another worker has ended or does not answer.
    """
    try:
        yield
    except _LOST as error:
        if not has_workers(strategy):
            raise
        raise ConnectionError(
            "Another worker has ended, or does not answer. Start the same "
            "program again on all of them; it goes on from the last "
            "checkpoint, if it keeps one. "
            f"Received: {type(error).__name__}"
        ) from error


def joined(strategy, function):
    """Makes a function that returns what each replica says, as rows.

    All workers have to call it, since they tell one another.

    Args:
        strategy: A `tf.distribute.Strategy`.
        function: Callable from tensors to a list of tensors, which is called
            in each replica.

    Returns:
        Callable from tensors to a list of arrays, whose first axis counts the
        replicas.
    """

    def rows(*arguments):
        return [
            all_rows(tf.convert_to_tensor(value)[None])
            for value in function(*arguments)
        ]

    def in_all(*arguments):
        return strategy.run(rows, arguments)

    graph = tf.function(in_all, autograph=False)

    def call(*arguments):
        evaluate = in_all
        if strategy.num_replicas_in_sync > 1:  # which is slow without a graph
            # A function that is called itself warns if many are made.
            evaluate = graph.get_concrete_function(*arguments)
        with meeting(strategy):
            return [
                np.array(strategy.experimental_local_results(value)[0])
                for value in evaluate(*arguments)
            ]

    return call


def wait(strategy):
    """Waits until all workers have come here.

    Args:
        strategy: A `tf.distribute.Strategy`.
    """
    joined(strategy, lambda: [tf.zeros(())])()


def assign_rows(strategy, variables, values):
    """Gives each replica its row: the reverse of `joined`.

    Args:
        strategy: A `tf.distribute.Strategy`.
        variables: List of variables that each replica has for itself and that
            count when they are added up, as those of metrics do.
        values: List of arrays, one for each variable, whose first axis counts
            the replicas. Of another number of replicas, each gets an equal
            share of the sum.
    """
    replicas = strategy.num_replicas_in_sync

    def divided(value):
        value = np.asarray(value)
        if len(value) == replicas:
            return value
        return np.repeat(value.sum(0, keepdims=True) / replicas, replicas, 0)

    def assign():
        for variable, value in zip(variables, values, strict=True):
            rows = tf.constant(divided(value), variable.dtype)
            variable.assign(own_rows(rows)[0])

    if replicas == 1:
        assign()
    else:
        tf.function(lambda: strategy.run(assign), autograph=False)()


def total(tensors):
    """Adds up over the replicas.

    Args:
        tensors: List of tensors; `None` stays.

    Returns:
        List of tensors, the same in all replicas.

    Example:

    >>> float(darts_tf.distribution.total([keras.ops.array(3.0)])[0])  # of one
    3.0
    """
    present = [tensor for tensor in tensors if tensor is not None]
    if count() == 1 or not present:
        return tensors
    context = tf.distribute.get_replica_context()
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, present))
    return [tensor if tensor is None else next(sums) for tensor in tensors]


def reducible(logs):
    """Returns the figures of a step in the form in which Keras averages them.

    Over several workers, Keras takes the mean along the first axis, which a
    scalar does not have.

    Args:
        logs: Dictionary of scalar tensors.

    Returns:
        Dictionary of tensors, the scalars if there are no workers.
    """
    if count() > 1 and has_workers(tf.distribute.get_strategy()):
        return {name: value[None] for name, value in logs.items()}
    return logs


def share(tensor):
    """Divides by the number of replicas: what will be added up again."""
    replicas = count()
    return tensor if replicas == 1 else tensor / replicas


def own_rows(tensor):
    """Returns this replica's rows of a tensor that all replicas have.

    Args:
        tensor: Tensor with as many rows as a whole batch.

    Returns:
        Tensor.
    """
    if count() == 1:
        return tensor
    num_rows = tensor.shape[0] // count()
    start = [number() * num_rows] + [0] * (tensor.shape.rank - 1)
    return tf.slice(tensor, start, (num_rows, *tensor.shape[1:]))


def all_rows(tensor):
    """Joins the rows of all replicas: the reverse of `own_rows`.

    Args:
        tensor: Tensor of this replica's rows.

    Returns:
        Tensor, the same in all replicas.
    """
    if count() == 1:
        return tensor
    # A sum with zeros: all strategies have it, for all types of numbers.
    num_rows = tensor.shape[0]
    before = number() * num_rows
    after = (count() - 1) * num_rows - before
    paddings = [(before, after)] + [(0, 0)] * (tensor.shape.rank - 1)
    (rows,) = total([tf.pad(tensor, paddings)])
    return tf.ensure_shape(rows, (count() * num_rows, *tensor.shape[1:]))


def distributed(dataset, strategy):
    """Gives each replica its rows of each batch.

    Every worker reads the whole data set and keeps the rows of its devices,
    so that a batch is the same, in the same order, on however many. Scalars go
    to all.

    Args:
        dataset: A `tf.data.Dataset`.
        strategy: The `tf.distribute.Strategy`.

    Returns:
        What Keras takes for a data set.

    Raises:
        ValueError: If the rows cannot be divided, or are not known.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return dataset
    for spec in keras.tree.flatten(dataset.element_spec):
        if spec.shape.rank and (
            spec.shape[0] is None or spec.shape[0] % replicas
        ):
            raise ValueError(
                "The rows of a batch are divided among the replicas, so their "
                f"number must be known and divisible by {replicas}. "
                f"Received: a tensor of shape {spec.shape}"
            )

    def rows_by_replica(context):
        local = replicas // context.num_input_pipelines
        first = local * context.input_pipeline_id

        def divide(tensor):
            if tensor.shape.rank == 0:
                return tf.repeat(tensor[None], local)
            rows = tensor.shape[0] // replicas
            own = tensor[first * rows : (first + local) * rows]
            shape = tf.concat([(local, rows), tf.shape(tensor)[1:]], 0)
            divided = tf.reshape(own, shape)
            divided.set_shape((local, rows, *tensor.shape[1:]))
            return divided

        return dataset.map(
            lambda *batch: keras.tree.map_structure(divide, batch)
        ).unbatch()

    return strategy.distribute_datasets_from_function(rows_by_replica)
