"""`make gpu-check OUT=dir`: what can be said of a graphics card in nine minutes.

Each step has a time limit of its own, and one that fails or is cut off leaves the others be. What
is left of the time goes to a sweep. Without a card all of it is a rehearsal at toy sizes.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
CARD = torch.cuda.is_available()
KIND = "measured" if CARD else "rehearsal"
SECONDS = 520 if CARD else 450
"""Of all steps together."""

LEAST_SECONDS = 30
"""With fewer left no step is begun."""


@dataclass(frozen=True)
class Step:
    """One part of the check.

    Attributes:
        name: Of its log, and in the summary.
        words: Its command.
        limit: Seconds after which it is cut off; 0 for all that is left.
        cut: Whether being cut off is no fault, as of a sweep.
    """

    name: str
    words: tuple[str, ...]
    limit: int
    cut: bool = False


def steps(out: Path, runs: Path) -> list[Step]:
    """In the order in which they run.

    Args:
        out: For what is measured.
        runs: For the runs of the sweep.
    """
    python = (sys.executable,)
    measure = (*python, str(HERE / "measure.py"))
    ceiling, throughput = str(out / "ceiling.json"), str(out / "throughput.json")
    tests = (*python, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider", "-q", "--durations=8")
    tests += ("-k", "not killed", "tests") if CARD else ("-k", "not killed", str(HERE))
    killed = ("comcl", "resnet50", "mmcnn", "deepmt-dr") if CARD else ("resnet50",)
    kills = (*python, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider", "-q", "-s")
    kills += ("-k", " or ".join(killed), str(HERE / "test_killed.py"))
    sweep = (*python, "-m", "bench", "sweep", "--table", "1", "--dataset", "eyeq-twin")
    sweep += ("--results", str(runs), "--jobs", "1", "--device", "cuda" if CARD else "cpu")
    sweep += ("--protocol", "paper" if CARD else "smoke", "--ratios", "native", "--seeds", "1")
    if CARD:
        changes = ("data.image_px=128", "data.patch_image_px=256", "patches.size_px=64")
        changes += ("data.twin_train=800", "data.twin_test=400", "data.twin_px=256")
        changes += ("init.weights=random", "engine.precision=bf16", "pretraining.epochs=10")
        changes += ("finetuning.epochs=10", "patches.boxes=oracle")
        sweep += tuple(word for change in changes for word in ("--set", change))
    return [
        Step("ceiling", (*measure, "ceiling", ceiling), 90),
        Step("tests", tests, 180),
        Step("kills", kills, 120),
        Step("throughput", (*measure, "throughput", ceiling, throughput), 150),
        Step("sweep", sweep, 0, cut=True),
    ]


def versions() -> dict[str, str]:
    """What it runs on."""
    found = {"kind": KIND, "python": platform.python_version(), "cpus": str(os.cpu_count())}
    for package in ("torch", "torchvision", "timm", "numpy", "pydantic"):
        found[package] = importlib.metadata.version(package)
    if CARD:
        found |= {"card": torch.cuda.get_device_name(), "cuda": str(torch.version.cuda)}
    return found


def carry_out(step: Step, log: Path, limit: float) -> dict[str, object]:
    """Run it, its output into the log and onto the screen; how it ended."""
    print(f"== {step.name}, at most {limit:.0f} s", flush=True)
    began = time.monotonic()
    with log.open("a", encoding="utf-8") as file:
        file.write(f"== {step.name} ({KIND})\n")
        file.flush()
        start = file.tell()
        process = subprocess.Popen(step.words, stdout=file, stderr=subprocess.STDOUT)
        try:
            code: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    text = log.read_text(encoding="utf-8", errors="replace")[start:]
    print("\n".join(text.splitlines()[-25:]), flush=True)
    ended = "cut off" if code is None else "done" if code == 0 else f"failed with {code}"
    seconds = time.monotonic() - began
    print(f"== {step.name}: {ended} after {seconds:.0f} s", flush=True)
    return {"step": step.name, "ended": ended, "seconds": round(seconds, 1)}


def main() -> int:
    """Everything; 0 if no step failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    if not CARD:
        os.environ["BENCH_REHEARSAL"] = "1"
    began, log = time.monotonic(), out / "log.txt"
    log.unlink(missing_ok=True)
    print(json.dumps(versions(), indent=1), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["BENCH_CACHE"], runs = f"{scratch}/cache", Path(scratch) / "runs"
        planned = steps(out, runs)
        ended = [_within_time(step, log, began) for step in planned]
        if runs.is_dir():
            with tarfile.open(out / "runs.tar.gz", "w:gz") as packed:
                packed.add(runs, f"runs-{KIND}", filter=_without_weights)
    summary = {**versions(), "steps": ended, "seconds": round(time.monotonic() - began, 1)}
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(json.dumps(summary, indent=1), flush=True)
    good = [each["ended"] == "done" or step.cut for step, each in zip(planned, ended, strict=True)]
    return 0 if all(good) else 1


def _within_time(step: Step, log: Path, began: float) -> dict[str, object]:
    left = SECONDS - (time.monotonic() - began)
    if left < LEAST_SECONDS:
        return {"step": step.name, "ended": "no time was left", "seconds": 0.0}
    return carry_out(step, log, min(left, step.limit or left))


def _without_weights(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if entry.name.endswith((".pt", ".safetensors")) else entry


if __name__ == "__main__":
    sys.exit(main())
