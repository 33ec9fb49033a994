"""Says what a pass keeps in memory for its gradient.

    python -m benchmarks.kept_memory --filters=16 --num_cells=8 --batch_size=64

A pass of the search, with the gradients for weights and alphas, is traced but
not run. What the gradient reads of the tensors that the forward pass makes has
to be there when the one ends and the other begins: that is the memory that no
order of the operations saves. Tensors that are another one in a new shape count
once; weights, and what one operation needs while it runs, do not. Prints JSON:
gigabytes in all, and megabytes by the kind of operation that makes a tensor and
the kinds that read it, the device and the versions; and a table in Markdown,
which `--table` writes to a file.
"""

import collections
import dataclasses
import math
import typing

from benchmarks import markdown
from benchmarks import profile_step
from benchmarks import stepping
from trainers import options

_ALIASES = ("Identity", "IdentityN", "Reshape")
_NOT_MADE = ("Const", "Placeholder", "ReadVariableOp")
# They wait for no gradient: what they need of a tensor is read at once.
_SHAPES = ("Shape", "ShapeN", "Size", "Rank")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    filters: int = options.option("Filters of the first cells.", 16)
    num_cells: int = options.option("Cells of the supernet.", 8)
    batch_size: int = options.option("Images in a batch.", 64)
    image_size: int = options.option("Pixels in height and width.", 32)
    rematerialize: bool = options.option(
        "Compute the cells again for their gradient.", False
    )
    output: str | None = options.option("File for the JSON; none prints.", None)
    table: str | None = options.option("File for the table; none prints.", None)

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        options.check_positive(
            self, "filters", "num_cells", "batch_size", "image_size"
        )


class Kept(typing.NamedTuple):
    """A tensor that is kept: its bytes, and the kinds of operations."""

    num_bytes: int
    made_by: str
    read_by: tuple[str, ...]


def run(config):
    """Runs the benchmark, prints its JSON and its table.

    Args:
        config: A `Config`.

    Returns:
        The bytes that are kept in all.
    """
    tensors = _of_supernet(config)
    sizes, counts = collections.Counter(), collections.Counter()
    for tensor in tensors:
        sizes[tensor[1:]] += tensor.num_bytes
        counts[tensor[1:]] += 1
    total = sum(sizes.values())
    stepping.report(
        config,
        kept_gb=round(total / 1e9, 3),
        kinds=[
            {
                "made_by": made,
                "read_by": list(read),
                "tensors": counts[made, read],
                "mb": round(size / 1e6, 2),
            }
            for (made, read), size in sizes.most_common()
        ],
    )
    rows = [
        [
            made,
            ", ".join(read),
            counts[made, read],
            round(size / 1e6, 1),
            f"{100 * size / total:.1f} %",
        ]
        for (made, read), size in sizes.most_common()
    ]
    header = ["made by", "read by the gradient of", "tensors", "MB", "part"]
    table = markdown.table(header, rows)
    markdown.write(config.table, table)
    print(table)
    return total


def _of_supernet(config):
    import tensorflow as tf

    import darts_tf

    model = darts_tf.DartsSearchModel(
        filters=config.filters,
        num_cells=config.num_cells,
        rematerialize=config.rematerialize,
    )
    shape = (config.batch_size, config.image_size, config.image_size, 3)
    model.build(shape)

    def loss(images, labels):
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels, model(images, training=True)
            )
        )

    return kept(
        loss,
        [variable.value for variable in model.trainable_variables],
        tf.TensorSpec(shape),
        tf.TensorSpec(shape[:1], "int32"),
    )


def kept(loss, variables, *specs):
    """Returns what the gradient of a loss reads of its forward pass.

    Args:
        loss: Callable from tensors to a scalar.
        variables: List of `tf.Variable`, for which the gradient is.
        *specs: `tf.TensorSpec` of the tensors, of known shapes.

    Returns:
        List of `Kept`.

    Raises:
        ValueError: If the shape of a tensor that is kept is not known.
    """
    import tensorflow as tf

    forward = set()

    @tf.function(autograph=False)
    def gradients(*tensors):
        with tf.GradientTape() as tape:
            value = loss(*tensors)
        forward.update(tf.compat.v1.get_default_graph().get_operations())
        return tape.gradient(value, variables)

    graph = gradients.get_concrete_function(*specs).graph
    readers = collections.defaultdict(set)
    # What no gradient needs is never run, so it reads nothing.
    pending, seen = [output.op for output in graph.outputs], set()
    while pending:
        operation = pending.pop()
        if operation in seen:
            continue
        seen.add(operation)
        reads = operation not in forward and operation.type not in _SHAPES
        for tensor in operation.inputs:
            pending.append(tensor.op)
            if reads and tensor.op in forward:
                readers[_original(tensor).ref()].add(operation.type)
    return [
        Kept(
            _num_bytes(reference.deref()),
            profile_step.kind_of(reference.deref().op.type),
            tuple(sorted({profile_step.kind_of(kind) for kind in kinds})),
        )
        for reference, kinds in readers.items()
        if reference.deref().op.type not in _NOT_MADE
    ]


def _original(tensor):
    """Returns the tensor that another one is, in a new shape."""
    while tensor.op.type in _ALIASES:
        tensor = tensor.op.inputs[tensor.value_index]
    return tensor


def _num_bytes(tensor):
    if not tensor.shape.is_fully_defined():
        raise ValueError(
            f"Expected known shapes. Received: {tensor.name} of {tensor.shape}"
        )
    return math.prod(tensor.shape) * tensor.dtype.size


if __name__ == "__main__":
    options.main(Config, run)
