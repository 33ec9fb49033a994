"""The options that the commands that train a genotype have in common."""

import dataclasses

from trainers import from_search
from trainers import genotypes
from trainers import images
from trainers import options
from trainers import resumable
from trainers import strategies


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingOptions(genotypes.GenotypeOption, resumable.RunOptions):
    """Options of the training of a genotype."""

    search: str | None = from_search.option()
    weight_decay: float = options.option("Coupled to the gradient.")
    clipnorm: float = options.option("Largest norm of the gradient.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageTrainingOptions(
    strategies.StrategyOption,
    images.NetworkOptions,
    images.DataOptions,
    TrainingOptions,
):
    """Options of the training of a convolutional genotype."""

    epochs: int = options.option("Passes over the training images.")
    auxiliary_weight: float = options.option(
        "Weight of the auxiliary classifier's loss; 0 leaves it out."
    )
    drop_path_rate: float = options.option(
        "Where the linear ramp of the path dropout ends."
    )
    learning_rate: float = options.option("In the first epoch.")
    momentum: float = options.option("Of the gradient.")
    # Declared by each trainer, in its own words.
    batch_size: int

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        options.check_positive(
            self,
            "epochs",
            "steps_per_epoch",
            "batch_size",
            "filters",
            "num_cells",
            "checkpoint_every",
        )
        options.check_choice(self, "strategy", strategies.NAMES)
