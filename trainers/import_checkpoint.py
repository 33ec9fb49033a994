"""Turns a checkpoint of the official PyTorch code into a network.

    python -m trainers.import_checkpoint --checkpoint=cifar10_model.pt \
        --genotype=DARTS_V2 --workdir=RUN

Takes the state dictionary of a derived network, for CIFAR-10, ImageNet or
Penn Treebank, as a file of PyTorch or as `.npz`. The sizes of the network
follow from it, the genotype does not: it is a file genotype.json, a published
name, or the log of the official search, whose last genotype counts. Writes
`RUN/network.keras`, `genotype.json` and `import.json`, which lists what was
read.
"""

import collections
import dataclasses
import pathlib

from trainers import genotypes
from trainers import late
from trainers import options
from trainers import workdir

with late.imports():
    import darts_tf

_LOGS = (".txt", ".log")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the import; each field is a flag of the same name."""

    checkpoint: str = options.option(
        "State dictionary of the official code: a file of torch.save, which "
        "needs PyTorch, or .npz."
    )
    genotype: str = options.option(
        "Log of the official search (.txt or .log), file genotype.json, or "
        "the name of a published genotype."
    )
    workdir: str = options.option("New folder for the files.")
    image_size: int | None = options.option(
        "Height and width of the images that the network will see, in pixels; "
        "none is 32, or 224 for a network with the stem for ImageNet.",
        None,
    )

    def __post_init__(self):
        """Fails on values that cannot work."""
        if self.image_size is not None and self.image_size < 1:
            raise ValueError(
                "`image_size` must be positive. "
                f"Received: image_size={self.image_size}"
            )


def run(config):
    """Reads the checkpoint and writes the network.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of the figures written to `import.json`.
    """
    workdir.check(config.workdir)
    workdir.check_file("checkpoint", config.checkpoint)
    genotypes.check(config.genotype)
    arrays = darts_tf.interop.read_checkpoint(config.checkpoint)
    kind = "recurrent" if "encoder.weight" in arrays else "conv"
    genotype = _read_genotype(config.genotype, kind)
    network = darts_tf.interop.network_from_official(
        genotype, arrays, config.image_size
    )
    folder = workdir.create(config.workdir, options.to_json(config))
    network.save(folder / "network.keras")
    genotype.save(folder / "genotype.json")
    report = {
        "network": type(network).__name__,
        "parameters": darts_tf.count_parameters(
            network, include_auxiliary=False
        ),
        "arrays": {name: list(array.shape) for name, array in arrays.items()},
    }
    workdir.write_json(folder / "import.json", report)
    print(f"Read {len(arrays):,} arrays, each once:")
    parts = collections.Counter(name.split(".")[0] for name in arrays)
    for part, count in parts.items():
        print(f"  {part:16}{count:7,}")
    print(
        f"Wrote {folder / 'network.keras'}, a {report['network']} of "
        f"{report['parameters']:,} parameters"
    )
    return report


def _read_genotype(source, kind):
    if pathlib.Path(source).suffix in _LOGS:
        return darts_tf.interop.read_genotypes(source)[-1]
    return genotypes.read(source, kind)


if __name__ == "__main__":
    options.main(Config, run)
