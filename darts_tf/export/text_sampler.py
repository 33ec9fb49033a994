"""Writes a text, word by word, as a language model would go on."""

import numpy as np

from darts_tf import checks
from darts_tf.export import step_model as step_model_lib

_END_OF_LINE = "<eos>"
_UNKNOWN = "<unk>"


def sample_text(
    model, vocabulary, num_words=100, seed=0, temperature=1.0, prompt=""
):
    """Draws words from the probabilities that a language model gives them.

    Each word is drawn from softmax(logits / temperature) and read as the next
    input.

    Args:
        model: A `darts_tf.export.StepModel`.
        vocabulary: Sequence of strings, the words by their ids.
        num_words: Integer, how many to draw. Defaults to `100`.
        seed: Integer, not negative; the same seed gives the same text.
            Defaults to `0`.
        temperature: Float, positive: below 1 likely words become more likely,
            above 1 rare ones do. Defaults to `1.0`.
        prompt: String, words separated by spaces that the text goes on from;
            words the vocabulary has not are read as `<unk>`. Defaults to
            `""`, the start of a line.

    Returns:
        List of strings, without the prompt.

    Raises:
        ValueError: If the model is no step model, a number is out of range,
            the vocabulary of another size, or a word of the prompt cannot be
            represented.

    Example:

    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=3, units=8
    ... )
    >>> model = darts_tf.export.StepModel.of_network(network)
    >>> words = darts_tf.export.sample_text(
    ...     model, ["the", "cat", "<eos>"], num_words=5
    ... )
    >>> len(words), set(words) <= {"the", "cat", "<eos>"}
    (5, True)
    """
    if not (hasattr(model, "step") and hasattr(model, "first_state")):
        raise ValueError(
            "`model` must be a `darts_tf.export.StepModel`, which "
            "`StepModel.of_network` makes of a network and `StepModel.open` of "
            f"a file. Received: a {type(model).__name__}"
        )
    checks.positive(num_words, "num_words")
    checks.not_negative(seed, "seed")
    checks.positive(temperature, "temperature")
    state = model.first_state(1)
    for token in _prompt_ids(prompt, vocabulary):
        logits, state = model.step(np.array([token], "int32"), state)
    step_model_lib.check_vocabulary(vocabulary, logits.shape[-1])
    generator = np.random.default_rng(seed)
    words = []
    while True:
        # float64: `choice` wants probabilities that add up to 1.
        scores = logits[0].astype("float64") / temperature
        chances = np.exp(scores - scores.max())
        token = generator.choice(len(chances), p=chances / chances.sum())
        words.append(vocabulary[token])
        if len(words) == num_words:
            return words
        logits, state = model.step(np.array([token], "int32"), state)


def _prompt_ids(prompt, vocabulary):
    ids = {word: index for index, word in enumerate(vocabulary)}
    words = prompt.split() or [_END_OF_LINE]
    unknown = [w for w in words if w not in ids and _UNKNOWN not in ids]
    if unknown:
        raise ValueError(
            "`prompt` must be words of the vocabulary, which has no "
            f"`{_UNKNOWN}`. Received: {unknown[0]!r}"
        )
    return [ids.get(word, ids.get(_UNKNOWN)) for word in words]
