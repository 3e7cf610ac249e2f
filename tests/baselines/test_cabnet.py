"""CABNet: two attentions, two phases, what each trains, what the next inherits."""

from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.backbones import WeightsMismatch
from baselines.cabnet import PHASES, CABNet, CategoryAttention, GlobalAttention

NAMES = [name for name, _, _ in PHASES]
NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    # timm starts the last norm of a block at zero, which would hide weights from the gradient.
    "backbone_options": {"channels": (8, 8, 16, 16), "zero_init_last": False},
}
WIDER = {"channels": (8, 16, 32, 64), "zero_init_last": False}
IMAGES = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
GRADES = torch.tensor([0, 1, 2, 3, 4, 0, 1, 2])
FINDINGS = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]]).repeat(2, 1)
BATCH = {"images": IMAGES, "labels": GRADES}


def tiny(num_classes: int = 5, **options: Any) -> CABNet:
    torch.manual_seed(0)
    return CABNet(num_classes, **(NETWORK | options))


def loss_of(model: CABNet, batch: dict[str, Tensor] = BATCH) -> Tensor:
    return model.loss(batch, step=0, total_steps=1)[0]


def test_one_epoch_for_the_head_and_seventy_for_all():
    assert [share * 71 for _, share, _ in PHASES] == pytest.approx([1, 70])
    assert [factor * 1e-4 for _, _, factor in PHASES] == pytest.approx([5e-3, 1e-4])


@pytest.mark.parametrize("phase", NAMES)
@pytest.mark.parametrize("side", [64, 97])
def test_every_class_gets_one_logit(phase, side):
    images = torch.randn(2, 3, side, side)
    assert tiny(phase=phase)(images).shape == (2, 5)
    findings = tiny(3, task="findings", phase=phase)
    assert findings(images).shape == (2, 3)
    assert loss_of(findings, {"images": IMAGES, "labels": FINDINGS}).isfinite()


def test_both_gates_of_the_global_attention_only_shut():
    torch.manual_seed(0)
    block, maps = GlobalAttention(6), torch.rand(2, 6, 5, 4)
    attended = block(maps)
    assert (attended > 0).all()
    assert (attended < maps).all()


def test_one_gate_is_of_the_channel_and_one_of_the_place():
    torch.manual_seed(0)
    block, maps = GlobalAttention(6), torch.rand(2, 6, 5, 4)
    gates = block(maps) / maps
    channels = gates / gates[:, :1]  # what differs between channels is the same at all places
    torch.testing.assert_close(channels, channels[:, :, :1, :1].expand_as(channels))
    assert channels[0, :, 0, 0].std() > 1e-3
    assert gates[0, 0].std() > 1e-3


def test_layers_start_as_in_keras():
    model = tiny()
    layers = [model.attend.squeeze, model.attend.excite, model.categories.detect[0], model.classify]
    for layer in layers:
        outputs, inputs = layer.weight.shape[:2]
        bound = (6 / (inputs + outputs)) ** 0.5
        # Of more than 80 uniform draws the largest is nearly surely above nine tenths.
        assert 0.9 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()


def category_block() -> tuple[CategoryAttention, Tensor]:
    torch.manual_seed(0)
    return CategoryAttention(6, 3, 2).eval(), torch.randn(2, 6, 5, 4)


def reordered(block: CategoryAttention, order: list[int]) -> CategoryAttention:
    for name in ("weight", "bias"):
        parameter = getattr(block.detect[0], name)
        parameter.data = parameter.data[order]
    return block


def test_category_attention_ignores_the_order_of_classes():
    block, maps = category_block()
    before = block(maps)
    torch.testing.assert_close(reordered(block, [4, 5, 0, 1, 2, 3])(maps), before)


def test_category_attention_knows_which_detectors_are_of_one_class():
    block, maps = category_block()
    before = block(maps)
    assert not torch.allclose(reordered(block, [0, 2, 4, 1, 3, 5])(maps), before, atol=1e-3)


def test_a_class_that_is_nowhere_adds_no_attention():
    """Where only the first class is found, attention is its presence times its places, over 3."""
    block, maps = category_block()
    with torch.no_grad():
        block.detect[0].bias[2:] = -1e3  # pyright: ignore
        responses = block.detect(maps)[:, :2]
        attention = block.attention(maps)
    presence = responses.amax(dim=(2, 3)).mean(dim=1)[:, None, None]
    torch.testing.assert_close(attention, presence * responses.mean(dim=1) / 3)
    assert attention.max() > 0.01


def test_the_category_attention_is_the_saliency_map():
    model = tiny().eval()
    with torch.no_grad():
        result = model.saliency(IMAGES)
        attended = model.attend(model.trunk(IMAGES))
    assert result.shape == (8, 2, 2)
    assert result.min() >= 0
    assert result.std() > 0
    torch.testing.assert_close(model.categories(attended), attended * result[:, None])


@pytest.mark.parametrize("phase", NAMES)
def test_images_in_a_batch_do_not_see_each_other(phase):
    model = tiny(phase=phase).eval()
    alone = model(IMAGES[:1])
    torch.testing.assert_close(model(IMAGES)[:1], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(model(IMAGES[1:2]), alone, atol=1e-4)


@pytest.mark.parametrize(
    ("phase", "trained"),
    [
        ("head", {"attend", "categories", "classify"}),
        ("all", {"trunk", "attend", "categories", "classify"}),
    ],
)
def test_a_phase_trains_every_weight_of_its_parts_and_no_other(phase, trained):
    model = tiny(phase=phase)
    loss_of(model).backward()
    # A norm follows the detectors, so their bias has no slope but that of rounding.
    expected = {n for n, _ in model.named_parameters() if n.split(".")[0] in trained}
    moved = {n for n, p in model.named_parameters() if p.grad is not None}
    assert moved == expected == {n for n, p in model.named_parameters() if p.requires_grad}
    still = {n for n in moved if not model.get_parameter(n).grad.any()}  # pyright: ignore
    assert still <= {"categories.detect.0.bias"}


def test_the_frozen_backbone_keeps_weights_and_batch_statistics():
    model = tiny(phase="head")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    loss_of(model).backward()
    optimizer.step()
    changed = {n for n, tensor in model.state_dict().items() if not torch.equal(before[n], tensor)}
    assert {name.split(".")[0] for name in changed} == {"attend", "categories", "classify"}
    assert {"categories.detect.1.running_mean", "attend.excite.weight"} <= changed
    assert not model.trunk.training
    assert model.categories.training
    assert not model.eval().categories.training


def test_the_trained_backbone_learns_batch_statistics():
    model = tiny(phase="all")
    before = {name: tensor.clone() for name, tensor in model.trunk.named_buffers()}
    model(IMAGES)
    assert not any(torch.equal(before[name], now) for name, now in model.trunk.named_buffers())


@pytest.mark.parametrize("task", ["grading", "findings"])
def test_a_batch_of_eight_is_nearly_memorised(task):
    labels, classes = {"grading": (GRADES, 5), "findings": (FINDINGS, 3)}[task]
    batch = {"images": IMAGES, "labels": labels}
    # Narrower, it gets stuck with images on which no detector fires (see the header).
    model = tiny(classes, task=task, backbone_options=WIDER)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses, accuracy = [], 0.0
    for number in range(60):
        optimizer.zero_grad()
        loss, logs = model.loss(batch, step=number, total_steps=60)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        accuracy = float(logs["accuracy"])
    assert accuracy == 1
    assert losses[-1] < 0.1 * losses[0]


def test_the_second_phase_begins_where_the_first_ended():
    head, all_of_it = tiny(phase="head"), tiny(phase="all")
    with torch.no_grad():
        for tensor in head.state_dict().values():
            tensor += 1
    all_of_it.transfer(head.state_dict())
    for name, tensor in all_of_it.state_dict().items():
        assert torch.equal(tensor, head.state_dict()[name]), name
    assert all(parameter.requires_grad for parameter in all_of_it.parameters())


@pytest.mark.parametrize(
    ("before", "what"),
    [
        ({"num_classes": 4}, "shape"),
        ({"detectors_per_class": 2}, "shape"),
        ({"backbone": "resnet18", "backbone_options": {"channels": (8, 8, 16, 16)}}, "unexpected"),
    ],
)
def test_weights_that_do_not_fit_are_refused(before, what):
    with pytest.raises(WeightsMismatch, match=what):
        tiny().transfer(tiny(phase="head", **before).state_dict())


@pytest.mark.parametrize("option", ["phase", "task"])
def test_an_unknown_name_is_refused(option):
    wrong: dict[str, Any] = {option: "cab"}
    with pytest.raises(ValueError, match=option):
        tiny(**wrong)


def test_a_category_without_detectors_is_refused():
    with pytest.raises(ValueError, match=r"detectors_per_class \(0\)"):
        tiny(detectors_per_class=0)


def test_bfloat16_keeps_loss_and_attention_in_float32():
    model = tiny().eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, maps = loss_of(model), model.saliency(IMAGES)
    assert (loss.dtype, maps.dtype) == (torch.float32, torch.float32)
    # bfloat16 carries 8 bits through ten layers.
    assert loss.item() == pytest.approx(loss_of(model).item(), rel=0.05)


def densenet121() -> int:
    """Huang et al. 2017, table 1: convolutions without bias, norms of two a channel before each."""
    growth, channels = 32, 64
    total = 7 * 7 * 3 * channels + 2 * channels
    for place, layers in enumerate((6, 12, 24, 16)):
        for _ in range(layers):
            inner = 4 * growth
            total += 2 * channels + channels * inner + 2 * inner + 9 * inner * growth
            channels += growth
        if place < 3:
            total += 2 * channels + channels * (channels // 2)
            channels //= 2
    return total + 2 * channels


def test_the_card_s_network_has_as_many_weights_as_by_hand():
    with torch.device("meta"):
        model = CABNet(5, backbone="densenet121")
    gates = 2 * (1024 * 1024 + 1024)
    detectors = 1024 * 25 + 25 + 2 * 25
    expected = densenet121() + gates + detectors + 1024 * 5 + 5
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(expected, rel=0.01)
    blocks = [*model.attend.parameters(), *model.categories.parameters()]
    assert sum(p.numel() for p in blocks) == gates + detectors
