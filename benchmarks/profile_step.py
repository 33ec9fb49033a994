"""Says where a search step goes: the time of each kind of operation.

    python -m benchmarks.profile_step --filters=16 --num_cells=8 --batch_size=64
    python -m benchmarks.profile_step --space=recurrent --batch_size=64

TensorFlow's profiler notes when each operation of a few steps began and ended,
on the threads that run operations side by side. The time of an operation
is from its begin to its end, whatever threads share its work; `executor` is
what these threads spend between operations. So the sum of all lines is more
than the step takes as a whole where operations run side by side, which
`at_once` says. Prints JSON: milliseconds of a step, by kind and by operation
(with the number of calls), the slowest single ones, the device and the
versions; and a table in Markdown, which `--table` writes to a file.
"""

import collections
import dataclasses
import pathlib
import re
import tempfile
import time
import typing

from benchmarks import markdown
from benchmarks import recurrent_step
from benchmarks import search_step
from benchmarks import stepping
from trainers import options

# oneDNN's form of an operation has one of these in front of its name, and
# `Fused` where it takes up its neighbours.
_PREFIX = re.compile(r"_(MklNativeFused|MklNative|MklFused|Mkl|Fused)")
_OPERATION = re.compile(r"([^:]+):(\w+)")  # name and type
_EXECUTOR = re.compile(r"ExecutorState::.*|PartitionedCallOp|ExecutorDone.*")
_COMPILED = "CpuExecutable::ExecuteAsyncOnStream"  # XLA's
_EVERY_KIND = {
    "compiled kernel": r"compiled",
    "convolution, forward": r"Conv2D(WithBias)?|DepthwiseConv2dNative",
    "convolution, gradient for inputs": r".*Conv.*BackpropInput",
    "convolution, gradient for kernels": r".*Conv.*BackpropFilter.*",
    "matrix product": r".*MatMul.*|Einsum",
    "normalisation": r"(Fused)?BatchNorm.*",
    "pooling": r"(Max|Avg)Pool.*",
    "data movement": (
        r"Pad(V2)?|Concat.*|Slice|StridedSlice.*|Transpose|Conjugate.*|Reshape"
        r"|Tile|Split(V)?|Pack|Unpack|SpaceTo.*|BatchTo.*|DepthTo.*|Gather.*"
        r"|Scatter.*|TensorList.*|TensorArray.*|Identity.*|Cast|Bitcast|Fill"
        r"|.*Like|Broadcast.*|ExpandDims|Squeeze|MirrorPad.*|Reverse.*|Invert.*"
        r"|ReadVariableOp|Shape.*|Range|EmptyTensorList|_(Recv|Send|HostRecv)"
    ),
    "step of the variables": r"Resource.*|Assign.*",
    "random numbers": r".*Random.*|.*Rng.*",
    "calls and loops": r".*PartitionedCall|(Stateless)?(While|If)|Enter|Exit"
    r"|Merge|Switch|NextIteration|LoopCond|Optional.*|Iterator.*",
    # Sums, activations, losses.
    "element-wise": (
        r"Add.*|Bias.*|Mul.*|Sub|.*Div.*|.*Relu.*|Sigmoid.*|Tanh.*|Sum|Mean|Max"
        r"|Min|Prod|Square.*|R?sqrt.*|Sqrt.*|Rsqrt.*|Neg|Exp|Log.*|Pow|Maximum"
        r"|Minimum|.*[Ss]oftmax.*|.*Segment.*|Select.*|Greater.*|Less.*|.*Equal"
        r"|Abs|ArgMax|All|Any|OneHot|CheckNumerics|Bitwise.*|FloorMod"
    ),
}
_KINDS = {kind: re.compile(names) for kind, names in _EVERY_KIND.items()}


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    space: str = options.option("conv or recurrent.", "conv")
    method: str = options.option("Hypergradient.", "finite_difference")
    form: str = options.option(
        f"Form of a convolutional supernet: {', '.join(search_step.FORMS)}.",
        "merged",
    )
    batch_size: int = options.option("Images, or rows of text.", 64)
    filters: int = options.option("Filters of the first cells.", 16)
    num_cells: int = options.option("Cells of the supernet.", 8)
    image_size: int = options.option("Pixels in height and width.", 32)
    units: int = options.option("Width of a recurrent cell.", 300)
    sequence_length: int = options.option("Words in a piece.", 35)
    vocabulary_size: int = options.option("Number of words.", 10_000)
    steps: int = options.option("Steps traced, after two that are not.", 3)
    output: str | None = options.option("File for the JSON; none prints.", None)
    table: str | None = options.option("File for the table; none prints.", None)

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        options.check_choice(self, "space", ("conv", "recurrent"))
        options.check_choice(self, "method", search_step.METHODS)
        options.check_choice(self, "form", search_step.FORMS)
        if self.space == "recurrent" and self.form != "merged":
            raise ValueError(
                "A recurrent supernet has one form, merged. "
                f"Received: form={self.form!r}"
            )
        options.check_positive(self, "steps")


class Operation(typing.NamedTuple):
    """One run of an operation, or of the executor between operations."""

    name: str
    type: str
    seconds: float


def run(config):
    """Runs the benchmark, prints its JSON and its table.

    Args:
        config: A `Config`.

    Returns:
        Dictionary from each kind to its milliseconds in a step.
    """
    step = _make_step(config)
    for _ in range(2):
        step()
    with tempfile.TemporaryDirectory() as folder:
        seconds, operations = traced(step, config.steps, folder)
    whole = 1e3 * seconds / config.steps
    kinds, types, calls, names = (collections.Counter() for _ in range(4))
    for each in operations:
        milliseconds = 1e3 * each.seconds / config.steps
        kinds[kind_of(each.type)] += milliseconds
        types[each.type] += milliseconds
        calls[each.type] += 1 / config.steps
        names[each.name] += milliseconds
    total = sum(kinds.values())
    stepping.report(
        config,
        step_ms=round(whole, 1),
        at_once=round(total / whole, 2),
        kinds=_rounded(kinds.most_common()),
        types={
            name: {"ms": round(ms, 2), "calls": round(calls[name])}
            for name, ms in types.most_common()
        },
        slowest=_rounded(names.most_common(30)),
    )
    rows = [
        [kind, round(ms, 1), f"{100 * ms / total:.1f} %"]
        for kind, ms in kinds.most_common()
    ]
    table = markdown.table(["kind", "ms a step", "part"], rows)
    markdown.write(config.table, table)
    print(table)
    return dict(kinds)


def kind_of(operation_type):
    """Returns the kind that a type of operation belongs to.

    Args:
        operation_type: String, such as `"Conv2D"`.

    Returns:
        String, `"other"` if it is unknown.

    Example:

    >>> kind_of("_MklNativeConv2DBackpropFilter")
    'convolution, gradient for kernels'
    """
    if operation_type == "executor":
        return operation_type
    plain = _PREFIX.sub("", operation_type, count=1)
    for kind, names in _KINDS.items():
        if names.fullmatch(plain):
            return kind
    return "other"


def exclusive(events):
    """Gives each event the time in which no other one ran inside of it.

    Args:
        events: List of `(begin, end, name)` of one thread, where any two are
            apart or one inside of the other.

    Returns:
        List of `(name, duration)`.

    Example:

    >>> exclusive([(0, 10, "outer"), (2, 5, "inner"), (6, 7, "inner")])
    [('outer', 6), ('inner', 3), ('inner', 1)]
    """
    times, around = [], []
    # Of two that begin together, the longer one is around the other.
    for begin, end, name in sorted(events, key=lambda e: (e[0], -e[1])):
        while around and around[-1][0] <= begin:
            around.pop()
        if around:
            times[around[-1][1]][1] -= end - begin
        around.append((end, len(times)))
        times.append([name, end - begin])
    return [tuple(time) for time in times]


def _make_step(config):
    if config.space == "conv":
        benchmark = search_step.Config(
            filters=config.filters,
            num_cells=config.num_cells,
            batch_size=config.batch_size,
            image_size=config.image_size,
            forms=config.form,
        )
        (setting,) = search_step.make_settings(benchmark, config.method)
        return search_step.make_step(**setting)
    benchmark = recurrent_step.Config(
        what=config.method,
        units=config.units,
        batch_size=config.batch_size,
        sequence_length=config.sequence_length,
        vocabulary_size=config.vocabulary_size,
    )
    (setting,) = recurrent_step.make_settings(benchmark)
    return recurrent_step.make_step(**setting)


def traced(step, num_steps, folder):
    """Takes some steps under TensorFlow's profiler.

    Args:
        step: Callable without arguments.
        num_steps: Integer.
        folder: Path of an empty folder for the trace.

    Returns:
        The seconds of all steps together, and a list of `Operation`.
    """
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tf.profiler.experimental.Profile(str(folder)):
        start = time.perf_counter()
        for _ in range(num_steps):
            step()
        seconds = time.perf_counter() - start
    (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    operations = []
    for plane in space.planes:
        for line in plane.lines:
            events = [
                (
                    event.offset_ps,
                    event.offset_ps + event.duration_ps,
                    plane.event_metadata[event.metadata_id].name,
                )
                for event in line.events
            ]
            operations += _operations(events)
    return seconds, operations


def _operations(events):
    """Returns what of the events of a thread is part of the step."""
    parsed = []
    for begin, end, text in events:
        match = _OPERATION.fullmatch(text)
        if match:
            parsed.append((begin, end, match.groups()))
        elif text == _COMPILED:
            parsed.append((begin, end, ("compiled", "compiled")))
        elif _EXECUTOR.fullmatch(text):
            parsed.append((begin, end, ("executor", "executor")))
    return [
        Operation(*names, duration / 1e12)
        for names, duration in exclusive(parsed)
    ]


def _rounded(pairs):
    return {name: round(value, 2) for name, value in pairs}


if __name__ == "__main__":
    options.main(Config, run)
