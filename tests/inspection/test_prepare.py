"""What `bench prepare` prints and refuses, and that an entry is all that a new set needs."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from bench.cli import app
from bench.data import datasets
from bench.data.datasets import LESION_SETS, SOURCES, Source
from bench.inspection.detector import text
from bench.inspection.prepare import Report, carried_out

REPORT = {
    "detector": "0123456789abcdef",
    "ap50": {"haemorrhages": 0.7, "soft exudates": None},
    "confidence": 0.8,
    "at_confidence": {"haemorrhages": {"found": 3, "right": 2}},
    "pictures": [],
    "unused_masks": [],
}


def test_a_kind_of_lesion_that_was_not_held_out_has_no_score():
    lines = text(REPORT).splitlines()
    assert any("haemorrhages" in line and "0.700" in line for line in lines)
    assert any("soft exudates" in line and "none of it held out" in line for line in lines)


def register(monkeypatch, prepare=None, *, real=True):
    """One entry, called toy."""
    entry = Source("a toy", "one file", "nobody", real, lambda _: pytest.fail("read"), prepare)
    monkeypatch.setitem(datasets.SOURCES, "toy", entry)


def counted(preparation):
    """A check of a new data set: how many files lie in its folder."""
    count = len(list(preparation.data.iterdir()))
    values = {"dataset": preparation.name, "files": count, "seed": _seed(preparation)}
    return Report(values, f"{preparation.name}: {count} files", count > 0)


def _seed(preparation):
    return preparation.location().protocol.data.data_seed


@pytest.fixture
def prepared(tmp_path):
    def call(name, *words, data: Path | None = None):
        folder = ["--data", str(data)] if data else []
        return CliRunner().invoke(
            app, ["prepare", name, *folder, "--cache", str(tmp_path / "cache"), *words]
        )

    return call


@pytest.mark.parametrize("entry", [counted, "toy_checks:counted"])
def test_a_new_set_is_prepared_by_what_its_entry_names(entry, prepared, monkeypatch, tmp_path):
    (tmp_path / "toy_checks.py").write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(tmp_path)
    data = tmp_path / "toy"
    data.mkdir()
    register(monkeypatch, entry)
    empty = prepared("toy", data=data)
    assert (empty.exit_code, empty.stdout) == (2, "toy: 0 files\n")
    (data / "one.png").touch()
    full = prepared("toy", data=data)
    assert (full.exit_code, full.stdout) == (0, "toy: 1 files\n")
    machine = prepared("toy", "--json", "--set", "data.data_seed=7", data=data)
    assert json.loads(machine.stdout) == {"dataset": "toy", "files": 1, "seed": 7}


def test_a_new_set_in_the_layout_of_a_folder_gets_the_checks_of_folders(
    prepared, monkeypatch, tmp_path
):
    data = tmp_path / "toy"
    (data / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = "abcdefghij"
    for name in names:
        noise = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(data / "images" / f"{name}.png")
    rows = [f"{name}.png,{number % 2}\n" for number, name in enumerate(names)]
    (data / "labels.csv").write_text("".join(["image,label\n", *rows]))
    register(monkeypatch, "bench.inspection.labels:prepare")
    answer = prepared(
        "toy", "--set", "data.image_px=32", "--set", "data.patch_image_px=32", data=data
    )
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.startswith(f"toy in {data}")
    assert "10 of 10 are there" in answer.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("eyeq-twin", "drawn on first use"),
        ("chestxray-twin", "drawn on first use"),
        ("eyec", "did you mean 'eyeq'"),
        ("idird", "did you mean 'idrid'"),
        ("eyeq-twins", "did you mean 'eyeq-twin'"),
        ("toys", "did you mean 'toy'"),
        ("toy", "names no check"),
    ],
)
def test_a_set_that_is_drawn_unknown_or_without_a_check_gets_its_own_message(
    name, message, prepared, monkeypatch
):
    register(monkeypatch)
    answer = prepared(name)
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert ("drawn on first use" in answer.stderr) == (message == "drawn on first use")


def test_a_new_twin_is_drawn_like_others(prepared, monkeypatch):
    register(monkeypatch, real=False)
    assert "prepare toy: a synthetic twin is drawn on first use" in prepared("toy").stderr


@pytest.mark.parametrize("name", [n for n, s in SOURCES.items() if s.real] + list(LESION_SETS))
def test_every_set_of_users_has_a_check(name):
    assert callable(carried_out(name))
