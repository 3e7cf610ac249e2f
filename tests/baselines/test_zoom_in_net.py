"""Zoom-in-Net: four phases, what each trains, where it looks, what the next phase inherits."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.backbones import WeightsMismatch
from baselines.zoom_in_net import (
    PHASES,
    ZoomInNet,
    mean_of_sigmoids,
    mean_of_softmaxes,
    suspicion_map,
    weights_of_grades,
)

NAMES = [name for name, _, _ in PHASES]
NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    # timm starts the last norm of a block at zero, which would hide weights from the gradient.
    "backbone_options": {"channels": (8, 8, 16, 16), "zero_init_last": False},
    "low_px": 64,
    "crop_px": 32,
    "attention_width": 8,
}
IMAGES = torch.randn(8, 3, 96, 96, generator=torch.Generator().manual_seed(0))
GRADES = torch.tensor([0, 1, 2, 3, 4, 0, 1, 2])
FINDINGS = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]]).repeat(2, 1)
BATCH = {"images": IMAGES, "labels": GRADES}
TRAINS = {
    "main": {"trunk", "main_head"},
    "attention": {"attention"},
    "crop": {"crop_trunk", "crop_head"},
    "joint": {"trunk", "main_head", "attention", "crop_trunk", "crop_head"},
}


def tiny(num_classes: int = 5, **options: Any) -> ZoomInNet:
    torch.manual_seed(0)
    return ZoomInNet(num_classes, **(NETWORK | options))


def part_of(name: str) -> str:
    return name.split(".")[0]


def step(model: ZoomInNet, batch: dict[str, Tensor] = BATCH, lr: float = 0.1) -> None:
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr)
    model.loss(batch, step=0, total_steps=1)[0].backward()
    optimizer.step()


def test_phases_share_out_all_epochs_and_the_joint_one_is_slow():
    assert [share * 50 for _, share, _ in PHASES] == pytest.approx([25, 5, 15, 5])
    assert [factor for _, _, factor in PHASES] == [1, 1, 1, 0.1]


@pytest.mark.parametrize("phase", NAMES)
@pytest.mark.parametrize("predict", ["crop", "mean"])
def test_every_phase_gives_one_logit_a_class(phase, predict):
    assert tiny(phase=phase, predict=predict)(IMAGES).shape == (8, 5)
    findings = tiny(3, task="findings", phase=phase, predict=predict)
    assert findings(IMAGES[:, :, :64, :64]).shape == (8, 3)
    batch = {"images": IMAGES, "labels": FINDINGS}
    assert findings.loss(batch, step=0, total_steps=1)[0].isfinite()


@pytest.mark.parametrize("phase", NAMES)
def test_a_phase_trains_its_own_parts_and_every_weight_of_them(phase):
    model = tiny(phase=phase)
    step(model, lr=0)
    moved = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert moved == {n for n, _ in model.named_parameters() if part_of(n) in TRAINS[phase]}
    assert {part_of(name) for name in moved} == TRAINS[phase]


@pytest.mark.parametrize("phase", ["attention", "crop"])
def test_frozen_parts_keep_weights_and_batch_statistics(phase):
    model = tiny(phase=phase)
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    step(model)
    after = model.state_dict()
    changed = {name for name, old in before.items() if not torch.equal(old, after[name])}
    assert {part_of(name) for name in changed} == TRAINS[phase]
    assert not model.trunk.training
    assert model.attention.training == (phase == "attention")


def test_trained_parts_learn_batch_statistics_and_eval_mode_stops_that():
    model = tiny()
    before = {name: tensor.clone() for name, tensor in model.named_buffers()}
    model(IMAGES)
    after = {name: tensor.clone() for name, tensor in model.named_buffers()}
    assert not any(torch.equal(before[name], after[name]) for name in before)
    model.eval()(IMAGES)
    assert all(torch.equal(after[name], tensor) for name, tensor in model.named_buffers())


def shapes_seen(module: torch.nn.Module) -> list[tuple[int, ...]]:
    seen: list[tuple[int, ...]] = []
    module.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))
    return seen


@pytest.mark.parametrize("crops", [1, 4])
def test_m_net_sees_the_image_small_and_c_net_its_crops(crops):
    model = tiny(crops=crops)
    low, high = shapes_seen(model.trunk), shapes_seen(model.crop_trunk)
    model(IMAGES[:3])
    assert low == [(3, 3, 64, 64)]
    assert high == [(3 * crops, 3, 32, 32)]


def test_crops_larger_than_the_image_are_refused():
    with pytest.raises(ValueError, match=r"crop_px \(128\) must be at most 96"):
        tiny(crop_px=128)(IMAGES)


def test_c_net_looks_where_a_net_points():
    model = tiny().eval()
    pointing = torch.zeros(8, 5, 2, 2)
    for place in range(8):
        pointing[place, 1, place % 2, place // 2 % 2] = 1
    corners = model.corners(IMAGES, pointing)
    # A map of two by two is flat towards the corner it is highest in.
    expected = [[64 * (place % 2), 64 * (place // 2 % 2)] for place in range(8)]
    assert corners[:, 0].tolist() == expected


def test_suspicion_is_the_saliency_map():
    model = tiny().eval()
    with torch.no_grad():
        maps = model.saliency(IMAGES)
        attended = model.attention(model.maps(IMAGES))
    assert maps.shape == (8, 2, 2)
    assert maps.min() >= 0
    assert torch.equal(maps, suspicion_map(attended, weights_of_grades))
    with pytest.raises(ValueError, match="no attention"):
        tiny(phase="main").saliency(IMAGES)


def test_what_lies_in_no_crop_matters_only_in_low_resolution():
    """Detail that vanishes in M-Net's input changes the output inside a crop alone."""
    model = tiny(crops=1, low_px=48).eval()
    with torch.no_grad():
        (top, left) = model.corners(IMAGES[:1], model.attention(model.maps(IMAGES[:1])))[0, 0]
        checks = (torch.arange(96) % 2)[:, None] ^ (torch.arange(96) % 2) == 0
        detail = torch.where(checks, 1.0, -1.0)  # gone when two by two pixels are averaged
        inside = torch.zeros(96, 96)
        inside[top : top + 32, left : left + 32] = 1
        edge = torch.nn.functional.max_pool2d(inside[None], 9, stride=1, padding=4)[0]
        before = model(IMAGES[:1])
        within = model(IMAGES[:1] + detail * inside)
        outside = model(IMAGES[:1] + detail * (1 - edge))
    assert (within - before).abs().max() > 10 * (outside - before).abs().max()


@pytest.mark.parametrize("phase", NAMES)
@pytest.mark.parametrize("predict", ["crop", "mean"])
def test_images_in_a_batch_do_not_see_each_other(phase, predict):
    model = tiny(phase=phase, predict=predict).eval()
    alone = model(IMAGES[:1])
    torch.testing.assert_close(model(IMAGES)[:1], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(model(IMAGES[1:2]), alone, atol=1e-4)


@pytest.mark.parametrize(("phase", "last"), [("main", 0), ("attention", 1), ("crop", 2)])
def test_the_part_trained_last_decides_or_the_mean_of_all(phase, last):
    model, mean = tiny(phase=phase).eval(), tiny(phase=phase, predict="mean").eval()
    outputs = [*model.outputs(IMAGES).values()]
    assert len(outputs) == last + 1
    assert torch.equal(model(IMAGES), outputs[last])
    torch.testing.assert_close(mean(IMAGES), mean_of_softmaxes(torch.stack(outputs)))
    findings = tiny(3, task="findings", phase=phase, predict="mean").eval()
    parts = torch.stack([*findings.outputs(IMAGES).values()])
    torch.testing.assert_close(findings(IMAGES), mean_of_sigmoids(parts))


def test_the_joint_loss_logs_its_three_parts():
    loss, logs = tiny().loss(BATCH, step=0, total_steps=1)
    parts = [logs[f"loss/{name}"] for name in ("main", "attention", "crop")]
    torch.testing.assert_close(loss.detach(), torch.stack(parts).sum())
    _, logs = tiny(phase="crop").loss(BATCH, step=0, total_steps=1)
    assert set(logs) == {"loss/crop", "accuracy"}


@pytest.mark.parametrize(
    ("phase", "task"), [("main", "grading"), ("joint", "grading"), ("joint", "findings")]
)
def test_a_batch_of_eight_is_nearly_memorised(phase, task):
    labels, classes = {"grading": (GRADES, 5), "findings": (FINDINGS, 3)}[task]
    batch = {"images": IMAGES[:, :, :64, :64], "labels": labels}
    model = tiny(classes, task=task, phase=phase, low_px=32, crop_px=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses, accuracy = [], 0.0
    for number in range(30):
        optimizer.zero_grad()
        loss, logs = model.loss(batch, step=number, total_steps=30)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        accuracy = float(logs["accuracy"])
    assert accuracy == 1
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(NAMES)))
def test_a_phase_starts_from_all_that_the_one_before_learned(earlier, later):
    before, after = tiny(phase=earlier), tiny(phase=later)
    for tensor in before.state_dict().values():
        tensor += 1
    own = {name: tensor.clone() for name, tensor in after.state_dict().items()}
    after.transfer(before.state_dict())
    for name, tensor in after.state_dict().items():
        source = before.state_dict() if name in before.state_dict() else own
        assert torch.equal(tensor, source[name]), name
    added = {part_of(name) for name in own.keys() - before.state_dict().keys()}
    assert added == (TRAINS[later] if later != "joint" else set())


def test_the_joint_phase_begins_where_the_crop_phase_ended():
    crop, joint = tiny(phase="crop"), tiny(phase="joint")
    step(crop)
    assert not torch.equal(joint.eval()(IMAGES), crop.eval()(IMAGES))
    joint.transfer(crop.state_dict())
    assert torch.equal(joint.eval()(IMAGES), crop(IMAGES))


@pytest.mark.parametrize(
    ("before", "phase", "what"),
    [
        ({"phase": "main"}, "crop", "missing"),
        ({"phase": "crop"}, "attention", "unexpected"),
        ({"phase": "main", "num_classes": 4}, "attention", "shape"),
        ({"phase": "attention", "attention_width": 4}, "crop", "shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(before, phase, what):
    with pytest.raises(WeightsMismatch, match=what):
        tiny(phase=phase).transfer(tiny(**before).state_dict())


@pytest.mark.parametrize("option", ["phase", "task", "predict"])
def test_an_unknown_name_is_refused(option):
    wrong: dict[str, Any] = {option: "zoom"}
    with pytest.raises(ValueError, match=option):
        tiny(**wrong)


def test_bfloat16_keeps_losses_and_attention_in_float32():
    model = tiny().eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = model.loss(BATCH, step=0, total_steps=1)
        maps = model.saliency(IMAGES)
    assert (loss.dtype, maps.dtype) == (torch.float32, torch.float32)
    # bfloat16 carries 8 bits through ten layers, and may move a crop by some pixels.
    assert loss.item() == pytest.approx(model.loss(BATCH, step=0, total_steps=1)[0].item(), rel=0.1)


def resnet50() -> int:
    """He et al. 2016, table 1: convolutions without bias, each with a norm of two a channel."""
    total, inputs = 7 * 7 * 3 * 64 + 2 * 64, 64
    for width, blocks in [(64, 3), (128, 4), (256, 6), (512, 3)]:
        for block in range(blocks):
            total += inputs * width + 9 * width**2 + width * 4 * width + 2 * (width * 6)
            total += (inputs * 4 * width + 2 * 4 * width) if block == 0 else 0
            inputs = 4 * width
    return total


def test_the_card_s_network_has_as_many_weights_as_by_hand():
    counts = {}
    for phase in NAMES:
        with torch.device("meta"):
            model = ZoomInNet(5, phase=phase)
        counts[phase] = sum(p.numel() for p in model.parameters())
    main = resnet50() + 2048 * 5 + 5
    gate = (2048 * 256 + 256) + (9 * 256**2 + 256) + (256 * 5 + 5)
    attention = gate + 2048 * 5 + 5
    crop = resnet50() + 2 * 2048 * 5 + 5
    expected = {"main": main, "attention": main + attention}
    expected["crop"] = expected["joint"] = main + attention + crop
    assert counts == pytest.approx(expected, rel=0.01)
