"""Runs that `fake_bench.py` carries out, and what they left behind."""

import sys
from dataclasses import replace
from pathlib import Path

from bench.pipeline.resolve import Request
from bench.store import Spec, folder_of
from bench.sweeps.plan import PlannedRun

PROGRAM = (sys.executable, str(Path(__file__).with_name("fake_bench.py")))


def fake_run(results: Path, seed: int = 0, method: str = "resnet50", **asked: object) -> PlannedRun:
    """A run whose folder is handed over as its data; `asked` as `fake_bench` reads it."""
    spec = Spec(
        method=method,
        method_version=1,
        method_digest=None,
        dataset="folder",
        manifest={"key": "m", "images": {}},
        lq_ratio="native",
        seed=seed,
        protocol={"engine": {"threads": 3}, "data": {"limit": None}},
        settings="common",
        versions={"engine": 1, "degradation": 1},
    )
    request = Request(method, "folder", seed=seed, protocol="smoke", results=results)
    changes = tuple(f"{name}={value}" for name, value in asked.items())
    request = replace(request, changes=changes, data=folder_of(results, spec))
    return PlannedRun(request, spec, "k", method, "none")


def lines(run: PlannedRun, name: str) -> list[str]:
    """Of "tries.txt", one a process that worked on the run; of "made.txt", one a result."""
    path = run.folder / name
    return path.read_text().splitlines() if path.is_file() else []


class RecordingDisplay:
    """A display that remembers what it showed."""

    def __init__(self) -> None:
        self.starts: list[str] = []
        self.ends: list[tuple[str, str, bool]] = []
        self.messages: list[str] = []

    def started(self, name: str, log: Path) -> None:
        self.starts.append(name)

    def ended(self, name: str, text: str, *, final: bool) -> None:
        self.ends.append((name, text, final))

    def says(self, text: str) -> None:
        self.messages.append(text)
