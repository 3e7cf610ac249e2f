"""Figures by the numbers that they show, and the bytes that they are written as."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from figure_records import figured_run, pictures_of, skipped_of
from paths import FIRST
from paths import GOLDEN as GOLDEN_FILES
from PIL import Image
from typer.testing import CliRunner

from bench.cli import app
from bench.commands.pictures import NAMES
from bench.errors import NotComparable, RequestError
from bench.evaluation.measures import confusion, expected_calibration_error
from bench.reporting.figures import FIGURES, draw, score_curves, write
from bench.reporting.figures.study import read_predictions

GOLDEN = GOLDEN_FILES / "figures"
SKILL = {"resnet50": 2.0, "comcl": 2.8, "moco": 2.2}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Three methods, two shares, three seeds; MoCo at one share and one seed."""
    root = tmp_path_factory.mktemp("figured")
    cells = [(m, r, s) for m in ("resnet50", "comcl") for r in ("native", "0.7") for s in range(3)]
    cells.append(("moco", "native", 0))
    return pd.DataFrame([figured_run(root, m, r, s, skill=SKILL[m]) for m, r, s in cells])


@pytest.fixture(scope="module")
def drawn(records):
    (one,) = draw(records)
    return one


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    """Where the figures are written."""
    out = tmp_path_factory.mktemp("written")
    write(drawn, out)
    return out / "eyeq-twin"


@pytest.fixture(scope="module")
def pictures(drawn):
    return {picture.name: picture for picture in drawn.pictures}


def numbers(data, *columns):
    """(n, columns) float."""
    return data[list(columns)].to_numpy(float)


def cells(data):
    """The rows of each method at each ratio, with the two names."""
    for place in dict.fromkeys(zip(data["method"], data["ratio"], strict=True)):
        yield *place, data.loc[(data["method"] == place[0]) & (data["ratio"] == place[1])]


def runs_of(records, method, ratio):
    return records.loc[(records["method"] == method) & (records["lq_ratio"] == ratio)]


def test_every_figure_is_drawn_where_the_records_hold_everything(drawn, pictures):
    assert not drawn.skipped
    assert list(pictures) == [
        "scores-kappa",
        "scores-accuracy",
        "seeds-kappa",
        "learning",
        "ranks",
        "confusion-native",
        "confusion-0.7",
        "calibration",
        "embeddings",
        "embedding-measures",
        "saliency",
        "degradations",
    ]


@pytest.mark.parametrize(
    "name", ["scores-kappa", "seeds-kappa", "confusion-native", "calibration", "saliency"]
)
def test_the_numbers_of_a_figure_stay(pictures, name):
    """Renew with BENCH_RENEW_GOLDEN=1 and read the difference."""
    path, data = GOLDEN / f"{name}.csv", pictures[name].data
    if os.environ.get("BENCH_RENEW_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(data.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    # Six digits are kept; sums over images end in other last digits elsewhere.
    known = pd.read_csv(path, dtype={"ratio": str})
    pd.testing.assert_frame_equal(data, known, check_dtype=False, rtol=2e-5, atol=1e-6)


def test_the_same_records_give_the_same_bytes(records, folder, tmp_path):
    shuffled = records.sample(frac=1, random_state=1)
    (other,) = draw(shuffled, only=["scores", "confusion", "embeddings", "saliency"])
    written = [path for path in write(other, tmp_path) if path.name != "index.md"]
    assert len(written) == 3 * 7
    different = [p.name for p in written if p.read_bytes() != (folder / p.name).read_bytes()]
    assert not different


def test_other_records_give_other_bytes(records, folder):
    picture = pictures_of(records.loc[records["seed"] == 0], "scores")["scores-kappa"]
    assert picture.svg() != (folder / f"{picture.name}.svg").read_bytes()
    assert picture.png() != (folder / f"{picture.name}.png").read_bytes()


def test_files_are_svg_png_and_csv_and_a_page_that_names_them(drawn, folder):
    page = (folder / "index.md").read_text()
    for picture in drawn.pictures:
        drawing = ElementTree.parse(folder / f"{picture.name}.svg")
        assert drawing.getroot().tag.endswith("svg")
        with Image.open(folder / f"{picture.name}.png") as image:
            assert image.width > 500
        assert len(pd.read_csv(folder / f"{picture.name}.csv")) == len(picture.data)
        assert f"({picture.name}.svg)" in page
        assert picture.caption in page


def test_no_date_and_no_path_of_this_machine_is_in_a_picture(folder):
    for path in folder.glob("*.svg"):
        assert not re.search(r"<dc:date>|/tmp/|Matplotlib v", path.read_text())


def test_one_seed_has_a_mean_and_no_interval(records, pictures):
    first = records.loc[records["seed"] == 0]
    one = pictures_of(first, "scores", "seeds")
    assert np.isfinite(numbers(one["scores-kappa"].data, "mean")).all()
    assert np.isnan(numbers(one["scores-kappa"].data, "low", "high")).all()
    assert len(one["seeds-kappa"].data) == 3 + 2
    assert "three seeds" in skipped_of(first, "ranks")["ranks"]
    assert np.isfinite(numbers(pictures["scores-kappa"].data, "low", "high")).all()


def test_scores_are_the_records_means_and_lie_in_their_intervals(records, pictures):
    data = pictures["scores-kappa"].data
    for row in data.to_dict("records"):
        mean = runs_of(records, row["method"], row["ratio"])["kappa"].to_numpy().mean()
        assert row["mean"] == pytest.approx(mean, abs=1e-12)
        assert row["low"] < row["mean"] < row["high"]


def test_a_method_at_one_share_has_no_curve_but_a_strip(records, pictures):
    assert "moco" not in set(pictures["scores-kappa"].data["method"])
    assert "Basic CL (MoCo)" in pictures["scores-kappa"].caption
    assert "moco" in set(pictures["seeds-kappa"].data["method"])
    alone = pictures_of(records.loc[records["lq_ratio"] == "native"], "scores")["scores-kappa"]
    assert set(alone.data["method"]) == {"resnet50", "comcl", "moco"}


def test_confusion_is_the_mean_over_seeds_with_rows_that_sum_to_one(records, pictures):
    data = pictures["confusion-native"].data
    own = data.loc[data["method"] == "comcl"]
    counts = [
        confusion(given.labels, given.probabilities.argmax(axis=1), 5)
        for given in map(read_predictions, runs_of(records, "comcl", "native")["folder"])
    ]
    assert numbers(own, "count").reshape(5, 5) == pytest.approx(np.mean(counts, axis=0))
    assert numbers(own, "share").reshape(5, 5).sum(axis=1) == pytest.approx(np.ones(5))
    assert set(own["n"]) == {3}


def test_a_grade_without_images_has_no_shares(tmp_path):
    run = figured_run(tmp_path, frequent=(0.8, 0.1, 0.1, 0.0, 0.0))
    data = pictures_of(pd.DataFrame([run]), "confusion")["confusion-native"].data
    shares = numbers(data, "share").reshape(5, 5)
    assert np.isnan(shares[3:]).all()
    assert shares[:3].sum(axis=1) == pytest.approx(np.ones(3))


def test_calibration_has_the_recorded_error_and_counts_every_answer(records, pictures):
    for method, ratio, own in cells(pictures["calibration"].data):
        given = [read_predictions(folder) for folder in runs_of(records, method, ratio)["folder"]]
        errors = [expected_calibration_error(one.labels, one.probabilities) for one in given]
        assert numbers(own, "ece") == pytest.approx(np.mean(errors))
        assert numbers(own, "answers").sum() == 300 * len(given)
        # Weighted by answers, the gaps of bins whose seeds count together are no larger.
        gaps = np.abs(numbers(own, "right") - numbers(own, "confidence")) * numbers(own, "answers")
        assert gaps.sum() / numbers(own, "answers").sum() <= np.mean(errors) + 1e-12


def test_probabilities_of_best_sum_to_one_and_two_methods_have_two_ranks(pictures):
    data = pictures["ranks"].data
    assert set(data["method"]) == {"resnet50", "comcl"}
    for ratio in ("native", "0.7"):
        own = data.loc[data["ratio"] == ratio]
        assert numbers(own, "best").sum() == pytest.approx(1)
        assert sorted(own["rank"]) == [1, 2]
        assert (numbers(own, "low") <= numbers(own, "high")).all()


def test_figures_without_artefacts_are_skipped_with_the_next_command(tmp_path):
    run = figured_run(tmp_path / "runs", maps=False, features=False)
    why = skipped_of(pd.DataFrame([run]), "embeddings", "saliency")
    assert list(why) == ["embeddings", "saliency"]
    assert all("bench sweep" in reason for reason in why.values())
    (drawn,) = draw(pd.DataFrame([run]), only=["saliency"])
    write(drawn, tmp_path)
    page = (tmp_path / "eyeq-twin" / "index.md").read_text()
    assert "## Not drawn\n\n- saliency: no run holds saliency.npz" in page


def test_a_dagger_tells_runs_of_older_code(records):
    old, new = (pictures_of(r, "seeds") for r in (records.assign(state="stale"), records))
    assert "†" in old["seeds-kappa"].caption
    assert "†" not in new["seeds-kappa"].caption


def test_a_users_title_is_text(tmp_path):
    run = figured_run(tmp_path, "mine.py:$x_1$ <b>")
    for picture in pictures_of(pd.DataFrame([run]), "seeds", "calibration").values():
        ElementTree.fromstring(picture.svg())


def test_an_unknown_figure_names_the_nearest(records):
    with pytest.raises(RequestError, match="no figure 'rank': did you mean 'ranks'"):
        draw(records, only=["rank"])


def test_runs_of_two_protocols_never_share_a_figure(records):
    other = records.assign(key="ffffffff", protocol_name="smoke", id=records["id"] + "x")
    both = pd.concat([records, other], ignore_index=True)
    with pytest.raises(NotComparable, match="--protocol smoke"):
        draw(both)
    (one,) = draw(both, protocol="laptop", only=["seeds"])
    assert "laptop" in one.about


def test_studies_have_no_place_in_figures(records):
    with pytest.raises(RequestError, match="sensitivity studies"):
        draw(records.assign(study="sensitivity"))


def test_the_command_without_runs_says_how_to_make_one(tmp_path):
    result = CliRunner().invoke(app, ["figures", "--records", str(tmp_path)])
    assert result.exit_code == 2
    assert "bench run --method resnet50" in result.stderr
    assert "bench figures" in result.stderr
    assert not list(tmp_path.iterdir())


def test_the_command_draws_the_committed_study(tmp_path):
    words = ["figures", "--records", str(FIRST), "--out", str(tmp_path)]
    words += ["--only", "scores", "--only", "saliency"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    assert str(tmp_path / "eyeq-twin" / "scores-kappa.svg") in result.stdout.splitlines()
    assert "eyeq-twin: no saliency: no run holds saliency.npz" in result.stderr


def test_drawing_needs_no_torch():
    code = "import sys, bench.reporting.figures; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_lists_what_it_can_draw():
    page = CliRunner().invoke(app, ["figures", "--help"], env={"COLUMNS": "200"}).stdout
    assert all(name in page for name in FIGURES)


def test_the_command_knows_every_figure():
    assert list(FIGURES) == list(NAMES)


def test_an_interval_wider_than_the_score_does_not_flatten_the_curves():
    def point(mean, half):
        return score_curves.MeanScore("comcl", "native", 0.5, mean, mean - half, mean + half, 2)

    narrow = [point(0.7, 0.01), point(0.6, 0.02)]
    assert score_curves.limits(narrow) == score_curves.limits([point(0.7, 4.0), point(0.6, 0.02)])
    low, high = score_curves.limits(narrow)
    assert low < 0.58
    assert high > 0.71
