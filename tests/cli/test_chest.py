"""Whole runs on drawn radiographs: each alternative trains and says what it is."""

import json

import pytest
from typer.testing import CliRunner

from bench.cli import app

TWIN = ("data.twin_train=90", "data.twin_test=90", "data.twin_px=64", "patches.minimum=1")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def run(cache, tiny, results):
    def call(*changes, method="comcl", share="0.7"):
        words = ["run", "--method", method, "--dataset", "chestxray-twin", "--lq-ratio", share]
        words += ["--protocol", "smoke", "--cache", str(cache), "--results", str(results)]
        words += [w for change in (*tiny, *TWIN, *changes) for w in ("--set", change)]
        return CliRunner().invoke(app, [*words, "--json"])

    return call


def record_of(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("patches.boxes=given", "patches.size_px=48"), "moved from the test list"),
        (("patches.boxes=given", "patches.size_px=48", "chest.allow_leak=true"), "a leak"),
        (("chest.quality=proxy_iqa",), "quality by measured"),
        (("chest.quality=view_ap",), "quality by view"),
        (("chest.degradation=fundus_literal",), "fundus camera's faults"),
    ],
)
def test_every_reading_trains_and_is_said(run, changes, said):
    record = record_of(run(*changes))
    assert said in " ".join(record["assumptions"])
    assert 0 <= record["auroc_macro"] <= 1


def test_boxes_of_the_twin_are_another_run_than_random_crops(run):
    known, crops = record_of(run("patches.boxes=oracle")), record_of(run())
    assert (known["boxes"], crops["boxes"]) == ("oracle", "random_lesion_crops")
    assert known["id"] != crops["id"]


def test_with_all_images_degraded_the_empty_levels_are_said(run):
    dropped = [s for s in record_of(run(share="1.0"))["assumptions"] if "left out" in s]
    assert len(dropped) == 2
    none = run(method="comcl-v1", share="1.0")
    assert none.exit_code == 2 and "comcl.empty_level=paired_clean" in none.stderr


def test_patches_that_are_too_large_are_refused_before_anything_is_made(run, results):
    before = sorted(results.rglob("*"))
    result = run("patches.size_px=300")
    assert result.exit_code == 2
    assert "images of 64 px; take 64 at most" in result.stderr
    assert sorted(results.rglob("*")) == before
