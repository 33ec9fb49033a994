"""Prints the sizes of published networks, or of the cell of a search.

    python -m trainers.count
    python -m trainers.count --genotype=RUN/genotype.json --form=imagenet

For each genotype and form of the paper, CIFAR-10 (36 filters, 20 cells, 10
classes, images of 32x32) and ImageNet mobile (48 filters, 14 cells, 1000
classes, 224x224), a row of parameters without and with the auxiliary
classifier, and multiply-adds, those of convolutions and the linear layer for
one image in inference. For a single genotype also where the multiply-adds are,
cell by cell. Takes a minute for all.
"""

import dataclasses

from trainers import genotypes
from trainers import late
from trainers import options

with late.without_package():
    from darts_tf.spaces import paper

with late.imports():
    import darts_tf
    from darts_tf.files import json_file

_IMAGE_SIZES = {
    "cifar": paper.ConvTraining.image_size,
    "imagenet": paper.ImagenetTraining.image_size,
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the count; each field is a flag of the same name."""

    genotype: str = options.option(
        f"all published ones, or one: {genotypes.HELP}", "all"
    )
    form: str = options.option("all, cifar or imagenet.", "all")
    filters: int | None = options.option(
        "Filters of the first cells; none is the paper's number.", None
    )
    num_cells: int | None = options.option(
        "Cells of the network; none is the paper's number.", None
    )
    num_classes: int | None = options.option(
        "Classes; none is the number of the form's data set.", None
    )
    image_size: int | None = options.option(
        "Height and width of the images, in pixels; none is the form's.", None
    )
    output: str | None = options.option(
        "File for the counts as JSON; none writes no file.", None
    )

    def __post_init__(self):
        """Fails before anything is built."""
        if self.form not in ("all", *_IMAGE_SIZES):
            raise ValueError(
                f"`form` must be all or one of {sorted(_IMAGE_SIZES)}. "
                f"Received: form={self.form!r}"
            )


def run(config):
    """Counts and prints.

    Args:
        config: A `Config`.

    Returns:
        A list of dictionaries, one for each genotype and form.
    """
    if config.genotype != "all":
        genotypes.check(config.genotype)
    forms = _IMAGE_SIZES if config.form == "all" else (config.form,)
    found = _genotypes(config.genotype)
    print(
        "| cell | form | parameters | with auxiliary classifier | "
        "multiply-adds |\n|---|---|---|---|---|"
    )
    rows = []
    for form in forms:
        for name, genotype in found.items():
            row = _count(config, form, name, genotype)
            rows.append(row)
            auxiliary = row["parameters_with_auxiliary"]
            print(
                f"| {name} | {form} | {row['parameters']:,} | "
                f"{'does not fit' if auxiliary is None else f'{auxiliary:,}'}"
                f" | {row['multiply_adds']:,} |",
                flush=True,
            )
    if len(found) == 1:
        for row in rows:
            print(f"\nMultiply-adds, {row['form']}:")
            print(breakdown(row["multiply_adds_by_layer"]))
    if config.output is not None:
        json_file.write(config.output, rows)
    return rows


def breakdown(by_layer):
    """Returns a text that says where the multiply-adds of a network are.

    Args:
        by_layer: Dictionary from names to integers, of
            `darts_tf.models.multiply_adds_by_layer`.

    Returns:
        A line for each layer.

    Example:

    >>> from trainers import count
    >>> print(count.breakdown({"stem": 1000, "cell_0": 3000}))
      stem                  1,000   25.0 %
      cell_0                3,000   75.0 %
    """
    total = sum(by_layer.values())
    return "\n".join(
        f"  {name:12}{value:15,}   {value / total:.1%}".replace("%", " %")
        for name, value in by_layer.items()
    )


def _genotypes(source):
    if source != "all":
        return {source: genotypes.read(source, "conv")}
    published = {name: darts_tf.zoo.get(name) for name in darts_tf.zoo.names()}
    return {name: g for name, g in published.items() if g.kind == "conv"}


def _count(config, form, name, genotype):
    size = config.image_size or _IMAGE_SIZES[form]
    network = _network(config, form, genotype, size)
    by_layer = darts_tf.models.multiply_adds_by_layer(network)
    return {
        "genotype": name,
        "form": form,
        "image_size": size,
        "filters": network.filters,
        "num_cells": network.num_cells,
        "num_classes": network.num_classes,
        "parameters": darts_tf.count_parameters(network, False),
        "parameters_with_auxiliary": (
            darts_tf.count_parameters(network)
            if network.auxiliary_weight
            else None
        ),
        "multiply_adds": sum(by_layer.values()),
        "multiply_adds_by_layer": by_layer,
    }


def _network(config, form, genotype, size):
    """Returns a network, with the auxiliary classifier if it fits."""

    def build(auxiliary_weight):
        network = darts_tf.ConvNetwork(
            genotype,
            config.num_classes,
            config.filters,
            config.num_cells,
            auxiliary_weight,
            stem=form,
        )
        network.build((None, size, size, 3))
        return network

    try:
        return build(0.4)
    except ValueError:
        return build(0.0)


if __name__ == "__main__":
    options.main(Config, run)
