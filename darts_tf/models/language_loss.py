"""What a language model is trained to lower: surprise, and restlessness."""

import keras

from darts_tf.distribution import statistics
from darts_tf.models import cross_entropy_kernels
from darts_tf.models import language_model


def language_losses(network, hidden, targets, slowness_weight=1e-3):
    """Returns the cross-entropy of the next words, and the training loss.

    With z the scores of the N words of a batch and t the words that came,

        cross_entropy = sum_n (log sum_k exp z_nk - z_nt) / N
        loss = cross_entropy + slowness_weight * slowness(raw_outputs)

    The log-probabilities of the other words are never formed. Both can be
    differentiated twice.

    Args:
        network: A `darts_tf.RecurrentNetwork` or `darts_tf.RecurrentSupernet`,
            whose embedding scores the words.
        hidden: Dictionary that `network.hidden` returned, for pieces of at
            least two words unless `slowness_weight` is 0.
        targets: Integer tensor of shape `(batch, time)`, the words one ahead
            of the inputs.
        slowness_weight: Float, the factor of `slowness`; 0 leaves it out.
            Defaults to `1e-3`.

    Returns:
        A pair of scalar tensors: the cross-entropy in nats a word, whose
        exponential is the perplexity, and the loss.

    Example:

    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> tokens = np.zeros((2, 36), "int32")
    >>> hidden = network.hidden(tokens[:, :-1])
    >>> cross_entropy, loss = darts_tf.models.language_losses(
    ...     network, hidden, tokens[:, 1:]
    ... )
    >>> bool(abs(cross_entropy - np.log(20)) < 0.1)  # all words still alike
    True

    Reference:
        Appendix A.1.2 of the DARTS paper, arXiv:1806.09055; slowness:
        Merity et al., arXiv:1708.02182, Section 4.5.
    """
    targets = keras.ops.reshape(targets, (-1,))
    outputs = keras.ops.reshape(hidden["outputs"], (-1, network.units))
    # Two halves can run side by side where the whole could not.
    entropies = [
        cross_entropy_kernels.cross_entropies(words, network.logits(features))
        for words, features in zip(
            cross_entropy_kernels.halves(targets),
            cross_entropy_kernels.halves(outputs),
            strict=True,
        )
    ]
    cross_entropy = statistics.mean(keras.ops.concatenate(entropies))
    if not slowness_weight:
        return cross_entropy, cross_entropy
    raw_outputs = keras.ops.cast(hidden["raw_outputs"], cross_entropy.dtype)
    penalty = language_model.slowness(raw_outputs)
    return cross_entropy, cross_entropy + slowness_weight * penalty
