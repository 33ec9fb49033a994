"""What all commands have in common: they answer at once, and quietly."""

import collections
import importlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

import darts_tf
from darts_tf.data import corpus
from darts_tf.search import collapse_guard
from trainers import cnn_search
from trainers import export_images
from trainers import genotypes
from trainers import ptb_search
from trainers import search_run
from trainers import texts

ROOT = pathlib.Path(__file__).parents[2]
COMMANDS = sorted(
    path.stem
    for path in (ROOT / "trainers").glob("*.py")
    if "\n    options.main(Config" in path.read_text()
)
# Runs commands as `python -m` does, and prints how each ended and what of the
# slow packages was imported for it.
_ASK = """
import contextlib, io, json, runpy, sys

results = []
for command, *arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    sys.argv = [command, *arguments]
    code = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_module(f"trainers.{command}", run_name="__main__")
        except SystemExit as end:
            code = end.code
    slow = {"tensorflow", "keras", "keras_tuner", "sklearn", "darts_tf"}
    results.append(
        [code, out.getvalue() + err.getvalue(), sorted(slow & {*sys.modules})]
    )
print(json.dumps(results))
"""


def _ask(tmp_path, *command_lines):
    process = subprocess.run(
        [sys.executable, "-c", _ASK],
        input=json.dumps(command_lines),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(process.stdout)


def test_all_commands_answer_questions_without_tensorflow(tmp_path):
    questions = [
        [command, question]
        for command in COMMANDS
        for question in ("--help", "--helpshort", "--version", "--no_such=1")
    ]
    for asked, (_, text, slow) in zip(
        questions, _ask(tmp_path, *questions), strict=True
    ):
        assert not slow, asked
        expected = {
            "--version": f"darts_tf {darts_tf.__version__}, TensorFlow ",
            "--no_such=1": "Unknown command line flag 'no_such'",
        }
        assert expected.get(asked[1], "flags:") in text, asked


MISTAKES = {
    "cnn_search": [
        ([], "required for --workdir"),
        (["--workdir=new", "--epochs=0"], "`epochs` must be positive"),
        (["--workdir=file"], "a file stands in the way"),
        (["--workdir=full"], "nothing is overwritten"),
        (["--workdir=other", "--epochs=3"], "goes on with the options it was"),
        (["--workdir=new", "--collapse_guard=hope"], "`collapse_guard` must"),
        (["--workdir=new", "--strategy=many"], "`strategy` must be one of"),
        (["--workdir=new", "--dataset=./none"], "does not exist"),
        (["--workdir=new", "--dataset=flowers/tran"], "Close matches: ['"),
    ],
    "image_classifier": [
        (["--workdir=new", "--minutes=5"], "required for --dataset"),
        (["--workdir=new", "--dataset=/none", "--minutes=5"], "not exist"),
    ],
    "ptb_search": [(["--workdir=new", "--corpus=none"], "does not exist")],
    "cnn_train": [
        (["--workdir=new"], "required for --genotype"),
        (["--workdir=new", "--genotype=none.json"], "does not exist"),
        (["--workdir=new", "--genotype=DARTS_V3"], "'DARTS_V2', 'NASNET_A'"),
        (["--workdir=new", "--genotype=random:x"], "seed of a random"),
        (["--workdir=new", "--genotype=DARTS_V2", "--dataset=cifra10"], "Clos"),
    ],
    "imagenet_train": [
        (["--workdir=new", "--genotype=a/b"], "does not exist"),
        (["--workdir=new", "--genotype=DARTS_V2", "--dataset=/no"], "exist"),
    ],
    "ptb_train": [
        (["--workdir=new", "--genotype=none.json"], "not exist"),
        (["--workdir=new", "--genotype=DARTS"], "'RECURRENT_DARTS_V2'"),
    ],
    "protocol": [
        (["--workdir=new", "--dataset=/none"], "does not exist"),
        (["--workdir=new", "--dataset=cifra10"], "'cifar10'"),
        (["--workdir=new", "--space=round"], "`space` must be one of"),
    ],
    "export": [
        (["--workdir=new"], "either --network or --genotype"),
        (["--workdir=new", "--network=none.keras"], "must be a path that"),
        (["--workdir=full", "--network=file"], "nothing is overwritten"),
        (
            ["--workdir=new", "--network=file", "--max_ms=0"],
            "`max_ms` must be positive",
        ),
    ],
    "import_checkpoint": [
        (
            ["--workdir=new", "--checkpoint=a.npz", "--genotype=b.json"],
            "must be a path that exists",
        )
    ],
    "classify": [
        (["--network=file"], "Received: none"),
        (["--network=none.keras", "a.jpg"], "must be a path that exists"),
    ],
    "sample_text": [(["--network=none"], "must be a path that exists")],
    "report": [(["--workdir=none"], "must be a path that exists")],
    "count": [
        (["--form=mnist"], "`form` must be all or one of"),
        (["--genotype=none.json"], "does not exist"),
        (["--genotype=none"], "must be a file"),
    ],
}


def test_mistakes_of_all_commands_show_without_tensorflow(tmp_path):
    assert set(MISTAKES) == set(COMMANDS)
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"epochs": 2}')
    cases = [
        ([command, *arguments], message)
        for command, mistakes in MISTAKES.items()
        for arguments, message in mistakes
    ]
    answers = _ask(tmp_path, *(case for case, _ in cases))
    for (case, message), (code, text, slow) in zip(cases, answers, strict=True):
        assert message in f"{code} {text}", case
        assert str(code).startswith("error: "), case
        assert not slow, case
    assert not (tmp_path / "new").exists()


def test_each_option_with_its_text_is_declared_once():
    declared = collections.defaultdict(set)
    for command in COMMANDS:
        config = importlib.import_module(f"trainers.{command}").Config
        for base in config.__mro__:
            fields = vars(base).get("__dataclass_fields__", {})
            for name in vars(base).get("__annotations__", {}):
                if name in fields and fields[name].metadata:
                    text = fields[name].metadata["help"]
                    declared[name, text].add(base)
    # A text that stands in one place, for a class with another order.
    declared.pop(("genotype", genotypes.HELP))
    assert len(declared) > 100
    assert all(len(bases) == 1 for bases in declared.values()), declared


def test_choices_that_are_written_out_are_those_of_the_library():
    assert search_run.GUARDS == ("none", *collapse_guard.ACTIONS)
    assert export_images.FORMATS == (
        "saved_model",
        *darts_tf.export.PRECISIONS,
        "onnx",
        "c_array",
    )
    assert genotypes.NAMES == darts_tf.zoo.names()
    assert texts.NAMES == (*corpus.SOURCES, "topics")
    for command, kind in ((cnn_search, "conv"), (ptb_search, "recurrent")):
        space = getattr(darts_tf.SearchSpace, kind)()
        default = command.Config("new").primitives
        assert default == ",".join(space.primitives)


_TINY = [
    "--preset=quick",
    "--hypergradient=first_order",
    "--primitives=none,skip_connect,sep_conv_3x3",
    "--num_nodes=1",
    "--num_cells=3",
    "--filters=2",
    "--batch_size=8",
    "--max_samples=64",
    "--eigenvalue_every=none",
]


def _start(folder, *arguments, **settings):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TF_CPP")}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "trainers.cnn_search",
            f"--workdir={folder}",
            *_TINY,
            *arguments,
        ],
        cwd=ROOT,
        env={**kept, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_search_into_a_pipe_has_a_line_an_epoch_and_nothing_foreign(tmp_path):
    process = _start(tmp_path / "run", "--epochs=3", "--steps_per_epoch=2")
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert not err
    lines = out.splitlines()
    assert not re.search(r"[^\n -~]", out)
    assert lines[0].startswith(f"darts_tf {darts_tf.__version__}, TensorFlow ")
    assert " cores of " in lines[0]
    assert lines[1] == (
        "Searching on digits: 64 training and 360 test images of 8x8x1, "
        "10 classes."
    )
    assert lines[2].startswith("2 steps an epoch, ")
    epochs = [line for line in lines if line.startswith("Epoch ")]
    assert lines[3:6] == epochs
    for number, line in enumerate(epochs, 1):
        assert re.match(rf"Epoch {number}/3: \S+ s  .*\balpha_loss \d", line)
    assert [line.endswith(" left") for line in epochs] == [True, True, False]


@pytest.mark.slow
def test_a_users_own_settings_of_the_log_show_all_of_it(tmp_path):
    process = _start(
        tmp_path / "run",
        "--epochs=1",
        "--steps_per_epoch=1",
        TF_CPP_MIN_LOG_LEVEL="0",
    )
    _, err = process.communicate()
    assert process.returncode == 0
    assert "cpu_feature_guard" in err


def _read_until(stream, word):
    text = ""
    while word not in text:
        line = stream.readline()
        assert line, text
        text += line
    return text


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_search_ends_it_with_one_line(tmp_path, number):
    process = _start(tmp_path / "run")
    time.sleep(2)  # while TensorFlow is imported
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 128 + number
    assert not out
    assert err == "Stopping. Once more ends it at once.\n"


@pytest.mark.slow
def test_a_signal_in_a_search_is_answered_and_a_second_one_ends_it(tmp_path):
    process = _start(tmp_path / "run", "--epochs=1000")
    _read_until(process.stdout, "Results go to")
    time.sleep(0.5)  # the first step builds its graph, for seconds
    process.send_signal(signal.SIGTERM)
    answer = process.stderr.readline()
    assert answer.startswith("Stopping")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in out + err
    # Either the second signal was the faster, or the step was.
    assert err in ("Ended at once.\n", "")
