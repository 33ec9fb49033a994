"""Judges searches by a table of what each cell of NAS-Bench-201 reaches.

    python -m benchmarks.search_quality --table=nb201.npz --data_dir=DATA \
        --workdir=QUALITY --methods=first_order,finite_difference --seeds=4

Each method searches with each seed, by `trainers.cnn_search` in a process of
its own, on a part of CIFAR-10 that is scaled down, with a small supernet. The
cell of each epoch is looked up in the table: its accuracy after 200 epochs of
training on the whole of CIFAR-10, which nobody has to wait for. Beside the
methods stand what needs no search: 3x3 convolutions everywhere, the best of
some random cells, and the best cell there is.

The folder `workdir` gets `images/`, what is searched on, scaled once, a folder
for each search, `results.json`,
`results.md` and `results.svg`, after every search. The same command on the
same folder goes on where it was stopped. A method is a name of `METHODS`, or
a name and flags of the search: `raised=--alpha_learning_rate=0.1`; separate
methods by commas and flags by spaces.
"""

import dataclasses
import pathlib
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import time

import numpy as np
from PIL import Image
from scipy import stats

import darts_tf
from benchmarks import markdown
from darts_tf.data import augmentation
from darts_tf.data import splitting
from darts_tf.files import atomic_file
from darts_tf.files import json_file
from darts_tf.spaces import result_table
from darts_tf.spaces import search_record
from darts_tf.visualize import chart
from trainers import cnn_search
from trainers import device
from trainers import images
from trainers import options

# Flags of the search, by the name of the method.
METHODS = {
    "first_order": "--hypergradient=first_order",
    "finite_difference": "--hypergradient=finite_difference",
    "beta_decay": "--beta_decay=20",
    "random_smoothing": "--random_smoothing=0.3",
    "edge_mutation": "--edge_mutation=0.2",
}
_PASSES = {"first_order": 2, "finite_difference": 5, "exact": 5}
_THREES = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+" + (
    "|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
_SUMMARY = "summary.json"
_IMAGES = "images"
_TEST_IMAGES = 1000


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    table: str = options.option(
        "File of the results of all cells, .npz or .csv."
    )
    workdir: str = options.option("Folder for everything, new or stopped.")
    column: str = options.option("Which results of the table.", "cifar10")
    methods: str = options.option(
        f"Of {', '.join(METHODS)}, or NAME=FLAGS, separated by commas.",
        "first_order,finite_difference",
    )
    seeds: int = options.option("Searches of each method.", 4)
    data_dir: str | None = options.option(
        "Folder of TensorFlow Datasets; none is its default.", None
    )
    dataset: str = options.option("What is searched on.", "cifar10")
    test_fraction: float | None = options.option(
        "Part to hold out where a folder has no test images.", None
    )
    max_samples: int = options.option("Images to search on.", 5000)
    image_size: int = options.option("Their height and width.", 16)
    filters: int = options.option("Filters of the first stage.", 8)
    num_cells: int = options.option("Cells of the supernet.", 3)
    batch_size: int = options.option("Images in either batch of a step.", 64)
    epochs: int = options.option("Passes over half of the images.", 40)
    alpha_learning_rate: float = options.option("Of the alphas.", 1e-2)
    cells: int = options.option(
        "Random cells on which the supernet's weights are judged, once a "
        "search has ended; 0 leaves that out.",
        100,
    )

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        options.check_positive(
            self, "seeds", "max_samples", "image_size", "epochs", "batch_size"
        )
        methods(self.methods)


def methods(text):
    """Returns the flags of each method.

    Args:
        text: String, as the flag has it.

    Returns:
        A dictionary from names to lists of strings.

    Raises:
        ValueError: If a name is unknown and has no flags.

    Example:

    >>> from benchmarks import search_quality
    >>> search_quality.methods("first_order,fast=--epochs=3 --seed=1")
    {'first_order': ['--hypergradient=first_order'],
     'fast': ['--epochs=3', '--seed=1']}
    """
    found = {}
    for part in text.split(","):
        name, separator, flags = part.strip().partition("=")
        if not separator and name not in METHODS:
            raise ValueError(
                f"`methods` must be of {sorted(METHODS)}, or NAME=FLAGS. "
                f"Received: {part!r}"
            )
        if not name.isidentifier():
            raise ValueError(
                f"The name of a method must be a word. Received: {part!r}"
            )
        found[name] = shlex.split(flags if separator else METHODS[name])
    return found


def run(config):
    """Searches what is not searched yet, judges it, and writes the results.

    Args:
        config: A `Config`.

    Returns:
        What `results.json` holds.
    """
    space = darts_tf.SearchSpace.nas_bench_201()
    table = result_table.read(config.table, space, config.column)
    images.check(config.dataset, config.data_dir)
    folder = pathlib.Path(config.workdir).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    _scale_images(config, folder)
    every = methods(config.methods)
    total, done, start = len(every) * config.seeds, 0, time.perf_counter()
    results = None
    # Seed by seed, so that what is there early compares the methods.
    for seed in range(config.seeds):
        for name, flags in every.items():
            run_folder = folder / f"{name}-{seed}"
            searched = not (run_folder / _SUMMARY).exists()
            if searched:
                minutes = _search(config, run_folder, seed, flags)
                _summarize(config, run_folder, space, table, minutes)
            done += searched
            left = total - (seed * len(every) + list(every).index(name) + 1)
            each = (time.perf_counter() - start) / max(done, 1)
            print(
                f"{name}, seed {seed}: {_line(run_folder)}; {left} searches "
                f"left"
                + (f", about {left * each / 60:.0f} min." if done else "."),
                flush=True,
            )
            results = _write(config, folder, list(every), table)
    return results


def _scale_images(config, folder):
    """Writes what is searched on as small image files, once."""
    target = folder / _IMAGES
    if target.exists():
        return
    dataset = images.load(config)
    partial = folder / f"{_IMAGES}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    labels = dataset.test[1]
    kept = np.arange(len(labels))
    if len(labels) > _TEST_IMAGES:
        kept, _ = splitting.split_indices(labels, _TEST_IMAGES / len(labels))
    parts = {
        "train": dataset.train,
        "test": tuple(part[kept] for part in dataset.test),
    }
    for part, (x, y) in parts.items():
        for index, (pixels, label) in enumerate(zip(x, y, strict=True)):
            path = partial / part / dataset.class_names[label]
            path.mkdir(parents=True, exist_ok=True)
            pixels = np.squeeze(pixels) if pixels.shape[-1] == 1 else pixels
            Image.fromarray(pixels).save(path / f"{index:06}.png")
    partial.rename(target)


def _search(config, folder, seed, flags):
    """Searches in a process of its own, which Ctrl-C stops, too.

    Returns the minutes that it took, by the clock and of the processor; of a
    search that was stopped, since it went on.
    """
    common = {
        "preset": "nas_bench_201",
        "dataset": folder.with_name(_IMAGES),
        "filters": config.filters,
        "num_cells": config.num_cells,
        "batch_size": config.batch_size,
        "epochs": config.epochs,
        "alpha_learning_rate": config.alpha_learning_rate,
        "crop_padding": config.image_size // 8,
        "eigenvalue_every": "none",
        "collapse_guard": "none",
        "seed": seed,
        "workdir": folder,
    }
    command = [sys.executable, "-m", "trainers.cnn_search"]
    command += [f"--{name}={value}" for name, value in common.items()]
    log = folder.with_name(f"{folder.name}.log")
    start, before = time.perf_counter(), _processor_seconds()
    with log.open("ab") as file:
        code = subprocess.run(
            [*command, *flags], stdout=file, stderr=file, check=False
        ).returncode
    if code:
        last = log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise RuntimeError(
            f"The search ended with the exit status {code}; the same command "
            f"goes on with it. {' '.join(last[-1:])} All lines: {log}"
        )
    return {
        "minutes": round((time.perf_counter() - start) / 60, 2),
        "cpu_minutes": round((_processor_seconds() - before) / 60, 2),
    }


def _processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _summarize(config, folder, space, table, minutes):
    """Looks up the cell of each epoch, and writes it beside the search."""
    genotypes = {
        epoch: darts_tf.discretize(space, op_weights)
        for epoch, op_weights in search_record.read_op_weights(
            folder, space
        ).items()
    }
    last = list(genotypes.values())[-1]
    summary = {
        "epochs": [
            {"epoch": epoch, "cell": g.to_text(), "result": table.result(g)}
            for epoch, g in genotypes.items()
        ],
        "cell": last.to_text(),
        "result": table.result(last),
        "rank": table.rank(last),
        # Epoch 0 is before the search.
        "best_on_the_way": max(
            table.result(g) for epoch, g in genotypes.items() if epoch
        ),
        **minutes,
    }
    if config.cells:
        summary["spearman"] = _rank_correlation(config, folder, table)
    json_file.write(folder / _SUMMARY, summary)


def _rank_correlation(config, folder, table):
    """Compares the supernet's view of random cells with the table's."""
    searched = json_file.read(folder / "config.json")
    names = {field.name for field in dataclasses.fields(cnn_search.Config)}
    settings = cnn_search.Config(
        **{k: v for k, v in searched.items() if k in names}
    )
    dataset = images.load(settings)
    model = cnn_search.make_model(settings, dataset)
    darts_tf.ExactResume(folder).restore(
        model, cnn_search.pairs(settings, dataset)[1]
    )
    transform = augmentation.evaluation_transform(dataset.mean, dataset.std)
    x, y = transform(dataset.test)
    genotypes = [
        model.supernet.space.random_genotype(seed)
        for seed in range(config.cells)
    ]
    accuracies = darts_tf.search.supernet_accuracy(
        model, genotypes, np.asarray(x), y
    )
    found = stats.spearmanr(accuracies, list(map(table.result, genotypes)))
    return round(float(found.statistic), 3)


def _line(folder):
    summary = json_file.read(folder / _SUMMARY)
    return (
        f"{summary['result']:.2f}, rank {summary['rank']}, at best "
        f"{summary['best_on_the_way']:.2f} on the way"
    )


def _write(config, folder, names, table):
    """Writes what there is so far."""
    found = {name: _summaries(folder, name) for name in names}
    found = {name: some for name, some in found.items() if some}
    rows = [
        {"method": name, **_figures(list(some.values()))}
        for name, some in found.items()
    ]
    threes = darts_tf.Genotype.from_text(_THREES)
    references = {
        "3x3 everywhere": (
            round(table.result(threes), 2),
            table.rank(threes),
        ),
        **{
            f"best of {k:g} random cells, expected": (
                round(table.expected_best(k), 2),
                None,
            )
            for k in sorted({1, 4, 8, 16, *_equal_cost(config)})
        },
        "best cell": (round(table.best()[1], 2), 1),
    }
    results = {
        "settings": dataclasses.asdict(config),
        "machine": device.start_line(),
        "random_cells_at_equal_cost": dict(
            zip(_PASSES, _equal_cost(config, every=True), strict=True)
        ),
        "references": {k: v[0] for k, v in references.items()},
        "methods": rows,
        "searches": {
            name: {str(seed): one for seed, one in some.items()}
            for name, some in found.items()
        },
    }
    json_file.write(folder / "results.json", results)
    header = [
        "method", "seeds", "mean", "sd", "worst", "mean rank",
        "best on the way", "minutes", "CPU minutes", "Spearman",
    ]  # fmt: skip
    lines = [
        [
            row["method"],
            row["seeds"],
            row["mean"],
            row["deviation"],
            row["worst"],
            row["mean_rank"],
            row["best_on_the_way"],
            row["minutes"],
            row["cpu_minutes"],
            row["spearman"],
        ]
        for row in rows
    ]
    lines += [
        [name, None, value, None, None, rank, None, None, None, None]
        for name, (value, rank) in references.items()
    ]
    text = markdown.table(header, lines)
    atomic_file.write_text(folder / "results.md", text)
    _draw(folder, found)
    return results


def _summaries(folder, name):
    """Returns the summaries of a method that are there, by seed."""
    found = {}
    for path in folder.glob(f"{name}-*/{_SUMMARY}"):
        seed = path.parent.name.removeprefix(f"{name}-")
        if seed.isdecimal():
            found[int(seed)] = json_file.read(path)
    return dict(sorted(found.items()))


def _figures(summaries):
    results = [one["result"] for one in summaries]
    correlations = [one["spearman"] for one in summaries if "spearman" in one]
    return {
        "seeds": len(results),
        "mean": round(statistics.mean(results), 2),
        "deviation": (
            round(statistics.stdev(results), 2) if len(results) > 1 else None
        ),
        "worst": round(min(results), 2),
        "mean_rank": round(statistics.mean(one["rank"] for one in summaries)),
        "best_on_the_way": round(
            statistics.mean(one["best_on_the_way"] for one in summaries), 2
        ),
        **{
            name: round(statistics.mean(one[name] for one in summaries), 1)
            for name in ("minutes", "cpu_minutes")
        },
        "spearman": (
            round(statistics.mean(correlations), 2) if correlations else None
        ),
    }


def _equal_cost(config, every=False):
    """Returns how many random cells could be trained instead of a search.

    A search passes half of the images through the supernet twice, or five
    times, each epoch; a training passes all of them through one cell once. The
    cost of a pass is counted in multiply-adds.
    """
    space = darts_tf.SearchSpace.nas_bench_201()
    shape = (None, config.image_size, config.image_size, 3)
    sizes = {"filters": config.filters, "num_cells": config.num_cells}
    supernet = darts_tf.ConvSupernet(space, **sizes)
    supernet.build(shape)
    per_cell = []
    for seed in range(20):
        network = darts_tf.ConvNetwork(
            space.random_genotype(seed), skeleton=space.skeleton, **sizes
        )
        network.build(shape)
        per_cell.append(darts_tf.count_multiply_adds(network))
    ratio = darts_tf.count_multiply_adds(supernet) / statistics.mean(per_cell)
    counts = [round(passes / 2 * ratio, 1) for passes in _PASSES.values()]
    return counts if every else counts[:2]


def _draw(folder, found):
    """Draws the true accuracy of the cell of each epoch."""
    curves = {
        f"{name} {seed}": {e["epoch"]: e["result"] for e in one["epochs"]}
        for name, some in found.items()
        for seed, one in some.items()
    }
    if not curves:
        return
    epochs = sorted({epoch for curve in curves.values() for epoch in curve})
    figure = chart.draw_chart(
        "accuracy of the cell of each epoch, %",
        epochs,
        {n: [c.get(e) for e in epochs] for n, c in curves.items()},
        size=(660, 320),
    )
    svg = darts_tf.visualize.to_svg(figure)
    atomic_file.write_text(folder / "results.svg", svg)


if __name__ == "__main__":
    options.main(Config, run)
