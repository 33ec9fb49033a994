"""Says what is in pictures, by a trained network or a file made of one.

    python -m trainers.classify --network=RUN/network.keras photos/*.jpg
    python -m trainers.classify --network=OUT/network_int8.tflite --top=3 a.png
    python -m trainers.classify --network=OUT/saved_model --json a.png b.png

Prints a line for each picture: its file, the most likely class and its
probability, or with `--json` an object of JSON. Pictures are turned upright and
resized to the size that the network was trained on. A picture that cannot be
read has a line that says so; then the exit status is 1 at the end.

The network is one that knows its classes and how its images were normalised:
`network.keras` of `trainers.cnn_train`, or a file of `trainers.export`.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

from trainers import late
from trainers import options
from trainers import workdir

with late.imports():
    import numpy as np

    import darts_tf
    from darts_tf.data import image_stack
    from darts_tf.data import picture_file
    from darts_tf.export import runners

# What the eye makes of red, green and blue (ITU-R BT.601).
_GREY = (0.299, 0.587, 0.114)


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the command; each field is a flag of the same name."""

    network: str = options.option(
        "File network.keras, .tflite or .onnx, or folder saved_model."
    )
    images: tuple[str, ...] = options.arguments("Picture files.")
    top: int = options.option("Classes to print, the most likely first.", 1)
    json: bool = options.option(
        "Print an object of JSON for each picture, with all classes.", False
    )

    def __post_init__(self):
        """Fails on values that cannot work."""
        options.check_positive(self, "top")
        if not self.images:
            raise ValueError(
                "Picture files are expected after the flags, such as "
                "photos/*.jpg. Received: none"
            )


@dataclasses.dataclass(frozen=True)
class _Classifier:
    """A network, or a file made of one.

    Args:
        classify: Callable from pixels to probabilities.
        input_shape: Tuple `(height, width, channels)`.
        class_names: Sequence of strings.
    """

    classify: Callable[[Any], Any]
    input_shape: tuple[int | None, int | None, int]
    class_names: tuple[str, ...]


def run(config: Config) -> list[dict[str, Any]]:
    """Classifies the pictures.

    Args:
        config: A `Config`.

    Returns:
        A list with a dictionary for each picture: its `file`, and `class`,
        `probability` and `probabilities`, or `error`.

    Raises:
        ValueError: If the network does not know its classes; and at the end,
            if a picture could not be read.
    """
    workdir.check_file("network", config.network)
    classifier = _open(pathlib.Path(config.network).expanduser())
    width = max(map(len, config.images))
    results: list[dict[str, Any]] = []
    for file in config.images:
        result = _classify(classifier, file)
        results.append(result)
        print(
            json.dumps(result, ensure_ascii=False)
            if config.json
            else _line(result, config.top, width),
            flush=True,
        )
    failed = sum("error" in result for result in results)
    if failed:
        raise options.Outcome(
            f"{failed} of {len(results)} pictures could not be classified, as "
            "their lines say"
        )
    return results


def _line(result: dict[str, Any], top: int, width: int) -> str:
    """Returns what is printed of a picture."""
    if "error" in result:
        return f"{result['file']:{width}}  error: {result['error']}"
    likely = sorted(result["probabilities"].items(), key=lambda item: -item[1])
    named = "  ".join(f"{name} {value:.3f}" for name, value in likely[:top])
    return f"{result['file']:{width}}  {named}"


def _classify(classifier: _Classifier, file: str) -> dict[str, Any]:
    """Returns what is to be said of a file."""
    try:
        pixels = _read(file, classifier.input_shape)
    except (ValueError, OSError) as error:
        return {"file": file, "error": " ".join(str(error).split())}
    (row,) = classifier.classify(pixels)
    best = int(row.argmax())
    return {
        "file": file,
        "class": classifier.class_names[best],
        "probability": round(float(row[best]), 6),
        "probabilities": {
            name: round(float(value), 6)
            for name, value in zip(classifier.class_names, row, strict=True)
        },
    }


def _read(file: str, shape: tuple[int | None, int | None, int]) -> Any:
    """Returns the pixels of a picture, as a batch of one."""
    path = pathlib.Path(file).expanduser()
    if not path.is_file():
        raise ValueError("there is no such file")
    image = picture_file.read(path, file)
    height, width, channels = shape
    if channels == 1:
        grey = np.rint(image @ np.array(_GREY)).astype(np.uint8)
        image = grey[..., np.newaxis]
    size = None if height is None or width is None else (height, width)
    return image_stack.stack([image], [file], size)


def _open(path: pathlib.Path) -> _Classifier:
    """Opens a network, or a file made of one.

    Raises:
        ValueError: If it does not say what its classes are called.
    """
    if path.suffix != ".keras":
        return _open_exported(path)
    network: Any = darts_tf.models.load_network(path)
    if getattr(network, "classification", None) is None:
        raise ValueError(_unknown(path))
    return _Classifier(
        lambda pixels: network.classify(pixels).probabilities,
        darts_tf.export.input_shape(network)[1:],
        network.classification.class_names,
    )


def _open_exported(path: pathlib.Path) -> _Classifier:
    texts = darts_tf.export.read_assets(path)
    if "labels.txt" not in texts:
        raise ValueError(_unknown(path))
    return _Classifier(
        runners.load(path),
        tuple(json.loads(texts["config.json"])["input_shape"][1:]),
        tuple(texts["labels.txt"].splitlines()),
    )


def _unknown(path: pathlib.Path) -> str:
    return (
        "`network` must know its classes: network.keras of trainers.cnn_train, "
        "or a file of trainers.export with its preprocessing; in Python set "
        "the `classification` of a ConvNetwork before saving it. "
        f"Received: network={str(path)!r}"
    )


if __name__ == "__main__":
    options.main(Config, run)
