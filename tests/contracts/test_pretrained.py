"""Under the preset `pretrained` every method starts from EfficientNet-Lite0, or says why not."""

from typing import Any

import pytest
import torch

from baselines.backbones import first_tensors
from bench.errors import RequestError
from bench.pipeline import build, description
from bench.pipeline.gather import run_context
from bench.pipeline.resolve import Request, prepare
from bench.roster import METHODS
from bench.training.callbacks import Callbacks
from bench.training.stages import initial_weights

WITHOUT = {"inception-v3": "inception_v3", "densenet121": "densenet121"}
"""Methods that keep a family for which there are no such weights."""
SMALL = (
    "data.image_px=64",
    "data.patch_image_px=64",
    "patches.size_px=32",
    "patches.minimum=2",
    "patches.boxes=random_lesion_crops",
    "pretraining.batch=8",
    "pretraining.queue=16",
    "finetuning.batch=4",
    "engine.threads=1",
)
OWN = {
    "mmcnn": ("mmcnn.image_px=64", "mmcnn.resolutions=[32,32,64]"),
    "zoom-in-net": ("zoom_in_net.image_px=64", "zoom_in_net.low_px=32", "zoom_in_net.crop_px=32"),
    "deepmt-dr": ("deepmt_dr.sr_crop_px=32",),
}


@pytest.fixture(scope="module")
def packaged():
    """The last convolution of the package's network."""
    return first_tensors("tf_efficientnet_lite0", "efficientnet-lite0")["conv_head.weight"]


@pytest.fixture
def prepared_for(small_set, cache, tmp_path, masked, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(masked))

    def make(method, *changes):
        return prepare(
            Request(
                method,
                "folder",
                "0.7",
                protocol="pretrained",
                changes=(*SMALL, *OWN.get(method, ()), *changes),
                data=small_set,
                results=tmp_path,
                cache=cache,
            ),
            lambda *_: None,
        )

    return make


@pytest.fixture
def stages_of(prepared_for):
    def make(method, *changes):
        silent = Callbacks(lambda *_: None)
        context = run_context(prepared_for(method, *changes), torch.device("cpu"), silent)
        return build.stages(context)

    return make


def last_convolution(stages):
    """Of the shared backbone in a method's first network.

    DeepMT-DR's first one takes more channels than three, and stays random.
    """
    state = initial_weights(stages[0].module, 0).state_dict()
    return next(tensor for name, tensor in state.items() if name.endswith("conv_head.weight"))


@pytest.mark.parametrize("name", [name for name in METHODS if name not in WITHOUT])
def test_every_phase_of_a_method_takes_a_step_and_starts_from_the_package(
    stages_of, packaged, name
):
    stages = stages_of(name)
    for stage in stages:
        network: Any = initial_weights(stage.module, 0).train()
        loss, _ = network.loss(next(iter(stage.batches.epoch(1))), step=0, total_steps=4)
        loss.backward()
        assert torch.isfinite(loss)
    random = last_convolution(stages_of(name, "init.weights=random"))
    assert torch.equal(last_convolution(stages), packaged)
    assert not torch.equal(random, packaged)


@pytest.mark.parametrize("name", list(WITHOUT))
def test_a_family_without_such_weights_is_a_wrong_request(stages_of, name):
    with pytest.raises(RequestError, match=rf"none of its kind for {WITHOUT[name]}; give a file"):
        stages_of(name)[0].module()


def test_the_plain_row_is_called_by_its_network(prepared_for):
    plain = description.about(prepared_for("resnet50"), ())["title"]
    small = description.about(prepared_for("resnet50", "backbone.name=resnet18"), ())["title"]
    assert (plain, small) == ("plain classifier (EfficientNet-Lite0)", "ResNet50")
