"""Wrong requests and wrong data: one line with value, rule and way out, exit 2, no damage."""

import shutil

import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from bench.cli import app


@pytest.fixture
def bench(small_set, cache, tmp_path, tiny, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*words, data=small_set):
        named = {"--method": "resnet50", "--dataset": "folder", "--protocol": "smoke"}
        named |= {"--data": str(data), "--cache": str(cache)}
        for option in named:
            if option in words:
                continue
            words += (option, named[option])
        settings = [word for change in tiny for word in ("--set", change)]
        return CliRunner().invoke(app, ["run", *settings, *words])

    return call


@pytest.fixture
def damaged(small_set, tmp_path):
    return shutil.copytree(small_set, tmp_path / "damaged")


def refused(result, *parts):
    assert result.exit_code == 2, (result.exit_code, result.output)
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("bench: ")
    assert "Traceback" not in result.stderr
    for words in parts:
        assert words in line
    return line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--lq-ratio", "-0.1"), ("-0.1", "above 0 and at most 1")),
        (("--lq-ratio", "1.7"), ("1.7", "above 0 and at most 1")),
        (("--lq-ratio", "0.1"), ("low quality already", "native")),
        (("--method", "comlc"), ("comlc", "did you mean 'comcl'")),
        (("--dataset", "eyeq-twn"), ("eyeq-twn", "did you mean 'eyeq-twin'")),
        (("--protocol", "lptop"), ("lptop", "laptop")),
        (("--set", "finetuning.epocs=3"), ("did you mean finetuning.epochs",)),
        (("--set", "comcl.spl=off"), ("resnet50 does not read",)),
        (("--set", "quality.source=proxy"), ("quality.source", "'given'")),
        (
            ("--method", "cabnet", "--set", "finetuning.loss=regression"),
            ("cabnet has a network or a loss of its own",),
        ),
        (("--method", "moco", "--set", "moco.image_px=64"), ("at 32 px", "raise data.image_px")),
        (
            ("--method", "moco-patches", "--set", "moco.image_px=16"),
            ("does not see whole images",),
        ),
        (("--set", "init.weights=lost.pt"), ("no such file",)),
        (("--settings", "orginal"), ("common, default, original",)),  # codespell:ignore orginal
        (("--method", "comcl", "--set", "patches.boxes=oracle"), ("given boxes",)),
        (("--method", "comcl", "--set", "patches.minimum=5000"), ("5000", "L: ")),
        (("--method", "comcl-v1", "--lq-ratio", "1.0"), ("comcl.empty_level=paired_clean",)),
    ],
)
def test_a_wrong_request_says_value_rule_and_way_out(bench, tmp_path, words, message):
    refused(bench(*words), *message)
    assert not list(tmp_path.rglob("DONE"))


def test_weights_that_do_not_fit_are_refused_and_nothing_is_left(bench, tmp_path):
    wrong = tmp_path / "wrong.pt"
    torch.save({"conv1.weight": torch.zeros(3)}, wrong)
    refused(bench("--set", f"init.weights={wrong}"), "init.weights=FILE", "init.weights=random")
    assert not list((tmp_path / "results").rglob("*.json"))


BROKEN = """
from torch import nn


class Net(nn.Module):
    def __init__(self, num_classes, *, backbone, weights, backbone_options):
        raise ValueError("too many classes")
"""


def test_a_class_of_ones_own_that_cannot_be_built_is_named_with_the_line(bench, tmp_path):
    (tmp_path / "mine.py").write_text(BROKEN)
    line = refused(bench("--method", "./mine.py:Net"), "ValueError: too many classes", "line 7")
    assert "--method mine.py:Net" in line and "CLASS(num_classes, backbone=" in line
    assert not list((tmp_path / "results").rglob("*.json"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_without_a_device_is_refused(bench):
    refused(bench("--device", "cuda"), "no CUDA device here", "--device cpu")


def test_missing_data_names_the_layout_and_the_twin(bench, tmp_path):
    refused(bench(data=tmp_path / "nowhere"), "--data DIR", "eyeq-twin")


def change_labels(folder, change):
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    change(table).to_csv(folder / "labels.csv", index=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="image"), ("no column 'image'", "patient_id")),
        (lambda t: pd.concat([t, t.iloc[:1]]), ("'000.png'", "twice")),
        (lambda t: t.assign(label="7"), ("grade 7", "0..4")),
        (lambda t: t.assign(label="x"), ("'x'", "whole number")),
        (lambda t: t.assign(quality="5"), ("quality", "0 good")),
        (lambda t: t.assign(split="training"), ("'training'", "validation")),
        (lambda t: t.assign(image="lost.png").iloc[:1], ("lost.png",)),
        (lambda t: t[["image", "split", "patient_id"]], ("neither", "label")),
    ],
)
def test_a_wrong_label_file_says_what_is_wrong(bench, damaged, change, message):
    change_labels(damaged, change)
    line = refused(bench(data=damaged))
    if "lost.png" not in message:
        assert all(words in line for words in message)


def test_a_truncated_image_is_named(bench, damaged):
    path = damaged / "images" / "004.png"
    path.write_bytes(path.read_bytes()[:300])
    refused(bench(data=damaged), "004.png", "cannot be read")


def test_boxes_that_are_no_boxes_are_refused(bench, damaged):
    (damaged / "boxes.csv").write_text("image,x0,y0,x1,y1\n000.png,5,5,2,9\n")
    refused(bench("--method", "comcl", data=damaged), "x1 and y1")


def test_the_shell_sees_json_alone_on_standard_output(bench):
    import json

    result = bench("--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["dataset"] == "folder"
