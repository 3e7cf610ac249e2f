"""How a folder is read: one run wherever it is said, and no part of any other run's name."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.errors import RequestError
from bench.pipeline.resolve import Request, prepare


@pytest.fixture
def prepared(cache, tmp_path, tiny):
    def call(data, *changes, dataset="folder", method="resnet50"):
        request = Request(
            method,
            dataset,
            protocol="smoke",
            changes=(*tiny, *changes),
            data=data,
            results=tmp_path / "results",
            cache=cache,
        )
        return prepare(request, lambda *_: None)

    return call


@pytest.fixture
def radiographs(tmp_path):
    """A folder of grey pictures that fill their frames, with two findings."""
    root, rng = tmp_path / "radiographs", np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    for number in range(30):
        grey = rng.integers(50, 220, (64, 64), dtype=np.uint8)
        Image.fromarray(grey).save(root / "images" / f"{number}.png")
    rows = [f"{number}.png,{number % 2},{number // 2 % 2}" for number in range(30)]
    (root / "labels.csv").write_text("\n".join(["image,mass,nodule", *rows]))
    return root


def test_the_kind_of_pictures_is_asked_for_and_is_one_run_wherever_it_is_said(
    prepared, radiographs
):
    with pytest.raises(RequestError, match=r'modality = "chest" or "fundus"'):
        prepared(radiographs)
    typed = prepared(radiographs, "data.modality=chest")
    assert typed.dataset.modality == "chest"
    assert "chest" in typed.spec.protocol
    assert not {"modality", "columns"} & typed.spec.protocol["data"].keys()
    fundus = prepared(radiographs, "data.modality=fundus")
    assert fundus.spec.id != typed.spec.id
    (radiographs / "dataset.toml").write_text('modality = "chest"')
    stated = prepared(radiographs)
    assert (stated.spec.id, stated.key) == (typed.spec.id, typed.key)
    assert prepared(radiographs, "data.modality=fundus").spec.id == fundus.spec.id


def test_radiographs_of_a_folder_get_what_radiographs_get(prepared, radiographs):
    chest = "data.modality=chest"
    assert prepared(radiographs, chest, "chest.rotation_deg=5").protocol.chest.rotation_deg == 5
    for change, message in (
        ("degradation.model=cofe", "chest images, which do not read it"),
        ("chest.quality=view_ap", "labels.csv says"),
        ("chest.subset=all", "labels.csv says"),
    ):
        with pytest.raises(RequestError, match=message):
            prepared(radiographs, chest, change)
    with pytest.raises(RequestError, match=r"given for those of a boxes\.csv"):
        prepared(radiographs, chest, "patches.boxes=given", method="comcl")


def test_a_folder_that_says_nothing_keeps_its_name(prepared, small_set):
    plain = prepared(small_set)
    for change in ("data.modality=fundus", "data.columns=image=image,label=label"):
        assert prepared(small_set, change).spec.id == plain.spec.id


def test_columns_named_by_a_setting_or_a_file_are_one_run(prepared, small_set, tmp_path):
    plain, other = prepared(small_set), shutil.copytree(small_set, tmp_path / "other")
    table = pd.read_csv(other / "labels.csv")
    table.rename(columns={"image": "file", "label": "dx"}).to_csv(other / "labels.csv", index=False)
    with pytest.raises(RequestError, match=r"no column 'image'.*file \(000\.png"):
        prepared(other)
    assert prepared(other, "data.columns=image=file,label=dx").spec.id == plain.spec.id
    (other / "dataset.toml").write_text('[columns]\nimage = "file"\nlabel = "dx"\n')
    assert prepared(other).spec.id == plain.spec.id


def test_a_label_that_is_declared_a_finding_is_another_run(prepared, small_set, tmp_path):
    other = shutil.copytree(small_set, tmp_path / "other")
    table = pd.read_csv(other / "labels.csv")
    table.assign(label=table["label"].clip(upper=1)).to_csv(other / "labels.csv", index=False)
    graded = prepared(other)
    (other / "dataset.toml").write_text('findings = ["label"]')
    found = prepared(other)
    assert (graded.dataset.task.kind, found.dataset.task.kind) == ("grading", "findings")
    assert graded.spec.manifest["key"] != found.spec.manifest["key"]


@pytest.mark.parametrize("setting", ["data.modality=chest", "data.columns=image=a"])
def test_sets_of_their_own_layout_do_not_read_them(prepared, setting):
    with pytest.raises(RequestError, match=r"it is for --dataset folder"):
        prepared(None, setting, dataset="eyeq-twin")
