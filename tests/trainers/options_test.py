import dataclasses
import doctest
import json
import pathlib
import subprocess
import sys

import pytest
from absl import flags

from trainers import config_flags
from trainers import options

TRAINER = '''
"""Trains nothing, for a test."""

import dataclasses
import json

from trainers import options


@dataclasses.dataclass(frozen=True)
class Config:
    workdir: str = options.option("Folder for results.")
    epochs: int = options.option("Passes over the data.", 50)
    clip: float | None = options.option("Largest gradient norm.", 5.0)
    data_dir: str | None = options.option("Where the data lie.", None)
    flip: bool = options.option("Mirror images.", True)

    def __post_init__(self):
        if self.epochs < 1:
            raise ValueError(
                f"`epochs` must be positive. Received: epochs={self.epochs}"
            )


PRESETS = {"quick": {"epochs": 2, "clip": 0.5}, "paper": {}}


def run(config):
    if config.workdir == "missing":
        raise FileNotFoundError("no such data set")
    if config.workdir == "bug":
        raise KeyError("a bug")
    print(json.dumps(options.to_json(config)))


if __name__ == "__main__":
    options.main(Config, run, PRESETS)
'''
DEFAULTS = {
    "workdir": "x",
    "epochs": 50,
    "clip": 5.0,
    "data_dir": None,
    "flip": True,
}


@dataclasses.dataclass(frozen=True)
class Config:
    workdir: str = options.option("Folder for results.")
    epochs: int = options.option("Passes over the data.", 50)
    learning_rate: float = options.option("Of the weights.", 0.025)


PRESETS = {"quick": {"epochs": 2, "learning_rate": 0.1}, "paper": {}}


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("trainer") / "toy_trainer.py"
    path.write_text(TRAINER.lstrip())
    return path


@pytest.fixture
def command(script):
    def call(*arguments):
        return subprocess.run(
            [sys.executable, script, *arguments],
            env={"PYTHONPATH": str(pathlib.Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_defaults_presets_and_overrides_in_rising_order():
    given = {"workdir": "x", "epochs": 7}
    assert options.resolve(Config, overrides={"workdir": "x"}) == Config("x")
    assert options.resolve(Config, PRESETS, "quick", {"workdir": "x"}) == (
        Config("x", 2, 0.1)
    )
    assert options.resolve(Config, PRESETS, "quick", given) == (
        Config("x", 7, 0.1)
    )
    assert options.resolve(Config, PRESETS, "paper", given) == Config("x", 7)


def test_a_preset_may_give_a_required_value():
    presets = {"here": {"workdir": "y"}}
    assert options.resolve(Config, presets, "here") == Config("y")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Config,), "required for --workdir"),
        ((Config, PRESETS, "slow"), r"\['paper', 'quick'\].*preset='slow'"),
        ((Config, PRESETS, None, {"epoch": 1}), "'learning_rate'.*'epoch'$"),
        ((Config, {"bad": {"epoch": 1}}, "bad"), "Received: 'epoch'"),
    ],
    ids=["required", "preset", "override", "field of a preset"],
)
def test_what_cannot_be_resolved_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        options.resolve(*arguments)


def test_json_has_all_fields_in_order():
    written = json.dumps(options.to_json(Config("x", 2)))
    assert written == '{"workdir": "x", "epochs": 2, "learning_rate": 0.025}'


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        ([], {}),
        (["--preset=quick"], {"epochs": 2, "clip": 0.5}),
        (["--preset=quick", "--epochs=50"], {"clip": 0.5}),
        (["--preset=paper", "--noflip"], {"flip": False}),
        (["--clip=none", "--data_dir=y"], {"clip": None, "data_dir": "y"}),
        (["--preset=quick", "--clip=3"], {"epochs": 2, "clip": 3.0}),
        (["--data_dir=none"], {}),
    ],
    ids=" ".join,
)
def test_flags_make_the_config(command, arguments, changes):
    done = command("--workdir=x", *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == DEFAULTS | changes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizes:
    filters: int = options.option("Filters of the first cells.")
    units: int = options.option("width of the cell.", 300, ["recurrent"])
    cells: int = options.option("of the supernet.", 8, ["conv"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Derived(Sizes, Config):
    epochs: int = 600
    filters: int = 36
    units: int = 850
    learning_rate: float = options.option("Of SGD.", 0.1)
    space: str = options.option("conv or recurrent.", "conv")


def test_a_base_class_gives_the_text_and_the_trainer_its_own_default():
    flags_of = {flag.name: flag for flag in config_flags.of_config(Derived)}
    assert {n: (f.default, f.help) for n, f in flags_of.items()} == {
        "workdir": (None, "Folder for results. (required)"),
        "epochs": (600, "Passes over the data."),
        "learning_rate": (0.1, "Of SGD."),
        "filters": (36, "Filters of the first cells."),
        "units": (850, "Texts: width of the cell."),
        "cells": (8, "Images: of the supernet."),
        "space": ("conv", "conv or recurrent."),
    }
    assert options.resolve(Derived, overrides={"workdir": "x"}).epochs == 600


def test_an_option_of_the_other_space_is_refused():
    for space, name, other in (
        ("conv", "units", "recurrent"),
        ("recurrent", "cells", "conv"),
    ):
        values = {"workdir": "x", name: 3}
        with pytest.raises(ValueError, match=rf"space='{space}'.*{name}=3$"):
            options.check_space(Derived(space=space, **values))
        options.check_space(Derived(space=other, **values))
        # The trainer's own default is no value of the user's.
        options.check_space(Derived(space=space, workdir="x", filters=1))


@pytest.mark.parametrize("flag", ["--help", "--helpshort"])
def test_help_lists_every_option_with_its_default(command, flag):
    text = command(flag).stdout
    assert text.startswith("Trains nothing, for a test.")
    for part in [
        "--workdir: Folder for results. (required)",
        "--epochs: Passes over the data.\n    (default: '50')",
        "(a number or none)",
        "--[no]flip",
        "--preset: <quick|paper>",
        "quick: epochs=2, clip=0.5; paper: the defaults.",
    ]:
        assert part in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workdr=x"], "Unknown command line flag 'workdr'"),
        (["--preset=slow"], "value should be one of <quick|paper>"),
        (["--epochs=many"], "flag --epochs=many"),
        (["--clip=all"], "flag --clip=all"),
        ([], "error: A value is required for --workdir"),
        (["--workdir=x", "--epochs=0"], "error: `epochs` must be positive."),
        (["--workdir=missing"], "error: no such data set"),
        (["--workdir=x", "epochs=3"], "Unexpected argument 'epochs=3'"),
    ],
    ids=" ".join,
)
def test_mistakes_of_the_user_end_without_a_traceback(
    command, arguments, message
):
    done = command(*arguments)
    assert done.returncode == 1
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "{" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--workdir=missing", "--debug"], "FileNotFoundError"),
        (["--workdir=bug"], "KeyError"),
    ],
)
def test_other_errors_and_debugging_show_the_traceback(
    command, arguments, error
):
    done = command(*arguments)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert error in done.stderr


def test_the_interpreter_ends_without_a_search_for_garbage(script):
    # The last to be registered is the first to be called.
    code = (
        "import atexit, gc, runpy, sys; sys.argv = ['x', '--workdir=x'];"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0));"
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(pathlib.Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("True\n")


def test_several_trainers_can_run_in_one_process(monkeypatch):
    configs = []
    for arguments in (["--epochs=3"], [], ["--preset=quick"]):
        argv = ["toy_trainer.py", "--workdir=x", *arguments]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as end:
            options.main(Config, configs.append, PRESETS)
        assert not end.value.code
    assert configs == [Config("x", 3), Config("x"), Config("x", 2, 0.1)]
    ours = {"workdir", "epochs", "learning_rate", "preset", "debug"}
    assert not ours & set(flags.FLAGS)


def test_without_presets_there_is_no_such_flag(monkeypatch, capsys):
    argv = ["toy_trainer.py", "--workdir=x", "--preset=quick"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit):
        options.main(Config, print)
    assert "Unknown command line flag 'preset'" in capsys.readouterr().err


def test_types_that_no_flag_has_are_refused():
    @dataclasses.dataclass(frozen=True)
    class Sizes:
        sizes: tuple[int, ...] = options.option("Sizes.", (1, 2))

    with pytest.raises(ValueError, match="of type bool, int.*sizes: tuple"):
        options.main(Sizes, print)


def test_examples_run():
    results = doctest.testmod(options)
    assert results.attempted
    assert not results.failed
