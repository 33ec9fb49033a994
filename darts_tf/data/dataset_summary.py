"""Says in words what a data set holds."""

_MOST_CLASSES = 10
_MOST_NAMES = 3


def describe(
    name,
    num_train,
    num_test,
    class_names,
    class_counts=None,
    passed_over=None,
    test_fraction=None,
):
    """Returns what is in a data set, and what of its folder is not.

    Args:
        name: String, of the data set.
        num_train: Integer, the number of training images.
        num_test: Integer, the number of test images.
        class_names: Sequence of strings.
        class_counts: Optional dictionary from the name of each class to its
            training and test images. Defaults to `None`, unknown.
        passed_over: Optional dictionary from a reason to the paths that were
            passed over for it. Defaults to `None`, nothing.
        test_fraction: Optional float, the share of each class that was held
            out for the test images. Defaults to `None`, the data have such
            images.

    Returns:
        String of one line.

    Example:

    >>> from darts_tf.data import dataset_summary
    >>> dataset_summary.describe(
    ...     "pets",
    ...     num_train=5,
    ...     num_test=2,
    ...     class_names=("cat", "dog"),
    ...     class_counts={"cat": (3, 1), "dog": (2, 1)},
    ...     passed_over={"hidden": ["train/cat/.DS_Store"]},
    ... )
    'pets: 5 training and 2 test images in 2 classes, cat 3 + 1, dog 2 + 1. \
Passed over: 1 hidden (train/cat/.DS_Store).'
    """
    text = (
        f"{name}: {num_train:,} training and {num_test:,} test images in "
        f"{len(class_names):,} classes"
    )
    if class_counts and len(class_counts) <= _MOST_CLASSES:
        text += "".join(
            f", {of_class} {train:,} + {test:,}"
            for of_class, (train, test) in class_counts.items()
        )
    elif class_counts:
        fewest, most = (
            choose(class_counts, key=lambda each: class_counts[each][0])
            for choose in (min, max)
        )
        text += (
            f", of {class_counts[fewest][0]:,} ({fewest}) to "
            f"{class_counts[most][0]:,} ({most}) training images"
        )
    if test_fraction is not None:
        text += f". Test images: {test_fraction:.3g} of each class, held out"
    if passed_over:
        text += f". Passed over: {list_passed_over(passed_over)}"
    return f"{text}."


def list_passed_over(passed_over):
    """Returns how many paths were passed over, why, and the first of them.

    Args:
        passed_over: Dictionary from a reason to paths.

    Returns:
        String without a full stop.

    Example:

    >>> from darts_tf.data import dataset_summary
    >>> dataset_summary.list_passed_over({"subfolder": ["a/b"]})
    '1 subfolder (a/b)'
    """
    return "; ".join(
        f"{len(paths):,} {reason} ({', '.join(paths[:_MOST_NAMES])}"
        + (", ...)" if len(paths) > _MOST_NAMES else ")")
        for reason, paths in passed_over.items()
    )
