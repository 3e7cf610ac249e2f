"""A run that is killed on a graphics card ends as if it had never been."""

import subprocess
import sys
import time
from contextlib import suppress

import pytest

pytestmark = pytest.mark.gpu
EPOCHS = 6


def words(method, folder, data, cache, device, tiny):
    command = [sys.executable, "-m", "bench", "run", "--method", method, "--dataset", "folder"]
    command += ["--lq-ratio", "0.7", "--protocol", "smoke", "--data", str(data)]
    command += ["--device", device.type, "--results", str(folder), "--cache", str(cache)]
    changes = (*tiny, f"finetuning.epochs={EPOCHS}", f"pretraining.epochs={EPOCHS}")
    return command + [word for change in changes for word in ("--set", change)]


def epochs_done(folder, cache):
    """Of the run and of its stages; other folders come and go while they are searched."""
    logs = [*folder.glob("*/*/*/events.jsonl"), *(cache / "stages").glob("*/events.jsonl")]
    found = 0
    for log in logs:
        with suppress(FileNotFoundError):  # it is just being replaced
            found += log.read_text().count('"epoch"')
    return found


@pytest.mark.parametrize("method", ["comcl", "resnet50", "mmcnn", "deepmt-dr"])
def test_a_killed_run_ends_bit_for_bit_as_an_undisturbed_one(
    tmp_path, small_set, masked, device, tiny, monkeypatch, method
):
    monkeypatch.setenv("BENCH_DATA", str(masked))
    made = []
    for name in ("whole", "killed"):
        folder, cache = tmp_path / name, tmp_path / f"{name}-cache"
        command = words(method, folder, small_set, cache, device, tiny)
        if name == "killed":
            with subprocess.Popen(command) as process:
                while process.poll() is None and epochs_done(folder, cache) < 2:
                    time.sleep(0.02)
                process.kill()
            assert not list(folder.rglob("DONE")), "killed too late to say anything"
        subprocess.run(command, check=True)
        (predictions,) = folder.rglob("predictions.parquet")
        made.append(predictions.read_bytes())
    assert made[0] == made[1]
