"""What one `bench` command costs in a process of its own, or a step of a test in this one.

Never by `ru_maxrss`: it keeps what any earlier test took, and that of a child begins at its
parent's, since exec carries over the high-water mark of the memory that it replaces.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from paths import ROOT

OWN = Path("/proc/self")

TOLD = """
import atexit, os, sys
from pathlib import Path
from bench.cli import app
def tell():
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    print("COST", peak, sum(os.times()[:4]), file=sys.stderr)
atexit.register(tell)
app()
"""


@dataclass(frozen=True)
class Cost:
    """How a command ended, what it printed, its work in seconds and its peak memory in MiB."""

    code: int
    out: str
    seconds: float
    peak_mib: float


def cost_of(words: list[str], folder: Path) -> Cost:
    """Run `bench` with these words in a folder; a traceback fails the test."""
    command = [sys.executable, "-c", TOLD, *words]
    here = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=here, capture_output=True, text=True, timeout=600, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    peak_kib, seconds = done.stderr.split("COST")[1].split()
    return Cost(done.returncode, done.stdout, float(seconds), int(peak_kib) / 1024)


def peak_mib() -> float:
    """The largest resident size of this process since the last reset."""
    lines = (OWN / "status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(peak) / 1024


def peak_mib_from_here() -> float:
    """The same after a reset to what is resident now; skips the test where no kernel tells."""
    if not (OWN / "clear_refs").exists():
        pytest.skip("no /proc/self/clear_refs: peaks of memory are read on Linux alone")
    (OWN / "clear_refs").write_text("5")
    return peak_mib()
