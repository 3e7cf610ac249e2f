"""The commands that make the page and its runs again."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.experiments import SEEDS
from bench.protocol.switches import STUDY
from bench.reporting.results.comparability import Group
from bench.reporting.sensitivity.effects import Sensitivity
from bench.reporting.tracing.commands import options


def sweep_command(group: Group) -> str:
    """What makes the runs of a data set again."""
    runs = group.records
    seeds = max(len(set(runs["seed"])), SEEDS)
    words = ["bench", "sweep", "--table", "all", "--dataset", group.dataset, "--seeds", str(seeds)]
    words += ["--protocol", str(runs["protocol_name"].iloc[0])]
    if set(runs["settings"]) != {"common"}:
        words += ["--settings", str(runs["settings"].iloc[0])]
    return shlex.join([*words, *_shared(runs)])


def study_command(study: Sensitivity, records: pd.DataFrame) -> str:
    """What makes the runs of a sensitivity study again.

    Args:
        study: What was found.
        records: One row a run, the study's among them.
    """
    own = records.loc[(records["study"] == STUDY) & (records["dataset"] == study.dataset)]
    found = [moved for moved in study.points if any(e.difference for e in moved.effects)]
    seeds = max((len(e.seeds) for moved in found for e in moved.effects), default=1)
    words = ["bench", "sensitivity", "--dataset", study.dataset, "--seeds", str(seeds)]
    words += ["--points", ",".join(moved.point.id for moved in found)] if found else []
    shares = {moved.ratio for moved in found if not moved.point.ratio} - {"native"}
    words += [word for share in sorted(shares) for word in ("--lq-ratio", share)]
    return shlex.join([*words, "--protocol", study.protocol, *_shared(own)])


def page_commands(
    protocol: str | None, studies: int, moved: Sequence[Sensitivity]
) -> tuple[str, ...]:
    """What makes the page and its parts again from the records, which are in DIR.

    Args:
        protocol: As was asked for.
        studies: Of how many further folders, DIR2 and so on, the sensitivity runs were taken.
        moved: The studies shown.
    """
    asked = f" --protocol {shlex.quote(protocol)}" if protocol else ""
    more = [f"DIR{number}" for number in range(2, studies + 2)]
    also = "".join(f" --study {name}" for name in more)
    places = "".join(f" --records {name}" for name in ("DIR", *more))
    return (
        f"bench report --records DIR{asked}{also}",
        f"bench table --records DIR --notes{asked}",
        f"bench claims --records DIR{asked}",
        "bench audit --records DIR",
        *(
            f"bench sensitivity --only-report --dataset {study.dataset}{places}{asked}"
            for study in moved
        ),
        f"bench figures --records DIR --out figures{asked}",
    )


def _shared(runs: pd.DataFrame) -> list[str]:
    """The changed settings that all of these runs have, as words of a command."""
    changes = [_changes(Path(str(folder))) for folder in runs["folder"]]
    first = changes[0] if changes else []
    kept = [change for change in first if all(change in others for others in changes)]
    return [word for change in kept for word in ("--set", change)]


def _changes(folder: Path) -> list[str]:
    """What a run's stored command sets, as "group.field=value"."""
    command = str(json.loads((folder / "spec.json").read_text())["about"].get("command") or "")
    return [value for flag, value in options(command) if flag == "--set"]
