"""The check of a graphics card keeps its time limits, and says how each step ended."""

import importlib.util
import sys

import pytest
from paths import ROOT

PATH = ROOT / "tests" / "gpu" / "check.py"


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("gpu_check", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu_check"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("print('all well')", "done"),
        ("raise SystemExit(3)", "failed with 3"),
        ("import time; print('begun', flush=True); time.sleep(60)", "cut off"),
    ],
)
def test_a_step_ends_by_itself_or_is_cut_off_and_its_output_stays(check, tmp_path, code, ended):
    log = tmp_path / "log.txt"
    step = check.Step("one", (sys.executable, "-c", code), 2)
    assert check.carry_out(step, log, 2)["ended"] == ended
    assert log.read_text().startswith(f"== one ({check.KIND})\n")
    assert ("all well" in log.read_text()) == (ended == "done")
    assert ("begun" in log.read_text()) == (ended == "cut off")


def test_all_steps_but_the_sweep_have_limits_and_none_is_begun_without_time(check, tmp_path):
    planned = check.steps(tmp_path, tmp_path / "runs")
    assert [step.name for step in planned if not step.limit] == ["sweep"]
    assert [step.name for step in planned if step.cut] == ["sweep"]
    late = check._within_time(planned[0], tmp_path / "log.txt", -check.SECONDS)
    assert late["ended"] == "no time was left"
    assert not (tmp_path / "log.txt").exists()
    assert check.SECONDS <= 9 * 60
