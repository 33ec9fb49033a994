"""The order of a run, its corrections and its end, without any training."""

import json
import types

import numpy as np
import pytest

from darts_tf.classifier import equal_networks
from darts_tf.classifier import fitting
from darts_tf.classifier import plans
from darts_tf.classifier import preparation
from darts_tf.classifier import run as run_lib
from darts_tf.classifier import shipping
from darts_tf.classifier import sizes
from darts_tf.classifier import sources

SPEED = plans.Speed(0.5, 0.01, 0.0, 0.1, 0.01, 0.0, 0.0)


NETWORK = {
    "val_accuracy": 0.5,
    "val_loss": 1.0,
    "test_accuracy": 0.5,
    "parameters": 10,
    "multiply_adds": 20,
    "filters": 4,
    "epochs": 3,
    "best_epoch": 2,
    "seconds": 1.0,
}
RESULTS = {
    "sentence": "It was so.",
    "networks": dict.fromkeys(plans.NETWORKS, NETWORK),
    "exported": "plain",
    "planned_seconds": 60,
    "seconds": 61.0,
}
PLAN = types.SimpleNamespace(setting=plans.Setting(8, "cifar", 3, 4, 0))


class Refusing:
    """Stands for a run that has too little time."""

    def __init__(self, *_):
        pass

    def go(self):
        raise ValueError("too few minutes")


class Time:
    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


class Network:
    """What is left of a network here."""

    def evaluate(self, data, verbose):
        return 1.0, 0.5


def count_in_closed_form(monkeypatch):
    """Builds no network: its parameters are 100 times the filters squared."""

    def settings(rungs, genotype, *shape):
        return [
            plans.Setting(
                size, sizes.stem_of(size), cells, filters, 0, 100 * filters**2
            )
            for size, cells, filters in rungs
        ]

    def counter(setting, *shape):
        return lambda genotype, filters: (1 + bool(genotype)) * 50 * filters**2

    def costs(network, images, budgets):
        counted = {"max_parameters": 100 * network.filters**2}
        return {name: counted[name] for name in budgets}

    def untrained(self, genotype, setting):
        return setting

    search = [plans.Setting(8, "cifar", 3, 4, 0)]
    monkeypatch.setattr(sizes, "settings", settings)
    monkeypatch.setattr(sizes, "search_settings", lambda *_: search)
    monkeypatch.setattr(equal_networks, "counter", counter)
    monkeypatch.setattr(shipping, "costs", costs)
    monkeypatch.setattr(preparation.Preparation, "_untrained", untrained)


@pytest.fixture
def world(monkeypatch, tmp_path):
    """Makes a run whose searches and trainings take what they are told."""
    time, lines, done = Time(), [], []
    slow = {"search": 1.0, "train": 1.0}

    def search(job, images, setting):
        if job.result is None:
            job.folder.mkdir(exist_ok=True)
            done.append(job.folder.name)
            time.time += slow["search"] * job.seconds
            (job.folder / "result.json").write_text("{}")
        return sizes.space(2).random_genotype(7)

    def train(job, images, genotype, setting):
        if job.result is None:
            job.folder.mkdir(exist_ok=True)
            done.append(job.folder.name)
            time.time += slow["train"] * job.seconds
            accuracy = {"train_plain": 0.9}.get(job.folder.name, 0.5)
            result = {
                "val_accuracy": accuracy,
                "val_loss": 1.0,
                "best_epoch": 1,
                "epochs": job.epochs,
                "seconds": job.seconds,
            }
            (job.folder / "result.json").write_text(json.dumps(result))
        return job.result

    file = {
        "bytes": 1000,
        "accuracy": 0.5,
        "ram_bytes": 2000,
        "latency_ms": {"1": {"median": 1.0}},
    }
    report = {
        "parameters": 10,
        "multiply_adds": 20,
        "files": {"float32": file, "int8": file},
    }
    monkeypatch.setattr(fitting, "search", search)
    monkeypatch.setattr(fitting, "train", train)
    monkeypatch.setattr(fitting, "best_network", lambda *job: Network())
    monkeypatch.setattr(shipping, "write", lambda *_: {})
    monkeypatch.setattr(shipping, "describe", lambda *_: report)
    monkeypatch.setattr(run_lib.page, "write", lambda *_: None)
    monkeypatch.setattr(run_lib.counting, "count_parameters", lambda _: 10)
    monkeypatch.setattr(run_lib.counting, "count_multiply_adds", lambda _: 20)
    count_in_closed_form(monkeypatch)
    x = np.random.default_rng(0).integers(0, 256, (80, 8, 8, 1), "uint8")
    source = sources.of_arrays(x, np.arange(80) % 2)

    def make(minutes=10, keep="best", **budgets):
        wishes = preparation.Wishes(minutes, 0, keep, None, None, budgets)
        run = run_lib.Run(
            tmp_path, source, wishes, lines.append, lambda read: SPEED
        )
        run.clock.now = time
        run.clock._began = time()
        return run

    make.time, make.lines, make.done, make.slow = time, lines, done, slow
    make.folder = tmp_path
    return make


def test_a_run_does_all_in_its_order_and_exports_the_best(world):
    results, _ = world().go()
    assert world.done == [
        "search_0",
        "train_searched",
        "train_random",
        "train_plain",
    ]
    assert (results["best"], results["exported"]) == ("plain", "plain")
    assert results["seconds"] == pytest.approx(600, rel=0.05)
    plan = next(line for line in world.lines if line.startswith("Plan: "))
    assert world.lines.index(plan) < world.lines.index(
        "Reading the images at 8x8 pixels ..."
    )
    assert "give or take" in world.lines[world.lines.index(plan) + 2]
    assert (world.folder / "split.json").exists()


def test_the_searched_one_is_exported_where_that_is_asked_for(world):
    results, _ = world(keep="searched").go()
    assert (results["best"], results["exported"]) == ("plain", "searched")


@pytest.mark.parametrize("slowness", [0.3, 1.0, 2.0])
def test_a_search_of_any_speed_leaves_the_whole_as_long_as_planned(
    world, slowness
):
    world.slow["search"] = slowness
    results, _ = world().go()
    assert results["seconds"] == pytest.approx(600, rel=0.05)
    times = [n["seconds"] for n in results["networks"].values()]
    assert len(set(times)) == 1
    assert any("for each training" in line for line in world.lines)


def test_a_late_run_gives_the_trainings_that_follow_less_time(world):
    world.slow["train"] = 1.5
    results, _ = world().go()
    assert results["seconds"] < 1.2 * 600
    assert sum("as the run is late" in line for line in world.lines) == 2


def test_a_run_that_was_stopped_does_only_what_is_left(world, monkeypatch):
    class Killed(Exception):
        pass

    whole = fitting.train

    def killed(job, *rest):
        if job.folder.name == "train_random":
            raise Killed
        return whole(job, *rest)

    monkeypatch.setattr(fitting, "train", killed)
    run = world()
    with pytest.raises(Killed):
        run.go()
    spent = world.time.time
    run.clock.save()
    monkeypatch.setattr(fitting, "train", whole)
    world.done.clear()
    world.lines.clear()
    results, _ = world().go()
    assert world.done == ["train_random", "train_plain"]
    assert not any(line.startswith(("Plan", "Meas")) for line in world.lines)
    assert results["seconds"] == pytest.approx(600, rel=0.05)
    assert world.time.time > spent


def test_networks_beside_each_other_have_equal_parameters(world):
    world().go()
    networks = json.loads((world.folder / "networks.json").read_text())
    searched, random, plain = (
        networks[name]["setting"]["parameters"] for name in plans.NETWORKS
    )
    assert random == pytest.approx(searched, rel=0.1)
    assert plain == pytest.approx(searched, rel=0.1)
    assert networks["plain"]["genotype"] is None


def test_a_limit_makes_the_networks_smaller_and_says_so(world):
    world(max_parameters=3000).go()
    networks = json.loads((world.folder / "networks.json").read_text())
    assert (
        max(n["setting"]["parameters"] for n in networks.values())
        <= 3000 * 1.01
    )
    assert any("The budget allows" in line for line in world.lines)


def test_a_limit_that_nothing_keeps_is_refused_before_the_search(world):
    with pytest.raises(ValueError, match="budget cannot be met.*Received: "):
        world(max_parameters=50).go()
    assert world.done == []


def test_too_few_minutes_are_refused_before_the_search(world):
    with pytest.raises(ValueError, match="minutes are needed on this machine"):
        world(minutes=0.01).go()
    assert world.done == []
