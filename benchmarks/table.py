"""Times all steps in one run, beside the limits of the machine.

    python -m benchmarks.table --sizes=small,paper --output=t.json --table=t.md

Times the step of the search in both spaces with each hypergradient, merged and
in the forms that it is compared with (`benchmarks.search_step`,
`benchmarks.recurrent_step`), and the training step of the derived networks
(`benchmarks.train_step`). What is compared takes turns, with two processes that
measure what the machine can do (`benchmarks.machine_limits`); so each line says
how far it is from the limit. Where all forms would not fit into memory, they
are timed in groups of `--at_once`, each with the merged form; a ratio is taken
within a group.

Prints JSON, and writes it to `--output` after each group; `--table` is a file
for the same in Markdown. The sizes are `small` and `paper`, which for the
recurrent search has 64 rows instead of 256.
"""

import dataclasses
import sys

from benchmarks import machine_limits
from benchmarks import markdown
from benchmarks import recurrent_step
from benchmarks import search_step
from benchmarks import stepping
from benchmarks import train_step
from trainers import options

SIZES = {
    "small": {
        "conv": {"filters": 8, "num_cells": 3, "batch_size": 16},
        "recurrent": {"units": 100, "batch_size": 16, "vocabulary_size": 1000},
        "cifar": {"filters": 8, "num_cells": 5, "batch_size": 16},
        "imagenet": {"filters": 8, "num_cells": 5, "batch_size": 8},
        "ptb": {"units": 100, "batch_size": 16, "vocabulary_size": 1000},
    },
    "paper": {
        "conv": {"filters": 16, "num_cells": 8, "batch_size": 64},
        "recurrent": {"units": 300, "batch_size": 64},
        "cifar": {},
        "imagenet": {},
        "ptb": {"units": 850, "batch_size": 64},
    },
}
_SECTIONS = ("conv", "recurrent", "cifar", "imagenet", "ptb")
_RATIOS = ("first_step", "step_median", "peak_memory_gb")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    sizes: str = options.option("small, paper, separated by commas.", "small")
    sections: str = options.option(
        "What is timed, separated by commas: the searches conv and recurrent, "
        "the training of cifar, imagenet and ptb.",
        ",".join(_SECTIONS),
    )
    methods: str = options.option(
        "Hypergradients, separated by commas.", ",".join(search_step.METHODS)
    )
    forms: str = options.option(
        "Forms of the search, separated by commas; merged is there in any "
        "case.",
        "merged,plain,torch,torch_channels_last",
    )
    at_once: int = options.option(
        "Forms that live at once, the merged one among them.", 2
    )
    steps: int = options.option("Steps counted, after two that are not.", 5)
    torch_python: str = options.option(
        "Interpreter that has PyTorch.", sys.executable
    )
    output: str | None = options.option("File for the JSON; none prints.", None)
    table: str | None = options.option("File for the table; none prints.", None)

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        for name, known in (
            ("sizes", tuple(SIZES)),
            ("sections", _SECTIONS),
            ("methods", search_step.METHODS),
            ("forms", (*search_step.FORMS, *search_step.TORCH_FORMS)),
        ):
            unknown = sorted(set(getattr(self, name).split(",")) - set(known))
            if unknown:
                raise ValueError(
                    f"`{name}` may be {known}. Received: {unknown}"
                )
        if self.at_once < 2:
            raise ValueError(
                "`at_once` must be at least 2, the merged form and another. "
                f"Received: at_once={self.at_once}"
            )
        options.check_positive(self, "steps")


def run(config):
    """Runs the benchmark, prints its JSON and its table.

    Args:
        config: A `Config`.

    Returns:
        List of dictionaries, the lines of the table.
    """
    lines = []
    for compared in _comparisons(config):
        by_form = {}
        for group in _groups(compared, config.at_once):
            for line in _timed(group, config.steps):
                # The merged form is in each group; its first time counts.
                if "error" in by_form.get(line["form"], {"error": None}):
                    by_form[line["form"]] = line
            stepping.save(config, results=[*lines, *by_form.values()])
        lines += by_form.values()
    stepping.report(config, results=lines)
    table = markdown_table(lines)
    markdown.write(config.table, table)
    print(table)
    return lines


def _comparisons(config):
    """Yields what is compared: a list of pairs of names and a setting."""
    for size in config.sizes.split(","):
        for section in config.sections.split(","):
            values = {
                **SIZES[size][section],
                "torch_python": config.torch_python,
                "steps": config.steps,
            }
            searches = section in ("conv", "recurrent")
            for what in config.methods.split(",") if searches else [section]:
                names = {"size": size, "section": section, "what": what}
                yield [
                    ({**names, "form": form}, setting)
                    for form, setting in _settings(
                        config, section, what, values
                    )
                ]


def _settings(config, section, what, values):
    """Yields the name of each form and its setting, ours first."""
    others = [f for f in config.forms.split(",") if f != "merged"]
    if section == "conv":
        forms = ",".join(["merged", *others])
        benchmark = search_step.Config(forms=forms, **values)
        for setting in search_step.make_settings(benchmark, what):
            yield setting["form"], setting
    elif section == "recurrent":
        torch = f",torch_{what}" if "torch" in others else ""
        benchmark = recurrent_step.Config(what=what + torch, **values)
        for setting in recurrent_step.make_settings(benchmark):
            torch = setting["what"].startswith("torch")
            yield "torch" if torch else "merged", setting
    elif section == "ptb":
        benchmark = recurrent_step.Config(what="training", **values)
        yield "now", *recurrent_step.make_settings(benchmark)
    else:
        values = {k: v for k, v in values.items() if k != "torch_python"}
        benchmark = train_step.Config(forms="now", **values)
        yield "now", *train_step.make_settings(benchmark, section)


def _groups(compared, at_once):
    """Returns the groups that live at once, each with the first of all."""
    first, *others = compared
    size = at_once - 1
    parts = [others[k : k + size] for k in range(0, len(others), size)]
    return [[first, *part] for part in parts or [[]]]


def _timed(group, num_steps):
    """Returns the lines of a group, in turns with the limits."""
    limits = machine_limits.settings()
    settings = [setting for _, setting in group]
    try:
        rows = stepping.in_turns([*settings, *limits], num_steps)
    except OSError as error:
        # Such as by a lack of memory: what else is timed should not be lost.
        return [{**names, "error": str(error)} for names, _ in group]
    rates = machine_limits.rates(rows[len(settings) :])
    lines = []
    for (names, setting), row in zip(group, rows, strict=False):
        line = {**names, "multiply_adds": setting.get("multiply_adds"), **row}
        gflops = 2 * line["multiply_adds"] / row["step_median"] / 1e9
        line["gflops"] = round(gflops, 2)
        line["percent_of_limit"] = round(100 * gflops / rates["gflops"], 1)
        line["over_merged"] = {
            name: round(row[name] / rows[0][name], 2) if group[1:] else None
            for name in _RATIOS
        }
        lines.append({**line, "limits": rates})
    return lines


def markdown_table(lines):
    """Returns the lines as a table.

    Args:
        lines: List of dictionaries, as `run` returns them.

    Returns:
        String, in Markdown.
    """
    header = [
        "size",
        "step of",
        "form",
        "step, s: median (least to most)",
        "over merged",
        "first step, s",
        "over merged",
        "peak memory, GB",
        "GFLOP a step",
        "GFLOP/s",
        "of the limit",
    ]
    return markdown.table(header, [_cells(line) for line in lines])


def _cells(line):
    names = [line["size"], _title(line), line["form"]]
    if "error" in line:
        return [*names, line["error"], *[None] * 7]
    over = line["over_merged"]
    spread = f"({line['step_min']} to {line['step_max']})"
    return [
        *names,
        f"{line['step_median']} {spread}",
        over["step_median"],
        line["first_step"],
        over["first_step"],
        line["peak_memory_gb"],
        round(2 * line["multiply_adds"] / 1e9, 2),
        line["gflops"],
        f"{line['percent_of_limit']} % of {line['limits']['gflops']}",
    ]


def _title(line):
    if line["section"] == line["what"]:
        return f"{line['section']}, training"
    return f"{line['section']}, {line['what']}"


if __name__ == "__main__":
    options.main(Config, run)
