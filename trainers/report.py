"""Writes what a run found as one web page, which opens without a network.

    python -m trainers.report --workdir=RUN
    python -m trainers.report --workdir=runs

RUN is the folder of a search or of a training, finished, stopped or still
running. The commands write `RUN/report.html` themselves when they end, and
`RUN/environment.json` with the versions they ran on; this one writes the page
again. It takes a few seconds. In Python, `darts_tf.visualize.write_report`
writes the same page.

`runs` is a folder of such folders: the page `runs/report.html` compares them,
in a table, with their curves together and their cells side by side
(`darts_tf.visualize.write_comparison`). What is no run there is named.
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
    from darts_tf.visualize import next_steps
    from darts_tf.visualize import run_comparison
    from darts_tf.visualize import run_folder


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the report; each field is a flag of the same name."""

    workdir: str = options.option(
        "Folder of a search or of a training; or a folder of such folders, "
        "which are compared."
    )


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
    folder = pathlib.Path(config.workdir).expanduser()
    if _holds_runs(folder):
        path = visualize.write_comparison(folder)
        _, passed_over = run_comparison.find_runs(folder)
        if passed_over:
            print(
                "Passed over: "
                f"{run_comparison.describe_passed_over(passed_over)}"
            )
    else:
        path = visualize.write_report(folder)
    print(f"Wrote {path}")
    return path


def _holds_runs(folder: pathlib.Path) -> bool:
    """Returns whether a folder is one of runs, not that of a run."""
    genotype = "genotype.json"
    return not (folder / genotype).exists() and any(
        any(folder.glob(pattern))
        for pattern in (f"*/{genotype}", f"*/run_*/{genotype}")
    )


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
    run = run_folder.RunFolder(folder)
    if run.is_of_command:
        seconds = next_steps.expected_seconds(run)
        takes = f", about {next_steps.duration(seconds)}" if seconds else ""
        print(f"To go on{takes}: {next_steps.next_commands(run)[0]}")
    return path


if __name__ == "__main__":
    options.main(Config, run)
