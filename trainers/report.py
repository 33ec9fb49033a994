"""Writes what a run found as one web page, which opens without a network.

    python -m trainers.report --workdir=RUN

RUN is the folder of a search or of a training, finished, stopped or still
running. The commands write `RUN/report.html` themselves when they end, and
`RUN/environment.json` with the versions they ran on; this one writes the page
again. It takes a few seconds. In Python, `darts_tf.visualize.write_report`
writes the same page.
"""

import dataclasses
import os
import pathlib

from trainers import late
from trainers import options
from trainers import workdir

with late.imports():
    from darts_tf import environment
    from darts_tf import visualize
    from darts_tf.files import json_file
    from darts_tf.visualize import run_folder


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the report; each field is a flag of the same name."""

    workdir: str = options.option("Folder of a search or of a training.")


def run(config: Config) -> pathlib.Path:
    """Writes the report.

    Args:
        config: A `Config`.

    Returns:
        The path of the page.

    Raises:
        ValueError: If the folder is not that of a run, or a file in it is
            damaged.
        OSError: If a file cannot be read, or the page cannot be written.
    """
    workdir.check_file("workdir", config.workdir)
    path = visualize.write_report(pathlib.Path(config.workdir).expanduser())
    print(f"Wrote {path}")
    return path


def finish(folder: str | os.PathLike[str]) -> pathlib.Path:
    """Records what a run ran on, and writes its report: the last step of it.

    Args:
        folder: String or path, the `workdir` of the run, with `config.json`
            and `genotype.json`; and, as far as the run has them,
            `history.jsonl`, `metrics.json`, and the files of
            `darts_tf.SearchLog`.

    Returns:
        The path of the page.
    """
    record = pathlib.Path(folder, run_folder.ENVIRONMENT_FILE)
    json_file.write(record, environment.versions())
    path = visualize.write_report(folder)
    print(f"Report: {path}")
    return path


if __name__ == "__main__":
    options.main(Config, run)
