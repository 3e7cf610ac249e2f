"""The report: complete, of one file, escaped, and a function of the records alone."""

import io
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from claim_world import world
from html_page import Page
from PIL import Image
from report_records import FIRST, HOSTILE, hostile_study
from typer.testing import CliRunner

from bench.cli import app
from bench.evaluation.joint import joint_scores
from bench.protocol.switches import STUDY
from bench.reporting.figures.embeddings import FILE as EMBEDDINGS
from bench.reporting.report import curves
from bench.reporting.report.contents import gather
from bench.reporting.report.embedded import LARGE, smallest
from bench.reporting.report.open_questions import question_entries, sensitivity_studies
from bench.reporting.report.page import render
from bench.reporting.results.records import load
from bench.reporting.tables.build import build_all


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return hostile_study(tmp_path_factory.mktemp("hostile") / "records")


@pytest.fixture(scope="module")
def contents(hostile):
    return gather(hostile, only=())


@pytest.fixture(scope="module")
def text(contents):
    return render(contents)


def test_the_same_records_give_the_same_bytes_wherever_they_lie(tmp_path, text, hostile):
    shutil.copytree(hostile, tmp_path / "elsewhere")
    assert render(gather(tmp_path / "elsewhere", only=())) == text
    shutil.rmtree(tmp_path / "elsewhere" / "eyeq-twin" / HOSTILE.replace(":", "-"))
    assert render(gather(tmp_path / "elsewhere", only=())) != text


def test_a_method_named_like_a_script_is_text(text):
    assert Page(text).tags.count("script") == 1
    assert "&lt;script&gt;alert(1)&lt;script&gt;.py:Net" in text
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in text
    assert "<script>alert" not in text


def test_the_page_asks_for_no_other_file(text):
    page = Page(text)
    assert all(link.startswith("#") or link == "data:," for link in page.links)
    assert all(source.startswith("data:image/") for source in page.sources)
    assert not re.search(r"@import|url\(", text)


def test_every_link_leads_somewhere_and_no_id_stands_twice(text):
    page = Page(text)
    assert len(set(page.ids)) == len(page.ids)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_every_measured_cell_of_the_tables_leads_to_its_runs(contents, hostile):
    behind = {cell.anchor: cell for cell in contents.cells}
    tables = build_all("all", load(hostile))
    linked = [
        (box.text, behind[box.link])
        for table in contents.tables
        for part in table.sections
        for grid in part.grids
        for rank in grid.body
        for box in rank.cells
        if box.link
    ]
    measured = [
        cell
        for table in tables
        for section in table.sections
        for block in section.blocks
        for line in block.lines
        for cell in line.cells
        if cell.scores
    ]
    assert [text for text, _ in linked] == [cell.text for cell in measured]
    for (_, opened), cell in zip(linked, measured, strict=True):
        assert [run.id for run in opened.runs] == [score.run for score in cell.scores]


def test_a_cell_shows_its_runs_scores_names_and_curves(contents):
    (cell,) = [cell for cell in contents.cells if "T1:comcl:eyeq-twin:0.7" in cell.names]
    rows = load(FIRST).query("method == 'comcl' and lq_ratio == '0.7'").sort_values("seed")
    assert [run.scores[0] for run in cell.runs] == [f"{value:.3f}" for value in rows["kappa"]]
    assert [run.seed for run in cell.runs] == [0, 1, 2]
    titles = [plot.title for plot in cell.plots]
    assert titles == ["pretrain: loss", "finetune: loss", "finetune: validation score"]
    assert all(len(plot.lines) == 3 for plot in cell.plots)
    assert all(run.command.startswith("bench run --method comcl ") for run in cell.runs)


def test_claims_audit_and_open_points_are_all_there(contents, text):
    (claims,) = contents.claims
    assert len(claims.rows) == 10
    assert all(f"<b>{said.id}</b>" in text for said in claims.rows)
    (audit,) = contents.audits
    assert {row.title for _, rows in audit.parts for row in rows} >= {"device", "commit"}
    assert [point.entry.id for point in contents.questions][:2] == ["D1", "D2"]
    assert all(point.largest is None for point in contents.questions)
    assert "hold no sensitivity study" in text


def test_runs_without_events_or_maps_say_so(tmp_path):
    shutil.copytree(FIRST, tmp_path / "records")
    for file in (tmp_path / "records").rglob("events.jsonl"):
        file.unlink()
    contents = gather(tmp_path / "records", only=())
    assert all(cell.plots == () and cell.saliency is None for cell in contents.cells)
    text = render(contents)
    assert "These runs hold no events" in text
    assert "hold no saliency maps" in text


def test_an_open_point_shows_its_measured_effect(tmp_path):
    other = "comcl[comcl.spl=literal]"
    main = world(tmp_path / "main", {("comcl", "native"): [0.2, 0.21]})
    study = world(tmp_path / "study", {(other, "native"): [0.4, 0.41]}, study=STUDY)
    found = pd.concat([main, study.assign(id="s-" + study["id"])], ignore_index=True)
    scores = joint_scores([(f,) for f in found["folder"]], ["kappa"])["kappa"].values
    by_id = {
        p.entry.id: p
        for p in question_entries(sensitivity_studies(found.assign(kappa=scores), None))
    }
    literal = next(move for move in by_id["D13"].effects if move.alternative == "literal")
    expected = np.mean(scores[2:] - scores[:2])
    assert (literal.effect, literal.seeds) == (f"{expected:+.3f}", 2)
    assert by_id["D13"].largest == pytest.approx(abs(expected))
    assert by_id["D1"].effects == ()


def test_a_drawing_is_shown_in_the_first_form_that_is_not_large():
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="PNG")
    large, small = b"s" * (LARGE + 1), b"s"
    assert len(buffer.getvalue()) > LARGE
    assert smallest(small, lambda: small).startswith("data:image/svg+xml;base64,")
    assert smallest(large, lambda: small).startswith("data:image/png;base64,")
    shown = smallest(large, buffer.getvalue)
    assert shown.startswith("data:image/jpeg;base64,")
    assert len(shown) < len(buffer.getvalue())


def test_long_curves_keep_their_ends_and_short_ones_everything():
    long = [(float(epoch), epoch / 7) for epoch in range(1, 802)]
    kept = curves.thinned(long)
    assert (kept[0], kept[-1]) == (long[0], long[-1])
    assert len(kept) <= curves.MOST + 1
    assert curves.thinned(long[:50]) == long[:50]


def test_a_curve_stays_in_its_plot_and_a_flat_one_in_its_middle(tmp_path):
    events = [(1, 2.0, 0.5), (2, 1.0, 0.5), (3, None, 0.5)]
    lines = [
        f'{{"stage": "finetune", "epoch": {epoch}, "step": {epoch}, "seconds": 1, '
        f'"images_per_second": 8, "train": {{"loss": {loss or "null"}}}, '
        f'"validation": {{"score": {score}}}}}\n'
        for epoch, loss, score in events
    ]
    (tmp_path / "events.jsonl").write_text("".join(lines))
    loss, score = curves.plots({4: tmp_path})
    right, floor = curves.WIDTH - curves.RIGHT, curves.HEIGHT - curves.BOTTOM
    assert loss.lines[0].points == f"{curves.LEFT:.1f},{curves.TOP:.1f} {right:.1f},{floor:.1f}"
    assert {point.split(",")[1] for point in score.lines[0].points.split()} == {
        f"{(curves.TOP + floor) / 2:.1f}"
    }
    assert (loss.ticks, loss.lines[0].seed) == (("1", "2", "1", "2"), 4)
    assert score.ticks == ("1", "3", "0", "1")


def test_without_runs_no_page_is_written_and_the_next_command_named(tmp_path):
    out = tmp_path / "report.html"
    answer = CliRunner().invoke(app, ["report", "--records", str(tmp_path), "--out", str(out)])
    assert answer.exit_code == 0
    assert "bench report" in answer.output
    assert not out.exists()


def test_an_unknown_protocol_is_refused(tmp_path):
    words = ["report", "--records", str(FIRST), "--out", str(tmp_path / "x"), "--protocol", "paper"]
    assert CliRunner().invoke(app, words).exit_code == 2


def test_the_command_writes_one_page_with_all_figures_inside(tmp_path):
    out = tmp_path / "new" / "report.html"
    words = ["report", "--records", str(FIRST), "--out", str(out)]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0, answer.output
    text = out.read_text()
    assert out.stat().st_size < 15e6
    assert sum(source.startswith("data:image/svg+xml") for source in Page(text).sources) >= 3
    assert EMBEDDINGS in text  # the figure that this study cannot have, and why
