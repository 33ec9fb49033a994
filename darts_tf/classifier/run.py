"""A whole run: measure, plan, search, train, test, export, in its order.

Each part leaves its result in a file of the folder, and is passed over where
that file is there: so a run that was killed goes on.
"""

import dataclasses
import pathlib

from darts_tf.classifier import budget
from darts_tf.classifier import clock as clock_lib
from darts_tf.classifier import equal_networks
from darts_tf.classifier import fitting
from darts_tf.classifier import page
from darts_tf.classifier import parts as parts_lib
from darts_tf.classifier import planner
from darts_tf.classifier import plans
from darts_tf.classifier import preparation
from darts_tf.classifier import results as results_lib
from darts_tf.classifier import shipping
from darts_tf.classifier import sizes
from darts_tf.classifier import speed as speed_lib
from darts_tf.data import image_classification
from darts_tf.files import json_file
from darts_tf.models import classification as classification_lib
from darts_tf.models import counting
from darts_tf.spaces import genotype as genotype_lib

NETWORKS_FILE = "networks.json"
# A training that has less than this of its time says so; and how little it
# has at least, or it would not compare.
_LATE, _LEAST = 0.9, 0.5


class Run:
    """The run in a folder.

    Args:
        directory: Path of the folder, which exists.
        source: A `sources.Source`.
        wishes: A `preparation.Wishes`.
        say: Callable that is given lines.
        measure: Callable from the seconds for reading an image to a
            `plans.Speed`. Defaults to `speed.measure`.
    """

    def __init__(
        self, directory, source, wishes, say, measure=speed_lib.measure
    ):
        self.directory = pathlib.Path(directory)
        self.source = source
        self.wishes = wishes
        self.say = say
        self.clock = clock_lib.Clock(self.directory, 60 * wishes.minutes)
        self.parts = parts_lib.divide(source.labels, wishes.seed)
        self.data = plans.Data(
            len(self.parts.train),
            len(self.parts.validation),
            len(source.test_labels),
        )
        self.preparation = preparation.Preparation(
            directory, source, wishes, self.data, self.clock, say, measure
        )

    def go(self):
        """Does what is left of the run.

        Returns:
            The results, a dictionary, and the network that is exported.
        """
        parts_lib.write(
            self.directory, self.source, self.parts, self.wishes.seed
        )
        self.say(self.source.description)
        self.speed = self.preparation.speed()
        self.plan = self.preparation.plan(self.speed)
        self.images = self._read()
        self.num_nodes = self.plan.search.num_nodes
        genotype = self._choose(self._search())
        self.networks = self._networks(genotype)
        for number, name in enumerate(plans.NETWORKS):
            self._train(number, name)
        return self._finish()

    def _read(self):
        size = self.plan.setting.image_size
        self.say(f"Reading the images at {size}x{size} pixels ...")
        images, test = self.source.read(size)
        train, validation = (
            (images[part], self.source.labels[part])
            for part in (self.parts.train, self.parts.validation)
        )
        mean, std = image_classification.statistics(train[0])
        self.clock.save()
        return fitting.Images(
            train,
            validation,
            (test, self.source.test_labels),
            classification_lib.Classification(
                mean, std, self.source.class_names
            ),
            self.preparation.flip,
        )

    def _job(self, name, title, seconds, steps, epochs, seed):
        return fitting.Job(
            title=title,
            folder=self.directory / name,
            seconds=seconds,
            steps=steps,
            epochs=epochs,
            batch_size=self.plan.batch_size,
            seed=seed,
            clock=self.clock,
            say=self.say,
        )

    def _search(self):
        """Returns the cells that the searches found."""
        plan, found = self.plan, []
        for number in range(plan.searches):
            of = (
                f" {number + 1} of {plan.searches}" if plan.searches > 1 else ""
            )
            job = self._job(
                f"search_{number}",
                f"Search{of}",
                plan.searching,
                plan.search_steps,
                plan.search_epochs,
                self.wishes.seed + number,
            )
            found.append(fitting.search(job, self.images, plan.search))
        return found

    def _choose(self, genotypes):
        """Returns the cell of the best short training."""
        if len(set(genotypes)) == 1:
            return genotypes[0]
        plan, scores = self.plan, {}
        for number, genotype in enumerate(genotypes):
            job = self._job(
                f"choice_{number}",
                f"Short training of cell {number + 1} of {len(genotypes)}",
                plan.choosing,
                plan.train_steps,
                max(
                    round(plan.choosing / plan.training * plan.train_epochs), 1
                ),
                self.wishes.seed,
            )
            scores[number] = fitting.train(
                job, self.images, genotype, plan.setting
            )
        best = results_lib.best_of(scores)
        self.say(
            f"Cell {best + 1} is the best of {len(genotypes)}: validation "
            f"accuracy {scores[best]['val_accuracy']:.4f}."
        )
        return genotypes[best]

    def _networks(self, genotype):
        """Returns what is trained beside each other, of equal parameters."""
        path = self.directory / NETWORKS_FILE
        if path.exists():
            return json_file.read_object(path)
        plan = self.plan
        rungs = [
            rung
            for rung in sizes.ladder(self.source.size, self.wishes.image_size)
            if rung[0] == plan.setting.image_size
        ]
        settings = self.preparation.settings(rungs, genotype)
        if self.wishes.budgets:  # those that the plan found to fit
            settings = [
                dataclasses.replace(s, filters=plan.setting.filters)
                for s in settings
                if s.num_cells == plan.setting.num_cells
            ][:1]
        setting, *_ = planner.plan_trainings(
            self.clock.left(), self.speed, self.data, settings
        )
        setting = self._fitting(genotype, setting)
        count = equal_networks.counter(setting, *self.preparation.shape())
        wanted = count(genotype, setting.filters)
        random = equal_networks.random_cell(
            wanted, setting, self.num_nodes, self.wishes.seed, count
        )
        plain = equal_networks.filters_for(
            wanted,
            lambda number: count(None, number),
            sizes.step_of(setting.stem),
        )
        chosen = {
            "searched": (genotype, setting.filters, wanted),
            "random": random,
            "plain": (None, *plain),
        }
        sized = {
            name: dataclasses.replace(
                setting, filters=filters, parameters=parameters
            )
            for name, (_, filters, parameters) in chosen.items()
        }
        for name in plans.NETWORKS[1:]:
            sized[name] = self._fitting(chosen[name][0], sized[name])
        # Now, as counting takes time, too.
        _, seconds, steps, epochs = planner.plan_trainings(
            self.clock.left(), self.speed, self.data, [setting]
        )
        self.say(
            f"After the search {clock_lib.minutes(self.clock.left())} are "
            f"left: {clock_lib.minutes(seconds)} instead of "
            f"{clock_lib.minutes(plan.training)} for each training, of "
            f"{preparation.size_text(setting)} (planned: "
            f"{plan.setting.num_cells} cells, {plan.setting.filters} filters)."
        )
        networks = {
            name: {
                "genotype": cell and cell.to_json(),
                "setting": vars(sized[name]),
                "seconds": seconds,
                "steps": steps,
                "epochs": epochs,
            }
            for name, (cell, *_) in chosen.items()
        }
        json_file.write(path, networks)
        self.clock.save()
        return networks

    def _fitting(self, genotype, setting):
        """Returns a setting that keeps the budget, as far as that can be."""
        least = dataclasses.replace(setting, filters=budget.LEAST_FILTERS)
        return self.preparation.fitting(genotype, setting) or least

    def _network_job(self, name):
        network = self.networks[name]
        genotype = network["genotype"]
        job = self._job(
            f"train_{name}",
            f"Training of the {name} network",
            network["seconds"],
            network["steps"],
            network["epochs"],
            self.wishes.seed,
        )
        return (
            job,
            self.images,
            genotype and genotype_lib.Genotype.from_json(genotype),
            plans.Setting(**network["setting"]),
        )

    def _train(self, number, name):
        """Trains a network, in less time than the others if that is over."""
        job, *_, setting = self._network_job(name)
        if not job.folder.exists():
            end = planner.ending(self.speed, self.data, setting)
            fair = (self.clock.left() - end) / (len(plans.NETWORKS) - number)
            share = max(fair / job.seconds, _LEAST)
            if share < _LATE:
                self.networks[name].update(
                    seconds=share * job.seconds,
                    epochs=max(round(share * job.epochs), 1),
                )
                json_file.write(self.directory / NETWORKS_FILE, self.networks)
                self.say(
                    f"{job.title}: {clock_lib.minutes(share * job.seconds)} "
                    f"instead of {clock_lib.minutes(job.seconds)}, as the run "
                    "is late."
                )
        fitting.train(*self._network_job(name))

    def _finish(self):
        """Tests each network once, and ships the one that is kept."""
        self.say("Testing, once, and writing the files ...")
        networks = {}
        for name in plans.NETWORKS:
            job, images, genotype, setting = self._network_job(name)
            network = fitting.best_network(job, images, genotype, setting)
            loss, accuracy = network.evaluate(
                images.evaluated(images.test), verbose=0
            )
            networks[name] = {
                **job.result,
                "test_loss": loss,
                "test_accuracy": accuracy,
                "parameters": counting.count_parameters(network),
                "multiply_adds": counting.count_multiply_adds(network),
                "filters": setting.filters,
            }
        best = results_lib.best_of(networks)
        exported = "searched" if self.wishes.keep == "searched" else best
        network = fitting.best_network(*self._network_job(exported))
        shipping.keep_calibration(self.directory, self.images.train[0])
        files = shipping.write(network, self.directory, self.images.train[0])
        report = shipping.describe(
            network, files, self.directory, self.images.test
        )
        results = {
            "name": self.source.name,
            "sentence": results_lib.sentence(
                networks, self.data.num_validation, exported
            ),
            "best": best,
            "exported": exported,
            "networks": networks,
            "num_train": self.data.num_train,
            "num_validation": self.data.num_validation,
            "num_test": self.data.num_test,
            "classes": list(self.source.class_names),
            "files": {
                name: {
                    "bytes": entry["bytes"],
                    "accuracy": entry["accuracy"],
                    "ram_bytes": entry["ram_bytes"],
                    "ms": entry["latency_ms"]["1"]["median"],
                }
                for name, entry in report["files"].items()
            },
            "over_budget": shipping.over(
                shipping.of_report(report), self.wishes.budgets
            ),
            "planned_seconds": self.clock.seconds,
            "seconds": round(self.clock.spent(), 1),
        }
        self.clock.save()
        page.write(
            self.directory,
            results,
            {name: self._network_job(name)[2] for name in plans.NETWORKS[:-1]},
        )
        return results, network
