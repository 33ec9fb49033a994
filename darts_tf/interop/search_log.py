"""Reads the genotypes that a search of the official code logged."""

from darts_tf.spaces import genotype as genotype_lib


def read_genotypes(path):
    """Returns the genotypes in the log of a search, in order.

    The official code logs the genotype of each epoch, as in

        2018-06-01 12:00:00,123 genotype = Genotype(normal=[...], ...)

    Args:
        path: String or path of the log file.

    Returns:
        Tuple of `darts_tf.Genotype`, the last of which the search ended with.

    Raises:
        ValueError: If no line holds a genotype, or one is damaged.
        OSError: If the file cannot be read.

    Example:

    >>> with open("log.txt", "w") as file:
    ...     print("genotype =", darts_tf.zoo.DARTS_V2.to_text(), file=file)
    >>> darts_tf.interop.read_genotypes("log.txt")[-1] == darts_tf.zoo.DARTS_V2
    True
    """
    genotypes = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if "Genotype(" not in line:
                continue
            try:
                genotypes.append(genotype_lib.Genotype.from_text(line))
            except ValueError as error:
                raise ValueError(f"In line {number} of {path}: {error}") from (
                    error
                )
    if not genotypes:
        raise ValueError(
            "The log of a search has lines with `Genotype(...)`. "
            f"Received: path={str(path)!r}, which has none"
        )
    return tuple(genotypes)
