"""The protocol on texts: data, search, short and full training."""

import keras_tuner

import darts_tf
from darts_tf.data import corpus as corpus_lib
from darts_tf.spaces import paper
from trainers import export_budget
from trainers import options
from trainers import ptb_train
from trainers import texts

OBJECTIVE = keras_tuner.Objective("val_perplexity", "min")
TEST_METRIC = "test_perplexity"
SPACE = darts_tf.SearchSpace.recurrent()


class Task:
    """What `trainers.protocol` needs to know of recurrent cells.

    The cells are scored on the validation text. Unlike in the paper no alphas
    learn on it: they have the end of the training text.

    Args:
        config: A `trainers.protocol.Config`.
    """

    def __init__(self, config):
        self.config = config
        self._corpus = corpus_lib.load(
            config.dataset, config.data_dir, config.min_count
        )
        if self._corpus.note:
            print(self._corpus.note)

    def describe(self):
        """Returns the name and the sizes of the data."""
        return texts.describe(self._corpus)

    def hypermodel(self, space):
        """Returns how the tuner searches and scores.

        Args:
            space: A `darts_tf.SearchSpace`.
        """
        return darts_tf.RecurrentHyperModel(
            space, self._corpus.vocabulary_size, self._dropouts()
        )

    def hyperparameters(self):
        """Returns the hyperparameters that are those of texts only."""
        return {
            "units": self.config.search_units,
            "network_units": self.config.units,
        }

    def data(self):
        """Returns the data of the searches; the test text is not in it."""
        return {
            "x": self._corpus.train,
            "validation_data": self._corpus.valid,
        }

    def over_budget(self, genotype):
        """Returns what is over the budget of a cell's network, or `None`."""
        network = darts_tf.RecurrentNetwork(
            genotype, self._corpus.vocabulary_size, self.config.units
        )
        network.build()
        parameters = darts_tf.count_parameters(network)
        report = {"parameters": parameters, "files": {}}
        over = export_budget.excesses(self.config, report)
        return export_budget.describe(over) if over else None

    def check_budget(self, space):
        """Raises an error, before any search, if no cell keeps the budget.

        Args:
            space: A `darts_tf.SearchSpace`, whose cells all have the same
                number of parameters.

        Raises:
            options.Outcome: If that is above the limit.
        """
        text = self.over_budget(space.random_genotype(0))
        if text is not None:
            raise options.Outcome(
                f"No cell can keep the budget: {text}. Take fewer --units. "
                f"Received: units={self.config.units}"
            )

    def train(self, folder, genotype_path, seed):
        """Trains in full and measures on the test text.

        Args:
            folder: Path of the run.
            genotype_path: Path of the genotype.
            seed: Integer.

        Returns:
            A dictionary of metrics.
        """
        config, dropouts = self.config, self._dropouts()
        return ptb_train.run(
            ptb_train.Config(
                workdir=str(folder),
                genotype=str(genotype_path),
                corpus=config.dataset,
                data_dir=config.data_dir,
                min_count=config.min_count,
                epochs=config.epochs,
                batch_size=config.train_batch_size,
                units=config.units,
                output_dropout=dropouts["output"],
                hidden_dropout=dropouts["hidden"],
                cell_input_dropout=dropouts["cell_input"],
                embedded_dropout=dropouts["embedded"],
                seed=seed,
            )
        )

    def _dropouts(self):
        """Returns the rates of the paper, all times a factor."""
        rates = paper.dropouts(paper.RecurrentTraining)
        del rates["words"]  # the paper's own, whatever the factor
        return {k: v * self.config.dropout_scale for k, v in rates.items()}
