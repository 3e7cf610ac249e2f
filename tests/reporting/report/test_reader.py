"""What a reader of the report needs: verdicts told apart, notes at hand, commands that are true."""

import re

import pytest
from claim_world import world
from known import known
from markupsafe import escape
from report_records import FIRST

from bench.reporting.claims.judge import judge, judge_scored
from bench.reporting.claims.page import LEGEND
from bench.reporting.figures.study import ScoredStudy
from bench.reporting.report.open_questions import question_entries, sensitivity_studies
from bench.reporting.report.page import code, render
from bench.reporting.report.verdict_rows import dataset_claims
from bench.reporting.results.comparability import comparable_groups
from bench.reporting.results.records import load
from bench.reporting.tables.build import build_all
from bench.reporting.tables.footnotes import SIGNS

LAPTOP = FIRST.parent / "twin-laptop"


@pytest.fixture(scope="module")
def study():
    (found,) = sensitivity_studies(load(LAPTOP), None)
    return found


@pytest.fixture(scope="module")
def part(published_contents):
    return published_contents.tables[0].sections[0]


def boxes(grid, kind):
    """The boxes of a kind of column, by method's title."""
    kinds = [column.kind for column in grid.columns]
    return {
        rank.title: [box for box, own in zip(rank.cells, kinds, strict=True) if own == kind]
        for rank in grid.body
    }


def test_every_verdict_on_a_published_number_is_told_and_marked_by_itself(published_contents, part):
    found = boxes(part.grids[0], "verdict")
    names = {title: [v.name for v in cells[0].verdicts] for title, cells in found.items()}
    assert names["ResNet50"] == ["EQUIVALENT", "CLOSE"]
    assert names["Inception-v3"] == ["DIFFERENT"]
    assert names["LANet"] == ["INCONCLUSIVE"]
    assert names["CABNet"] == ["NOT RUN"]
    assert found["LANet"][0].verdicts[0].more.startswith("detects 0.")
    text = render(published_contents)
    assert '<span class="badge good">EQUIVALENT</span><br><span class="badge open">CLOSE' in text
    assert '<span class="badge bad">both DIFFERENT</span>' in text


def test_verdicts_sort_as_texts_whatever_numbers_stand_beside_them(part):
    verdicts = [box for row in boxes(part.grids[0], "verdict").values() for box in row]
    assert all(box.sort is None for box in verdicts)
    published = boxes(part.grids[0], "published")["ResNet50"]
    assert [box.sort for box in published] == [0.804, 0.743, 0.674]


def test_columns_without_any_text_are_left_out_of_a_grid_and_others_kept(part):
    kinds = {grid.heading: [column.kind for column in grid.columns] for grid in part.grids}
    assert kinds["Data"] == ["measured"] * 3
    assert kinds["Rank by quadratic weighted kappa"] == ["measured"] * 3
    assert kinds["Accuracy"] == ["measured", "published", "verdict"] * 3
    assert [bool(grid.note) for grid in part.grids] == [False, True, False, False]


def test_what_nobody_can_read_the_table_without_stands_open_and_each_note_once(published, part):
    (section,) = build_all("1", load(published))[0].sections
    shown = [(mark, text.removeprefix("cells: ")) for mark, text in part.legend]
    assert sorted([*shown, *part.notes]) == sorted(section.notes)
    assert {mark for mark, _ in shown} - {""} <= {mark for mark, _ in SIGNS.values()}
    heads = [text.partition(":")[0] for mark, text in part.legend if not mark]
    assert heads == ["cells", "published", "verdict"]


def test_runs_scored_once_are_judged_as_if_each_part_scored_its_own():
    records = load(LAPTOP)
    groups = comparable_groups(records, None)
    scored = [(group, ScoredStudy.of(group).scored.runs) for group in groups]
    (once,), (anew,) = judge_scored(scored), judge(records)
    assert once.first_run == anew.first_run is not None
    for one, other in zip(once.findings, anew.findings, strict=True):
        assert (one.verdict, one.by_column) == (other.verdict, other.by_column)
        for a, b in zip(one.comparisons, other.comparisons, strict=True):
            assert (a.seeds, a.runs) == (b.seeds, b.runs)
            if a.estimate is not None and b.estimate is not None:
                assert a.estimate.value == pytest.approx(b.estimate.value, nan_ok=True)


def test_scores_that_a_claim_lacks_are_read_for_it():
    (group,) = comparable_groups(load(FIRST), None)
    runs = ScoredStudy.of(group).scored.runs
    runs.scores.pop("accuracy")
    (found,) = judge_scored([(group, runs)])
    assert {one.score for one in found.findings} == {"kappa", "accuracy"}


def test_claims_written_after_the_runs_are_named_and_others_are_not(tmp_path):
    errors = {("comcl", "native"): 0.1, ("resnet50", "native"): 0.5}
    (judgement,) = judge(world(tmp_path, errors))
    written = {f.claim.id: f.claim.written.isoformat() for f in judgement.findings}
    late = {name for name, day in written.items() if day > known(judgement.first_run)[:10]}
    assert set(dataset_claims(judgement).late) == late
    assert {"leads-earlier-contrastive", "every-method-loses"} <= late
    assert "best-in-each-column" not in late
    early = type(judgement)(judgement.group, judgement.findings, "2026-11-01T00:00:00+00:00")
    assert len(dataset_claims(early).late) == 10
    undated = dataset_claims(type(judgement)(judgement.group, judgement.findings, None))
    assert (undated.late, undated.dated) == ((), False)


def test_a_tiny_p_is_not_shown_as_zero_and_sorts_as_what_it_is(tmp_path):
    errors = {("comcl", "native"): 0.05, ("resnet50", "native"): 0.6}
    (judgement,) = judge(world(tmp_path, errors))
    shown = [one for said in dataset_claims(judgement).rows for one in said.comparisons]
    tiny = [one for one in shown if one.adjusted is not None and one.adjusted < 0.001]
    assert tiny
    assert {one.p for one in tiny} == {"<0.001"}


def test_the_legend_of_the_claims_explains_no_column_that_is_not_there(published_contents):
    text = render(published_contents)
    heads = re.findall(r"<th[^>]*>(?:<button[^>]*>)?([^<]+)", text)
    explained = [line.partition(":")[0] for line in LEGEND]
    assert explained == ["effect", "p", "detects"]
    assert "detects" in heads and "Holm p" in heads
    assert all(f"<li>{escape(line)}" in text for line in LEGEND)


def test_points_that_move_most_come_first_and_the_rest_as_registered(study):
    found = question_entries([study])
    sizes = [one.largest for one in found if one.largest is not None]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) > 1
    rest = [one.number for one in found if one.largest is None]
    assert rest == sorted(rest)
    assert [one.largest is None for one in found] == [False] * len(sizes) + [True] * len(rest)


def test_code_between_backticks_is_escaped_and_shown_as_code():
    assert code("seeded as by `bench degrade <x>`; so") == (
        "seeded as by <code>bench degrade &lt;x&gt;</code>; so"
    )
    assert code("one ` and <b>") == "one ` and &lt;b&gt;"
