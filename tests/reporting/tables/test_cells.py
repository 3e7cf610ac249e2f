from dataclasses import replace

import pandas as pd
import pytest
from known import known
from scored_runs import measured_of

from bench.reporting.results.published import published
from bench.reporting.tables.build import build_all
from bench.reporting.tables.cells import verdicts

# ResNet50 on EyeQ prints 0.804 and 0.783: kappa and accuracy in Table 1, the reverse in Table 2.
AT_804, AT_783 = [0.801, 0.804, 0.807], [0.780, 0.783, 0.786]
CELL = ("resnet50", "native")


def names(scores, table="1", metric="kappa", **options):
    title = {"1": "ResNet50", "2": "Baseline (ResNet50)"}[table]
    theirs = known(published(table, title, "eyeq", "native"))
    measured = measured_of({CELL: scores}, metrics=("kappa", "accuracy"), **options)
    return tuple(each.name for each in verdicts(measured, CELL[0], metric, CELL[1], theirs))


def test_the_printed_header_leads_and_the_other_reading_follows():
    assert names(AT_804) == ("EQUIVALENT", "CLOSE")
    assert names(AT_783) == ("CLOSE", "EQUIVALENT")


def test_the_other_table_leads_with_the_other_reading():
    assert names(AT_804, table="2") == ("CLOSE", "EQUIVALENT")
    assert names(AT_804, metric="accuracy") == ("CLOSE", "EQUIVALENT")


def test_the_order_is_the_headers_whichever_reading_suits_us():
    """Never the better of the two: 0.02 higher or lower, the first verdict is on the first."""
    far = [0.900, 0.903, 0.906]
    for scores, expected in ((far, "DIFFERENT"), (AT_783, "CLOSE"), (AT_804, "EQUIVALENT")):
        assert names(scores)[0] == expected


def test_stale_runs_are_stale_by_both_readings():
    assert names(AT_804, stale=[CELL]) == ("STALE", "STALE")


def test_a_number_that_rises_is_never_judged_and_its_neighbour_is():
    """DenseNet-121 on chest at 0.7: one of its two numbers is above that at the native ratio."""
    theirs = known(published("1", "DenseNet-121", "chestxray", "0.7"))
    assert sum(theirs.rises) == 1
    cell = ("densenet121", "0.7")
    measured = measured_of({cell: [0.6, 0.61, 0.62]}, metrics=("kappa_macro",))
    found = verdicts(measured, cell[0], "kappa_macro", cell[1], theirs)
    judged = [each.name != "NOT COMPARABLE" for each in found]
    assert judged == [not doubtful for doubtful in theirs.doubtful("kappa")]
    sane = replace(theirs, rises=(False, False))
    found = verdicts(measured, cell[0], "kappa_macro", cell[1], sane)
    assert "NOT COMPARABLE" not in [each.name for each in found]


@pytest.fixture
def tables(real_run):
    """Tables 1 and 2 of three runs each of two methods, the resolution of 1,000 images."""
    runs = [
        real_run(method, "native", seed, kappa=kappa + 0.002 * seed)
        for method, kappa in (("resnet50", 0.69), ("moco", 0.1))
        for seed in range(3)
    ]
    return {table.name: table for table in build_all("all", pd.DataFrame(runs))}


def row(table, method, metric="kappa"):
    (section,) = table.sections
    block = next(block for block in section.blocks if block.metric == metric)
    line = next(line for line in block.lines if line.method == method)
    pairs = zip(section.columns, line.cells, strict=True)
    return {column.kind: cell.text for column, cell in pairs if column.ratio == "native"}


def test_verdicts_stand_in_both_tables_in_their_own_order(tables):
    assert row(tables["table1"], "resnet50")["published"] == "0.804 / 0.783"
    assert row(tables["table2"], "resnet50")["published"] == "0.783 / 0.804"
    first, second = (row(tables[name], "resnet50")["verdict"] for name in ("table1", "table2"))
    assert first != second
    assert second.split(" / ") == first.split(" / ")[::-1] == ["CLOSE", "DIFFERENT"]


def test_one_verdict_on_both_readings_is_said_once(tables):
    assert row(tables["table2"], "moco")["verdict"] == "both DIFFERENT"
    assert row(tables["table2"], "comcl")["verdict"] == "NOT RUN"


def test_table_3_has_no_verdicts_and_says_why(real_run):
    runs = pd.DataFrame([real_run("comcl-v1"), real_run("comcl")])
    table = next(t for t in build_all("all", runs) if t.name == "table3")
    assert all(column.measured for column in table.sections[0].columns)
    assert any("cannot be read in the paper (D37)" in text for _, text in table.sections[0].notes)
    assert [line.title for line in table.sections[0].blocks[0].lines][:3] == [
        "CoMCL_v1",
        "CoMCL_v2",
        "CoMCL_v3",
    ]
