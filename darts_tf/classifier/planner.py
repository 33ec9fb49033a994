"""Plans what fits in the minutes that are given: plain arithmetic.

Nothing here measures, reads or trains. What a step takes is taken to be

    seconds = cells * per_cell + batch * multiply_adds * per_multiply_add

and a search step, which has two gradients of a network of all candidates, a
multiple of that. `speed.measure` finds the factors on this machine.
"""

import math

from darts_tf.classifier import plans

# Of the time for searching and training: for the searches, and where there is
# more than one of them for the short trainings that choose a cell.
_SEARCH_SHARE = 0.25
_CHOICE_SHARE = 0.1
# Steps of a training that a larger network is not worth; and the fewest that
# are worth their time.
_WANTED_STEPS, LEAST_STEPS = 1200, 40
_WANTED_SEARCH_STEPS, LEAST_SEARCH_STEPS = 300, 20
# A large data set need not be seen whole so often; a small one shows no more
# after so many passes.
_WANTED_PASSES = 40
# From how many seconds on a second and a third search are made.
_SEARCHES_FROM = (1800, 5400)
# Validation comes after each epoch, which may be less than a whole pass.
_EPOCHS = 20
# A forward pass alone, as a part of a training step.
_FORWARD = 0.4
# Export and comparison of the files, in graphs of the network that is built.
_EXPORT_GRAPHS = 6.0
# Counting networks of equal parameters, likewise.
_COUNT_GRAPHS = 2.0
_TRAININGS = len(plans.NETWORKS)


def plan(seconds, speed, data, settings, search_settings):
    """Plans a run that takes as long as is given.

    Of the settings, which come from the smallest to the largest, the largest
    is taken whose training has enough steps; if none has, the smallest.

    Args:
        seconds: Number, what is left.
        speed: A `Speed`.
        data: A `Data`.
        settings: Sequence of `Setting`, of networks.
        search_settings: Sequence of `Setting`, of searches.

    Returns:
        A `Plan`.

    Raises:
        ValueError: If there is not enough time for the smallest; it says the
            time that is.

    Example:

    >>> from darts_tf.classifier import planner, plans
    >>> speed = plans.Speed(2.0, 0.0, 1e-9, 1.0, 0.0, 1e-9, 0.01)
    >>> data = plans.Data(num_train=640, num_validation=160, num_test=200)
    >>> sizes = [plans.Setting(32, "cifar", 3, f, f * 10**6) for f in (8, 64)]
    >>> plan = planner.plan(600, speed, data, sizes, sizes[:1])
    >>> plan.setting.filters, round(plan.seconds)
    (8, 600)
    """
    least = least_seconds(speed, data, settings[0], search_settings[0])
    if seconds < least:
        raise ValueError(
            f"At least {math.ceil(least / 6) / 10:g} minutes are needed on "
            "this machine for these images, after the measurement. "
            f"Received: {max(seconds, 0) / 60:.1f} minutes that are left"
        )
    smallest = None
    for setting in reversed(settings):
        found = _with_setting(seconds, speed, data, setting, search_settings)
        if found and found.all_steps >= wanted_steps(data):
            return found
        smallest = found or smallest
    return smallest or _smallest(
        seconds, speed, data, settings[0], search_settings[0]
    )


def plan_trainings(seconds, speed, data, settings):
    """Plans the trainings anew, once the search is over.

    Args:
        seconds: Number, what is left.
        speed: A `Speed`.
        data: A `Data`.
        settings: Sequence of `Setting`, of networks of the cell that was
            found.

    Returns:
        Tuple of the `Setting`, the seconds of each training, the steps of an
        epoch, and the number of epochs, at least 1.
    """
    for setting in reversed(settings):
        training = (seconds - ending(speed, data, setting)) / _TRAININGS
        # So little would not compare; then the run takes longer.
        training = max(training, _least_training(speed, data, setting))
        steps, epochs = _epochs(training, speed, data, setting)
        if steps * epochs >= wanted_steps(data):
            break
    return setting, training, steps, max(epochs, 1)


def wanted_steps(data):
    """Returns the steps of a training that a larger network is not worth.

    Args:
        data: A `Data`.
    """
    return max(_WANTED_STEPS, _WANTED_PASSES * min(data.pass_steps(), 150))


def least_seconds(speed, data, setting, search):
    """Returns the least time that a run makes sense with.

    Args:
        speed: A `Speed`.
        data: A `Data`.
        setting: The `Setting` of the smallest network.
        search: The `Setting` of the smallest search.
    """
    return (
        reading(speed, data)
        + graphs(speed, search, True)
        + LEAST_SEARCH_STEPS * speed.search_step(search, data.batch_size)
        + _TRAININGS * _least_training(speed, data, setting)
        + counting(speed, setting)
        + ending(speed, data, setting)
    )


def _least_training(speed, data, setting):
    return (
        graphs(speed, setting)
        + LEAST_STEPS * speed.step(setting, data.batch_size)
        + validation(speed, setting, data.num_validation)
    )


def reading(speed, data):
    """Returns the seconds for reading all images."""
    return speed.read * (data.num_train + data.num_validation + data.num_test)


def graphs(speed, setting, searching=False):
    """Returns the seconds until the first step of a search or a training."""
    if searching:
        return speed.search_graph * setting.num_cells * setting.num_edges
    return speed.graph_per_cell * setting.num_cells


def validation(speed, setting, images):
    """Returns the seconds for the evaluation of some images."""
    return _FORWARD * images * speed.step(setting, 32) / 32


def counting(speed, setting):
    """Returns the seconds for finding networks of equal parameters."""
    return _COUNT_GRAPHS * graphs(speed, setting)


def ending(speed, data, setting):
    """Returns the seconds for test, export and report."""
    tests = _TRAININGS * validation(speed, setting, data.num_test)
    return _EXPORT_GRAPHS * graphs(speed, setting) + tests


def epochs_of(seconds, step, pass_steps, evaluation):
    """Divides a time in epochs of which none is long.

    Args:
        seconds: Number, what is left for steps.
        step: Number, seconds of a step.
        pass_steps: Integer, steps of a pass over the data.
        evaluation: Number, seconds of the validation after each epoch.

    Returns:
        The steps of an epoch, and how many epochs there are: 0 if not one.

    Example:

    >>> from darts_tf.classifier import planner
    >>> planner.epochs_of(100, step=0.1, pass_steps=40, evaluation=1.0)
    (40, 20)
    >>> planner.epochs_of(100, step=0.1, pass_steps=5000, evaluation=1.0)
    (49, 16)
    """
    seconds = max(seconds, 0)
    # Validation is not to take half of the time.
    steps = max(seconds / step / _EPOCHS, evaluation / step, 1)
    steps = min(pass_steps, int(steps))
    return steps, int(seconds / (steps * step + evaluation))


def _around(speed, data, setting):
    """Returns the seconds of all that is neither search nor training."""
    return (
        reading(speed, data)
        + counting(speed, setting)
        + ending(speed, data, setting)
    )


def _epochs(seconds, speed, data, setting):
    """Returns the steps and the number of epochs of a training."""
    return epochs_of(
        seconds - graphs(speed, setting),
        speed.step(setting, data.batch_size),
        data.pass_steps(),
        validation(speed, setting, data.num_validation),
    )


def _with_setting(seconds, speed, data, setting, search_settings):
    """Returns the plan with a setting of the networks, or `None`."""
    left = seconds - _around(speed, data, setting)
    most = 1 + sum(seconds >= limit for limit in _SEARCHES_FROM)
    for searches in range(most, 0, -1):
        searching = _SEARCH_SHARE * left / searches
        choosing = _CHOICE_SHARE * left / searches if searches > 1 else 0.0
        search = _search_setting(searching, speed, data, search_settings)
        if search is None or 0 < choosing < 2 * graphs(speed, setting):
            continue
        training = (left - searches * (searching + choosing)) / _TRAININGS
        times = searching, choosing, training
        return _assembled(
            seconds, speed, data, setting, search, searches, times
        )
    return None


def _assembled(seconds, speed, data, setting, search, searches, times):
    """Returns the plan of some times, or `None` if they are too short."""
    searching, choosing, training = times
    train_steps, train_epochs = _epochs(training, speed, data, setting)
    search_steps, search_epochs = epochs_of(
        searching - graphs(speed, search, True),
        speed.search_step(search, data.batch_size),
        data.pass_steps(True),
        0.0,
    )
    if search_epochs < 1 or train_steps * train_epochs < LEAST_STEPS:
        return None
    read = reading(speed, data)
    end = _around(speed, data, setting) - read
    # What no number of epochs can make up for, and half an epoch of each.
    off = (
        0.3 * read
        + 0.4 * end
        + _TRAININGS * training / (2 * train_epochs)
        + searches * searching / (2 * search_epochs)
    )
    return plans.Plan(
        setting=setting,
        search=search,
        searches=searches,
        batch_size=data.batch_size,
        search_steps=search_steps,
        search_epochs=search_epochs,
        train_steps=train_steps,
        train_epochs=train_epochs,
        reading=read,
        searching=searching,
        choosing=choosing,
        training=training,
        ending=end,
        uncertainty=min(off / seconds + 0.1 * speed.spread, 0.5),
    )


def _smallest(seconds, speed, data, setting, search):
    """Returns the plan of a run that has hardly more time than it needs."""
    searching = graphs(speed, search, True) + (
        LEAST_SEARCH_STEPS * speed.search_step(search, data.batch_size)
    )
    left = seconds - _around(speed, data, setting)
    # A little more, so that rounding takes no step away.
    times = (
        1.001 * searching,
        0.0,
        1.001 * (left - searching) / _TRAININGS,
    )
    return _assembled(seconds, speed, data, setting, search, 1, times)


def _search_setting(seconds, speed, data, settings):
    """Returns the largest setting of a search with enough steps, or `None`."""
    found = None
    for setting in settings:
        left = seconds - graphs(speed, setting, True)
        steps = left / speed.search_step(setting, data.batch_size)
        is_enough = steps >= _WANTED_SEARCH_STEPS and left > 2 * seconds / 3
        if is_enough or (found is None and steps >= LEAST_SEARCH_STEPS):
            found = setting
    return found
