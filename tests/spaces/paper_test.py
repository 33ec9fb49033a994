"""The numbers of the paper: what shows one of them shows the file's."""

import doctest
import inspect

import pytest

import darts_tf
from darts_tf.callbacks import linear_drop_path
from darts_tf.callbacks import schedules
from darts_tf.data import augmentation
from darts_tf.data import imagenet_augmentation
from darts_tf.data import splitting
from darts_tf.data import text_streams
from darts_tf.search.tasks import language_task
from darts_tf.spaces import paper

CONV, IMAGENET = paper.ConvSearch, paper.ImagenetTraining
TEXTS, MODEL = paper.RecurrentSearch, paper.RecurrentTraining
# Defaults that signatures show as literals, so that the reference is readable.
SHOWN = [
    (
        darts_tf.optimizers.SGD,
        {
            "learning_rate": CONV.learning_rate,
            "momentum": CONV.momentum,
            "coupled_weight_decay": CONV.weight_decay,
        },
    ),
    (
        darts_tf.optimizers.Adam,
        {
            "learning_rate": CONV.alpha_learning_rate,
            "beta_1": CONV.alpha_beta_1,
            "beta_2": CONV.alpha_beta_2,
            "coupled_weight_decay": CONV.alpha_weight_decay,
        },
    ),
    (
        schedules.CosineDecay,
        {
            "initial_learning_rate": CONV.learning_rate,
            "final_learning_rate": CONV.final_learning_rate,
            "epochs": CONV.epochs,
        },
    ),
    (
        schedules.ExponentialDecay,
        {
            "initial_learning_rate": IMAGENET.learning_rate,
            "factor": IMAGENET.learning_rate_decay,
        },
    ),
    (
        linear_drop_path.LinearDropPath,
        {
            "rate": paper.ConvTraining.drop_path_rate,
            "epochs": paper.ConvTraining.epochs,
        },
    ),
    (darts_tf.callbacks.SwitchToAveragedSGD, {"patience": MODEL.patience}),
    (
        darts_tf.layers.BatchNorm,
        {
            "momentum": paper.BatchNorm.momentum,
            "epsilon": paper.BatchNorm.epsilon,
        },
    ),
    (
        darts_tf.layers.ConvSearchCell,
        {"num_nodes": CONV.num_nodes, "filters": CONV.filters},
    ),
    (darts_tf.layers.RecurrentSearchCell, {"num_nodes": TEXTS.num_nodes}),
    (
        darts_tf.SearchSpace.conv,
        {"primitives": CONV.primitives, "num_nodes": CONV.num_nodes},
    ),
    (
        darts_tf.SearchSpace.recurrent,
        {"primitives": TEXTS.primitives, "num_nodes": TEXTS.num_nodes},
    ),
    (
        darts_tf.ConvSupernet,
        {"filters": CONV.filters},
    ),
    (darts_tf.RecurrentSupernet, {"units": TEXTS.units}),
    (darts_tf.RecurrentNetwork, {"units": MODEL.units}),
    (
        darts_tf.StatefulLanguageModel,
        {
            "batch_size": MODEL.batch_size,
            "evaluation_batch_size": MODEL.evaluation_batch_size,
            "slowness_weight": MODEL.slowness,
            "sequence_length": MODEL.sequence_length,
        },
    ),
    (darts_tf.models.language_losses, {"slowness_weight": MODEL.slowness}),
    (
        darts_tf.models.SmoothedCrossentropy,
        {"smoothing": IMAGENET.label_smoothing},
    ),
    (
        language_task.LanguageTask,
        {
            "sequence_length": TEXTS.sequence_length,
            "slowness": TEXTS.slowness,
        },
    ),
    (darts_tf.ConvHyperModel.fit, {"epochs": CONV.epochs}),
    (darts_tf.DartsTuner.search, {"epochs": CONV.epochs}),
    (splitting.split_indices, {"fraction": CONV.train_fraction}),
    (
        augmentation.training_transform,
        {
            "padding": CONV.crop_padding,
            "flip": CONV.flip,
            "cutout": CONV.cutout,
        },
    ),
    (
        imagenet_augmentation.training_transform,
        {
            "image_size": IMAGENET.image_size,
            "amounts": (
                IMAGENET.brightness,
                IMAGENET.contrast,
                IMAGENET.saturation,
                IMAGENET.hue,
            ),
            "smallest_area": IMAGENET.smallest_area,
            "flip": IMAGENET.flip,
        },
    ),
    (
        imagenet_augmentation.evaluation_transform,
        {"image_size": IMAGENET.image_size},
    ),
    *(
        (function, {"sequence_length": TEXTS.sequence_length})
        for function in (
            text_streams.evaluation,
            text_streams.paired,
            text_streams.sequences,
            text_streams.steps_per_epoch,
        )
    ),
]


@pytest.mark.parametrize(
    ("shows", "expected"),
    SHOWN,
    ids=[f"{shows.__module__}.{shows.__qualname__}" for shows, _ in SHOWN],
)
def test_literals_in_signatures_are_the_numbers_of_the_paper(shows, expected):
    parameters = inspect.signature(shows).parameters
    assert {name: parameters[name].default for name in expected} == expected


@pytest.mark.parametrize(
    ("search", "training"),
    [
        (paper.ConvSearch, paper.ConvTraining),
        (paper.RecurrentSearch, paper.RecurrentTraining),
    ],
)
def test_what_one_flag_shows_for_both_phases_is_the_same(search, training):
    same = {
        "crop_padding",
        "flip",
        "sequence_length",
        "output_dropout",
        "hidden_dropout",
        "cell_input_dropout",
        "embedded_dropout",
        "slowness",
    }
    for name in same & vars(search).keys():
        assert getattr(search, name) == getattr(training, name), name


def test_examples_run():
    results = doctest.testmod(paper)
    assert results.attempted
    assert not results.failed
