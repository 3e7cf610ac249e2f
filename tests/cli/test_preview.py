"""The commands that show images before anything is trained."""

import json

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from bench.cli import app


def asked(*words, small_set, cache, tiny, out):
    settings = [word for change in tiny for word in ("--set", change)]
    where = ["--dataset", "folder", "--data", str(small_set), "--cache", str(cache)]
    return CliRunner().invoke(
        app, ["patches", *where, "--protocol", "smoke", *settings, "--out", str(out), *words]
    )


def test_each_level_has_a_sheet_and_the_ratio_decides_what_is_on_it(
    small_set, cache, tiny, tmp_path
):
    places = {"small_set": small_set, "cache": cache, "tiny": tiny}
    at = {}
    for ratio in ("native", "0.7"):
        answer = asked("--lq-ratio", ratio, **places, out=tmp_path / ratio)
        assert answer.exit_code == 0
        assert answer.stdout.split() == [
            str(tmp_path / ratio / f"patches-{code}.png") for code in range(4)
        ]
        at[ratio] = [np.asarray(Image.open(path)) for path in answer.stdout.split()]
    again = asked("--lq-ratio", "0.7", **places, out=tmp_path / "again")
    sheets = [np.asarray(Image.open(path)) for path in again.stdout.split()]
    assert all(np.array_equal(*pair) for pair in zip(at["0.7"], sheets, strict=True))
    assert not np.array_equal(at["native"][1], at["0.7"][1])


def test_a_method_without_patches_is_told_so(small_set, cache, tiny, tmp_path):
    answer = asked(
        "--method", "resnet50", small_set=small_set, cache=cache, tiny=tiny, out=tmp_path / "out"
    )
    assert answer.exit_code == 2
    assert "not pretrained on patches" in answer.stderr
    assert not (tmp_path / "out").exists()


def test_degradations_of_a_photograph_are_drawn_with_their_parameters(tmp_path):
    grey = np.full((90, 90, 3), 90, np.uint8)
    Image.fromarray(grey).save(tmp_path / "plain.png")
    answer = CliRunner().invoke(
        app,
        ["degrade", str(tmp_path / "plain.png"), "--out", str(tmp_path / "out"), "--size", "64"],
    )
    assert answer.exit_code == 0
    assert "cataract" in json.loads((tmp_path / "out" / "parameters.json").read_text())
