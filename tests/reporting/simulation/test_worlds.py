"""Planted worlds hold the truth that they say, and the committed page is what the code finds."""

import numpy as np
import pandas as pd
import pytest
from paths import ROOT
from predictions import predictions_of
from records import record_of_twin
from typer.testing import CliRunner

from bench.cli import app
from bench.evaluation.joint import joint_scores
from bench.evaluation.statistics import FEWEST_SEEDS
from bench.reporting.claims.judge import judge
from bench.reporting.simulation import page as simulation_page
from bench.reporting.simulation.page import NAME, claim_row, page, verdict_row
from bench.reporting.simulation.tally import Tally, claims, is_too_often, tallies
from bench.reporting.simulation.worlds import (
    BASE,
    EFFECTS,
    GRADES,
    METHOD,
    RIVAL,
    SEEDS,
    WORLDS,
    World,
    scores,
    simulate,
    simulate_grades,
    simulate_images,
)

COMMITTED = ROOT / "results" / NAME
LARGE = World("large", 20_000, 0.0, 1)
SMALL = World("small", 812, 0.01, 1)


def runs_of(world, repetition, plans):
    images = simulate_images(world, repetition)
    return images, [simulate_grades(world, repetition, images, *plan) for plan in plans]


@pytest.mark.parametrize("kappa", [0.3, 0.7, 0.95])
def test_a_method_has_the_kappa_that_was_set(kappa):
    images, runs = runs_of(LARGE, 0, [(RIVAL, 0, kappa)])
    found = scores(images, runs)
    # Four standard errors over patients: one in 16,000 draws, and the draw is fixed.
    assert found.values[0] == pytest.approx(kappa, abs=4 * np.sqrt(found.covariance[0, 0]))


def test_answers_have_the_grades_of_the_labels_so_that_the_closed_form_holds():
    images, (grades,) = runs_of(LARGE, 0, [(RIVAL, 0, 0.5)])
    for found in (images.labels, grades):
        shares = np.bincount(found, minlength=len(GRADES)) / len(found)
        # Two images of one patient mostly share a grade: as if half of them were drawn.
        assert shares == pytest.approx(GRADES, abs=4 * np.sqrt(0.25 / LARGE.patients))


def test_runs_err_together_as_hardness_has_it_and_not_at_one():
    images, (one, other) = runs_of(LARGE, 0, [(RIVAL, 0, 0.5), (METHOD, 0, 0.5)])
    both = np.corrcoef(one != images.labels, other != images.labels)[0, 1]
    assert 0.1 < both < 0.9


def test_luck_is_the_spread_of_runs_beyond_that_of_images():
    world = World("luck", 4000, 0.05, 1)
    images, runs = runs_of(world, 0, [(RIVAL, seed, 0.7) for seed in range(100)])
    spread = scores(images, runs).values.std(ddof=1)
    # Standard error of a standard deviation from 100 runs: 7 %; images add under 2 % to it.
    assert spread == pytest.approx(0.05, rel=0.25)


def test_a_run_is_the_same_whatever_else_is_drawn_and_another_repetition_is_not():
    alone = simulate(SMALL, 4, (0.03,), (3,))[0.03, 3]
    among = simulate(SMALL, 4, EFFECTS, SEEDS)[0.03, 3]
    other = simulate(SMALL, 5, (0.03,), (3,))[0.03, 3]
    assert alone.published == among.published
    for name in ("method", "difference"):
        one, same, another = (getattr(d, name) for d in (alone, among, other))
        assert one.per_seed == pytest.approx(same.per_seed, abs=1e-12)
        assert one.v_img == pytest.approx(same.v_img, rel=1e-9)
        assert one.per_seed != another.per_seed


def test_a_kappa_that_no_share_of_images_gives_is_refused():
    images = simulate_images(SMALL, 0)
    with pytest.raises(ValueError, match=r"must be in 0\.\.1"):
        simulate_grades(SMALL, 0, images, METHOD, 0, 1.5)


def as_records(root, world, repetition, effect, seeds):
    """The same runs as stored predictions, and their records."""
    plans = [(RIVAL, s, BASE) for s in range(seeds)]
    plans += [(METHOD, s, BASE + effect) for s in range(seeds)]
    images, runs = runs_of(world, repetition, plans)
    rows = []
    for (stream, seed, _), grades in zip(plans, runs, strict=True):
        table = predictions_of(images.labels, np.eye(len(GRADES))[grades])
        table["patient_id"] = [f"p{n}" for n in images.patient]
        record = record_of_twin("comcl" if stream == METHOD else "resnet50", "native", seed)
        folder = root / record["id"]
        folder.mkdir(parents=True)
        table.to_parquet(folder / "predictions.parquet")
        (folder / "provenance.json").write_text("{}")
        rows.append(record | {"folder": folder})
    return pd.DataFrame(rows), scores(images, runs)


def test_scores_are_those_of_the_same_predictions_in_files(tmp_path):
    records, found = as_records(tmp_path, SMALL, 0, 0.05, 2)
    stored = joint_scores([(f,) for f in records["folder"]], ["kappa"])["kappa"]
    assert found.values == pytest.approx(stored.values, abs=1e-12)
    assert found.covariance == pytest.approx(stored.covariance, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("effect", [0.0, 0.05, 0.1])
def test_a_claim_is_ruled_as_the_same_records_are_judged(tmp_path, effect):
    better, worse = (
        claim.model_copy(update={"methods": (("comcl", "resnet50"),), "columns": (("native",),)})
        for claim in claims()
    )
    for repetition in range(3):
        tally = Tally(SMALL, effect, 3)
        tally.add(simulate(SMALL, repetition, (effect,), (3,))[effect, 3], *claims())
        records, _ = as_records(tmp_path / str(repetition), SMALL, repetition, effect, 3)
        for claim, counted in ((better, tally.better), (worse, tally.worse)):
            (judgement,) = judge(records, [claim])
            (judged,) = judgement.findings[0].comparisons
            assert counted == {judged.verdict: 1}
            assert judged.negligible == tally.equivalent


def test_no_claim_is_decided_before_the_seeds_that_it_asks_for():
    two, three = tallies(SMALL._replace(repetitions=20), (0.1,), (2, 3))
    assert two.better == {"undecided": 20}
    assert three.better["supported"] > 10


def test_better_and_worse_are_wrong_no_more_often_than_their_level():
    """At no effect a two-sided test at 0.05 errs in 5 % of the repetitions, or in fewer."""
    count = 400
    slack = 3 * np.sqrt(0.05 * 0.95 / count)
    for tally in tallies(World("null", 812, 0.025, count), (0.0,), (3, 5)):
        assert 0 < tally.wrong["better"] / count <= 0.05 + slack
        assert tally.wrong["better"] == tally.wrong["worse"]


def test_intervals_hold_the_truth_as_often_as_they_say_where_seeds_vary_most():
    count = 500
    slack = 3 * np.sqrt(0.05 * 0.95 / count)
    (tally,) = tallies(World("luck", 400, 0.06, count), (0.05,), (5,))
    assert 0.93 - slack < tally.covered / count < 0.97 + slack


def test_what_is_wrong_depends_on_the_truth():
    def of(effect):
        tally = Tally(SMALL, effect, 3, count=100)
        tally.better.update(supported=10, contradicted=1)
        tally.worse.update(supported=1, contradicted=10)
        tally.equivalent = 4
        tally.exact.update(EQUIVALENT=5, CLOSE=6, DIFFERENT=7)
        return tally.wrong

    assert (of(0.0)["better"], of(0.01)["better"]) == (11, 1)
    assert (of(0.0)["worse"], of(0.01)["worse"]) == (11, 1)
    assert [of(e)["equivalent"] for e in (0.01, 0.02)] == [0, 4]
    assert [of(e)["mean: EQUIVALENT"] for e in (0.01, 0.02, 0.03)] == [0, 5, 5]
    assert [of(e)["mean: CLOSE"] for e in (0.0, 0.005, 0.03)] == [6, 0, 0]
    assert [of(e)["mean: DIFFERENT"] for e in (0.0, 0.02, 0.03)] == [7, 7, 0]
    assert of(0.0)["one run: CLOSE"] == 0


def test_a_share_is_too_often_wrong_only_beyond_its_own_error():
    assert not is_too_often(6, 100)
    assert is_too_often(60, 500)
    often, seldom = (Tally(SMALL, 0.0, 3, count=500) for _ in range(2))
    often.better.update(supported=60, undecided=440)
    seldom.better.update(supported=10, undecided=490)
    assert "**12.0 ± 1.5**" in claim_row(often)
    assert "*2.0 ± 0.6*" in claim_row(seldom)


def test_the_command_writes_the_page_and_the_same_bytes_again(tmp_path, monkeypatch):
    """With one repetition of a small world; all of them take minutes."""
    monkeypatch.setattr(simulation_page, "WORLDS", (SMALL,))
    for folder in ("one", "two"):
        result = CliRunner().invoke(app, ["simulate", "--out", str(tmp_path / folder)])
        assert result.exit_code == 0, result.stderr
        assert result.stdout == f"{tmp_path / folder / NAME}\n"
    one, two = ((tmp_path / folder / NAME).read_bytes() for folder in ("one", "two"))
    assert one == two
    assert b"## small: verdicts" in one


def test_the_head_of_the_committed_page_is_current():
    made = page([[Tally(world, 0.0, 3, count=1)] for world in WORLDS])
    assert COMMITTED.read_text().split("## ")[0] == made.split("## ")[0]


def test_lines_of_the_committed_page_are_what_the_code_finds():
    """One line of each table of a world, drawn again by itself with all of its repetitions."""
    world = WORLDS[1]
    (tally,) = tallies(world, (0.03,), (3,))
    for title, row in (("claims and intervals", claim_row), ("verdicts", verdict_row)):
        section = COMMITTED.read_text().split(f"## {world.name}: {title}\n")[1].split("## ")[0]
        assert "| " + " | ".join(row(tally)) + " |" in section.splitlines()


def test_the_committed_page_has_every_effect_with_every_number_of_seeds():
    for world in WORLDS:
        section = COMMITTED.read_text().split(f"## {world.name}: verdicts\n")[1].split("## ")[0]
        lines = [line.split(" | ")[:2] for line in section.strip().splitlines()[2:]]
        places = [(float(effect.removeprefix("| ")), int(seeds)) for effect, seeds in lines]
        assert places == [(effect, seeds) for effect in EFFECTS for seeds in SEEDS]


def test_the_committed_page_has_an_interval_where_the_code_has_one():
    for world in WORLDS:
        title = f"## {world.name}: claims and intervals\n"
        section = COMMITTED.read_text().split(title)[1].split("## ")[0]
        rows = [line.strip("| ").split(" | ") for line in section.strip().splitlines()[2:]]
        assert rows
        for row in rows:
            assert (row[-1] == "no interval") == (int(row[1]) < FEWEST_SEEDS), row
