"""Turns a checkpoint of the official PyTorch code into a network.

    python -m trainers.import_checkpoint --checkpoint=cifar10_model.pt \
        --genotype=DARTS_V2 --workdir=RUN

Takes the state dictionary of a derived network, for CIFAR-10, ImageNet or
Penn Treebank, as a file of PyTorch or as `.npz`. The sizes of the network
follow from it, the genotype does not: it is what `--genotype` is everywhere, so
also the log of the official search, whose last genotype counts. Writes
`RUN/network.keras`, `genotype.json` and `import.json`, which lists what was
read.
"""

import collections
import dataclasses

from trainers import genotypes
from trainers import late
from trainers import options
from trainers import resumable
from trainers import workdir

with late.imports():
    import darts_tf
    from darts_tf.files import json_file


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the import; each field is a flag of the same name."""

    checkpoint: str = options.option(
        "State dictionary of the official code: a file of torch.save, which "
        "needs PyTorch, or .npz."
    )
    genotype: str = options.option(genotypes.HELP)
    workdir: str = options.option(
        "Folder for the files: new, or of an import that was stopped."
    )
    image_size: int | None = options.option(
        "Height and width of the images that the network will see, in pixels; "
        "none is 32, or 224 for a network with the stem for ImageNet.",
        None,
    )

    def __post_init__(self):
        """Fails on values that cannot work."""
        options.check_positive(self, "image_size")


def run(config):
    """Reads the checkpoint and writes the network.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of the figures written to `import.json`.
    """
    workdir.check_file("checkpoint", config.checkpoint)
    resolved = {
        **options.to_json(config),
        "checkpoint_sha256": workdir.checksum(config.checkpoint),
    }
    workdir.check(config.workdir, resolved)
    genotypes.check(config.genotype)
    arrays = darts_tf.interop.read_checkpoint(config.checkpoint)
    kind = "recurrent" if "encoder.weight" in arrays else "conv"
    genotype = genotypes.read(config.genotype, kind)
    network = darts_tf.interop.network_from_official(
        genotype, arrays, config.image_size
    )
    folder = workdir.create_or_resume(config.workdir, resolved)
    if (folder / "import.json").exists():
        print(f"The import in {folder} is finished; nothing is changed.")
        return json_file.read(folder / "import.json")
    resumable.save_network(network, folder / "network.keras")
    genotype.save(folder / "genotype.json")
    report = {
        "network": type(network).__name__,
        "parameters": darts_tf.count_parameters(
            network, include_auxiliary=False
        ),
        "arrays": {name: list(array.shape) for name, array in arrays.items()},
    }
    json_file.write(folder / "import.json", report)
    print(f"Read {len(arrays):,} arrays, each once:")
    parts = collections.Counter(name.split(".")[0] for name in arrays)
    for part, count in parts.items():
        print(f"  {part:16}{count:7,}")
    print(
        f"Wrote {folder / 'network.keras'}, a {report['network']} of "
        f"{report['parameters']:,} parameters"
    )
    return report


if __name__ == "__main__":
    options.main(Config, run)
