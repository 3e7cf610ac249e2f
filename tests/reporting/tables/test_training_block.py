"""What a table says of inputs, training and gates: only where records tell."""

import csv
import io

import pandas as pd

from bench.reporting.tables.build import build
from bench.reporting.tables.render import render
from bench.reporting.tables.training_block import HEADING

COST = {"sides_px": (64, 32), "samples": 15_680, "flops": 1.1e12, "training_seconds": 61.0}
UNKNOWN = dict.fromkeys(COST)
LINE = "64, then 32 px, 15.7k samples, 1.10 TFLOP, 61 s"


def page(*records, form="markdown"):
    return render(build("1", pd.DataFrame(list(records))), form)


def line_of(text, title, heading=HEADING):
    block = text.partition(f"**{heading}**")[2].partition("\n\n")[0]
    (line,) = [row for row in block.splitlines() if row.startswith(f"| {title} |")]
    return line


def test_every_row_with_runs_says_its_input_and_its_training(run):
    text = page(run("resnet50", **COST), run("comcl", seed=1, **COST | {"training_seconds": 90.0}))
    assert LINE in line_of(text, "ResNet50")
    assert "90 s" in line_of(text, "CoMCL")
    assert "| MMCNN |" not in text.partition(f"**{HEADING}**")[2].partition("\n\n")[0]
    assert "seconds of training alone" in text


def test_records_that_do_not_tell_are_not_spoken_of_until_one_does(run):
    silent = page(run("resnet50", **UNKNOWN), run("comcl", **UNKNOWN))
    assert silent == page(run("resnet50"), run("comcl"))
    assert HEADING not in silent
    mixed = page(run("resnet50", **UNKNOWN), run("comcl", **COST))
    assert "not recorded" in line_of(mixed, "ResNet50")
    assert LINE in line_of(mixed, "CoMCL")


def test_csv_has_a_line_a_run_and_number(run):
    text = page(run("resnet50", **COST), run("comcl", **UNKNOWN), form="csv")
    rows = [
        row for row in csv.DictReader(io.StringIO(text)) if row["metric"] in (*COST, "input_px")
    ]
    assert {(row["method"], row["metric"], float(row["score"])) for row in rows} == {
        ("resnet50", "input_px", 32.0),
        ("resnet50", "samples", 15_680.0),
        ("resnet50", "flops", 1.1e12),
        ("resnet50", "training_seconds", 61.0),
    }


def test_a_gate_that_was_not_passed_is_a_footnote_of_its_row(run):
    missed = {"gates_missed": (("as good as bicubic", "it reached 30 of 33 dB"),)}
    passed = {"gates_missed": ()}
    other = run("comcl", **passed)
    text = page(run("deepmt-dr", **missed), run("deepmt-dr", seed=1, **passed), other)
    assert "not reached in 1 of 2 runs: as good as bicubic" in text
    assert "not reached" not in page(run("deepmt-dr", **passed), other)
