"""Turns the fields of a trainer's config into command line flags.

A trainer declares its options once, as the fields of a frozen dataclass:

    @dataclasses.dataclass(frozen=True)
    class Config:
        workdir: str = options.option("Folder for results.")
        epochs: int = options.option("Passes over the data.", 50)

    PRESETS = {"quick": {"epochs": 2}, "paper": {}}

    if __name__ == "__main__":
        options.main(Config, run, PRESETS)

Options that several trainers have stand in a base class of their configs. A
trainer with another default writes only that, and one that says something else
declares the option again:

    @dataclasses.dataclass(frozen=True)
    class Config(resumable.RunOptions, images.DataOptions):
        max_samples: int | None = 1000

The fields come in the order of the base classes, the last one first.

What a flag says overrides the preset, and the preset overrides the default.
The flags exist only while `main` runs, so that several trainers can be
imported into one process, and `run(config)` can be called without them.
"""

import atexit
import contextlib
import dataclasses
import gc
import math
import signal
import sys
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from absl import app
from absl import flags
from absl import logging

from trainers import config_flags
from trainers import device
from trainers import screen as screen_lib
from trainers import stopping

Presets = config_flags.Presets

# What the cells of each space are searched on, as the help texts call it.
_DATA_OF_SPACES = {"conv": "Images", "recurrent": "Texts"}


class Outcome(ValueError):
    """The work was done, or measured before, and is not as was asked.

    The process ends as with any `ValueError`, but what other libraries wrote
    stays withheld, since none of it explains the result.

    Example:

    >>> from trainers import options
    >>> issubclass(options.Outcome, ValueError)
    True
    """


def option(
    text: str,
    default: Any = dataclasses.MISSING,
    spaces: Sequence[str] = (),
) -> Any:
    """Declares one field of a config.

    Args:
        text: String, the help text of the flag.
        default: Default value. If left out, the flag or a preset must give
            one.
        spaces: Strings, the kinds of search space, `"conv"` or
            `"recurrent"`, to which alone it applies; the help text then opens
            with what they search on. Defaults to `()`, all of them.

    Returns:
        A `dataclasses.Field`, typed as `Any` like `dataclasses.field` is.

    Example:

    >>> import dataclasses
    >>> from trainers import options
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     epochs: int = options.option("Passes over the data.", 50)
    >>> Config()
    Config(epochs=50)
    """
    if spaces:
        data = " and ".join(_DATA_OF_SPACES[space] for space in spaces)
        text = f"{data}: {text}"
    return dataclasses.field(
        default=default, metadata={"help": text, "spaces": tuple(spaces)}
    )


def arguments(text: str) -> Any:
    """Declares the field that takes the arguments which are no flags.

    Args:
        text: String, what they are, for readers of the config.

    Returns:
        A `dataclasses.Field` of a tuple of strings, empty by default.

    Example:

    >>> import dataclasses
    >>> from trainers import options
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     images: tuple[str, ...] = options.arguments("Image files.")
    >>> Config()
    Config(images=())
    """
    metadata = {"help": text, "spaces": (), "arguments": True}
    return dataclasses.field(default=(), metadata=metadata)


def resolve(
    config_class: type,
    presets: Presets | None = None,
    preset: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Any:
    """Makes a config of defaults, a preset and explicit values.

    Args:
        config_class: A dataclass whose fields were made by `option`.
        presets: Optional mapping from the name of a preset to the values of
            some fields. Defaults to `None`, no presets.
        preset: Optional string, the preset to start from. Defaults to `None`,
            the defaults of the fields.
        overrides: Optional mapping from fields to the values that were given
            explicitly, which win. Defaults to `None`, none. A config with a
            class method `inherited` gets them, and returns values that come
            from elsewhere, which win over the preset.

    Returns:
        An instance of `config_class`.

    Raises:
        ValueError: If the preset or a field is unknown, if a field without a
            default gets no value, or if a number is not finite; and what the
            config itself raises.

    Example:

    >>> import dataclasses
    >>> from trainers import options
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     epochs: int = options.option("Passes over the data.", 50)
    ...     seed: int = options.option("Seeds everything.", 0)
    >>> presets = {"quick": {"epochs": 2, "seed": 1}}
    >>> options.resolve(Config, presets, "quick", {"seed": 7})
    Config(epochs=2, seed=7)
    """
    presets = presets or {}
    overrides = overrides or {}
    if preset is not None and preset not in presets:
        raise ValueError(
            f"`preset` must be one of {sorted(presets)}. Received: {preset=}"
        )
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    inherit = getattr(config_class, "inherited", None)
    inherited = {} if inherit is None else inherit(overrides)
    values = {**presets.get(preset or "", {}), **inherited, **overrides}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ValueError(
            f"The options are {sorted(fields)}. Received: {unknown[0]!r}"
        )
    missing = [
        f"--{name}"
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and name not in values
    ]
    if missing:
        raise ValueError(f"A value is required for {', '.join(missing)}")
    for name, value in values.items():
        # No option of any trainer means something as NaN or infinity.
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(
                f"`{name}` must be a finite number. Received: {name}={value}"
            )
    return config_class(**values)


def check_positive(config: Any, *names: str) -> None:
    """Raises an error for an option that is neither positive nor `None`.

    Args:
        config: An instance of a config dataclass.
        *names: Strings, the fields to check.

    Raises:
        ValueError: If one of them is below 1.

    Example:

    >>> import dataclasses
    >>> from trainers import options
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     epochs: int = options.option("Passes over the data.", 0)
    >>> options.check_positive(Config(), "epochs")
    Traceback (most recent call last):
    ...
    ValueError: `epochs` must be positive. Received: epochs=0
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ValueError(
                f"`{name}` must be positive. Received: {name}={value}"
            )


def check_space(config: Any) -> None:
    """Raises an error for an option that only another space has.

    Args:
        config: An instance of a config dataclass with a field `space`.

    Raises:
        ValueError: If an option that does not apply to the space has another
            value than its default.

    Example:

    >>> import dataclasses
    >>> from trainers import options
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     space: str = options.option("conv or recurrent.", "conv")
    ...     units: int = options.option("width.", 300, spaces=["recurrent"])
    >>> options.check_space(Config("recurrent", 200))
    >>> options.check_space(Config("conv", 200))
    Traceback (most recent call last):
    ...
    ValueError: `units` does not apply to space='conv'. Received: units=200
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        spaces = config_flags.metadata(type(config), field.name)["spaces"]
        if spaces and config.space not in spaces and value != field.default:
            raise ValueError(
                f"`{field.name}` does not apply to space={config.space!r}. "
                f"Received: {field.name}={value}"
            )


def check_choice(config: Any, name: str, choices: tuple[str, ...]) -> None:
    """Raises an error for an option that is not one of its choices.

    Args:
        config: An instance of a config dataclass.
        name: String, the field to check.
        choices: Strings, what it may be.

    Raises:
        ValueError: If it is something else.
    """
    value = getattr(config, name)
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {choices}. Received: {name}={value!r}"
        )


def to_json(config: Any) -> dict[str, Any]:
    """Returns a config as a dictionary that can be written as JSON.

    Args:
        config: An instance of a config dataclass.

    Returns:
        Dictionary from each field, in order, to its value.

    Example:

    >>> import dataclasses
    >>> from trainers import options
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     epochs: int = options.option("Passes over the data.", 50)
    >>> options.to_json(Config())
    {'epochs': 50}
    """
    return dataclasses.asdict(config)


def main(
    config_class: type,
    run: Callable[[Any], Any],
    presets: Presets | None = None,
) -> None:
    """Parses the command line into a config, calls `run`, and exits.

    Each field becomes a flag of its name; `--preset` chooses a preset and
    `--helpshort` lists them all. A `ValueError`, `OSError` or
    `FloatingPointError`, from the config or from `run`, is what a wrong
    option, a missing file or a diverging loss looks like: it ends the process
    with one line on stderr and exit code 1. `--debug` shows
    its traceback instead. Other exceptions are left as they are.

    What TensorFlow and other libraries write to stderr is withheld, and shown
    if the command fails, with `--debug`, with `--verbosity`, or where the
    user's own settings of TensorFlow's log ask for it. Ctrl-C and SIGTERM are
    answered at once, and a second one ends the process.

    Args:
        config_class: A dataclass whose fields were made by `option`; of the
            types `bool`, `int`, `float` and `str`, or one of these or `None`,
            which the flag writes `none`.
        run: Callable that takes an instance of `config_class`.
        presets: Optional mapping from the name of a preset to the values of
            some fields. Defaults to `None`: there is no flag `--preset`.

    Raises:
        SystemExit: Always, with the exit code of the process.
        ValueError: If a field has another type.
        flags.DuplicateFlagError: If the name of a field is that of a flag of
            absl, or `debug`, `preset` or `version`.

    Example:

    >>> import dataclasses, sys
    >>> from trainers import options
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     epochs: int = options.option("Passes over the data.", 50)
    >>> before, sys.argv = sys.argv, ["train.py", "--epochs=3"]
    >>> try:
    ...     options.main(Config, print)
    ... except SystemExit as end:
    ...     print(end.code)
    ... finally:
    ...     sys.argv = before
    Config(epochs=3)
    None
    """
    defined = [
        *config_flags.general(presets),
        *config_flags.of_config(config_class),
    ]

    rest = config_flags.arguments(config_class)

    def body(words: list[str]) -> None:
        if words[1:] and rest is None:
            raise app.UsageError(f"Unexpected argument {words[1]!r}")
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # not what TensorFlow writes
        given = {flag.name: flag.value for flag in defined if flag.present}
        if given.pop("version", False):
            print(device.version_line())
            return
        debug = given.pop("debug", False)
        preset = given.pop("preset", None)
        if rest is not None:
            given[rest] = tuple(words[1:])
        show_all = debug or bool(flags.FLAGS["verbosity"].present)
        try:
            config = resolve(config_class, presets, preset, given)
            _run_on_screen(run, config, show_all)
        except (ValueError, OSError, FloatingPointError) as error:
            if debug:
                raise
            sys.exit(f"error: {error}")
        except KeyboardInterrupt as error:
            # As a shell reports it; what is to be said has been said.
            sys.exit(128 + getattr(error, "signal_number", signal.SIGINT))

    with contextlib.ExitStack() as cleanup:
        for flag in defined:
            # The script's own flags are those that --helpshort lists.
            flags.DEFINE_flag(flag, module_name=sys.argv[0])
            cleanup.callback(delattr, flags.FLAGS, flag.name)
        # At the end the interpreter would search all graphs for cycles, which
        # takes seconds after the last word; the memory goes back anyway.
        atexit.register(gc.freeze)
        app.run(body)


def _run_on_screen(
    run: Callable[[Any], Any], config: Any, show_all: bool
) -> None:
    """Runs a command, and ends the process if it has an `Outcome`."""
    outcome = None
    with (
        screen_lib.of_a_command(show_all) as screen,
        stopping.answering(screen),
    ):
        try:
            run(config)
        except Outcome as error:  # not through the screen, as a failure would
            outcome = error
    if outcome is not None:
        sys.exit(f"error: {outcome}")
