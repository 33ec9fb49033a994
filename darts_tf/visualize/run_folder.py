"""Reads the folder of a search or of a training, for its report."""

import collections.abc
import pathlib

from darts_tf.callbacks import history_log
from darts_tf.files import json_file
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import genotype_json
from darts_tf.spaces import search_record
from darts_tf.visualize import trace as trace_lib

# What the commands write beside the logs.
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"
ENVIRONMENT_FILE = "environment.json"
DATA_FILE = "data.json"


class RunFolder:
    """Reads what a run has written so far.

    Attributes:
        directory: Path of the folder.
        genotype: The `darts_tf.Genotype`, found or trained.
        trace: The `SearchTrace` of a search; `None` for a training.
        history: List of dictionaries, the figures of each epoch.
        settings: Dictionary, the options of the run; empty if not known.
        versions: Dictionary, what the run ran on; empty if not known.
        metrics: Dictionary, the last figures; empty before the end.
        facts: Dictionary, what a search knows of its data; empty if unknown.
        is_of_command: Boolean, whether a command of `trainers` made it.

    Args:
        directory: String or path of the folder.
        settings: Optional dictionary, used instead of `config.json`. Defaults
            to `None`.
        versions: Optional dictionary, used instead of `environment.json`.
            Defaults to `None`.

    Raises:
        NotADirectoryError: If the folder does not exist.
        ValueError: If the folder is not that of a run, or a file in it is
            damaged.
        OSError: If a file cannot be read.
    """

    def __init__(self, directory, settings=None, versions=None):
        self.directory = pathlib.Path(directory)
        _check(self.directory)
        _check_mapping("settings", settings)
        _check_mapping("versions", versions)
        self.is_of_command = (self.directory / CONFIG_FILE).is_file()
        self.genotype = genotype_lib.Genotype.load(
            self.directory / genotype_json.FILE
        )
        self.settings = self._json(CONFIG_FILE, settings)
        self.metrics = self._json(METRICS_FILE)
        self.facts = self._json(DATA_FILE)
        self.versions = self._json(ENVIRONMENT_FILE, versions)
        self.history = history_log.read_history(self.directory)
        self.trace = None
        if search_record.has_space(self.directory):
            self.trace = trace_lib.read_trace(self.directory)
            self._check_genotype()

    @property
    def data(self):
        """The name of the data; `""` if it is not known."""
        return self.settings.get("dataset") or self.settings.get("corpus") or ""

    @property
    def is_search(self):
        """Whether it is the folder of a search, not that of a training."""
        return self.trace is not None

    def _json(self, name, given=None):
        """Returns what the caller has given, or else the content of a file."""
        if given is not None:
            return dict(given)
        path = self.directory / name
        return json_file.read_object(path) if path.exists() else {}

    def _check_genotype(self):
        if self.genotype.kind != self.trace.space.kind:
            raise ValueError(
                f"`{genotype_json.FILE}` and `{search_record.SPACE_FILE}` must "
                "be of the same search. Received: a "
                f"{self.genotype.kind} genotype and a {self.trace.space.kind} "
                f"space in {str(self.directory)!r}"
            )


def _check_mapping(name, value):
    if value is not None and not isinstance(value, collections.abc.Mapping):
        raise ValueError(
            f"`{name}` must be a dictionary from names to values. "
            f"Received: {name}={value!r}"
        )


def _check(directory):
    if not directory.is_dir():
        raise NotADirectoryError(
            "`directory` must be an existing folder. "
            f"Received: directory={str(directory)!r}"
        )
    missing = None
    logs = (search_record.SPACE_FILE, history_log.HISTORY_FILE, CONFIG_FILE)
    if not (directory / genotype_json.FILE).is_file():
        missing = f"no {genotype_json.FILE}"
    elif not any((directory / name).is_file() for name in logs):
        missing = f"neither {', '.join(logs[:-1])} nor {logs[-1]}"
    if missing is not None:
        raise ValueError(
            "A report needs the folder of a search or of a training, after "
            "its first epoch, with the files of `darts_tf.SearchLog`, or of "
            "`darts_tf.callbacks.HistoryLog` and `Genotype.save`. "
            f"Received: directory={str(directory)!r}, which has {missing}"
        )
