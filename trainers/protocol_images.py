"""The protocol on images: data, search, short and full training."""

import dataclasses

import keras_tuner

import darts_tf
from darts_tf.data import augmentation
from darts_tf.data import splitting
from trainers import cnn_train
from trainers import export_budget
from trainers import images
from trainers import network_budget
from trainers import options

OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")
TEST_METRIC = "test_accuracy"
SPACE = darts_tf.SearchSpace.conv()


class Task:
    """What `trainers.protocol` needs to know of convolutional cells.

    Args:
        config: A `trainers.protocol.Config`.
    """

    def __init__(self, config):
        self.config = config
        self._dataset = images.load(config)

    def describe(self):
        """Returns the name and the sizes of the data."""
        return images.describe(self._dataset)

    def hypermodel(self, space):
        """Returns how the tuner searches and scores.

        Args:
            space: A `darts_tf.SearchSpace`.
        """
        dataset, config = self._dataset, self.config
        return darts_tf.ConvHyperModel(
            space,
            dataset.num_classes,
            augmentation.training_transform(
                dataset.mean, dataset.std, config.crop_padding, config.flip
            ),
            augmentation.evaluation_transform(dataset.mean, dataset.std),
        )

    def hyperparameters(self):
        """Returns the hyperparameters that are those of images only."""
        config = self.config
        return {
            "num_cells": config.search_cells,
            "filters": config.search_filters,
            "network_num_cells": config.num_cells,
            "network_filters": config.filters,
            "drop_path_rate": config.drop_path_rate,
        }

    def data(self):
        """Returns the data of the searches; the test set is not in it."""
        x, y = self._dataset.train
        validation, search = splitting.split_indices(
            y, self.config.validation_fraction, self.config.seed
        )
        return {
            "x": x[search],
            "y": y[search],
            "validation_data": (x[validation], y[validation]),
        }

    def over_budget(self, genotype):
        """Returns what is over the budget of a cell's network, or `None`."""
        return network_budget.problem(
            self.config, self._network(genotype), self._dataset.train[0]
        )

    def check_budget(self, space):
        """Raises an error, before any search, if no cell keeps the budget.

        Pools have no parameters and no multiply-adds, so a network of them is
        smaller than that of any other cell.

        Args:
            space: A `darts_tf.SearchSpace`.

        Raises:
            options.Outcome: If a limit is below what such a network takes.
        """
        limits = ("max_parameters", "max_multiply_adds", "max_bytes")
        least = export_budget.BudgetOptions(
            **{name: getattr(self.config, name) for name in limits}
        )
        cells = {
            name: _of_pools(getattr(space.random_genotype(0), name))
            for name in space.cell_types
        }
        network = self._network(darts_tf.Genotype(**cells))
        text = network_budget.problem(least, network, self._dataset.train[0])
        if text is not None:
            raise options.Outcome(
                "No cell can keep the budget, not even one of pools alone, "
                f"whose network is the smallest: {text}. "
                f"Received: filters={network.filters}"
            )

    def _network(self, genotype):
        """Returns the network of a genotype as it will be trained."""
        network = darts_tf.ConvNetwork(
            genotype,
            self._dataset.num_classes,
            self.config.filters,
            self.config.num_cells,
            classification=darts_tf.Classification.of(self._dataset),
        )
        network.build((None, *self._dataset.image_shape))
        return network

    def train(self, folder, genotype_path, seed):
        """Trains in full and measures on the test set.

        Args:
            folder: Path of the run.
            genotype_path: Path of the genotype.
            seed: Integer.

        Returns:
            A dictionary of metrics.
        """
        same = (
            "dataset",
            "data_dir",
            "image_size",
            "max_samples",
            "test_fraction",
            "epochs",
            "filters",
            "num_cells",
            "auxiliary_weight",
            "drop_path_rate",
            "crop_padding",
            "flip",
            "cutout",
        )
        return cnn_train.run(
            cnn_train.Config(
                workdir=str(folder),
                genotype=str(genotype_path),
                batch_size=self.config.train_batch_size,
                seed=seed,
                **{name: getattr(self.config, name) for name in same},
            )
        )


def _of_pools(cell):
    """Returns a cell with a pool on each of its edges."""
    nodes = tuple(
        tuple(darts_tf.Edge("max_pool_3x3", edge.source) for edge in edges)
        for edges in cell.nodes
    )
    return dataclasses.replace(cell, nodes=nodes)
