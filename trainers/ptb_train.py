"""Trains the language model of a recurrent genotype from scratch.

    python -m trainers.ptb_train --preset=quick --genotype=RECURRENT_DARTS_V2 \
        --workdir=RUN
    python -m trainers.ptb_train --preset=paper --genotype=RUN/genotype.json \
        --data_dir=DATA --workdir=RUN/train

The preset `quick` trains a small network on the manual of the running Python,
which needs no download, in a minute or two on 2 CPU cores; `paper` is the
protocol of Appendix A.2.2 of the DARTS paper on Penn Treebank (perplexity 58.1
on the validation text and 55.7 on the test text there), `wikitext2` the same on
WikiText-2 (71.2 and 69.6). SGD becomes averaged SGD when the validation loss
stops to fall; then the averaged weights are what is evaluated and kept.

The folder `workdir` gets `config.json`, `genotype.json` and `vocabulary.txt`;
after each epoch `history.jsonl` and, at the best validation loss so far,
`network.keras`; the state as it goes on in `checkpoint.npz`; at the end
`metrics.json`, `report.html` and `environment.json`. The test text is read
once, at the end. A run that was stopped goes on at the step where it was when
the same command is given again.
"""

import dataclasses

from trainers import device
from trainers import from_search
from trainers import genotypes
from trainers import late
from trainers import options
from trainers import report
from trainers import resumable
from trainers import texts
from trainers import training_options
from trainers import workdir

with late.without_package():
    from darts_tf.spaces import paper

with late.imports():
    import keras

    import darts_tf
    from darts_tf.data import corpus as corpus_lib
    from darts_tf.data import text_streams
    from darts_tf.export import step_model
    from darts_tf.files import json_file
    from trainers import language_callbacks

_POSITIVE = (
    "epochs",
    "steps_per_epoch",
    "checkpoint_every",
    "batch_size",
    "evaluation_batch_size",
    "test_batch_size",
    "sequence_length",
    "min_count",
)


_PAPER = paper.RecurrentTraining


@dataclasses.dataclass(frozen=True)
class Config(texts.LanguageOptions, training_options.TrainingOptions):
    """Options of the training; each field is a flag of the same name."""

    workdir: str = options.option(
        "Folder for everything that comes out: new, or that of the same "
        "command, stopped before its end."
    )
    _: dataclasses.KW_ONLY
    epochs: int = _PAPER.epochs
    batch_size: int = options.option(
        "Rows of the training text.", _PAPER.batch_size
    )
    evaluation_batch_size: int = options.option(
        "Rows of the validation text.", _PAPER.evaluation_batch_size
    )
    test_batch_size: int = options.option(
        "Rows of the test text.", _PAPER.test_batch_size
    )
    units: int = _PAPER.units
    word_dropout: float = _PAPER.word_dropout
    learning_rate: float = options.option(
        "Of SGD, at full length.", _PAPER.learning_rate
    )
    weight_decay: float = _PAPER.weight_decay
    clipnorm: float = _PAPER.clipnorm
    patience: int = options.option(
        "Epochs without a better validation loss before the switch to "
        "averaged SGD.",
        _PAPER.patience,
    )

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        options.check_positive(self, *_POSITIVE)
        if not self.learning_rate > 0:
            raise ValueError(
                "`learning_rate` must be positive. "
                f"Received: learning_rate={self.learning_rate}"
            )
        shortest = self.sequence_length // (2 if self.vary_length else 1)
        if self.slowness and shortest < 2:
            raise ValueError(
                "`slowness` compares one word with the next, so the shortest "
                "piece must have 2. Received: "
                f"sequence_length={self.sequence_length}, "
                f"vary_length={self.vary_length}"
            )

    @classmethod
    def inherited(cls, given):
        """Returns what the search of `--search` says, for `options.resolve`."""
        return from_search.values(given, "corpus", ("data_dir", "min_count"))


PRESETS = {
    "quick": {
        "corpus": "topics",
        "epochs": 12,
        "batch_size": 20,
        "units": 100,
        **texts.QUICK_DROPOUTS,
        "patience": 2,
    },
    "paper": {},
    "wikitext2": {
        "corpus": "wikitext-2",
        "units": paper.WikitextTraining.units,
        "hidden_dropout": paper.WikitextTraining.hidden_dropout,
        "weight_decay": paper.WikitextTraining.weight_decay,
    },
}


def run(config):
    """Trains and evaluates the network.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of the figures written to `metrics.json`.
    """
    workdir.check(config.workdir, options.to_json(config))
    genotypes.check(config.genotype)
    texts.check(config.corpus)
    keras.utils.set_random_seed(config.seed)
    genotype = genotypes.read(config.genotype, "recurrent")
    text = corpus_lib.load(config.corpus, config.data_dir, config.min_count)
    model = _make_model(config, genotype, text)
    switch = darts_tf.callbacks.SwitchToAveragedSGD(
        model.network.trainable_variables, config.patience
    )
    valid = text_streams.evaluation(
        text.valid, config.evaluation_batch_size, config.sequence_length
    )
    test = text_streams.evaluation(
        text.test, config.test_batch_size, config.sequence_length
    )
    steps = config.steps_per_epoch or text_streams.steps_per_epoch(
        len(text.train),
        config.batch_size,
        config.sequence_length,
        config.vary_length,
    )
    _pieces(config, text, start_step=0)  # says now what does not fit
    folder, finished = resumable.open_folder(config, model.distribute_strategy)
    if finished:
        return json_file.read(folder / workdir.METRICS_FILE)
    resume = darts_tf.ExactResume(folder, config.checkpoint_every, [switch])
    resumable.keep_genotype(folder, genotype, model.distribute_strategy)
    step_model.write_vocabulary(
        folder / step_model.VOCABULARY_FILE, text.vocabulary
    )
    parameters = darts_tf.count_parameters(model.network)
    if text.note:
        print(text.note)
    print(
        f"{device.start_line()}\n"
        f"Training on {texts.describe(text)}.\n"
        f"{steps} steps an epoch, {parameters:,} parameters. "
        f"Results go to {folder}.",
        flush=True,
    )
    resumable.fit(
        model,
        lambda step: _pieces(config, text, step),
        steps,
        config.epochs,
        [
            language_callbacks.WordsPerSecond(model),
            switch,
            darts_tf.callbacks.TrainingLog(folder, options.to_json(config)),
            language_callbacks.KeepBest(
                folder / "network.keras", model.network, switch, resume
            ),
            resume,
        ],
        validation_data=valid,
    )
    metrics = {
        "parameters": parameters,
        **_evaluate(config, model, folder, resume.history, valid, test),
    }
    json_file.write(folder / workdir.METRICS_FILE, metrics)
    print(
        f"Perplexity: {metrics['valid_perplexity']:.2f} on the validation "
        f"text, {metrics['test_perplexity']:.2f} on the test text"
        + (" (averaged weights)" if metrics["averaged"] else "")
    )
    report.finish(folder)
    return metrics


def _make_model(config, genotype, text):
    """Makes the model, built and compiled; fails on what cannot work."""
    network = darts_tf.RecurrentNetwork(
        genotype,
        text.vocabulary_size,
        config.units,
        dropouts=config.dropouts,
        seed=config.seed,
    )
    model = darts_tf.StatefulLanguageModel(
        network,
        config.batch_size,
        config.evaluation_batch_size,
        config.slowness,
        config.sequence_length,
    )
    model.compile(
        darts_tf.optimizers.SGD(
            config.learning_rate,
            _PAPER.momentum,
            config.weight_decay,
            config.clipnorm,
        ),
        jit_compile=False,
    )
    model.build()
    model.optimizer.build(network.trainable_variables)
    return model


def _pieces(config, text, start_step):
    return text_streams.sequences(
        text.train,
        config.batch_size,
        config.sequence_length,
        config.seed,
        start_step,
        config.vary_length,
    )


def _evaluate(config, model, folder, lines, valid, test):
    """Evaluates the weights that were kept, and the last ones as they are."""
    best = darts_tf.models.load_network(folder / "network.keras")
    results = {}
    for prefix, network in (("", best), ("last_own_", model.network)):
        for name, pieces, batch_size in (
            ("valid", valid, config.evaluation_batch_size),
            ("test", test, config.test_batch_size),
        ):
            reader = darts_tf.StatefulLanguageModel(
                network, evaluation_batch_size=batch_size
            )
            reader.compile(jit_compile=False)
            figures = reader.evaluate(pieces, verbose=0, return_dict=True)
            results[f"{prefix}{name}_perplexity"] = figures["perplexity"]
    kept = min(lines, key=lambda line: line["val_loss"])
    return {
        "epochs": len(lines),
        "best_epoch": kept["epoch"],
        "averaged": bool(kept["averaged"]),
        **results,
        "train_seconds": round(sum(line["seconds"] for line in lines), 1),
    }


if __name__ == "__main__":
    options.main(Config, run, PRESETS)
