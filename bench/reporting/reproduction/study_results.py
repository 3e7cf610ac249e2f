"""What one committed study found, for the pages."""

import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bench.errors import RequestError
from bench.experiments import chosen
from bench.protocol.presets import named_protocol
from bench.reporting.claims.judge import Judgement, judge_scored
from bench.reporting.figures.study import ScoredStudy
from bench.reporting.report.answer import Answer, answer
from bench.reporting.report.open_questions import sensitivity_studies
from bench.reporting.report.reproduce_commands import sweep_command
from bench.reporting.report.verdict_rows import DatasetClaims, dataset_claims
from bench.reporting.results.comparability import comparable_groups
from bench.reporting.results.records import load
from bench.reporting.sensitivity.effects import Sensitivity
from bench.reporting.tables.build import build_scored
from bench.reporting.tables.model import Block, Section, Table

LISTED = "pages.toml"


class StudyResults(NamedTuple):
    """One data set of one study.

    Attributes:
        name: Folder of the study.
        study: Its runs, scored.
        section: Of Table 1.
        tables: Numbers of the tables that have it.
        answer: In three sentences.
        claims: The paper's claims on it.
        sensitivity: What other readings of the paper move; None where that was not run.
        facts: How many runs, of what, on what, by which code.
        command: What makes the runs.
    """

    name: str
    study: ScoredStudy
    section: Section
    tables: tuple[str, ...]
    answer: Answer
    claims: DatasetClaims
    sensitivity: Sensitivity | None
    facts: tuple[str, ...]
    command: str

    @property
    def main(self) -> Block:
        """Its main score in Table 1."""
        return self.section.blocks[0]


def listed_studies(results: Path) -> tuple[Path, ...]:
    """Folders of the studies that the pages show, in their order.

    Args:
        results: The folder `results` of the repository.

    Raises:
        RequestError: without the list, or if a study of it is not there.
    """
    path = results / LISTED
    if not path.is_file():
        raise RequestError(f"{path} is missing: run this in a checkout of the repository")
    folders = [results / "studies" / name for name in tomllib.loads(path.read_text())["studies"]]
    gone = [str(folder) for folder in folders if not folder.is_dir()]
    if gone:
        raise RequestError(f"{path} lists {', '.join(gone)}, which is not there")
    return tuple(folders)


def study_results(folders: Sequence[Path]) -> tuple[StudyResults, ...]:
    """What each data set of each study found.

    Raises:
        NotComparable: if a study has runs that must not be compared.
        RequestError: if a data set stands in two studies.
    """
    every = tuple(result for folder in folders for result in _found(folder))
    names = [result.study.group.dataset for result in every]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RequestError(f"more than one study has {', '.join(twice)}: list one of them")
    return every


def _found(folder: Path) -> Iterator[StudyResults]:
    records = load(folder)
    groups = comparable_groups(records, None)
    scored = [ScoredStudy.of(group) for group in groups]
    tables = build_scored(chosen("all"), groups, [study.scored for study in scored], len(records))
    judged = judge_scored((study.group, study.scored.runs) for study in scored)
    judgements = {judgement.group.dataset: judgement for judgement in judged}
    sensitivities = {found.dataset: found for found in sensitivity_studies(records, None)}
    for study in scored:
        name = study.group.dataset
        yield _of_study(folder.name, study, tables, judgements[name], sensitivities.get(name))


def _of_study(
    name: str,
    study: ScoredStudy,
    tables: Sequence[Table],
    judgement: Judgement,
    sensitivity: Sensitivity | None,
) -> StudyResults:
    group = study.group
    sections = {
        table.name.removeprefix("table"): section
        for table in tables
        for section in table.sections
        if section.dataset == group.dataset
    }
    return StudyResults(
        name,
        study,
        sections["1"],
        tuple(sections),
        answer(judgement),
        dataset_claims(judgement),
        sensitivity,
        _facts(group.records),
        sweep_command(group),
    )


def _facts(runs: pd.DataFrame) -> tuple[str, ...]:
    """In words, from the records and their provenance."""
    origins = [json.loads((f / "provenance.json").read_text()) for f in runs["folder"]]
    methods, seeds = len(set(runs["method"])), len(set(runs["seed"]))
    first = runs.iloc[0]
    protocol = named_protocol(first["protocol_name"])
    return (
        f"{len(runs)} runs: {methods} methods, {len(set(runs['lq_ratio']))} "
        "proportions of low-quality images, "
        f"{seeds} seeds",
        f"{int(first['n_test']):,} test images; {protocol} ({first['key']})",
        f"on {_each(origins, 'device_name')} ({_each(origins, 'device')}), "
        f"commit {', '.join(sorted({str(origin['commit'])[:10] for origin in origins}))}",
    )


def _each(origins: Sequence[dict[str, Any]], name: str) -> str:
    return " and ".join(sorted({str(origin[name]) for origin in origins}))
