"""The commands that make the page and its runs again."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.evaluation.stored_command import changes
from bench.experiments import SEEDS
from bench.protocol.switches import STUDY
from bench.reporting.results.comparability import ComparableRuns
from bench.reporting.sensitivity.effects import Sensitivity


def sweep_command(group: ComparableRuns) -> str:
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
    study_runs = records.loc[(records["study"] == STUDY) & (records["dataset"] == study.dataset)]
    measured = [
        effects for effects in study.questions if any(e.difference for e in effects.effects)
    ]
    seeds = max((len(e.seeds) for effects in measured for e in effects.effects), default=1)
    words = ["bench", "sensitivity", "--dataset", study.dataset, "--seeds", str(seeds)]
    words += ["--points", ",".join(effects.question.id for effects in measured)] if measured else []
    ratios = {effects.ratio for effects in measured if not effects.question.ratio} - {"native"}
    words += [word for ratio in sorted(ratios) for word in ("--lq-ratio", ratio)]
    return shlex.join([*words, "--protocol", study.protocol, *_shared(study_runs)])


def page_commands(
    protocol: str | None, studies: int, sensitivities: Sequence[Sensitivity]
) -> tuple[str, ...]:
    """What makes the page and its parts again from the records, which are in DIR.

    Args:
        protocol: As was asked for.
        studies: Of how many further folders, DIR2 and so on, the sensitivity runs were taken.
        sensitivities: The studies shown.
    """
    selected = f" --protocol {shlex.quote(protocol)}" if protocol else ""
    more = [f"DIR{number}" for number in range(2, studies + 2)]
    study_flags = "".join(f" --study {name}" for name in more)
    record_flags = "".join(f" --records {name}" for name in ("DIR", *more))
    return (
        f"bench report --records DIR{selected}{study_flags}",
        f"bench table --records DIR --notes{selected}",
        f"bench claims --records DIR{selected}",
        "bench audit --records DIR",
        *(
            f"bench sensitivity --only-report --dataset {study.dataset}{record_flags}{selected}"
            for study in sensitivities
        ),
        f"bench figures --records DIR --out figures{selected}",
    )


def _shared(runs: pd.DataFrame) -> list[str]:
    """The changed settings that all of these runs have, as words of a command."""
    by_run = [_changes(Path(str(folder))) for folder in runs["folder"]]
    first = by_run[0] if by_run else []
    kept = [change for change in first if all(change in of_run for of_run in by_run)]
    return [word for change in kept for word in ("--set", change)]


def _changes(folder: Path) -> list[str]:
    """What a run's stored command sets."""
    command = json.loads((folder / "spec.json").read_text())["about"].get("command")
    return changes(str(command or ""))
