"""Times one search step: merged form against one layer for each edge.

    python -m benchmarks.search_step --filters=16 --num_cells=8 --batch_size=64

For each hypergradient, three processes hold the same supernet: `merged`
(`darts_tf.ConvSupernet`), `plain` (`benchmarks.plain_supernet`, stock Keras
layers, one for each edge and operation), and `plain_fused` (the same with our
fast batch normalisation). They take steps in turn, so that what else the
machine does meets all alike. Prints JSON: seconds
of the first step (which builds the graph) and of the others (median, least,
most), peak memory in GB, the ratios, the device and the versions.

    python -m benchmarks.search_step --forms=merged --micro_batches=64,16,4
    python -m benchmarks.search_step --forms=merged --dtype=mixed_bfloat16
    python -m benchmarks.search_step --forms=merged --rematerialize

time the merged form with the batch in parts, in another precision, and with
cells that are computed again for their gradient.
"""

import dataclasses
import functools

from benchmarks import stepping
from trainers import options


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    filters: int = options.option("Filters of the first cells.", 16)
    num_cells: int = options.option("Cells of the supernet.", 8)
    batch_size: int = options.option("Images in either batch.", 64)
    image_size: int = options.option("Pixels in height and width.", 32)
    steps: int = options.option("Steps counted, after two that are not.", 5)
    methods: str = options.option(
        "Hypergradients, separated by commas.",
        "first_order,finite_difference,exact",
    )
    micro_batches: str | None = options.option(
        "Rows at a time, separated by commas; none is the whole batch.", None
    )
    dtype: str = options.option("Keras dtype policy.", "float32")
    rematerialize: bool = options.option(
        "Compute the cells of the merged form again for their gradient.", False
    )
    forms: str = options.option(
        "Forms, separated by commas.", "merged,plain,plain_fused"
    )
    output: str | None = options.option("File for the JSON; none prints.", None)


def run(config):
    """Runs the benchmark and prints its JSON.

    Args:
        config: A `Config`.
    """
    results = []
    for method in config.methods.split(","):
        settings = [
            {
                **dataclasses.asdict(config),
                "method": method,
                "form": form,
                "micro_batch": size,
            }
            for form in config.forms.split(",")
            for size in _micro_batches(config)
        ]
        rows = stepping.in_turns(settings, config.steps)
        for setting, row in zip(settings, rows, strict=True):
            names = {
                name: setting[name]
                for name in ("method", "form", "micro_batch")
            }
            results.append({**names, **row})
    stepping.report(config, results=results, over_merged=_ratios(results))


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


def _step(
    method,
    form,
    filters,
    num_cells,
    batch_size,
    image_size,
    micro_batch,
    dtype,
    rematerialize,
    **_,
):
    import keras
    import numpy as np
    import tensorflow as tf

    import darts_tf
    from benchmarks import plain_supernet

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
    stepping.main(Config, run, _step)
