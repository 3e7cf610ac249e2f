"""Cells by name: read back as they are written, and helpful where they are mistyped."""

import pytest

from bench.errors import RequestError
from bench.experiments import TABLE1
from bench.reporting.tracing.cell_ids import CellId, cell_id


@pytest.mark.parametrize(
    "text",
    [
        "T1:comcl:eyeq:0.7",
        "T2:moco:eyeq:native:accuracy",
        "T1:mine.py:Net:folder:1.0",
        "T1:mine.py:Net:folder:1.0:kappa",
        "T1:comcl[comcl.spl=off]:eyeq-twin:native",
        "T1:resnet50:chestxray:0.7:auroc_macro",
    ],
)
def test_a_cell_is_written_as_it_is_read(text):
    assert str(cell_id(text)) == text


def test_the_parts_are_the_cell():
    assert cell_id("T1:comcl:eyeq:0.7:kappa") == CellId("1", "comcl", "eyeq", "0.7", "kappa")
    assert cell_id("T1:mine.py:Net:folder:1.0").method == "mine.py:Net"


def test_names_of_one_thing_name_one_cell():
    assert cell_id("t3:comcl-v3:eyeq:0.334") == cell_id("T3:comcl:eyeq:native")
    assert cell_id("T1:comcl:eyeq:1") == cell_id("T1:comcl:eyeq:1.0")
    assert cell_id("T1:comcl:chestxray:0.334") != cell_id("T1:comcl:chestxray:native")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("T1:comlc:eyeq:0.7", "'comcl'"),
        ("T1:comcl:eyqe:0.7", "'eyeq'"),
        ("T4:comcl:eyeq:0.7", "no table 'T4'"),
        ("T1:comcl:eyeq:0.7:kapa", "'kappa'"),
        ("T1:comcl:eyeq:1.7", "ratio 1.7: .* at most 1"),
        ("T1:comcl:eyeq", "TABLE:METHOD:DATASET:RATIO"),
        ("", "TABLE:METHOD:DATASET:RATIO"),
        ("comcl", "TABLE:METHOD:DATASET:RATIO"),
        ("T2:cabnet:eyeq:native", "no row 'cabnet'"),
    ],
)
def test_a_mistyped_cell_is_told_the_nearest_name_or_the_form(text, said):
    with pytest.raises(RequestError, match=said):
        cell_id(text)


def test_a_row_has_the_papers_title_and_one_that_the_paper_lacks_its_own():
    assert cell_id("T1:comcl:eyeq:0.7").row in TABLE1.rows
    mine = cell_id("T1:mine.py:Net:eyeq:0.7").row
    assert (mine.title, mine.in_paper) == ("mine.py:Net", False)
