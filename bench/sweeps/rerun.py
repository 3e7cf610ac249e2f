"""One run of a cell made again, and set beside the stored one.

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
from bench.pipeline.resolve import Request, prepare
from bench.reporting.results.comparability import settings_of
from bench.reporting.results.records import load
from bench.reporting.tracing.cell_ids import CellId
from bench.reporting.tracing.commands import options
from bench.reporting.tracing.lookup import Place, find
from bench.reporting.tracing.rerun_comparison import Answer, compare
from bench.run import execute
from bench.training.callbacks import Callbacks

SHARED = "stages"
"""What of a cache runs have trained; the rest is data: images, and the boxes of a detector."""


@dataclass(frozen=True)
class Asked:
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


def rerun(asked: Asked, callbacks: Callbacks) -> Answer:
    """Run one run of a cell again and compare.

    Raises:
        RequestError: if the cell has no such run, or a run is already where the new one goes.
        NotComparable: if today's code and data make another run of the same command.
        BenchError: as of `bench.run.execute`.
    """
    place = find(asked.cell, load(asked.records), asked.protocol)
    at = _which(place, asked)
    assert place is not None, "a run was found in it"
    run = place.runs[at]
    results = asked.results or Path(tempfile.mkdtemp(prefix="bench-rerun-"))
    request = replace(
        request_of(str(place.origins[at]["command"])),
        results=results,
        data=asked.data,
        cache=asked.cache,
        device=asked.device,
    )
    stored = Path(run["folder"])
    _refuse_another(request, stored, callbacks)
    with _untrained(cache_folder(asked.cache)) as cache:
        made = execute(replace(request, cache=cache), callbacks)
    return compare(place, at, made)


def request_of(command: str) -> Request:
    """The request that a stored command stands for."""
    context = options(command)
    one = {flag: value for flag, value in context if flag != "--set"}
    return Request(
        one["--method"],
        one["--dataset"],
        one["--lq-ratio"],
        int(one["--seed"]),
        one["--protocol"],
        one.get("--settings", "common"),
        tuple(value for flag, value in context if flag == "--set"),
        one.get("--study"),
        partial="--partial" in one,
    )


def _which(place: Place | None, asked: Asked) -> int:
    """The place of the run asked for among the cell's."""
    seeds = [int(run["seed"]) for run in place.runs] if place else []
    if not seeds:
        raise RequestError(f"{asked.cell} was not run; bench explain {asked.cell} says what to do")
    if asked.seed is not None and asked.seed not in seeds:
        there = ", ".join(map(str, seeds))
        raise RequestError(f"--seed {asked.seed}: {asked.cell} has runs of seeds {there}")
    return 0 if asked.seed is None else seeds.index(asked.seed)


def _refuse_another(request: Request, stored: Path, callbacks: Callbacks) -> None:
    """Before anything is trained: it must be the same run, and its place free."""
    spec = json.loads((stored / "spec.json").read_text())["spec"]
    prepared = prepare(request, callbacks.tick)
    if prepared.folder.exists():
        raise RequestError(f"{prepared.folder} is there; name a folder without it with --results")
    today = asdict(prepared.spec)
    if prepared.spec.id == stored.name:
        return
    was, now = (_flat(one) for one in (spec, today))
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
