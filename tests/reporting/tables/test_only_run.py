import pandas as pd
from traced_records import traced_run
from typer.testing import CliRunner

from bench.cli import app
from bench.reporting.tables.build import build
from bench.reporting.tables.only_run import only_run
from bench.reporting.tables.render import render


def cells(table):
    """(heading of the block, title) -> texts by proportion, of its first section."""
    (section, *_) = table.sections
    ratios = [(column.ratio, column.kind) for column in section.columns]
    return {
        (block.heading, line.title): dict(zip(ratios, line.cells, strict=True))
        for block in section.blocks
        for line in block.lines
    }


def test_what_is_left_is_what_was_run_and_says_the_same(study):
    whole = build("1", study)
    before, after = cells(whole), cells(only_run(whole))
    methods = {line.method for b in only_run(whole).sections[0].blocks for line in b.lines}
    assert methods == {"resnet50", "resnet50-long", "comcl", "mine.py:My_Net", ""}
    assert after.items() <= before.items()  # a proportion was run by one of them, so all are left


def test_a_proportion_that_nobody_ran_goes(run):
    whole = build("1", pd.DataFrame([run("resnet50"), run("comcl")]))
    small = only_run(whole)
    assert [column.ratio for column in whole.sections[0].columns] == ["native", "0.7", "1.0"]
    assert [column.ratio for column in small.sections[0].columns] == ["native"]
    before, after = cells(whole), cells(small)
    assert all(
        cell == before[title][proportion]
        for title, line in after.items()
        for proportion, cell in line.items()
    )
    page = render(small, "text")
    assert "not run" in render(whole, "text") and "not run" not in page
    assert "CoMCL beats all others" in page  # said of the whole table: undecided


def test_a_note_stays_exactly_where_something_bears_its_letter(run):
    whole = build("1", pd.DataFrame([run("resnet50"), run("comcl", state="stale")]))
    before, after = (dict(table.sections[0].notes) for table in (whole, only_run(whole)))
    gone = {text for mark, text in before.items() if mark not in after}
    assert any(text.startswith("reconstructed from its abstract") for text in gone)
    assert any(text.startswith("stale") for text in after.values())
    assert [n for n in whole.sections[0].notes if not n[0]] == [
        n for n in only_run(whole).sections[0].notes if not n[0]
    ]


def test_beside_published_numbers_their_columns_go_with_their_proportion(real):
    small = only_run(build("1", real))
    ratios = {column.ratio for column in small.sections[0].columns}
    assert ratios == {"native", "0.7"}
    assert {column.kind for column in small.sections[0].columns} == {
        "measured",
        "published",
        "verdict",
    }


def test_no_run_at_all_says_what_to_do():
    nothing = build("1", pd.DataFrame())
    assert only_run(nothing) == nothing and nothing.message


def test_the_command_line_has_it(tmp_path):
    for method in ("resnet50", "comcl"):
        traced_run(tmp_path, method, dataset="eyeq-twin")
    long, short = (
        CliRunner().invoke(app, ["table", "1", *words, "--records", str(tmp_path)]).stdout
        for words in ((), ("--only-run",))
    )
    assert "LANet" in long and "LANet" not in short
    assert "ResNet50" in short
