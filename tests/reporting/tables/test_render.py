import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
from scored import certain

from bench.errors import RequestError
from bench.reporting.tables.build import build
from bench.reporting.tables.latex import escape
from bench.reporting.tables.model import Table
from bench.reporting.tables.render import FORMATS, render, write_all


def test_latex_gets_no_character_that_it_would_obey(study):
    page = render(build("1", study), "latex")
    assert r"mine.py:My\_Net" in page
    assert "My_Net" not in page
    assert "±" not in page


def test_every_special_character_is_escaped():
    assert escape(r"a_b & 50% $x$ #1 {y} ~ ^ \z") == (
        r"a\_b \& 50\% \$x\$ \#1 \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z"
    )


def test_latex_rows_have_as_many_cells_as_columns(real):
    lines = render(build("1", real), "latex").splitlines()
    rows = [line for line in lines if line.endswith(r"\\") and "multicolumn" not in line]
    assert {line.replace(r"\&", "").count("&") for line in rows} == {9}


def test_markdown_rows_have_as_many_cells_as_columns(study):
    rows = [r for r in render(build("1", study), "markdown").splitlines() if r.startswith("|")]
    assert {row.replace(r"\|", "").count("|") for row in rows} == {5}


def test_markdown_keeps_a_methods_own_characters(run, study):
    study.loc[0, "method"] = "a|b*c"
    assert r"a\|b\*c" in render(build("1", study), "markdown")


def test_csv_holds_every_runs_score_in_full(study):
    rows = list(csv.DictReader(io.StringIO(render(build("1", study), "csv"))))
    shown = study.loc[study["method"] != "comcl-v1", "kappa"]  # it stands in Table 3
    written = sorted(float(row["score"]) for row in rows if row["metric"] == "kappa")
    assert written == sorted(shown)


def test_csv_leaves_an_undefined_score_empty(run):
    nobody_ill = np.zeros(20, int)
    right = run(answers=(nobody_ill, certain(nobody_ill)))
    rows = list(csv.DictReader(io.StringIO(render(build("1", pd.DataFrame([right])), "csv"))))
    assert [(row["metric"], row["score"]) for row in rows] == [("kappa", ""), ("accuracy", "1.0")]


def test_csv_never_holds_a_mean_or_a_spread(study):
    page = render(build("1", study), "csv")
    assert "±" not in page
    assert "0.810 ± " in render(build("1", study), "markdown")
    shown = (study["method"] != "comcl-v1").sum()  # it stands in Table 3
    assert len(page.splitlines()) == 1 + 2 * shown  # a line a run and score


def test_a_pipe_gets_plain_text(study):
    table = build("1", study)
    assert render(table, "terminal") == render(table, "text")


def test_a_terminal_gets_colours_and_its_own_width(study, monkeypatch):
    table = build("1", study)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    coloured = render(table, "terminal")
    assert "\x1b[" in coloured
    assert "\x1b[" not in render(table, "text")
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()) <= 60


def test_all_formats_are_written_side_by_side(study, tmp_path):
    table = build("1", study)
    paths = write_all(table, tmp_path / "tables")
    assert [path.name for path in paths] == ["table1.txt", "table1.md", "table1.tex", "table1.csv"]
    assert paths[1].read_text() == render(table, "markdown")
    assert sorted(paths) == sorted((tmp_path / "tables").iterdir())


def test_a_narrow_pipe_loses_no_column(study):
    page = render(build("1", study), "text")
    assert re.search(r"0\.850 ± \d\.\d{3} \(n=3\) \[\*\]   0\.810 ± \d\.\d{3} \(n=3\)", page)


@pytest.mark.parametrize("form", FORMATS)
def test_a_message_stands_alone(form):
    page = render(Table("table1", "Caption", (), "Nothing yet.\nDo this."), form)
    assert "Caption" not in page
    assert page.endswith("\n")


def test_an_unknown_format_names_those_there_are(study):
    with pytest.raises(RequestError, match="terminal, text, markdown, latex, csv"):
        render(build("1", study), "word")
