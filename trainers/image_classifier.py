"""Makes a classifier of a folder of images, in the minutes that are given.

    python -m trainers.image_classifier --dataset=photos --minutes=30 \
        --workdir=RUN

Measures this machine, plans what fits in the minutes and says so; divides the
images for training, validation and test; searches for a cell; trains the
network of that cell, one of a random cell and a plain one, of equal parameters
and for equal times; tests them once; and exports the one that was best on the
validation images (`--keep=searched`: that of the search). The plan is corrected
as the real times show.

The folder `workdir` gets `results.md` and `results.json`; `report.html`; the
exported network as `network.keras`, `saved_model/`, `network_float32.tflite`
and `network_int8.tflite`, and `export.json` about them; `split.json`, the list
of the files of each part; `plan.json`; and a folder for each search and
training. The same command on the folder of a run that was stopped goes on.
`python -m trainers.classify --network=RUN/network.keras *.jpg` uses it.

The limits, such as `--max_bytes`, are those of the int8 file.
"""

import dataclasses
from typing import Any

from trainers import export_budget
from trainers import images
from trainers import late
from trainers import options
from trainers import resumable

with late.imports():
    import darts_tf

_KEEP = ("best", "searched")
_FLIP = {"auto": None, "yes": True, "no": False}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(
    export_budget.BudgetOptions,
    images.SourceOptions,
    resumable.WorkdirOption,
):
    """Options of the command; each field is a flag of the same name."""

    dataset: str = options.option(
        "A folder of images, with <class>/* or train/<class>/*, a table of "
        "them, or the name of a data set."
    )
    minutes: float = options.option("How long the whole may take.", 30.0)
    keep: str = options.option(
        "best, on the validation images, or searched: which network is "
        "exported.",
        "best",
    )
    image_size: int | None = options.option(
        "Height and width to resize images to, in pixels; none is planned.",
        None,
    )
    flip: str = options.option(
        "Whether training mirrors images at random: yes, no, or auto, those "
        "with colours.",
        "auto",
    )
    seed: int = options.option("Of the split, the search and training.", 0)

    def __post_init__(self):
        """Fails on values that cannot work."""
        super().__post_init__()
        options.check_choice(self, "keep", _KEEP)
        options.check_choice(self, "flip", tuple(_FLIP))
        options.check_positive(self, "image_size", "max_samples")
        if not self.minutes > 0:
            raise ValueError(
                f"`minutes` must be positive. Received: minutes={self.minutes}"
            )


def run(config: Config) -> dict[str, Any]:
    """Makes the classifier, or what is left of it.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of what is in `results.json`.
    """
    images.check(config.dataset, config.data_dir)
    classifier = darts_tf.ImageClassifier(
        minutes=config.minutes,
        workdir=config.workdir,
        seed=config.seed,
        keep=config.keep,
        image_size=config.image_size,
        flip=_FLIP[config.flip],
        **{name: getattr(config, name) for name in export_budget.NAMES},
    )
    try:
        results: Any = classifier.fit(
            config.dataset,
            test_fraction=config.test_fraction,
            data_dir=config.data_dir,
            max_samples=config.max_samples,
        )
    except KeyboardInterrupt as error:
        resumable.say_how_to_go_on(error)
        raise
    print()
    classifier.summary()
    if results["over_budget"]:
        raise options.Outcome(
            f"The budget is exceeded: {results['over_budget']}. All files are "
            "written"
        )
    return results


if __name__ == "__main__":
    options.main(Config, run)
