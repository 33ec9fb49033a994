"""Measures the machine and plans the run, within its limits."""

import dataclasses
import pathlib

import keras
import numpy as np

from darts_tf.classifier import budget
from darts_tf.classifier import clock as clock_lib
from darts_tf.classifier import planner
from darts_tf.classifier import plans
from darts_tf.classifier import shipping
from darts_tf.classifier import sizes
from darts_tf.classifier import speed as speed_lib
from darts_tf.files import json_file
from darts_tf.models import classification as classification_lib

# An int8 file of a network that is not trained, in graphs of its training.
_FILE_GRAPHS = 3.0
SPEED_FILE, PLAN_FILE = "speed.json", "plan.json"


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What a user wants of a run.

    Args:
        minutes: Number, what the whole may take.
        seed: Integer.
        keep: String, `"best"` or `"searched"`.
        image_size: Optional integer.
        flip: Optional boolean.
        budgets: Dictionary from the names of `shipping.BUDGETS` to limits.
    """

    minutes: float
    seed: int
    keep: str
    image_size: int | None
    flip: bool | None
    budgets: dict


class Preparation:
    """Measures and plans, once for each folder.

    Args:
        directory: Path of the folder, which exists.
        source: A `sources.Source`.
        wishes: A `Wishes`.
        data: A `plans.Data`.
        clock: A `clock.Clock`.
        say: Callable that is given lines.
        measure: Callable from the seconds for reading an image to a
            `plans.Speed`. Defaults to `speed.measure`.
    """

    def __init__(
        self,
        directory,
        source,
        wishes,
        data,
        clock,
        say,
        measure=speed_lib.measure,
    ):
        self.directory = pathlib.Path(directory)
        self.source = source
        self.wishes = wishes
        self.data = data
        self.clock = clock
        self.say = say
        self.measure = measure
        self.flip = not source.is_grey if wishes.flip is None else wishes.flip

    def speed(self):
        """Returns what this machine takes, a `plans.Speed`."""
        path = self.directory / SPEED_FILE
        if not path.exists():
            self.say("Measuring this machine ...")
            speed = self.measure(self.source.seconds_per_image)
            json_file.write(path, vars(speed))
            self.clock.save()
        return plans.Speed(**json_file.read_object(path))

    def plan(self, speed):
        """Returns the plan, and says it."""
        path = self.directory / PLAN_FILE
        if path.exists():
            return _plan_of(json_file.read_object(path))
        rungs = sizes.ladder(self.source.size, self.wishes.image_size)
        searches = sizes.search_settings(rungs[0][0], *self.shape())
        settings = self.settings(rungs, sizes.reference(2))
        plan = planner.plan(
            self.clock.left(), speed, self.data, settings, searches
        )
        if self.wishes.budgets:
            fits = self._within_budget(plan.setting, rungs)
            # What the limits took is over, and will be taken once more for
            # the networks of the cells that are found.
            later = self._checking(speed, fits)
            plan = planner.plan(
                self.clock.left() - later, speed, self.data, [fits], searches
            )
            plan = dataclasses.replace(plan, ending=plan.ending + later)
        json_file.write(path, dataclasses.asdict(plan))
        self.clock.save()
        for line in describe(plan, self.clock, self.flip):
            self.say(line)
        return plan

    def _checking(self, speed, setting):
        """Returns the seconds for comparing each network with the limits."""
        if not set(self.wishes.budgets) & set(shipping.OF_FILES):
            return 0.0
        networks = len(plans.NETWORKS)
        return networks * _FILE_GRAPHS * planner.graphs(speed, setting)

    def _within_budget(self, planned, rungs):
        """Returns a setting that keeps the limits, with a reference cell."""
        at = rungs.index(
            (planned.image_size, planned.num_cells, planned.filters)
        )
        # Of each size and depth the widest, down to the smallest.
        widest = {rung[:2]: rung[2] for rung in rungs[: at + 1]}
        for (size, cells), filters in reversed(widest.items()):
            setting = dataclasses.replace(
                planned,
                image_size=size,
                stem=sizes.stem_of(size),
                num_cells=cells,
                filters=filters,
            )
            fits = self.fitting(sizes.reference(2), setting)
            if fits is None:
                continue
            if fits != planned:
                self.say(
                    f"The budget allows {size_text(fits)}, instead of "
                    f"{size_text(planned)} for which there is time."
                )
            growth = fits.num_cells / planned.num_cells
            growth *= (fits.image_size / planned.image_size) ** 2
            growth *= (fits.filters / planned.filters) ** 2
            return dataclasses.replace(
                fits, multiply_adds=int(planned.multiply_adds * growth)
            )
        smallest = dataclasses.replace(setting, filters=budget.LEAST_FILTERS)
        taken = shipping.costs(
            self._untrained(sizes.reference(2), smallest),
            _noise(smallest, self.source.channels),
            self.wishes.budgets,
        )
        raise ValueError(
            "The budget cannot be met: the smallest network that is trained "
            f"here, of {size_text(smallest)}, would be over it. Received: "
            f"{shipping.over(taken, self.wishes.budgets)}"
        )

    def fitting(self, genotype, setting):
        """Returns a setting with as many filters as fit, or `None`.

        Args:
            genotype: A `darts_tf.Genotype`; `None` for the plain network.
            setting: A `plans.Setting`.
        """
        if not self.wishes.budgets:
            return setting
        filters = budget.largest_filters(
            setting.filters,
            lambda number: self._untrained(
                genotype, dataclasses.replace(setting, filters=number)
            ),
            _noise(setting, self.source.channels),
            self.wishes.budgets,
            step=sizes.step_of(setting.stem),
        )
        return filters and dataclasses.replace(setting, filters=filters)

    def _untrained(self, genotype, setting):
        keras.backend.clear_session()
        network = sizes.build(
            genotype,
            setting.image_size,
            setting.num_cells,
            setting.filters,
            *self.shape(),
        )
        channels = self.source.channels
        network.classification = classification_lib.Classification(
            [0.5] * channels, [0.25] * channels, self.source.class_names
        )
        return network

    def shape(self):
        """Returns the number of classes and that of channels."""
        return len(self.source.class_names), self.source.channels

    def settings(self, rungs, genotype):
        """Returns the settings of the networks of a genotype.

        Args:
            rungs: List from `sizes.ladder`.
            genotype: A `darts_tf.Genotype`.
        """
        return sizes.settings(rungs, genotype, *self.shape())


def describe(plan, clock, flip):
    """Returns the lines that say a plan.

    Args:
        plan: A `plans.Plan`.
        clock: A `clock.Clock`.
        flip: Boolean.
    """
    so_far = clock.spent()
    total = so_far + plan.seconds
    searches = (
        "a search"
        if plan.searches == 1
        else f"{plan.searches} searches and short trainings"
    )
    return [
        f"Plan: {size_text(plan.setting)}; images are "
        f"{'' if flip else 'not '}mirrored at random.",
        f"  {clock_lib.minutes(so_far)} measuring, "
        f"{clock_lib.minutes(plan.reading)} reading, "
        f"{clock_lib.minutes(plan.searches * (plan.searching + plan.choosing))}"
        f" {searches} of {plan.search_epochs} epochs, "
        f"3 trainings of {clock_lib.minutes(plan.training)} "
        f"({plan.train_epochs} epochs): searched, random and plain, "
        f"{clock_lib.minutes(plan.ending)} counting, test and export.",
        f"  Together {clock_lib.minutes(total)} of "
        f"{clock_lib.minutes(clock.seconds)}, give or take "
        f"{plan.uncertainty:.0%}; what is slower or faster is made up for by "
        "fewer or more epochs.",
    ]


def size_text(setting):
    """Returns the sizes of a network in words.

    Args:
        setting: A `plans.Setting`.
    """
    return (
        f"images of {setting.image_size}x{setting.image_size}, "
        f"{setting.num_cells} cells, {setting.filters} filters"
    )


def _noise(setting, channels):
    """Returns images on which nothing but the costs depends."""
    shape = (8, setting.image_size, setting.image_size, channels)
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


def _plan_of(values):
    return plans.Plan(
        **{
            **values,
            "setting": plans.Setting(**values["setting"]),
            "search": plans.Setting(**values["search"]),
        }
    )
