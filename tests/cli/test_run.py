"""Does the user get there: from nothing to a record and a table."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from paths import FIRST, ROOT
from typer.testing import CliRunner

from bench.cli import app
from bench.store import is_done


@pytest.fixture
def bench(small_set, cache, tmp_path, tiny, monkeypatch):
    """Run a command in an empty folder; `bench run` gets the small set and tiny settings."""
    monkeypatch.chdir(tmp_path)

    def call(command, *words, data=small_set, changes=tiny):
        if command == "run":
            words += ("--dataset", "folder", "--data", str(data), "--cache", str(cache))
            words += ("--protocol", "smoke")
            words += tuple(word for change in changes for word in ("--set", change))
        return CliRunner().invoke(app, [command, *words])

    return call


def record_of(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_help_and_empty_states_need_no_torch_and_name_the_next_command(tmp_path):
    code = (
        "import sys; from typer.testing import CliRunner; from bench.cli import app\n"
        "r = CliRunner()\n"
        "for words in ([], ['--help'], ['status'], ['table'], ['methods'], ['datasets'],\n"
        "              ['protocol'], ['ambiguities'], ['report']):\n"
        "    result = r.invoke(app, words); assert result.exit_code == 0, (words, result.output)\n"
        "    assert 'torch' not in sys.modules, words\n"
        "    empty = words in ([], ['status'], ['table'], ['report'])\n"
        "    assert not empty or 'bench run' in result.output, words\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)


def test_a_run_is_made_once_and_then_found(bench, tmp_path):
    first = record_of(bench("run", "--method", "resnet50", "--json"))
    folder = tmp_path / first["folder"]
    written = (folder / "DONE").stat().st_mtime_ns
    again = record_of(bench("run", "--method", "resnet50", "--json"))
    assert again == first
    assert (folder / "DONE").stat().st_mtime_ns == written


def test_comcl_trains_on_all_four_levels_with_finite_losses(bench, tmp_path):
    record = record_of(bench("run", "--method", "comcl", "--lq-ratio", "0.7", "--json"))
    lines = (tmp_path / record["folder"] / "events.jsonl").read_text().splitlines()
    events = [event for event in map(json.loads, lines) if "epoch" in event]
    pretraining = [event for event in events if event["stage"] == "pretrain"]
    assert len(pretraining) == 2
    levels = ("L", "L~", "H", "H~")
    assert all(e["train"][f"patches/{level}"] == 4 for e in pretraining for level in levels)
    assert all(np.isfinite(event["train"]["loss"]) for event in events)
    assert record["boxes"] == "given"
    assert record["share_train"] == pytest.approx(0.7, abs=0.05)


def test_every_image_of_validation_and_test_is_scored_once(bench, tmp_path):
    record = record_of(bench("run", "--method", "resnet50", "--json"))
    rows = pd.read_parquet(tmp_path / record["folder"] / "predictions.parquet")
    assert set(rows["split"]) == {"validation", "test"}
    assert len(set(rows["image_id"].tolist())) == len(rows)
    assert list(rows["split"]).count("test") == 14
    probabilities = rows[[f"p_{c}" for c in range(5)]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_moving_data_and_results_changes_nothing(bench, small_set, tmp_path):
    here = record_of(bench("run", "--method", "resnet50", "--json"))
    moved = shutil.copytree(small_set, tmp_path / "elsewhere")
    there = record_of(
        bench("run", "--method", "resnet50", "--json", "--results", "other", data=moved)
    )
    assert there["id"] == here["id"]
    files = [tmp_path / r["folder"] / "predictions.parquet" for r in (here, there)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_seed_ratio_data_and_settings_each_change_the_id(bench, small_set, tmp_path, tiny):
    other = shutil.copytree(small_set, tmp_path / "other")
    labels = pd.read_csv(other / "labels.csv")
    labels.loc[0, "label"] = 1
    labels.to_csv(other / "labels.csv", index=False)
    runs = [
        bench("run", "--method", "resnet50", "--json"),
        bench("run", "--method", "resnet50", "--json", "--seed", "1"),
        bench("run", "--method", "resnet50", "--json", "--lq-ratio", "0.7"),
        bench("run", "--method", "resnet50", "--json", data=other),
        bench("run", "--method", "resnet50", "--json", changes=(*tiny, "finetuning.lr=0.001")),
    ]
    assert len({record_of(run)["id"] for run in runs}) == len(runs)


def test_a_method_of_ones_own_is_one_short_file(bench, tmp_path):
    """The file that the README shows, as it stands there."""
    readme = ROOT.joinpath("README.md").read_text()
    shown = readme.split("```python\n")[1].split("```")[0]
    assert len(shown.splitlines()) <= 60
    (tmp_path / "mine.py").write_text(shown)
    record = record_of(bench("run", "--method", "./mine.py:Net", "--json"))
    assert record["method"] == "mine.py:Net"
    assert 0 <= record["accuracy"] <= 1


def test_the_table_shows_what_was_run(bench):
    for seed in ("0", "1"):
        record_of(bench("run", "--method", "resnet50", "--json", "--seed", seed))
    shown = bench("table", "1", "--format", "markdown")
    assert shown.exit_code == 0
    assert "n=2" in shown.stdout
    assert "not run" in shown.stdout
    assert "partial" not in shown.stdout  # all 40 images: smoke allows 440
    assert "0.804" not in shown.stdout  # a published value has no place beside a folder


def test_runs_of_two_protocols_are_refused(bench, tiny):
    record_of(bench("run", "--method", "resnet50", "--json"))
    record_of(bench("run", "--method", "resnet50", "--json", changes=(*tiny, "finetuning.lr=0.01")))
    refused = bench("table")
    assert refused.exit_code == 3
    assert "finetuning.lr" in refused.stderr
    assert "--protocol" in refused.stderr


def test_shuffled_labels_are_recorded_and_said(bench, tiny):
    changes = (*tiny, "data.shuffle_labels=true")
    record = record_of(bench("run", "--method", "resnet50", "--json", changes=changes))
    assert any("shuffled" in sentence for sentence in record["assumptions"])


def test_status_tells_what_there_is(bench):
    record_of(bench("run", "--method", "resnet50", "--json"))
    states = json.loads(bench("status", "--json").stdout)
    assert "done" in json.dumps(states)


def test_a_run_keeps_maps_of_fixed_images_and_a_pointing_score(bench, tmp_path):
    maps = {}
    for method in ("resnet50", "lanet"):
        record = record_of(bench("run", "--method", method, "--json"))
        folder = tmp_path / record["folder"]
        with np.load(folder / "saliency.npz") as stored:
            maps[method] = dict(stored)
        assert maps[method]["map"].shape[1:] == (32, 32)
        assert maps[method]["map"].min() >= 0 and maps[method]["map"].max() <= 1
        assert record["pointing_game"] == pytest.approx(maps[method]["hit"].mean())
        assert 0 < record["pointing_chance"] < 1
        assert "saliency.npz" in json.loads((folder / "DONE").read_text())
    assert maps["resnet50"]["image_id"].tolist() == maps["lanet"]["image_id"].tolist()
    assert not np.array_equal(maps["resnet50"]["map"], maps["lanet"]["map"])


def test_a_damaged_map_makes_a_record_no_result(bench, tmp_path):
    record = record_of(bench("run", "--method", "resnet50", "--json"))
    assert is_done(tmp_path / record["folder"])
    (tmp_path / record["folder"] / "saliency.npz").write_bytes(b"damaged")
    assert not is_done(tmp_path / record["folder"])


def test_original_settings_are_another_run_with_the_methods_own_values(bench, tmp_path):
    runs = [
        record_of(bench("run", "--method", "lanet", "--json", "--settings", settings))
        for settings in ("common", "original")
    ]
    assert runs[0]["id"] != runs[1]["id"]
    specs = [json.loads((tmp_path / r["folder"] / "spec.json").read_text()) for r in runs]
    schedules = [spec["spec"]["protocol"]["finetuning"]["schedule"] for spec in specs]
    assert schedules == ["cosine", "poly"]
    refused = bench("run", "--method", "lanet", "--settings", "theirs")
    assert refused.exit_code == 2
    assert "choose one of: common, default, original" in refused.stderr


def test_claims_without_records_name_the_next_command_and_a_set_of_ones_own_is_no_claims_matter(
    bench,
):
    for _ in range(2):
        shown = bench("claims")
        assert shown.exit_code == 0
        assert "bench run" in shown.stdout
        record_of(bench("run", "--method", "resnet50", "--json"))


def test_claims_are_judged_from_records(bench):
    study = FIRST
    shown = bench("claims", "--records", str(study))
    assert shown.exit_code == 0
    assert "undecided" in shown.stdout and "synthetic images" in shown.stdout


def test_patients_and_files_in_two_splits_are_warned_of_before_training(bench, small_set, tmp_path):
    other = shutil.copytree(small_set, tmp_path / "other")
    labels = pd.read_csv(other / "labels.csv")
    labels.loc[0, "patient_id"] = labels.loc[1, "patient_id"]  # 000.png is in test, 001.png not
    labels.to_csv(other / "labels.csv", index=False)
    shutil.copyfile(other / "images" / "003.png", other / "images" / "002.png")
    shown = bench("run", "--method", "resnet50", data=other)
    assert shown.exit_code == 0, shown.stderr
    for sentence in ("1 patient has images in both", "1 image file stands in both"):
        (line,) = [n for n, text in enumerate(shown.stderr.splitlines()) if sentence in text]
        assert not any("step" in text for text in shown.stderr.splitlines()[:line])
        assert f"warning: {sentence}" in shown.stdout
    record = json.loads(bench("run", "--method", "resnet50", "--json", data=other).stdout)
    assert sum(pair["patients"] for pair in record["shared_by_splits"].values()) == 1
    assert "warning" not in bench("run", "--method", "resnet50").output
