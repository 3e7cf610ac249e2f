"""The page that `make bench` writes, from what pytest-benchmark has measured.

python tests/speed/page.py BENCHMARKS.json PAGE.md
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from bench.data.workers import cores
from bench.provenance import cpu_name

OPENING = """# Performance

*Command:* `make bench`. {machine}; torch {torch}, one thread unless a row says otherwise.

Each pair was measured in turn in one process, by the seconds that processors worked on it, so that
other programs fall on both. **A ratio is how many times as fast the first is as the second**, for
one image, patch or run: the median of the rounds, and their quartiles where they differ. What one
takes is of this machine.
"""
CARD = """## On a graphics card

Not measured: no part of this project has run on one. `make gpu-check OUT=FOLDER` measures what a
card can do and how much of it a training uses (CONTRIBUTING.md).
"""
HEAD = ["what", "beside", "ratio", "aim", "takes"]
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "\u00b5s"))


def page(found: list[dict[str, Any]], machine: str) -> str:
    """Markdown.

    Args:
        found: What `timed.in_turn` and `timed.number` noted, in the order of the page.
        machine: In words.
    """
    parts: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        parts.setdefault(each["part"], []).append(each)
    sections = [OPENING.format(machine=machine, torch=torch.__version__.split("+")[0])]
    for title, rows in parts.items():
        sections.append("\n".join([f"## {title}", "", *_table(rows)]) + "\n")
    return "\n".join([*sections, CARD])


def _table(rows: list[dict[str, Any]]) -> list[str]:
    pairs = [row for row in rows if "ratio" in row]
    numbers = [row for row in rows if "value" in row]
    table = [HEAD, [":--", ":--", "--:", "--:", "--:"], *(_cells(row) for row in pairs)]
    lines = [f"| {' | '.join(cells)} |" for cells in table] if pairs else []
    told = [f"- {row['what']}: {row['value']:.2g} {row['unit']}" for row in numbers]
    return [*lines, *([""] if lines and told else []), *told]


def _cells(row: dict[str, Any]) -> list[str]:
    low, middle, high = (_digits(value) for value in row["ratio"])
    aim = ""
    if row["least"] is not None:
        missed = row["ratio"][1] < row["least"]
        aim = f"{row['least']:g} or more{', missed' if missed else ''}"
    ratio = middle if low == high else f"{middle} ({low} to {high})"
    takes = f"{_seconds(row['seconds'])} a{'n' if row['item'][0] in 'aeiou' else ''} {row['item']}"
    return [row["what"], row["beside"], ratio, aim, takes]


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.2g}"


def _seconds(seconds: float) -> str:
    scale, unit = next((pair for pair in UNITS if seconds >= pair[0]), UNITS[-1])
    return f"{seconds / scale:.3g} {unit}"


def main() -> None:
    """Read the measurements, write the page."""
    source, target = map(Path, sys.argv[1:])
    found = [each["extra_info"] for each in json.loads(source.read_text())["benchmarks"]]
    target.write_text(page(found, f"{cpu_name()}, {cores()} cores"))


if __name__ == "__main__":
    main()
