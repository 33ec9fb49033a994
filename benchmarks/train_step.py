"""Times one training step of the derived networks, as built here and before.

    python -m benchmarks.train_step --networks=cifar --forms=now,before

`cifar` is the paper's network of 36 filters and 20 cells with auxiliary
classifier and path dropout, `imagenet` the one for the mobile setting, of 48
filters and 14 cells. `now` trains as `ConvNetwork` does; `before` leaves the
metrics to the first step, as Keras does, so that it is traced twice, and takes
the step of each weight by single operations. The results are equal. The
processes take steps in turn. Prints JSON: seconds of the first step (which
builds the graph) and of the others (median, least, most), peak memory in GB,
the multiply-adds that a step needs (without the auxiliary classifier, less than
1 %), the device and the versions.
"""

import dataclasses

from benchmarks import multiply_adds
from benchmarks import stepping
from trainers import options

_SIZES = {
    "cifar": {"batch_size": 16, "image_size": 32},
    "imagenet": {"batch_size": 8, "image_size": 224},
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    networks: str = options.option(
        "cifar or imagenet, separated by commas.", "cifar,imagenet"
    )
    forms: str = options.option(
        "now or before, separated by commas.", "now,before"
    )
    genotype: str = options.option("Name of a published genotype.", "DARTS_V2")
    filters: int | None = options.option(
        "Filters of the first cells; none is the paper's number.", None
    )
    num_cells: int | None = options.option(
        "Cells of the network; none is the paper's number.", None
    )
    batch_size: int | None = options.option(
        "Images in a batch; none is 16 for cifar, 8 for imagenet.", None
    )
    steps: int = options.option("Steps counted, after two that are not.", 5)
    output: str | None = options.option("File for the JSON; none prints.", None)


def run(config):
    """Runs the benchmark and prints its JSON.

    Args:
        config: A `Config`.
    """
    results = []
    for network in config.networks.split(","):
        settings = make_settings(config, network)
        rows = stepping.in_turns(settings, config.steps)
        for setting, row in zip(settings, rows, strict=True):
            names = {"network": network, "form": setting["form"]}
            results.append({**names, **row})
    stepping.report(config, results=results)


def make_settings(config, network):
    """Returns the settings of a network, for `stepping.in_turns`.

    Args:
        config: A `Config`.
        network: String, `"cifar"` or `"imagenet"`.

    Returns:
        A list of dictionaries, one for each form.
    """
    return [
        {
            **dataclasses.asdict(config),
            "module": "benchmarks.train_step",
            "network": network,
            "form": form,
        }
        for form in config.forms.split(",")
    ]


def _step(network, form, genotype, filters, num_cells, batch_size, **_):
    import keras
    import numpy as np
    import tensorflow as tf

    import darts_tf

    class Before(darts_tf.ConvNetwork):
        """Leaves the metrics to the first step."""

        _maybe_symbolic_build = keras.Model._maybe_symbolic_build

    class SGD(darts_tf.optimizers.SGD):
        """Takes single operations for each weight."""

        def update_step(self, gradient, variable, learning_rate):
            buffer = self._buffers[self._get_variable_index(variable)]
            step = gradient + self.momentum * keras.ops.convert_to_tensor(
                buffer
            )
            self.assign(buffer, step)
            rate = keras.ops.cast(learning_rate, variable.dtype)
            self.assign_sub(variable, rate * step)

    now = form == "now"
    keras.utils.set_random_seed(0)
    size = _SIZES[network]["image_size"]
    model = (darts_tf.ConvNetwork if now else Before)(
        darts_tf.zoo.get(genotype),
        filters=filters,
        num_cells=num_cells,
        auxiliary_weight=0.4,
        drop_path_rate=0.2,
        stem=network,
    )
    model.build((None, size, size, 3))
    optimizer = darts_tf.optimizers.SGD if now else SGD
    model.compile(
        optimizer(0.025, 0.9, 3e-4, 5.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    batch_size = batch_size or _SIZES[network]["batch_size"]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch_size, size, size, 3)).astype("float32")
    y = rng.integers(0, model.num_classes, batch_size)
    dataset = tf.data.Dataset.from_tensors((x, y)).repeat()
    forward = batch_size * darts_tf.count_multiply_adds(model)
    return (
        lambda: model.fit(dataset, steps_per_epoch=1, verbose=0),
        {"multiply_adds": multiply_adds.of_step("training", forward)},
    )


if __name__ == "__main__":
    stepping.main(Config, run, _step)
