"""The texts that travel inside an exported file, such as its genotype."""

import json
import pathlib
import zipfile

from darts_tf import version
from darts_tf.export import networks

# Of a SavedModel: the folder that the format leaves to its users.
FOLDER = "assets.extra"


def describe(network, facts):
    """Returns what a file should tell about the network in it.

    Args:
        network: A `darts_tf.ConvNetwork` or `darts_tf.RecurrentNetwork`.
        facts: Dictionary of what `config.json` should say beside the config.

    Returns:
        A dictionary from the names `genotype.json`, of a network that has one,
        and `config.json` to the texts.
    """
    config = {
        "network": type(network).__name__,
        "config": {
            name: json.loads(value) if name == "genotype" else value
            for name, value in network.get_config().items()
            # The facts have what a classification says.
            if name not in ("dtype", "trainable", "classification")
        },
        **facts,
        "darts_tf": version.__version__,
    }
    texts = {}
    if network.genotype is not None:
        texts["genotype.json"] = network.genotype.to_json()
    return {**texts, "config.json": json.dumps(config, indent=2) + "\n"}


def write(path, texts):
    """Puts texts into the folder of a SavedModel.

    Args:
        path: Path of the folder.
        texts: Dictionary from names to texts.
    """
    folder = path / FOLDER
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def read_assets(path):
    """Returns the texts inside an exported file.

    Those of a `.tflite` file are a zip archive at its end, as the metadata of
    the format prescribes, so any unpacker of zip files reads them, too.

    Args:
        path: String or path: the folder of a SavedModel, a `.tflite` file or
            an `.onnx` file, written by this library.

    Returns:
        A dictionary from the name of each text to the text.

    Raises:
        ValueError: If there are none, or the path is not one of the three.
        OSError: If the file cannot be read.

    Example:

    >>> import tempfile
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> texts = darts_tf.export.read_assets(path)
    >>> sorted(texts)
    ['config.json', 'genotype.json']
    >>> genotype = darts_tf.Genotype.from_json(texts["genotype.json"])
    >>> genotype == darts_tf.zoo.DARTS_V2
    True
    >>> folder.cleanup()
    """
    networks.check_file(path, "a SavedModel, a .tflite or an .onnx file")
    path = pathlib.Path(path)
    if path.is_dir():
        files = sorted((path / FOLDER).glob("*"))
        texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    elif path.suffix == ".onnx":
        import onnx  # An extra, which only those who export to it install.

        properties = onnx.load(str(path)).metadata_props
        texts = {entry.key: entry.value for entry in properties}
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            texts = {
                name: archive.read(name).decode("utf-8")
                for name in archive.namelist()
            }
    else:
        path.stat()  # says so if there is no such file
        texts = {}
    if not texts:
        raise ValueError(
            "The path must be that of a SavedModel, a .tflite or an .onnx file "
            f"with texts inside. Received: path={str(path)!r}"
        )
    return texts


def append_to_tflite(path, texts):
    """Puts texts at the end of a `.tflite` file, where runtimes do not look.

    Args:
        path: Path of the file.
        texts: Dictionary from names to texts.
    """
    # Stored, not compressed: readers on phones map them into memory.
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        for name, text in texts.items():
            # With the oldest date of the format: the hour is of no interest.
            archive.writestr(zipfile.ZipInfo(name), text)
