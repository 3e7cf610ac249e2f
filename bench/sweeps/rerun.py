"""One run of a cell made again, and compared with the stored one.

The same identity is trained anew, pretraining included, in a fresh folder. The same answers are the
best outcome; on another machine a score where one more run is expected is a good one.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.data.datasets import cache_folder
from bench.errors import NotComparable, RequestError
from bench.evaluation.stored_command import options
from bench.pipeline.resolve import Request, prepare
from bench.reporting.results.comparability import settings_of
from bench.reporting.results.records import load
from bench.reporting.tracing.cell_ids import CellId
from bench.reporting.tracing.lookup import LocatedCell, find
from bench.reporting.tracing.rerun_comparison import RerunComparison, compare
from bench.run import execute
from bench.training.callbacks import Callbacks

SHARED = "stages"
"""What of a cache runs have trained; the rest is data: images, and the boxes of a detector."""


@dataclass(frozen=True)
class RerunRequest:
    """What to run again, and where.

    Attributes:
        seed: Which run of the cell; None for the first.
        protocol: Name or comparability key; None if there is only one.
        results: Where the new run goes; None for a new temporary folder.
        data, cache, device: As of `bench run`.
    """

    cell: CellId
    records: Path
    seed: int | None = None
    protocol: str | None = None
    results: Path | None = None
    data: Path | None = None
    cache: Path | None = None
    device: str = "auto"


def rerun(wanted: RerunRequest, callbacks: Callbacks) -> RerunComparison:
    """Run one run of a cell again and compare.

    Raises:
        RequestError: if the cell has no such run, or a run is already where the new one goes.
        NotComparable: if today's code and data make another run of the same command.
        BenchError: as of `bench.run.execute`.
    """
    stored_cell = find(wanted.cell, load(wanted.records), wanted.protocol)
    at = _which(stored_cell, wanted)
    assert stored_cell is not None, "a run was found in it"
    run = stored_cell.runs[at]
    results = wanted.results or Path(tempfile.mkdtemp(prefix="bench-rerun-"))
    request = replace(
        request_of(str(stored_cell.origins[at]["command"])),
        results=results,
        data=wanted.data,
        cache=wanted.cache,
        device=wanted.device,
    )
    stored = Path(run["folder"])
    _refuse_another(request, stored, callbacks)
    with _untrained(cache_folder(wanted.cache)) as cache:
        made = execute(replace(request, cache=cache), callbacks)
    return compare(stored_cell, at, made)


def request_of(command: str) -> Request:
    """The request that a stored command stands for."""
    flag_values = options(command)
    flags = {flag: value for flag, value in flag_values if flag != "--set"}
    return Request(
        flags["--method"],
        flags["--dataset"],
        flags["--lq-ratio"],
        int(flags["--seed"]),
        flags["--protocol"],
        flags.get("--settings", "common"),
        tuple(value for flag, value in flag_values if flag == "--set"),
        flags.get("--study"),
        partial="--partial" in flags,
    )


def _which(stored_cell: LocatedCell | None, wanted: RerunRequest) -> int:
    """The index of the wanted run among the cell's."""
    seeds = [int(run["seed"]) for run in stored_cell.runs] if stored_cell else []
    if not seeds:
        raise RequestError(
            f"{wanted.cell} was not run; bench explain {wanted.cell} says what to do"
        )
    if wanted.seed is not None and wanted.seed not in seeds:
        available = ", ".join(map(str, seeds))
        raise RequestError(f"--seed {wanted.seed}: {wanted.cell} has runs of seeds {available}")
    return 0 if wanted.seed is None else seeds.index(wanted.seed)


def _refuse_another(request: Request, stored: Path, callbacks: Callbacks) -> None:
    """Before anything is trained: it must be the same run, and its place free."""
    spec = json.loads((stored / "spec.json").read_text())["spec"]
    prepared = prepare(request, callbacks.tick)
    if prepared.folder.exists():
        raise RequestError(
            f"{prepared.folder} exists already; choose another folder with --results"
        )
    today = asdict(prepared.spec)
    if prepared.spec.id == stored.name:
        return
    was, now = (_flat(each) for each in (spec, today))
    lines = [
        f"  {name}: {was.get(name, 'absent')} -> {now.get(name, 'absent')}"
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name)
    ]
    raise NotComparable(
        f"today's code and data make another run ({prepared.spec.id}) of the command of "
        f"{stored.name}, so nothing was run; check out its commit (bench explain). They differ in\n"
        + "\n".join(lines)
    )


def _flat(spec: dict[str, Any]) -> dict[str, str]:
    """Every part of an identity by name, its value as JSON."""
    parts = {k: v for k, v in spec.items() if not isinstance(v, dict)}
    parts |= {f"manifest.{k}": v for k, v in spec["manifest"].items()}
    parts |= {f"version of {k}": v for k, v in spec["versions"].items()}
    shown = parts | settings_of(spec["protocol"])
    return {name: json.dumps(value, sort_keys=True) for name, value in shown.items()}


@contextmanager
def _untrained(cache: Path) -> Iterator[Path]:
    """A cache with the same images and without weights of stages that other runs trained."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as folder:
        for entry in cache.resolve().iterdir():
            if entry.name != SHARED:
                (Path(folder) / entry.name).symlink_to(entry)
        yield Path(folder)
