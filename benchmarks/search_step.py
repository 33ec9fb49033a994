"""Times one search step: merged form against one layer for each edge.

    python -m benchmarks.search_step --filters=16 --num_cells=8 --batch_size=64

For each hypergradient, three processes hold the same supernet: `merged`
(`darts_tf.ConvSupernet`), `plain` (`reference.plain_supernet`, stock Keras
layers, one for each edge and operation), and `plain_fused` (the same with our
fast batch normalisation). With PyTorch, in this interpreter or in the one that
`--torch_python` names, there are two more forms: `torch`
(`reference.torch_supernet`), and `torch_channels_last`, the same with the
channels last in memory. They take steps in turn, so that what else the
machine does meets all alike. Prints JSON: seconds of the first step (which
builds the graph) and of the others (median, least, most), peak memory in GB,
the multiply-adds that a step needs, the ratios, the device and the versions.

    python -m benchmarks.search_step --forms=merged --micro_batches=64,16,4
    python -m benchmarks.search_step --forms=merged --dtype=mixed_bfloat16
    python -m benchmarks.search_step --forms=merged --rematerialize

time the merged form with the batch in parts, in another precision, and with
cells that are computed again for their gradient.
"""

import dataclasses
import functools
import sys

from benchmarks import multiply_adds
from benchmarks import stepping
from trainers import options

METHODS = ("first_order", "finite_difference", "exact")
FORMS = ("merged", "plain", "plain_fused")
TORCH_FORMS = ("torch", "torch_channels_last")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    filters: int = options.option("Filters of the first cells.", 16)
    num_cells: int = options.option("Cells of the supernet.", 8)
    batch_size: int = options.option("Images in either batch.", 64)
    image_size: int = options.option("Pixels in height and width.", 32)
    steps: int = options.option("Steps counted, after two that are not.", 5)
    methods: str = options.option(
        "Hypergradients, separated by commas.", ",".join(METHODS)
    )
    micro_batches: str | None = options.option(
        "Rows at a time, separated by commas; none is the whole batch.", None
    )
    dtype: str = options.option("Keras dtype policy.", "float32")
    rematerialize: bool = options.option(
        "Compute the cells of the merged form again for their gradient.", False
    )
    forms: str = options.option(
        f"Forms, separated by commas: {', '.join((*FORMS, *TORCH_FORMS))}.",
        ",".join(FORMS),
    )
    intra_op_threads: int | None = options.option(
        "Threads that take an operation of TensorFlow together, as in "
        "trainers.cnn_search; none is one for each core.",
        1,
    )
    torch_python: str = options.option(
        "Interpreter that has PyTorch.", sys.executable
    )
    output: str | None = options.option("File for the JSON; none prints.", None)

    def __post_init__(self):
        """Fails on values that are wrong or would have no effect."""
        options.check_positive(self, "intra_op_threads")
        whole = self.micro_batches is None and self.dtype == "float32"
        if set(self.forms.split(",")) & set(TORCH_FORMS) and not whole:
            raise ValueError(
                "The forms in PyTorch take whole batches, in float32. "
                f"Received: forms={self.forms!r}, dtype={self.dtype!r}, "
                f"micro_batches={self.micro_batches!r}"
            )


def run(config):
    """Runs the benchmark and prints its JSON.

    Args:
        config: A `Config`.
    """
    results = []
    for method in config.methods.split(","):
        settings = make_settings(config, method)
        rows = stepping.in_turns(settings, config.steps)
        for setting, row in zip(settings, rows, strict=True):
            names = {
                name: setting[name]
                for name in ("method", "form", "micro_batch", "multiply_adds")
            }
            results.append({**names, **row})
    stepping.report(config, results=results, over_merged=_ratios(results))


def make_settings(config, method):
    """Returns the settings of a hypergradient, for `stepping.in_turns`.

    Args:
        config: A `Config`.
        method: String, the hypergradient.

    Returns:
        A list of dictionaries, one for each form and micro batch; those of
        PyTorch are left out where there is none.
    """
    forms = config.forms.split(",")
    if set(forms) & set(TORCH_FORMS):
        found = stepping.has_torch(config.torch_python)
        forms = [form for form in forms if found or form not in TORCH_FORMS]
    forward = config.batch_size * multiply_adds.conv_supernet(
        config.filters, config.num_cells, config.image_size
    )
    return [
        {
            **dataclasses.asdict(config),
            "method": method,
            "form": form,
            "micro_batch": size,
            "multiply_adds": multiply_adds.of_step(method, forward),
            **(
                {
                    "module": "benchmarks.torch_step",
                    "python": config.torch_python,
                }
                if form in TORCH_FORMS
                else {"module": "benchmarks.search_step"}
            ),
        }
        for form in forms
        for size in _micro_batches(config)
    ]


def _micro_batches(config):
    if config.micro_batches is None:
        return [None]
    return [int(size) for size in config.micro_batches.split(",")]


def _ratios(results):
    by_key = {(row["method"], row["form"]): row for row in results}
    return {
        f"{method}, {form}": {
            figure: round(row[figure] / by_key[method, "merged"][figure], 2)
            for figure in ("first_step", "step_median", "peak_memory_gb")
        }
        for (method, form), row in by_key.items()
        if form != "merged" and (method, "merged") in by_key
    }


def make_step(
    method,
    form,
    filters,
    num_cells,
    batch_size,
    image_size,
    micro_batch,
    dtype,
    rematerialize,
    intra_op_threads,
    **_,
):
    """Makes a step of the search; takes what `make_settings` returns."""
    import keras
    import numpy as np
    import tensorflow as tf

    import darts_tf
    from reference import plain_supernet
    from trainers import strategies

    strategies.limit_threads(intra_op_threads)
    keras.utils.set_random_seed(0)
    model = darts_tf.DartsSearchModel(
        hypergradient=method,
        filters=filters,
        num_cells=num_cells,
        micro_batch=micro_batch,
        dtype=dtype,
        rematerialize=rematerialize,
    )
    shape = (batch_size, image_size, image_size, 3)
    if form != "merged":
        model.supernet.build(shape)
        fused = functools.partial(darts_tf.layers.BatchNorm, affine=False)
        plain = plain_supernet.PlainSupernet(
            model.supernet, fused if form == "plain_fused" else None
        )
        plain(np.zeros((1, *shape[1:]), "float32"))
        model.supernet = plain
    model.compile()
    if form == "merged":
        model.build(shape)
    else:
        model.built = True
        model._build_optimizers()
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype("float32")
    y = rng.integers(0, 10, batch_size)
    pairs = ((x, y), (x[::-1], y[::-1]))
    dataset = tf.data.Dataset.from_tensors(pairs).repeat()
    return stepping.training_step(model, dataset)


if __name__ == "__main__":
    stepping.main(Config, run, make_step)
