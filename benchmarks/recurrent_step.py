"""Times steps of the recurrent language models, and the parts of one.

    python -m benchmarks.recurrent_step
    python -m benchmarks.recurrent_step --what=hidden,softmax,weights,alphas
    python -m benchmarks.recurrent_step --what=training --units=850

The default is a step of the search with each of the three hypergradients, at
300 units, 64 rows and 35 words. `--what` also takes

- `torch_first_order`, `torch_finite_difference` and `torch_exact`: the same
  steps in plain PyTorch (`reference.torch_recurrent`), which the interpreter
  that `--torch_python` names must have;
- `training`: a step of the network of a published genotype;
- the parts of a search step, each in a graph of its own: `hidden`, the forward
  pass below the softmax; `loss`, that and the loss; `softmax`, loss and
  gradient of the softmax alone, from given outputs of the cell; `weights` and
  `alphas`, loss and gradient for either; `mixed`, the exact product of the
  second derivative. A first-order step is `alphas` and `weights`; the finite
  difference is `weights` twice, a gradient for both, and `alphas` twice.

Prints JSON: seconds of the first step (which builds the graph) and of the
others (median, least, most), words in a second, peak memory in GB, the
multiply-adds that a step needs, the device and the versions.
"""

import dataclasses
import sys

from benchmarks import multiply_adds
from benchmarks import stepping
from trainers import options

_METHODS = ("first_order", "finite_difference", "exact")
_TORCH = tuple(f"torch_{method}" for method in _METHODS)
_PARTS = ("hidden", "loss", "softmax", "weights", "alphas", "mixed")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    what: str = options.option(
        "What is timed, separated by commas: "
        f"{', '.join((*_METHODS, *_TORCH, 'training', *_PARTS))}.",
        ",".join(_METHODS),
    )
    units: int = options.option("Width of the embedding and the cell.", 300)
    batch_size: int = options.option("Rows of text.", 64)
    sequence_length: int = options.option("Words in a piece.", 35)
    vocabulary_size: int = options.option("Number of words.", 10_000)
    genotype: str = options.option(
        "Published genotype of `training`.", "RECURRENT_DARTS_V2"
    )
    intra_op_threads: int | None = options.option(
        "Threads that take an operation of a search in TensorFlow together, as "
        "in trainers.ptb_search; none is one for each core.",
        1,
    )
    torch_python: str = options.option(
        "Interpreter that has PyTorch.", sys.executable
    )
    steps: int = options.option("Steps counted, after two that are not.", 5)
    output: str | None = options.option("File for the JSON; none prints.", None)

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        known = (*_METHODS, *_TORCH, "training", *_PARTS)
        unknown = sorted(set(self.what.split(",")) - set(known))
        if unknown:
            raise ValueError(f"`what` may be {known}. Received: {unknown}")
        options.check_positive(self, "intra_op_threads")


def run(config):
    """Runs the benchmark and prints its JSON.

    Args:
        config: A `Config`.
    """
    settings = make_settings(config)
    words = config.batch_size * config.sequence_length
    results = [
        {
            "what": setting["what"],
            "words_per_second": round(words / row["step_median"]),
            "multiply_adds": setting["multiply_adds"],
            **row,
        }
        for setting, row in zip(
            settings, stepping.in_turns(settings, config.steps), strict=True
        )
    ]
    stepping.report(config, results=results)


def make_settings(config):
    """Returns the settings of all that is timed, for `stepping.in_turns`.

    Args:
        config: A `Config`.

    Returns:
        A list of dictionaries; those of PyTorch are left out where there is
        none.
    """
    timed = config.what.split(",")
    if set(timed) & set(_TORCH) and not stepping.has_torch(config.torch_python):
        timed = [what for what in timed if what not in _TORCH]
    return [
        {
            **dataclasses.asdict(config),
            "multiply_adds": _multiply_adds(config, what),
            "what": what,
            **(
                {
                    "module": "benchmarks.torch_step",
                    "python": config.torch_python,
                }
                if what in _TORCH
                else {"module": "benchmarks.recurrent_step"}
            ),
        }
        for what in timed
    ]


def _multiply_adds(config, what):
    """Returns those of a step; a part of one has no count."""
    if what in _PARTS:
        return None
    count = (
        multiply_adds.recurrent_network
        if what == "training"
        else multiply_adds.recurrent_supernet
    )
    words = config.batch_size * config.sequence_length
    forward = words * count(config.units, config.vocabulary_size)
    return multiply_adds.of_step(what.removeprefix("torch_"), forward)


def make_step(what, intra_op_threads, **setting):
    """Makes what is timed; takes what `make_settings` returns."""
    import keras

    from trainers import strategies

    trains = what == "training"
    if not trains:  # trainers.ptb_train leaves the threads to TensorFlow
        strategies.limit_threads(intra_op_threads)
    keras.utils.set_random_seed(0)
    return _training(**setting) if trains else _search(what, **setting)


def _text(vocabulary_size, batch_size, sequence_length):
    """Returns the pieces of a random text, one for each stream."""
    import numpy as np
    import tensorflow as tf

    shape = (2, batch_size, sequence_length + 1)
    words = np.random.default_rng(0).integers(vocabulary_size, size=shape)
    return tuple(
        (
            tf.constant(rows[:, :-1], "int32"),
            tf.constant(rows[:, 1:], "int32"),
            tf.constant(False),
        )
        for rows in words
    )


def _search(what, vocabulary_size, units, batch_size, sequence_length, **_):
    import tensorflow as tf

    import darts_tf

    model = darts_tf.DartsSearchModel(
        "recurrent",
        what if what in _METHODS else "finite_difference",
        vocabulary_size=vocabulary_size,
        units=units,
        sequence_length=sequence_length,
    )
    model.compile()
    model.build((batch_size, None))
    pieces = _text(vocabulary_size, batch_size, sequence_length)
    if what in _METHODS:
        # Of an open length, as the streams of a search deliver them.
        spec = tf.TensorSpec((batch_size, None), "int32")
        piece = (spec, spec, tf.TensorSpec((), "bool"))
        dataset = tf.data.Dataset.from_generator(
            lambda: iter([pieces]), output_signature=(piece, piece)
        )
        return stepping.training_step(model, dataset.repeat())
    part = tf.function(_part(what, model, pieces[0]), autograph=False)
    return lambda: [tensor.numpy() for tensor in tf.nest.flatten(part())]


def _part(what, model, piece):
    """Returns one of the parts of a search step, as scalars."""
    import tensorflow as tf

    from darts_tf.models import language_loss
    from darts_tf.search import hypergradient

    supernet = model.supernet
    tokens, targets, _ = piece
    state = tf.zeros((tokens.shape[0], supernet.units))

    def hidden():
        return supernet.hidden(tokens, state, training=True)

    def loss():
        return language_loss.language_losses(supernet, hidden(), targets)

    def softmax():
        outputs = tf.ones((*tokens.shape, supernet.units))
        table = supernet.embedding.value
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            value, _ = language_loss.language_losses(
                supernet, {"outputs": outputs}, targets, 0.0
            )
        return _sums(tape.gradient(value, [outputs, table]))

    def values():
        alphas = [tf.identity(v.value) for v in model.alphas]
        return model.engine.weights(), alphas

    def gradients(derivative):
        loss = model.engine.loss("weights", piece)
        evaluation = loss.evaluate(derivative, *values())
        return _sums(evaluation.weight_gradients + evaluation.alpha_gradients)

    def mixed():
        weights, alphas = values()
        loss = model.engine.loss("weights", piece)
        return _sums(
            loss.evaluate(hypergradient.mixed_product, weights, alphas, weights)
        )

    return {
        "hidden": lambda: _sums([hidden()["outputs"]]),
        "loss": loss,
        "softmax": softmax,
        "weights": lambda: gradients(hypergradient.weight_gradients),
        "alphas": lambda: gradients(hypergradient.alpha_gradients),
        "mixed": mixed,
    }[what]


def _sums(tensors):
    """Returns one number for each tensor, so that none can be left out."""
    import tensorflow as tf

    return [tf.reduce_sum(tf.convert_to_tensor(tensor)) for tensor in tensors]


def _training(
    vocabulary_size, units, batch_size, sequence_length, genotype, **_
):
    import tensorflow as tf

    import darts_tf
    from darts_tf.models import language_loss
    from darts_tf.spaces import paper

    network = darts_tf.RecurrentNetwork(
        darts_tf.zoo.get(genotype), vocabulary_size, units
    )
    network.build((batch_size, None))
    phase = paper.RecurrentTraining
    optimizer = darts_tf.optimizers.SGD(
        phase.learning_rate, phase.momentum, phase.weight_decay, phase.clipnorm
    )
    optimizer.build(network.trainable_variables)
    state = tf.Variable(network.initial_state(batch_size))
    tokens, targets, _ = _text(vocabulary_size, batch_size, sequence_length)[0]
    spec = tf.TensorSpec((batch_size, None), "int32")

    @tf.function(input_signature=[spec, spec], autograph=False)
    def step(tokens, targets):
        with tf.GradientTape() as tape:
            hidden = network.hidden(tokens, state, training=True)
            _, loss = language_loss.language_losses(network, hidden, targets)
        weights = network.trainable_variables
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        optimizer.apply(gradients, weights)
        state.assign(hidden["state"])
        return loss

    return lambda: float(step(tokens, targets))


if __name__ == "__main__":
    stepping.main(Config, run, make_step)
