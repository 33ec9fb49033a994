"""Loads the data set that a trainer's flags name."""

from darts_tf.data import image_classification


def load(config):
    """Returns the data set of a config, checked, and prints what is in it.

    Args:
        config: A config with the fields `dataset`, `data_dir`, `image_size`
            and `max_samples`.

    Returns:
        A `darts_tf.data.image_classification.ImageDataset`.

    Raises:
        ValueError: If the data cannot be used.
        OSError: If it is not there and cannot be fetched.
    """
    dataset = image_classification.load(
        config.dataset,
        data_dir=config.data_dir,
        image_size=config.image_size,
        max_samples=config.max_samples,
    )
    print(dataset.describe(), flush=True)
    return dataset
