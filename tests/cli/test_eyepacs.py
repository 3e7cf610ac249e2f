"""A set as users have it, from its folder to a table."""

import json

import pytest
from eyepacs import draw_eyepacs
from typer.testing import CliRunner

from bench.cli import app


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Sixty images with the irregularities of EyePACS."""
    return draw_eyepacs(tmp_path_factory.mktemp("eyepacs") / "eyeq")


def test_sixty_irregular_images_are_run_with_partial_and_stand_in_the_table(
    drawn, tmp_path, tiny, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    drawn.files["101_left"].unlink()
    words = ["run", "--method", "resnet50", "--dataset", "eyeq", "--data", str(drawn.root)]
    words += ["--protocol", "smoke", "--lq-ratio", "0.7", "--cache", "cache"]
    words += [word for change in tiny for word in ("--set", change)]
    assert CliRunner().invoke(app, words).exit_code == 2  # other counts than EyeQ's
    result = CliRunner().invoke(app, [*words, "--partial", "--json"])
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["partial"]
    assert record["n_test"] == 20
    said = " ".join(record["assumptions"])
    assert "Label_EyeQ_train.csv has 40 images, EyeQ's own 12,543" in said
    assert "1 of the 60 images of the label files are not there" in said
    table = CliRunner().invoke(app, ["table", "1", "--format", "markdown"])
    assert table.exit_code == 0, table.stderr
    assert "## eyeq: not all of its images" in table.stdout
    assert "0.804" not in table.stdout  # no published value beside a partial set
