"""What is said of masks before a detector learns from them."""

import shutil

import numpy as np
import pytest
import torch
from drawn_idrid import TINY_DETECTOR, draw_idrid
from PIL import Image

from bench.errors import RequestError
from bench.inspection import detector
from bench.lesions import detector_training
from bench.lesions.idrid import LesionSet
from bench.protocol.presets import derive, named
from bench.training.callbacks import Callbacks

SILENT = Callbacks(tick=lambda *_: None, step=lambda _: None, say=lambda _: None)


def protocol():
    return derive(named("smoke"), [*TINY_DETECTOR, "engine.threads=1"])


def around(cache):
    return detector_training.DetectorContext(cache, torch.device("cpu"), SILENT, lambda: False)


def test_photographs_without_any_lesion_train_no_detector(tmp_path):
    root = draw_idrid(tmp_path / "idrid")
    for path in root.rglob("*_??.tif"):
        Image.fromarray(np.zeros((96, 96), np.uint8)).save(path)
    with pytest.raises(RequestError, match="the masks of all 3 photographs to train on are empty"):
        detector_training.detector(LesionSet("idrid", root), protocol(), around(tmp_path))
    assert not list(tmp_path.rglob("weights.pt"))


def test_masks_of_no_photograph_are_said_in_training_and_by_prepare(tmp_path):
    root, messages = draw_idrid(tmp_path / "idrid"), []
    path = next(root.rglob("IDRiD_01_HE.tif"))
    shutil.copy(path, path.with_name("IDRiD_77_HE.tif"))
    watch = Callbacks(SILENT.tick, SILENT.step, messages.append)
    report = detector.prepare_idrid(root, protocol(), tmp_path / "c", None, watch, device="cpu")
    assert "masks of no photograph, which are not used: 1 (first: IDRiD_77" in messages[1]
    assert "masks that belong to no photograph: 1 (IDRiD_77_HE.tif)" in detector.text(report)
