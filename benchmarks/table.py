"""Times all steps in one run, beside the limits of the machine.

    python -m benchmarks.table --preset=paper --output=table.json --table=table.md

Times the step of the search in both spaces with each hypergradient, merged and
in the forms that it is compared with (`benchmarks.search_step`,
`benchmarks.recurrent_step`), and the training step of the derived networks
(`benchmarks.train_step`). All of a group take turns, with two processes that
measure what the machine can do (`benchmarks.machine_limits`); so each line says
how far it is from the limit. What does not fit into memory at once is timed in
several groups, each with the merged form: `--at_once=2` are pairs. A ratio is
taken within a group.

Prints JSON, and writes it with `--output` after each group; `--table` is a file
for the same in Markdown. Without a preset the sizes are small.
"""

import dataclasses
import json
import sys

from benchmarks import machine_limits
from benchmarks import markdown
from benchmarks import recurrent_step
from benchmarks import search_step
from benchmarks import stepping
from benchmarks import train_step
from trainers import options

_SECTIONS = ("conv", "recurrent", "training")
PRESETS = {
    "small": {},
    "paper": {"filters": 16, "num_cells": 8, "batch_size": 64, "units": 300},
}
