"""What a run found, in one sentence or two: the top of its report."""

import pathlib

from darts_tf.spaces import discretization
from darts_tf.visualize import animation
from darts_tf.visualize import next_steps
from darts_tf.visualize import run_folder

# A choice that rounding, another seed or one more epoch may change.
CLOSE = 0.05
# A cell that changed in the last fifth of the epochs may change again.
_LATE = 0.8


def of_search(run, sizes):
    """Says what a search found, how sure it is, and what comes next.

    Args:
        run: A `RunFolder` of a search.
        sizes: The sizes of a network of its cell, as `network_sizes` returns
            them, or `None`.

    Returns:
        String.
    """
    done, planned = epochs_of(run)
    parts = [
        f"After {epochs_text(done, planned)} {_accuracy(run)}the search has "
    ]
    parts.append(f"a cell {certainty(run.trace)}.")
    if sizes:
        parts.append(
            f" A network of it ({sizes['form']}) has "
            f"{sizes['parameters']:,} parameters."
        )
    seconds = next_steps.expected_seconds(run)
    takes = (
        f", which takes about {next_steps.duration(seconds)}" if seconds else ""
    )
    if planned is not None and done < planned and not run.metrics:
        step = "the same command goes on with the search"
    elif is_changing(run.trace) or _share_of_close(run.trace) > 0.5:
        step = (
            "search for more epochs, or with a larger learning rate of the "
            f"alphas, for a surer cell; or train the network of this one{takes}"
        )
    else:
        step = f"train the network of this cell{takes}"
    return f"{''.join(parts)} What to do next: {step}."


def of_training(run, evaluation=None):
    """Says how good and how large a trained network is, and what comes next.

    Args:
        run: A `RunFolder` of a training.
        evaluation: Optional `Evaluation` of the network. Defaults to `None`.

    Returns:
        String.
    """
    done, planned = epochs_of(run)
    figures = run.metrics
    if not figures:
        last = run.history[-1] if run.history else {}
        value = last.get("val_accuracy", last.get("accuracy"))
        known = f", with an accuracy of {value:.1%}" if _is_share(value) else ""
        end = (
            "; the same command goes on"
            if planned is not None and done < planned
            else ""
        )
        return f"The training is at {epochs_text(done, planned)}{known}{end}."
    parts = [f"The network {_reached(figures)}"]
    if "parameters" in figures:
        size = figures["parameters"] * 4
        text = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
        parts.append(
            f", with {figures['parameters']:,} parameters ({text} in float32)"
        )
    parts.append(". ")
    if "best_epoch" in figures:
        parts.append(
            f"It is that of epoch {figures['best_epoch']} of "
            f"{figures.get('epochs', done)}, the best on the validation "
            "images. "
        )
    if evaluation is not None:
        parts.append(_weakest(evaluation))
    trace = _trace_of(run.settings.get("search"))
    if trace is not None:
        parts.append(f"Its cell is one {certainty(trace)}. ")
    parts.append("What to do next: export it.")
    return "".join(parts)


def epochs_of(run):
    """Returns how many epochs are done, and how many planned or `None`."""
    done = max((line["epoch"] for line in run.history), default=0)
    return done, run.settings.get("epochs", done if run.is_of_command else None)


def certainty(trace):
    """Says how sure a cell is, and whether it still changes.

    Args:
        trace: The `SearchTrace` of its search.

    Returns:
        String, which goes on after "a cell".

    Example:

    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> from darts_tf.visualize import summary
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    >>> tanh, relu = ({"recurrent": [row]} for row in ([0, 1, 0], [0, 0, 1]))
    >>> trace = visualize.SearchTrace(space, (0, 1, 2), (tanh, relu, relu))
    >>> summary.certainty(trace)
    'of 1 choice, 0 of them close calls, which has not changed since epoch 1'
    """
    choices = discretization.explain(trace.space, trace.op_weights[-1])
    close = sum(choice.margin < CLOSE for choice in choices)
    since = animation.stages(trace)[-1][0]
    count = f"{len(choices)} choice{'' if len(choices) == 1 else 's'}"
    if is_changing(trace):
        change = f"which still changes, at last in epoch {since}"
    else:
        change = f"which has not changed since epoch {since}"
    return f"of {count}, {close} of them close calls, {change}"


def is_changing(trace):
    """Returns whether the most likely cell changed late in the search."""
    since, last = animation.stages(trace)[-1][0], trace.epochs[-1]
    return last > 0 and since > _LATE * last


def _share_of_close(trace):
    choices = discretization.explain(trace.space, trace.op_weights[-1])
    return sum(choice.margin < CLOSE for choice in choices) / len(choices)


def epochs_text(done, planned):
    """Says how many epochs are done, of those planned if that is known."""
    if planned is None:
        return "1 epoch" if done == 1 else f"{done} epochs"
    return f"{done} of {planned} epochs"


def _accuracy(run):
    last = run.history[-1] if run.history else {}
    if _is_share(last.get("accuracy")):
        return f"(accuracy of the supernet {last['accuracy']:.1%}) "
    if "perplexity" in last:
        return f"(perplexity of the supernet {last['perplexity']:.1f}) "
    return ""


def _reached(figures):
    if _is_share(figures.get("test_accuracy")):
        return (
            f"classifies {figures['test_accuracy']:.1%} of the test images "
            "right"
        )
    if "test_perplexity" in figures:
        return (
            f"has a perplexity of {figures['test_perplexity']:.1f} on the "
            "test text"
        )
    return "is trained"


def _weakest(evaluation):
    """Says which class is recognised worst, if one is."""
    shares = evaluation.accuracy_by_class()
    known = {name: share for name, share in shares.items() if share is not None}
    if not known:
        return ""
    name = min(known, key=known.__getitem__)
    if known[name] == 1:
        return "No image of any class is mistaken. "
    return f"Its weakest class is {name} ({known[name]:.1%}). "


def _trace_of(search):
    """Returns the trace of the search of a training, if it is still there."""
    if not search:
        return None
    try:
        return run_folder.RunFolder(pathlib.Path(search).expanduser()).trace
    except (OSError, ValueError):
        return None


def _is_share(value):
    return isinstance(value, int | float) and 0 <= value <= 1
