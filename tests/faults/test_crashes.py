"""A run that dies, wherever it dies, leaves the store honest and the next try able to finish."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from left_claims import grow_old, leave_behind

from bench import store
from bench.errors import Interrupted, LostLock, RequestError
from bench.evaluation.stored_runs import load
from bench.pipeline.resolve import Request
from bench.run import execute
from bench.training.callbacks import Callbacks

SILENT = Callbacks(tick=lambda *_: None, step=lambda _: None, say=lambda _: None)


@pytest.fixture
def request_for(small_set, cache, tmp_path, tiny):
    def make(method="resnet50", results="runs", ratio="0.7", **more):
        return Request(
            method,
            "folder",
            ratio,
            protocol="smoke",
            changes=tiny,
            data=small_set,
            results=tmp_path / results,
            cache=cache,
            **more,
        )

    return make


def predictions(record):
    return (record["folder"] / "predictions.parquet").read_bytes()


@pytest.mark.parametrize("name", [*store.RECORDED, "DONE"])
def test_a_disk_full_at_any_file_leaves_no_result_and_the_next_try_one(
    request_for, tmp_path, monkeypatch, name
):
    whole = Path.replace

    def full(self, target):
        if Path(target).name == name:
            raise OSError(28, "No space left on device", str(target))
        return whole(self, target)

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(Path, "replace", full)
        execute(request_for(), SILENT)
    assert load(tmp_path / "runs").empty
    assert not list(tmp_path.rglob("*.partial"))
    execute(request_for(), SILENT)
    assert len(load(tmp_path / "runs")) == 1


def test_a_failed_run_says_why_in_its_folder_until_it_succeeds(request_for, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(store, "finish", lambda folder: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            execute(request_for(), SILENT)
    (failure,) = tmp_path.rglob("failure.json")
    assert "division by zero" in failure.read_text()
    record = execute(request_for(), SILENT)
    assert not failure.exists()
    assert not list(record["folder"].glob("claim*"))


@pytest.mark.parametrize(("method", "stop_after"), [("resnet50", 3), ("comcl", 2), ("comcl", 6)])
def test_an_interrupted_run_resumes_to_the_same_predictions(
    request_for, tmp_path, monkeypatch, method, stop_after
):
    """In whichever stage the signal comes; a cache of its own, so that no stage is shared."""
    steps = iter(range(10**6))

    def interrupt(_):
        if next(steps) == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    apart = {"cache": tmp_path / "cache"}
    whole = execute(request_for(method, "whole"), SILENT)
    watch = Callbacks(SILENT.tick, interrupt, SILENT.say)
    request = Request(**{**vars(request_for(method, "cut")), **apart})
    with pytest.raises(Interrupted):
        execute(request, watch)
    assert load(tmp_path / "cut").empty
    assert predictions(execute(request, SILENT)) == predictions(whole)


@pytest.mark.slow
def test_a_killed_process_is_resumed_to_the_same_predictions(request_for, tmp_path, tiny):
    whole = execute(request_for("comcl", "whole"), SILENT)
    request = request_for("comcl", "killed")
    words = [sys.executable, "-c", "from bench.cli import app; app()", "run"]
    words += ["--method", "comcl", "--dataset", "folder", "--lq-ratio", "0.7"]
    words += ["--protocol", "smoke", "--data", str(request.data)]
    words += ["--results", str(request.results), "--cache", str(tmp_path / "cache")]
    words += [word for change in tiny for word in ("--set", change)]
    killed = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline, stages = time.monotonic() + 60, tmp_path / "cache" / "stages"
    # Of the stages alone: other folders of a cache come and go while they are searched.
    while not list(stages.glob("*/checkpoint.pt")) and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert list(stages.glob("*/checkpoint.pt")), "killed before there was anything to resume"
    assert load(request.results).empty
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (folder,) = [path.parent for path in request.results.rglob("DONE")]
    assert (folder / "predictions.parquet").read_bytes() == predictions(whole)


@pytest.mark.parametrize("then", [None, RequestError("x"), ValueError("x")])
def test_a_run_that_another_took_over_writes_nothing_more_and_ends_with_4(
    request_for, tmp_path, then
):
    """Whatever else happens to it; and the next try finds the folder as the other left it."""
    before: dict[Path, bytes] = {}

    def taken_over(_):
        if not before:
            (path,) = tmp_path.glob("runs/*/*/*/claim.json")
            leave_behind(path.parent, host="elsewhere")
            before.update({file: file.read_bytes() for file in path.parent.iterdir()})
        if then is not None:
            raise then

    with pytest.raises(LostLock, match="writes nothing more") as lost:
        execute(request_for(), Callbacks(SILENT.tick, taken_over, SILENT.say))
    assert lost.value.exit_code == 4
    (folder,) = tmp_path.glob("runs/*/*/*")
    assert {file: file.read_bytes() for file in folder.iterdir()} == before
    assert {file.name for file in before} == {"claim.json", "events.jsonl", "spec.json"}
    grow_old(folder, 100)
    assert store.is_done(execute(request_for(), SILENT)["folder"])
    assert not (folder / "claim.json").exists()


def test_eq_3_as_printed_warns_with_the_share_that_it_selects(request_for, tiny):
    """Its threshold is 1 / K_t: at a random start nothing is that easy."""
    messages = []
    request = request_for("comcl")
    literal = Request(**{**vars(request), "changes": (*tiny, "comcl.spl=literal")})
    execute(literal, Callbacks(SILENT.tick, SILENT.step, messages.append))
    assert any("0.00% of the anchors of L|H" in sentence for sentence in messages)
    messages.clear()
    execute(request, Callbacks(SILENT.tick, SILENT.step, messages.append))
    assert messages == []


def test_another_seed_is_another_result(request_for):
    one = execute(request_for(), SILENT)
    other = execute(request_for(seed=1), SILENT)
    assert predictions(one) != predictions(other)


@pytest.mark.slow
def test_two_processes_on_one_run_make_one_result(request_for, tmp_path, tiny):
    request = request_for(results="both")
    words = [sys.executable, "-c", "from bench.cli import app; app()", "run", "--json"]
    words += ["--method", "resnet50", "--dataset", "folder", "--lq-ratio", "0.7"]
    words += ["--protocol", "smoke", "--data", str(request.data)]
    words += ["--results", str(request.results), "--cache", str(request.cache)]
    words += [word for change in tiny for word in ("--set", change)]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "ab"]
    answers = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers[0] == answers[1]
    assert len(load(request.results)) == 1
