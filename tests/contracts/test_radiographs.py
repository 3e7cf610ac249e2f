"""What every method keeps on chest radiographs: it runs, and sees them upright and whole.

One method of each recipe and network is run; with BENCH_LONG every one.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from unlike_methods import unlike_methods

from bench.data.patches import FRAME, LUNGS
from bench.errors import RequestError
from bench.pipeline import build
from bench.pipeline.gather import run_context
from bench.pipeline.recipes.common import augmenting, preparing
from bench.pipeline.resolve import Request, prepare
from bench.run import execute
from bench.training.augment import Augmentation
from bench.training.callbacks import Callbacks
from bench.training.loop import BestEpoch

# As large as that of tests/cli/test_chest.py, so that a worker draws one twin for both.
SMALL = ("data.twin_train=90", "data.twin_test=90", "data.twin_px=64", "data.limit=1000")
SILENT = Callbacks(tick=lambda *_: None, step=lambda _: None, say=lambda _: None)


@pytest.fixture
def request_for(cache, tmp_path, tiny):
    def make(method, *changes, ratio="0.7", results=tmp_path):
        return Request(
            method,
            "chestxray-twin",
            ratio,
            protocol="smoke",
            changes=(*tiny, *SMALL, *changes),
            results=results,
            cache=cache,
        )

    return make


@pytest.fixture
def radiographs(request_for):
    """What a method is built from on a small twin."""

    def make(method, *changes):
        prepared = prepare(request_for(method, *changes), lambda *_: None)
        return run_context(prepared, torch.device("cpu"), Callbacks(lambda *_: None))

    return make


def test_radiographs_are_mirrored_and_never_turned_over(radiographs):
    context = radiographs("resnet50", "chest.rotation_deg=0")
    images = torch.from_numpy(context.images.whole.images(context.dataset.where("train")[:4]))
    plain = preparing(context, 32)(images)
    requested = Augmentation(flip_horizontal=1.0, flip_vertical=1.0)
    turned = augmenting(context, requested, 32)(images, torch.Generator().manual_seed(0))
    mirrored = [
        torch.allclose(one, other.flip(2), atol=1e-4)
        for one, other in zip(turned, plain, strict=True)
    ]
    as_they_are = [
        torch.allclose(one, other, atol=1e-4) for one, other in zip(turned, plain, strict=True)
    ]
    assert all(one != other for one, other in zip(mirrored, as_they_are, strict=True))
    assert any(mirrored)


def test_radiographs_are_normalised_by_their_own_statistics(radiographs):
    context = radiographs("resnet50", "chest.mean=[0.5,0.5,0.5]", "chest.std=[0.25,0.25,0.25]")
    images = torch.full((1, 32, 32, 3), 255, dtype=torch.uint8)
    assert preparing(context, 32)(images).unique().tolist() == pytest.approx([2.0])


@pytest.mark.parametrize(("requested", "region"), [("lungs", LUNGS), ("anywhere", FRAME)])
def test_patches_come_from_the_region_that_is_asked_for(radiographs, requested, region):
    context = radiographs("comcl", f"chest.crop_region={requested}")
    assert context.images.for_patches.region == region
    assert context.boxes == "random_lesion_crops"


def test_deepmt_dr_says_that_it_segments_nothing(request_for):
    record = execute(request_for("deepmt-dr"), SILENT)
    assert any("without its segmentation" in sentence for sentence in record["assumptions"])


def test_a_plateau_of_findings_is_looked_for_above_what_luck_gives_them(radiographs):
    """A mean AUROC of .57 in the eighth epoch, by luck, ended a training that had not begun."""
    (stage,) = build.stages(radiographs("resnet50", "finetuning.patience=5"))
    assert stage.patience is not None
    assert not stage.patience.is_over(30, BestEpoch(8, 0.57, {}))
    assert stage.patience.is_over(30, BestEpoch(8, 0.61, {}))


def test_findings_are_not_regressed_under_settings_that_regress_grades(radiographs):
    """As `--settings original` of Lesion-base CL does."""
    context = radiographs("lesion-base-cl")
    finetuning = context.protocol.finetuning.model_copy(update={"loss": "regression"})
    changed = context.protocol.model_copy(update={"finetuning": finetuning})
    original = replace(context, protocol=changed)
    network: Any = build.stages(original)[-1].module()
    assert network.head.out_features == 8
    assert any("binary cross entropy" in note for note in build.notes(original))
    assert build.notes(context) == ()


def test_a_request_to_regress_findings_is_refused(request_for):
    with pytest.raises(RequestError, match="findings, which are no grades to regress"):
        prepare(request_for("resnet50", "finetuning.loss=regression"), lambda *_: None)


@pytest.mark.slow
@pytest.mark.parametrize("name", unlike_methods())
def test_every_method_runs_on_radiographs(request_for, name):
    record = execute(request_for(name), SILENT)
    stored = pd.read_parquet(record["folder"] / "predictions.parquet")
    probabilities = stored[[f"p_{c}" for c in range(8)]].to_numpy()
    assert 0 <= record["auroc_macro"] <= 1
    assert not math.isnan(record["kappa_macro_tuned"])
    # Sigmoids, not a softmax: findings do not exclude each other.
    assert np.abs(probabilities.sum(axis=1) - 1).max() > 0.01
    assert record["share_test"] == pytest.approx(0.7, abs=0.5 / record["n_test"] + 1e-9)


@pytest.mark.slow
def test_nihs_boxes_are_cut_around_and_their_patients_not_tested(request_for):
    more = ("patches.boxes=given", "patches.minimum=1", "patches.size_px=48", "chest.subset=all")
    record = execute(request_for("lesion-base-cl", *more), SILENT)
    assert record["boxes"] == "given"
    assert any("moved from the test list" in sentence for sentence in record["assumptions"])
