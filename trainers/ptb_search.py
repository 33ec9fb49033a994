"""Searches a recurrent cell.

    python -m trainers.ptb_search --preset=quick --workdir=RUN
    python -m trainers.ptb_search --preset=paper --data_dir=DATA --workdir=RUN

The preset `quick` searches on the manual of the running Python, which needs no
download, in a few minutes on 2 CPU cores; `paper` is the protocol of Section
3.1.2 and Appendix A.1.2 of the DARTS paper, on Penn Treebank, second order. The
weights learn from the training text and the alphas from the validation text;
the test text is not touched.

The folder `workdir` gets, as the search goes on, `config.json`,
`genotype.json` (which `trainers.ptb_train` takes as `--genotype`), the drawn
`cell.svg`, `alphas.jsonl`, `history.jsonl`, `space.json`, `tensorboard/` and
the state in `checkpoint.npz`; at the end `metrics.json`, `report.html`, which
explains the cell, and `environment.json`. The same command on the folder of a
run that was stopped goes on at the step where it was.
"""

import dataclasses

from trainers import late
from trainers import method_options
from trainers import options
from trainers import search_run
from trainers import strategies
from trainers import texts
from trainers import workdir

with late.without_package():
    from darts_tf.spaces import paper

with late.imports():
    import keras

    import darts_tf
    from darts_tf.data import corpus as corpus_lib
    from darts_tf.data import text_streams

_PAPER = paper.RecurrentSearch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(texts.LanguageOptions, search_run.SearchOptions):
    """Options of the search; each field is a flag of the same name."""

    epochs: int = _PAPER.epochs
    batch_size: int = options.option("Rows of either text.", _PAPER.batch_size)
    units: int = _PAPER.units
    num_nodes: int = options.option(
        "Searched nodes of the cell.", _PAPER.num_nodes
    )
    primitives: str = options.option(
        "Candidate activations, separated by commas.",
        ",".join(_PAPER.primitives),
    )
    word_dropout: float = _PAPER.word_dropout
    learning_rate: float = options.option(
        "Of the network weights, at full length.", _PAPER.learning_rate
    )
    momentum: float = _PAPER.momentum
    weight_decay: float = _PAPER.weight_decay
    clipnorm: float = _PAPER.clipnorm
    alpha_learning_rate: float = _PAPER.alpha_learning_rate
    alpha_weight_decay: float = _PAPER.alpha_weight_decay
    micro_batch: int | None = options.option(
        "Rows at a time on a device, to save memory; none is all.", None
    )

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        search_run.check(self, "sequence_length", "units", "min_count")
        if self.strategy != "none" and self.vary_length:
            raise ValueError(
                "Several devices need pieces of one length, so that the graph "
                "of a step has one: --novary_length. Received: "
                f"strategy={self.strategy!r}, vary_length=True"
            )


PRESETS = {
    "quick": {
        "corpus": "topics",
        "epochs": 3,
        "batch_size": 32,
        "units": 64,
        **texts.QUICK_DROPOUTS,
        "alpha_learning_rate": 3e-2,
    },
    "paper": {},
}


def run(config):
    """Runs the search.

    Args:
        config: A `Config`.

    Returns:
        The `darts_tf.Genotype` that was found.
    """
    workdir.check(config.workdir, options.to_json(config))
    texts.check(config.corpus)
    strategies.limit_threads(config.intra_op_threads)
    strategy = strategies.make(config)
    keras.utils.set_random_seed(config.seed)
    corpus = corpus_lib.load(config.corpus, config.data_dir, config.min_count)
    if corpus.note:
        print(corpus.note)
    with strategy.scope():
        model = _make_model(config, corpus)
    pairs_from, steps = _pairs(config, corpus)
    return search_run.search(
        model,
        pairs_from,
        config,
        steps,
        f"Searching on {texts.describe(corpus)}",
        data={
            "train_words": len(corpus.train),
            "vocabulary_size": corpus.vocabulary_size,
        },
    )


def _make_model(config, corpus):
    """Makes the search model, built and compiled; fails on what cannot work."""
    space = darts_tf.SearchSpace.recurrent(
        [name.strip() for name in config.primitives.split(",")],
        config.num_nodes,
    )
    model = darts_tf.DartsSearchModel(
        space,
        config.hypergradient,
        config.xi,
        seed=config.seed,
        micro_batch=config.micro_batch,
        **method_options.arguments(config),
        vocabulary_size=corpus.vocabulary_size,
        units=config.units,
        dropouts=config.dropouts,
        sequence_length=config.sequence_length,
        slowness=config.slowness,
    )
    model.compile(
        darts_tf.optimizers.SGD(
            config.learning_rate,
            config.momentum,
            config.weight_decay,
            config.clipnorm,
        ),
        darts_tf.optimizers.Adam(
            config.alpha_learning_rate,
            beta_1=_PAPER.alpha_beta_1,
            coupled_weight_decay=config.alpha_weight_decay,
        ),
    )
    model.build((config.batch_size, None))
    return model


def _pairs(config, corpus):
    """Returns the pairs from a step on, and how many an epoch has."""

    def pairs_from(step):
        return text_streams.paired(
            corpus.train,
            corpus.valid,
            config.batch_size,
            config.sequence_length,
            seed=config.seed,
            start_step=step,
            vary_length=config.vary_length,
        )

    pairs_from(0)  # says now what does not fit
    steps = text_streams.steps_per_epoch(
        len(corpus.train),
        config.batch_size,
        config.sequence_length,
        config.vary_length,
    )
    return pairs_from, config.steps_per_epoch or steps


if __name__ == "__main__":
    options.main(Config, run, PRESETS)
