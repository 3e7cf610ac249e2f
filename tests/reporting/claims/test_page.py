import json
import re

import pandas as pd
import pytest
from claim_world import world
from known import known
from paths import FIRST

from bench.evaluation.power import detection_power
from bench.reporting.claims.judge import judge
from bench.reporting.claims.page import claims_page, title
from bench.reporting.results.records import load


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    cells = {
        ("comcl", "native"): 0.1,
        ("resnet50", "native"): 0.3,
        ("resnet50-long", "native"): 0.02,
    }
    return world(tmp_path_factory.mktemp("runs"), cells)


def test_the_page_gives_verdict_effect_interval_p_and_dates(records):
    page = claims_page(records)
    line = next(line for line in page.splitlines() if "comcl - resnet50 " in line)
    assert "supported" in line
    assert "+0.2" in line
    assert " to +0." in line
    assert "<0.001" in line
    assert "written 2026-11-23, first run 2026-11-24" in page
    assert "known by then: results/studies/first" in page
    assert "not run: 29 of 30 comparisons" in page


def test_a_synthetic_twin_says_that_its_results_say_nothing_about_the_published_numbers(records):
    assert (
        "eyeq-twin, synthetic images: these results say nothing about the published numbers"
        in claims_page(records)
    )
    (real,) = judge(records.assign(dataset="eyeq", real=True))
    assert title(real.group) == "eyeq (protocol laptop, 3f2a91c0)"
    (part,) = judge(records.assign(dataset="eyeq", real=True, partial=True))
    assert "eyeq, not all of its images or labels" in title(part.group)


def test_json_holds_every_comparison_with_its_runs(records):
    page = json.loads(claims_page(records, as_json=True))
    (judgement,) = page["judgements"]
    assert judgement["first_run"].startswith("2026-11-24")
    best = next(f for f in judgement["findings"] if f["id"] == "best-in-each-column")
    assert len(best["comparisons"]) == 30
    first = best["comparisons"][0]
    assert first["runs"] == [f"{m}-native-{s}" for m in ("comcl", "resnet50") for s in range(3)]
    assert first["interval"][0] < first["effect"] < first["interval"][1]
    assert sum(first["per_seed"]) / 3 == pytest.approx(first["effect"])
    assert best["comparisons"][1]["verdict"] == "not run"
    assert best["written"] == "2026-11-23"


def test_one_seed_shows_no_interval_and_no_p(records):
    page = claims_page(records.loc[records["seed"] == 0])
    line = next(line for line in page.splitlines() if "comcl - resnet50 " in line)
    assert "undecided: 1 of 3 seeds" in line
    assert " to " not in line.partition("undecided")[0]


def test_without_runs_the_page_names_the_next_command():
    assert "bench run --method comcl" in claims_page(pd.DataFrame())
    assert json.loads(claims_page(pd.DataFrame(), as_json=True)) == {"judgements": []}


def test_the_committed_study_gives_the_same_page_twice():
    assert claims_page(load(FIRST)) == claims_page(load(FIRST))


def columns_of(page, comparison):
    """Head -> what stands below it, of the first line that begins so."""
    lines = page.splitlines()
    place = next(n for n, line in enumerate(lines) if line.strip().startswith(comparison))
    head = next(line for line in reversed(lines[:place]) if "Holm p" in line)
    heads, cells = (re.split(r"  +", line.strip()) for line in (head, lines[place]))
    return dict(zip(heads, cells, strict=True))


def test_what_a_claim_detects_stands_in_its_line(tmp_path):
    (judgement,) = judge(open_world(tmp_path))
    by_id = {f.claim.id: f for f in judgement.findings if f.decides}
    page = claims_page(open_world(tmp_path / "again"))
    (line,) = [line for line in page.splitlines() if line.strip().startswith("best-in-each")][:1]
    detected = known(by_id["best-in-each-column"].detects)
    assert line.split()[-1] == f"{detected:.3f}"
    one = known(by_id["best-in-each-column"].comparisons[0].estimate)
    options = {"v_img": one.v_img, "patients": one.patients, "alpha": 0.05 / 30}
    assert detection_power(detected, one.seed_sd, 3, **options) == pytest.approx(0.8, abs=1e-6)


def open_world(folder):
    """One comparison of three seeds, of which nothing can be said."""
    cells = {
        ("comcl", "native"): [0.10, 0.15, 0.20],
        ("resnet50", "native"): [0.26, 0.21, 0.16],
    }
    return world(folder, cells)


def test_a_margin_that_is_asked_for_gets_a_plan(tmp_path):
    records = open_world(tmp_path)
    assert "Smallest difference" not in claims_page(records)
    page = claims_page(records, margin=0.1)
    assert "the seeds that find 0.1" in page
    plain = json.loads(claims_page(records, margin=0.1, as_json=True))
    first = plain["judgements"][0]["findings"][0]
    (judgement,) = judge(records)
    design = known(judgement.findings[0].design)
    assert first["seeds_for_margin"] == design.seeds_for(0.1)
    assert first["would_detect"] == {str(n): design.detects(n) for n in (3, 5, 10, 20)}
    planned = claims_page(records, margin=0.1).split("Smallest difference")[1]
    (line,) = [line for line in planned.splitlines() if "best-in-each-column" in line][:1]
    assert line.split()[2:] == [
        *(f"{design.detects(n):.3f}" for n in (3, 5, 10, 20)),
        str(design.seeds_for(0.1)),
        "seeds",
    ]


def test_one_seed_detects_nothing(records):
    page = claims_page(records.loc[records["seed"] == 0])
    (line,) = [line for line in page.splitlines() if line.strip().startswith("best-in-each")][:1]
    assert line.split()[-1] == "-"
