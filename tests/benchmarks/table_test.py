"""The table of all steps: what is compared with what, and how it is written."""

import json
import sys

import numpy as np
import pytest

from benchmarks import machine_limits
from benchmarks import search_step
from benchmarks import stepping
from benchmarks import table

TINY = {
    "recurrent": {"units": 4, "batch_size": 2, "vocabulary_size": 20},
    "ptb": {"units": 4, "batch_size": 2, "vocabulary_size": 20},
}


def _fake_rows(settings, num_steps):
    """Steps of 2 s, the merged form 1 s; limits of 8 and 6 GFLOP/s, GB/s."""
    rows = []
    for setting in settings:
        seconds = 1.0 if setting.get("form") == "merged" else 2.0
        row = {
            "first_step": 10 * seconds,
            "step_median": seconds,
            "step_min": seconds / 2,
            "step_max": 2 * seconds,
            "peak_memory_gb": 3 * seconds,
        }
        if setting.get("what") == "products":
            row["work"] = 16e9
        if setting.get("what") == "memory":
            row["work"] = 12e9
        rows.append(row)
    return rows


def test_limits_are_work_by_time():
    settings = machine_limits.settings()
    assert machine_limits.rates(_fake_rows(settings, 1)) == {
        "gflops": 8.0,
        "gflops_best": 16.0,
        "gb_per_second": 6.0,
        "gb_per_second_best": 12.0,
    }


def test_limits_do_the_work_that_they_count():
    step, figures = machine_limits.make_step("products", rows=8)
    step()
    assert figures == {"work": 2 * 8 * 8 * 8}
    step, figures = machine_limits.make_step("memory", length=10)
    step()
    step()
    # Two read and one written, of 4 bytes each.
    assert figures == {"work": 10 * 3 * 4}


def test_each_form_is_in_a_pair_with_the_merged_one(monkeypatch, capsys):
    groups = []

    def in_turns(settings, num_steps):
        groups.append([s["form"] for s in settings if "form" in s])
        return _fake_rows(settings, num_steps)

    monkeypatch.setattr(stepping, "in_turns", in_turns)
    monkeypatch.setattr(stepping, "has_torch", lambda python: True)
    lines = table.run(
        table.Config(sections="conv", methods="exact,first_order")
    )
    others = ["plain", "torch", "torch_channels_last"]
    assert groups == 2 * [["merged", form] for form in others]
    assert [line["form"] for line in lines] == 2 * ["merged", *others]
    merged, plain = lines[:2]
    assert plain["over_merged"]["step_median"] == 2.0
    gflops = 2 * merged["multiply_adds"] / 1e9
    assert merged["gflops"] == pytest.approx(gflops, abs=0.005)  # 2 decimals
    assert merged["percent_of_limit"] == pytest.approx(
        100 * gflops / 8, abs=0.05
    )  # 1 decimal
    assert "| small | conv, exact | plain | 2.0 (1.0 to 4.0) | 2.0 |" in (
        capsys.readouterr().out
    )


def test_a_form_that_dies_leaves_the_others(monkeypatch, tmp_path):
    def in_turns(settings, num_steps):
        if any(s.get("form") == "plain" for s in settings):
            raise OSError("The process ended with -9")
        return _fake_rows(settings, num_steps)

    monkeypatch.setattr(stepping, "in_turns", in_turns)
    monkeypatch.setattr(stepping, "has_torch", lambda python: True)
    lines = table.run(
        table.Config(
            sections="conv",
            methods="exact",
            forms="plain,torch",
            output=str(tmp_path / "table.json"),
            table=str(tmp_path / "table.md"),
        )
    )
    forms = {line["form"]: line.get("error") for line in lines}
    assert forms == {
        "plain": "The process ended with -9",
        "merged": None,
        "torch": None,
    }
    saved = json.loads((tmp_path / "table.json").read_text())
    assert saved["results"] == lines
    rows = (tmp_path / "table.md").read_text().splitlines()
    assert len({row.count("|") for row in rows}) == 1


def test_what_is_unknown_is_refused():
    with pytest.raises(ValueError, match="`sizes` may be .*Received"):
        table.Config(sizes="large")
    with pytest.raises(ValueError, match="`forms` may be .*Received"):
        table.Config(forms="compiled")
    with pytest.raises(ValueError, match="at_once=1"):
        table.Config(at_once=1)


def test_an_interpreter_without_torch_leaves_out_its_forms(tmp_path, capfd):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    compared = list(
        table._comparisons(
            table.Config(
                sections="conv,recurrent",
                methods="exact",
                torch_python=str(python),
            )
        )
    )
    forms = [[names["form"] for names, _ in group] for group in compared]
    assert forms == [["merged", "plain"], ["merged"]]
    assert "Without PyTorch" in capfd.readouterr().err


def test_options_without_effect_on_torch_are_refused():
    with pytest.raises(ValueError, match="whole batches.*micro_batches='2'"):
        search_step.Config(forms="merged,torch", micro_batches="2")


@pytest.mark.slow
def test_processes_take_turns(monkeypatch):
    monkeypatch.setitem(table.SIZES, "small", TINY)
    lines = table.run(
        table.Config(
            sections="recurrent,ptb",
            methods="first_order",
            forms="merged",
            steps=2,
            torch_python=sys.executable,
        )
    )
    assert [line["section"] for line in lines] == ["recurrent", "ptb"]
    for line in lines:
        assert 0 < line["step_min"] <= line["step_median"] <= line["step_max"]
        assert line["first_step"] > line["step_median"]
        assert np.isfinite(line["percent_of_limit"])


def test_a_process_that_ends_is_an_error():
    # The module serves any setting, but this one makes its step fail.
    settings = [{"module": "benchmarks.machine_limits", "what": "products"}]
    settings[0]["rows"] = -1
    with pytest.raises(OSError, match="ended with 1. .*Error: "):
        stepping.in_turns(settings, 1)
