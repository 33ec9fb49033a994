"""Turns a network into files that run without this library, and checks them.

    python -m trainers.export --network=RUN/network.keras --workdir=OUT
    python -m trainers.export --network=RUN/network.keras \
        --formats=saved_model,float32,float16,dynamic_range,int8,onnx \
        --workdir=OUT
    python -m trainers.export --network=saved.keras --dataset=cifar10 \
        --workdir=OUT
    python -m trainers.export --genotype=DARTS_V2 --dataset=cifar10 \
        --workdir=OUT

`--network` is what `trainers.cnn_train` or `trainers.ptb_train` wrote; the
`config.json` beside it names the data. Any other `.keras` file of a network
needs `--dataset`, or of a language model `--corpus`. `--genotype` makes a
network of images of random weights, to learn what a cell costs before it is
trained.

The files of a network of images take raw uint8 pixels and return probabilities,
with the names of the classes inside (`--nopreprocessing`: normalised images and
logits). Those of a language model take a word and a state, with the vocabulary
inside. Genotype and config are in all of them. Each is run on test data and
compared with Keras: largest difference, top-1 agreement, accuracy or
perplexity; random weights have none. It is timed on one image or word, its
operators are counted and timed, and its bytes counted by what they are.
`OUT/export.json` has it all. Expected: a minute for a small network;
float16 and float32 agree with Keras to rounding, int8 loses about 0.1 % of
accuracy (docs/results.md).
"""

import dataclasses
import importlib.util
import pathlib
import shutil
import tempfile
from typing import Any

from trainers import device
from trainers import export_budget
from trainers import export_images
from trainers import export_steps
from trainers import genotypes
from trainers import images
from trainers import late
from trainers import options
from trainers import workdir

with late.imports():
    import darts_tf
    from darts_tf.export import networks
    from darts_tf.files import json_file

_REPORT_FILE = "export.json"
_GENOTYPE_FIELDS = ("stem", "filters", "num_cells")


@dataclasses.dataclass(frozen=True)
class Config(export_budget.BudgetOptions):
    """Options of the export; each field is a flag of the same name."""

    workdir: str = options.option(
        "Folder for the files: new, or of an export that was stopped."
    )
    network: str | None = options.option(
        "File network.keras of a training run, whose config.json, beside it, "
        "names the data; or any saved network, with --dataset or --corpus.",
        None,
    )
    genotype: str | None = options.option(
        f"Instead, for a network of random weights: {genotypes.HELP}", None
    )
    formats: str | None = options.option(
        f"Which of {', '.join(export_images.FORMATS)}, separated by commas; of "
        f"a language model {', '.join(export_steps.FORMATS)}. None is all but "
        "onnx and c_array.",
        None,
    )
    preprocessing: bool = options.option(
        "Take raw uint8 pixels and return probabilities; otherwise normalised "
        "images and logits.",
        True,
    )
    dataset: str | None = options.option(
        "digits, a data set of TensorFlow Datasets, or a folder of images; "
        "none is the training run's.",
        None,
    )
    corpus: str | None = options.option(
        "Of a language model, the text to compare on; none is the training "
        "run's.",
        None,
    )
    data_dir: str | None = options.option(
        "Folder of TensorFlow Datasets, or of the corpus; none is the training "
        "run's.",
        None,
    )
    image_size: int | None = options.option(
        "Height and width to resize images to; none is the training run's.",
        None,
    )
    stem: str | None = options.option(
        "cifar or imagenet, with --genotype; none is cifar.", None
    )
    filters: int | None = options.option(
        "Filters of the first cells, with --genotype; none is the paper's "
        "number for the stem.",
        None,
    )
    num_cells: int | None = options.option(
        "Cells of the network, with --genotype; none is the paper's number.",
        None,
    )
    seed: int = options.option("Seeds the weights of --genotype.", 0)
    calibration_images: int = options.option(
        "Training images on which int8 measures its ranges.", 128
    )
    test_images: int | None = options.option(
        "Test images on which to compare the files; none uses all.", None
    )
    test_words: int | None = options.option(
        "Words of the test text on which to compare the files of a language "
        "model; none is 256.",
        None,
    )
    num_threads: str = options.option(
        "For how many threads to time each file, separated by commas.", "1,2"
    )

    def __post_init__(self):
        """Fails on values that cannot work."""
        super().__post_init__()
        if (self.network is None) == (self.genotype is None):
            raise ValueError(
                "Expected either --network or --genotype. Received: "
                f"network={self.network!r}, genotype={self.genotype!r}"
            )
        if self.genotype is not None and self.dataset is None:
            raise ValueError(
                "--genotype needs a --dataset, for the size of the images and "
                "the classes. Received: dataset=None"
            )
        for name in _GENOTYPE_FIELDS:
            if self.genotype is None and getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` applies to --genotype only. "
                    f"Received: {name}={getattr(self, name)!r}"
                )
        options.check_positive(self, "calibration_images", "test_images")
        if self.test_words is not None and self.test_words < 2:
            raise ValueError(
                "`test_words` must be 2 or more. "
                f"Received: test_words={self.test_words}"
            )
        threads_of(self.num_threads)


def threads_of(text: str) -> tuple[int, ...]:
    """Reads numbers of threads.

    Args:
        text: String, positive integers separated by commas.

    Returns:
        Tuple of integers.

    Raises:
        ValueError: If it is something else.

    Example:

    >>> from trainers import export
    >>> export.threads_of("1,2")
    (1, 2)
    """
    numbers = text.split(",")
    if not all(number.isdecimal() and int(number) for number in numbers):
        raise ValueError(
            "`num_threads` must be positive integers, separated by commas. "
            f"Received: num_threads={text!r}"
        )
    return tuple(map(int, numbers))


def run(config: Config) -> dict[str, Any]:
    """Exports the network and compares the files.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of what is written to `export.json`.
    """
    if config.network is not None:
        workdir.check_file("network", config.network)
    resolved = {
        **options.to_json(config),
        "network_sha256": workdir.checksum(config.network),
    }
    workdir.check(config.workdir, resolved)
    if config.network is None:
        genotypes.check(str(config.genotype))
        images.check(str(config.dataset), config.data_dir)
    kind, network, training = _load(config)
    formats = _formats(config, kind)
    export_budget.check_applies(config, formats, kind.default_formats)
    exporter = kind(config, network, training)
    folder = workdir.create_or_resume(config.workdir, resolved)
    if (folder / _REPORT_FILE).exists():
        print(f"The export in {folder} is finished; nothing is changed.")
        report = json_file.read(folder / _REPORT_FILE)
        export_budget.check(config, report, exporter.network)
        return report
    files = _write(exporter, formats, folder)
    report = {
        **exporter.describe(files, threads_of(config.num_threads)),
        "device": device.description(),
        "versions": device.versions("ai-edge-litert"),
    }
    json_file.write(folder / _REPORT_FILE, report)
    _print(report, folder)
    export_budget.check(config, report, exporter.network)
    return report


def _load(config: Config) -> tuple[Any, Any, dict[str, Any]]:
    """Returns the kind of export, the network and the training's options.

    Raises:
        ValueError: If there is no network that can be exported.
    """
    if config.network is None:
        return export_images.ImageExport, None, {}
    path = pathlib.Path(config.network).expanduser()
    network = darts_tf.models.load_network(path)
    training = _training_options(path.with_name(workdir.CONFIG_FILE))
    if isinstance(network, darts_tf.RecurrentNetwork):
        return export_steps.StepExport, network, training
    if isinstance(network, darts_tf.ConvNetwork | darts_tf.models.PlainNetwork):
        return export_images.ImageExport, network, training
    raise ValueError(
        "`network` must be a `ConvNetwork` or `RecurrentNetwork`, such as the "
        "network.keras of trainers.cnn_train or trainers.ptb_train; "
        f"{networks.remedy(network)}. Received: network={config.network!r}, a "
        f"{type(network).__name__}"
    )


def _training_options(path: pathlib.Path) -> dict[str, Any]:
    """Returns the options of a training run, none if it is no such run."""
    if not path.is_file():
        return {}
    try:
        options_of_run = json_file.read(path)
    except ValueError as error:
        raise ValueError(
            "The config.json beside the network must be that of its training "
            f"run. {error}"
        ) from error
    # Other programs have files of this name, too.
    return options_of_run if isinstance(options_of_run, dict) else {}


def _formats(config: Config, kind: Any) -> list[str]:
    """Returns the formats to write, if all of them can be."""
    if config.formats is None:
        return list(kind.default_formats)
    names = config.formats.split(",")
    if not set(names) <= set(kind.formats) or len(set(names)) < len(names):
        raise ValueError(
            f"`formats` must be some of {', '.join(kind.formats)}, separated "
            f"by commas{kind.note}. Received: formats={config.formats!r}"
        )
    missing = [
        package
        for package in ("tf2onnx", "onnxruntime")
        if "onnx" in names and importlib.util.find_spec(package) is None
    ]
    if missing:
        raise ValueError(
            "The format onnx needs `pip install 'darts-tf[onnx]'`. "
            f"Received: no package {missing[0]}"
        )
    if "c_array" in names:  # last, with the file that it is made of
        names = [name for name in names if name not in ("int8", "c_array")]
        names += ["int8", "c_array"]
    return names


def _write(
    exporter: Any, formats: list[str], folder: pathlib.Path
) -> dict[str, pathlib.Path]:
    """Writes each format, and returns their paths."""
    files = {}
    with tempfile.TemporaryDirectory() as scratch:
        wanted = "saved_model" in formats
        place = (folder if wanted else pathlib.Path(scratch)) / "saved_model"
        saved_model = exporter.write_saved_model(_free(place))
        for name in formats:
            print(f"Writing {name} ...", flush=True)
            if name == "saved_model":
                files[name] = saved_model
            elif name == "onnx":
                path = _free(folder / "network.onnx")
                files[name] = darts_tf.export.export_onnx(saved_model, path)
            elif name == "c_array":
                # The same bytes as another file, so it is not compared.
                path = _free(folder / "network_int8.h")
                darts_tf.export.export_c_array(files["int8"], path)
            else:
                files[name] = darts_tf.export.export_tflite(
                    saved_model,
                    _free(folder / f"network_{name}.tflite"),
                    name,
                    exporter.calibration if name == "int8" else None,
                )
    return files


def _free(path: pathlib.Path) -> pathlib.Path:
    """Removes what an export that was killed has left at a path."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path


def _or_empty(number: float | None, form: str = ",") -> str:
    return "" if number is None else format(number, form)


def _print(report: dict[str, Any], folder: pathlib.Path) -> None:
    if "words" in report:
        measure, data = "perplexity", f"{report['words']:,} words"
    else:
        measure, data = "accuracy", f"{report['images']:,} images"
    print(f"{report['parameters']:,} parameters. ", end="")
    if f"keras_{measure}" in report:
        print(
            f"On {data} of the test data the {measure} of Keras is "
            f"{report[f'keras_{measure}']:.4f}; on {report['device']}:"
        )
    else:
        print(
            "The weights are random, so no accuracy is measured; agreement "
            f"says that a file computes what Keras does, on {data}; on "
            f"{report['device']}:"
        )
    threads = sorted(
        {
            number
            for entry in report["files"].values()
            for number in entry.get("latency_ms", ())
        },
        key=int,
    )
    heads = [
        f"{'file':14}{'bytes':>12}{'RAM, bytes':>12}"
        f"{measure if f'keras_{measure}' in report else '':>12}"
        f"{'agreement':>11}{'difference':>12}"
    ]
    heads += [f"{f'ms, {number} thread(s)':>20}" for number in threads]
    print("".join(heads))
    for name, entry in report["files"].items():
        row = (
            f"{name:14}{entry['bytes']:12,}"
            f"{_or_empty(entry.get('ram_bytes')):>12}"
            f"{_or_empty(entry.get(measure), '.4f'):>12}"
            f"{entry['top_1_agreement']:11.4f}"
            f"{entry['largest_difference']:12.1e}"
        )
        for number in threads:
            times = entry.get("latency_ms", {}).get(number)
            text = (
                f"{times['median']:.2f} ({times['lower']:.2f}-"
                f"{times['upper']:.2f})"
                if times
                else ""
            )
            row += f"{text:>20}"
        print(row)
    _print_contents(report["files"])
    for name, entry in report["files"].items():
        slowest = ", ".join(
            f"{row['operator']} {row['share']:.0%} ({row['count']})"
            for row in entry.get("profile", ())[:4]
        )
        if slowest:
            print(f"{name}: {slowest}")
    print(f"Files and export.json are in {folder}.")


def _print_contents(files: dict[str, Any]) -> None:
    """Prints what the bytes of the TFLite files are."""
    rows = {
        name: entry["bytes_by_content"]
        for name, entry in files.items()
        if "bytes_by_content" in entry
    }
    if not rows:
        return
    heads = next(iter(rows.values()))
    print(f"{'bytes of':14}" + "".join(f"{head:>14}" for head in heads))
    for name, counts in rows.items():
        print(f"{name:14}" + "".join(f"{n:14,}" for n in counts.values()))


if __name__ == "__main__":
    options.main(Config, run)
