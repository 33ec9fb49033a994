"""What a trained classifier takes for what, class by class."""

import base64
import io
import pathlib
import typing

import numpy as np
from PIL import Image

from darts_tf.files import json_file

EVALUATION_FILE = "evaluation.json"
_MISTAKES = 16
_LARGEST_PICTURE = 96


class Mistake(typing.NamedTuple):
    """An image that a classifier is certain of, and wrong.

    Args:
        index: Integer, the position of the image in the data.
        label: String, its class.
        predicted: String, the class it is taken for.
        probability: Float, how certain the classifier is.
        png: Bytes, the picture.
    """

    index: int
    label: str
    predicted: str
    probability: float
    png: bytes


class Evaluation:
    """Counts what images are taken for, batch by batch.

    Args:
        class_names: Sequence of strings; a label is the position in it.
        mistakes: Integer, how many of the most certain mistakes are kept with
            their pictures. Defaults to `16`.

    Raises:
        ValueError: In `add`, if the arrays do not fit together.

    Example:

    >>> import numpy as np
    >>> from darts_tf import visualize
    >>> evaluation = visualize.Evaluation(["cat", "dog"])
    >>> images = np.zeros((3, 8, 8, 3), "uint8")
    >>> evaluation.add(images, [0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> evaluation.confusion.tolist()
    [[1, 0], [1, 1]]
    >>> evaluation.accuracy_by_class()
    {'cat': 1.0, 'dog': 0.5}
    >>> [(m.label, m.predicted, m.probability) for m in evaluation.mistakes]
    [('dog', 'cat', 0.8)]
    """

    def __init__(self, class_names, mistakes=_MISTAKES):
        self.class_names = tuple(map(str, class_names))
        size = len(self.class_names)
        self.confusion = np.zeros((size, size), np.int64)
        self.mistakes = []
        self._limit = mistakes
        self._seen = 0

    def add(self, images, labels, probabilities):
        """Counts a batch.

        Args:
            images: uint8 array of shape `(samples, height, width, channels)`,
                of 1 or 3 channels.
            labels: Integers of shape `(samples,)`.
            probabilities: Numbers of shape `(samples, classes)`.
        """
        images, labels = np.asarray(images), np.asarray(labels)
        probabilities = np.asarray(probabilities, np.float64)
        shape = len(labels), len(self.class_names)
        if probabilities.shape != shape or len(images) != len(labels):
            raise ValueError(
                "There must be an image, a label and a probability of each "
                f"class for each sample. Received: {len(images)} images, "
                f"{len(labels)} labels, probabilities of shape "
                f"{probabilities.shape} for {len(self.class_names)} classes"
            )
        predicted = probabilities.argmax(axis=-1)
        np.add.at(self.confusion, (labels, predicted), 1)
        wrong = np.flatnonzero(predicted != labels)
        certain = wrong[
            np.argsort(-probabilities[wrong].max(-1), kind="stable")
        ]
        for k in certain[: self._limit]:
            self.mistakes.append(
                Mistake(
                    self._seen + int(k),
                    self.class_names[labels[k]],
                    self.class_names[predicted[k]],
                    float(probabilities[k, predicted[k]]),
                    _png(images[k]),
                )
            )
        # Sorting is stable: of two alike, the first image stays first.
        self.mistakes.sort(key=lambda mistake: -mistake.probability)
        del self.mistakes[self._limit :]
        self._seen += len(labels)

    @property
    def accuracy(self):
        """The share of the images whose class is found; `None` without any."""
        total = self.confusion.sum()
        return float(np.trace(self.confusion) / total) if total else None

    def accuracy_by_class(self):
        """Returns the share by class; `None` for a class without images."""
        totals = self.confusion.sum(axis=1).tolist()
        rights = np.diag(self.confusion).tolist()
        return {
            name: right / total if total else None
            for name, right, total in zip(
                self.class_names, rights, totals, strict=True
            )
        }

    def confused(self):
        """Returns what is taken for what, the most frequent first.

        Returns:
            A list of tuples `(class, class it is taken for, images)`.
        """
        wrong = self.confusion * (1 - np.eye(len(self.class_names), dtype=int))
        found = [
            (self.class_names[row], self.class_names[column], int(count))
            for (row, column), count in np.ndenumerate(wrong)
            if count
        ]
        return sorted(found, key=lambda entry: -entry[2])

    def save(self, directory):
        """Writes `evaluation.json`, which `write_report` shows.

        Args:
            directory: String or path, the folder of the training.

        Returns:
            The path of the file.
        """
        path = pathlib.Path(directory, EVALUATION_FILE)
        rows, columns = np.nonzero(self.confusion)
        counts = self.confusion[rows, columns]
        triples = zip(
            rows.tolist(), columns.tolist(), counts.tolist(), strict=True
        )
        json_file.write(
            path,
            {
                "class_names": list(self.class_names),
                # Class, what it is taken for, images; the others are 0.
                "confusion": " ".join(
                    ",".join(map(str, triple)) for triple in triples
                ),
                "mistakes": [
                    mistake._asdict()
                    | {"png": base64.b64encode(mistake.png).decode("ascii")}
                    for mistake in self.mistakes
                ],
            },
        )
        return path


def read_evaluation(directory):
    """Reads what `Evaluation.save` wrote.

    Args:
        directory: String or path, the folder of a training.

    Returns:
        An `Evaluation`, or `None` if there is none.

    Raises:
        ValueError: If the file is damaged.
        OSError: If it cannot be read.

    Example:

    >>> import tempfile
    >>> from darts_tf.visualize import evaluation
    >>> folder = tempfile.TemporaryDirectory()
    >>> evaluation.read_evaluation(folder.name) is None
    True
    >>> _ = evaluation.Evaluation(["cat", "dog"]).save(folder.name)
    >>> evaluation.read_evaluation(folder.name).class_names
    ('cat', 'dog')
    >>> folder.cleanup()
    """
    path = pathlib.Path(directory, EVALUATION_FILE)
    if not path.exists():
        return None
    content = json_file.read_object(path)
    try:
        result = Evaluation(content["class_names"])
        for triple in content["confusion"].split():
            row, column, count = map(int, triple.split(","))
            result.confusion[row, column] = count
        result.mistakes = [
            Mistake(**entry | {"png": base64.b64decode(entry["png"])})
            for entry in content["mistakes"]
        ]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
        raise ValueError(
            "The file must be as `darts_tf.visualize.Evaluation.save` writes "
            f"it ({e}). Received: {str(path)!r}"
        ) from e
    return result


def _png(pixels):
    """Returns a picture, shrunk if it is large, as a PNG file."""
    pixels = np.asarray(pixels, np.uint8)
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    image = Image.fromarray(pixels)
    image.thumbnail((_LARGEST_PICTURE, _LARGEST_PICTURE))
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return file.getvalue()
