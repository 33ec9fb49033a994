"""The numbers of the paper, each once, with its source.

DARTS, arXiv:1806.09055. Where the paper leaves a number out it is that of the
authors' code, whose file is named beside it. A class is only a list of names
here; they are those of the commands' flags and of the tuner's hyperparameters.

Everything that has one of these numbers as its default reads it here. Public
signatures show it as a literal, so that the documentation can be read, and a
test compares each of those with this file.
"""

from typing import Any


class ConvSearch:
    """Search on CIFAR-10: Sections 3.1 and 3.1.1, Appendix A.1.1."""

    # Section 3.1, in the order of genotypes.py: that of the columns of alphas.
    primitives = (
        "none",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
    )
    num_nodes = 4  # Section 3.1: 7 nodes with the two inputs and the output
    # The supernet.
    filters = 16
    num_cells = 8
    stem_multiplier = 3  # model_search.py
    # Half of the training images for the weights, half for the alphas.
    train_fraction = 0.5
    crop_padding = 4  # utils.py
    flip = True  # utils.py
    cutout = 0  # train_search.py: none in the search
    epochs = 50
    batch_size = 64
    # The weights: SGD.
    learning_rate = 0.025
    final_learning_rate = 0.001  # train_search.py; the paper says zero
    momentum = 0.9
    weight_decay = 3e-4
    clipnorm = 5.0  # train_search.py
    # The alphas: Adam.
    alpha_stddev = 1e-3  # model_search.py
    alpha_learning_rate = 3e-4
    alpha_beta_1 = 0.5
    alpha_beta_2 = 0.999
    alpha_weight_decay = 1e-3


class ConvTraining:
    """Training on CIFAR-10: Appendix A.2.1, `train.py`."""

    filters = 36
    num_cells = 20
    num_classes = 10
    image_size = 32
    epochs = 600
    batch_size = 96
    learning_rate = 0.025
    final_learning_rate = 0.0
    momentum = 0.9
    weight_decay = 3e-4
    clipnorm = 5.0
    auxiliary_weight = 0.4
    drop_path_rate = 0.2
    crop_padding = 4
    flip = True
    cutout = 16


class ImagenetTraining:
    """Training in the mobile setting: Appendix A.2, `train_imagenet.py`."""

    filters = 48
    num_cells = 14
    num_classes = 1000
    image_size = 224
    budget = 600_000_000  # the most multiply-adds of the mobile setting
    epochs = 250
    batch_size = 128
    learning_rate = 0.1
    learning_rate_decay = 0.97
    momentum = 0.9
    weight_decay = 3e-5
    clipnorm = 5.0  # train_imagenet.py
    label_smoothing = 0.1  # train_imagenet.py
    auxiliary_weight = 0.4
    drop_path_rate = 0.0  # train_imagenet.py
    flip = True
    smallest_area = 0.08  # torchvision's RandomResizedCrop
    # train_imagenet.py: colour jitter.
    brightness = 0.4
    contrast = 0.4
    saturation = 0.4
    hue = 0.2


class RecurrentSearch:
    """Search on Penn Treebank: Section 3.1.2, Appendix A.1.2."""

    # Section 3.1.2, in the order of genotypes.py.
    primitives = ("none", "tanh", "relu", "sigmoid", "identity")
    num_nodes = 8  # genotypes.py: STEPS, of the paper's 12 nodes
    units = 300  # of the embedding, too
    initial_range = 0.04  # model.py: uniform, from minus this
    epochs = 50
    batch_size = 256
    sequence_length = 35
    # The weights: SGD.
    learning_rate = 20.0
    momentum = 0.0
    weight_decay = 5e-7
    clipnorm = 0.25  # train_search.py
    slowness = 1e-3  # train_search.py: --beta
    # Variational dropout.
    output_dropout = 0.75
    hidden_dropout = 0.25
    cell_input_dropout = 0.75
    embedded_dropout = 0.2
    word_dropout = 0.0
    # The alphas: Adam, with the betas of PyTorch.
    alpha_learning_rate = 3e-3
    alpha_beta_1 = 0.9
    alpha_beta_2 = 0.999
    alpha_weight_decay = 1e-3  # architect.py


class RecurrentTraining:
    """Training on Penn Treebank: Appendix A.2.2, `train.py`."""

    units = 850
    epochs = 8000  # train.py
    batch_size = 64
    evaluation_batch_size = 10  # train.py
    test_batch_size = 1  # train.py
    sequence_length = 35
    learning_rate = 20.0
    momentum = 0.0
    weight_decay = 8e-7
    clipnorm = 0.25  # train.py
    slowness = 1e-3  # train.py: --beta
    patience = 5  # train.py: --nonmono, until the averaged SGD
    output_dropout = 0.75
    hidden_dropout = 0.25
    cell_input_dropout = 0.75
    embedded_dropout = 0.2
    word_dropout = 0.1


class WikitextTraining:
    """What is different on WikiText-2: Appendix A.2.2."""

    units = 700
    hidden_dropout = 0.15
    weight_decay = 5e-7


class Protocol:
    """How a cell is chosen and judged: Sections 3.1 and 3.2."""

    searches = 4
    short_epochs = 100  # on CIFAR-10
    short_epochs_of_texts = 300  # on Penn Treebank
    runs = 10  # of the full training


class BatchNorm:
    """PyTorch's defaults, which the authors' code keeps."""

    momentum = 0.9  # PyTorch's 0.1 is the share of the new batch
    epsilon = 1e-5


def dropouts(rates: Any) -> dict[str, float]:
    """Returns dropout rates by the place where they act.

    Args:
        rates: `RecurrentSearch`, `RecurrentTraining`, or another object with
            rates of these names.

    Returns:
        A new dictionary, as `darts_tf.RecurrentSupernet` takes it.

    Example:

    >>> from darts_tf.spaces import paper
    >>> paper.dropouts(paper.RecurrentSearch)["cell_input"]
    0.75
    """
    return {
        "output": rates.output_dropout,
        "hidden": rates.hidden_dropout,
        "cell_input": rates.cell_input_dropout,
        "embedded": rates.embedded_dropout,
        "words": rates.word_dropout,
    }
