"""What commands cost: to answer at once, and with thousands of runs."""

import json
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from own_process import cost_of
from timed import Row, in_turn
from traced_records import traced_run

from bench.experiments import RATIOS, TABLE1

PART = "Commands"
PLACES = [*product(TABLE1.rows, RATIOS)]


def test_help_beside_python_itself(benchmark, tmp_path):
    row = Row(PART, "`bench --help`", "a Python that does nothing", item="call")
    in_turn(
        benchmark,
        row,
        lambda: cost_of(["--help"], tmp_path),
        lambda: subprocess.run([sys.executable, "-c", "pass"], check=True),
    )


def many(root: Path, count: int) -> Path:
    """Runs of all rows and columns of Table 1, so many in all; the answers are the same in all."""
    first = traced_run(root.with_name("first"), dataset="eyeq-twin")
    answered = (
        (first / "predictions.parquet").read_bytes(),
        json.loads((first / "metrics.json").read_text()),
    )
    shutil.rmtree(root.with_name("first"))
    for place in range(count):
        row, ratio = PLACES[place % len(PLACES)]
        seed = place // len(PLACES)
        traced_run(root, row.method, ratio, seed, dataset="eyeq-twin", answered=answered)
    return root


@pytest.mark.parametrize("command", ["status", "table 1"])
def test_a_command_over_thousands_of_runs(benchmark, tmp_path, command):
    few, more = (1000, 5000) if benchmark.enabled else (2, 4)
    roots = [many(tmp_path / str(count), count) for count in (few, more)]

    def ask(root: Path):
        cost = cost_of([*command.split(), "--records", str(root)], tmp_path)
        assert cost.code == 0, cost.out

    row = Row(
        PART,
        f"`bench {command}` over {more:,} runs",
        f"over {few:,}, a run each",
        more,
        few,
        item="run",
    )
    in_turn(benchmark, row, lambda: ask(roots[1]), lambda: ask(roots[0]), rounds=1)
