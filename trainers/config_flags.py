"""The flags that the fields of a trainer's config become."""

import dataclasses
import types
import typing
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from absl import flags

Presets = Mapping[str, Mapping[str, Any]]

_PARSERS: dict[Any, Callable[[], flags.ArgumentParser[Any]]] = {
    int: flags.IntegerParser,
    float: flags.FloatParser,
    str: flags.ArgumentParser,
}


def general(presets: Presets | None) -> list[flags.Flag[Any]]:
    """Returns the flags that each trainer has.

    Args:
        presets: Optional mapping from the name of a preset to the values of
            some fields.
    """
    general: list[flags.Flag[Any]] = [
        flags.BooleanFlag(
            "debug",
            False,
            "Show the traceback of an error, not one line, and all that "
            "TensorFlow and other libraries write.",
        ),
        flags.BooleanFlag("version", False, "Show the versions, and exit."),
    ]
    if not presets:
        return general
    contents = "; ".join(
        f"{name}: {_listed(values)}" for name, values in presets.items()
    )
    text = f"Values to start from, which other flags override. {contents}."
    return [*general, flags.EnumFlag("preset", None, text, list(presets))]


def _listed(values: Mapping[str, Any]) -> str:
    listed = ", ".join(f"{name}={value}" for name, value in values.items())
    return listed or "the defaults"


def of_config(config_class: type) -> list[flags.Flag[Any]]:
    """Returns one flag for each field, with the default that --help shows.

    Args:
        config_class: A dataclass whose fields were made by `options.option`.

    Raises:
        ValueError: If a field has a type that no flag has.
    """
    types_of = typing.get_type_hints(config_class)
    return [
        _field_flag(
            field,
            types_of[field.name],
            metadata(config_class, field.name)["help"],
        )
        for field in dataclasses.fields(config_class)
        if field.name != arguments(config_class)
    ]


def arguments(config_class: type) -> str | None:
    """Returns the name of the field that takes what is no flag, if any.

    Args:
        config_class: A dataclass whose fields were made by `options.option`
            and `options.arguments`.
    """
    return next(
        (
            field.name
            for field in dataclasses.fields(config_class)
            if metadata(config_class, field.name).get("arguments")
        ),
        None,
    )


def metadata(config_class: type, name: str) -> Mapping[str, Any]:
    """Returns what `options.option` was told of a field.

    A class that overrides only the default of a field leaves the rest to the
    base class that declares it.

    Args:
        config_class: A dataclass whose fields were made by `options.option`.
        name: String, the name of a field.

    Returns:
        A mapping with `"help"` and `"spaces"`.
    """
    return next(
        field.metadata
        for base in config_class.__mro__
        if (field := vars(base).get("__dataclass_fields__", {}).get(name))
        and field.metadata
    )


def _field_flag(
    field: "dataclasses.Field[Any]", field_type: Any, text: str
) -> flags.Flag[Any]:
    default = field.default
    if default is dataclasses.MISSING:
        text, default = f"{text} (required)", None
    if field_type is bool:
        return flags.BooleanFlag(field.name, default, text)
    choices = set(typing.get_args(field_type)) or {field_type}
    named = choices - {types.NoneType}
    if len(named) != 1 or not named <= set(_PARSERS):
        raise ValueError(
            "A field must be of type bool, int, float or str, or one of the "
            f"last three or None. Received: {field.name}: {field_type}"
        )
    parser = _PARSERS[named.pop()]()
    if types.NoneType in choices:
        parser = _OptionalParser(parser)
    serializer = flags.ArgumentSerializer[Any]()
    return flags.Flag(parser, serializer, field.name, default, text)


class _OptionalParser(flags.ArgumentParser[Any]):
    """Reads `none` as None, and anything else as another parser does."""

    def __init__(self, parser: flags.ArgumentParser[Any]) -> None:
        self._parser = parser
        self.syntactic_help = f"{parser.syntactic_help or 'a string'} or none"

    def parse(self, argument: Any) -> Any:
        """Returns the value of the text, and a value that is none unchanged."""
        return None if argument == "none" else self._parser.parse(argument)

    def flag_type(self) -> str:
        """Returns the name of the type, for the help in XML."""
        return f"optional {self._parser.flag_type()}"
