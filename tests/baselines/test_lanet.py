"""LANet: where the backbone is cut, where the branch looks, how its two losses are added."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.classifier import findings_loss, grading_loss
from baselines.lanet import (
    AdaptiveWeights,
    FixedWeights,
    LANet,
    activation_map,
    any_finding,
    graded,
    stretched,
)

NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    # timm starts the last norm of a block at zero, which would hide weights from the gradient.
    "backbone_options": {"channels": (8, 8, 16, 16), "zero_init_last": False},
}
IMAGES = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
GRADES = torch.tensor([0, 1, 2, 3, 4, 0, 1, 2])
FINDINGS = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]]).repeat(2, 1)
BATCH = {"images": IMAGES, "labels": GRADES}


def tiny(num_classes: int = 5, **options: Any) -> LANet:
    torch.manual_seed(0)
    return LANet(num_classes, **(NETWORK | options))


def loss_of(model: LANet, batch: dict[str, Tensor] = BATCH) -> Tensor:
    return model.loss(batch, step=0, total_steps=1)[0]


@pytest.mark.parametrize("side", [64, 97])
def test_every_class_gets_one_logit(side):
    images = torch.randn(2, 3, side, side)
    assert tiny()(images).shape == (2, 5)
    findings = tiny(3, task="findings")
    assert findings(images).shape == (2, 3)
    assert loss_of(findings, {"images": IMAGES, "labels": FINDINGS}).isfinite()


NARROW_DENSENET = {"growth_rate": 8, "block_config": (2, 2, 2, 2)}


@pytest.mark.parametrize(
    ("backbone", "options", "side", "last"),
    [
        ("resnet10t", {"channels": (8, 8, 16, 16)}, 64, "layer3"),
        ("densenet121", NARROW_DENSENET, 64, "features.denseblock3"),
        ("inception_v3", {}, 96, "Mixed_6e"),
        ("tf_efficientnet_lite0", {}, 64, "blocks.4"),
    ],
)
def test_the_backbone_is_cut_at_stride_16_and_its_halves_make_a_whole(
    backbone, options, side, last
):
    model = tiny(backbone=backbone, backbone_options=options).eval()
    images = IMAGES[:2, :, :1, :1] * torch.rand(2, 3, side, side)
    assert model.early[-1] == last
    with torch.no_grad():
        maps = model._run(model.early, images)
        torch.testing.assert_close(model._run(model.late, maps), model.trunk(images))
    assert maps.shape[1] == model.recognise.in_features
    assert model(images).shape == (2, 5)


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_100", "vit_tiny_patch16_224"])
def test_a_backbone_that_is_no_chain_is_refused(backbone):
    with pytest.raises(ValueError, match=f"backbone \\('{backbone}'\\) must be a chain"):
        tiny(backbone=backbone, backbone_options={})


def test_trying_the_chain_leaves_the_network_as_it_was():
    model = tiny(backbone="resnet10t", backbone_options={"channels": (8, 8, 16, 16)})
    assert model.trunk.training
    counts = [t for n, t in model.trunk.named_buffers() if n.endswith("num_batches_tracked")]
    assert counts and not any(counts)


def test_the_branch_looks_at_what_speaks_for_the_likelier_class():
    maps = torch.rand(2, 3, 4, 4)
    weight = torch.tensor([[3.0, 0, 0], [0, 0, 6]])
    logits = torch.tensor([[1.0, 0], [0, 1]])
    result = activation_map(maps, logits, weight)
    torch.testing.assert_close(result, torch.stack([maps[0, 0], 2 * maps[1, 2]]))


def test_attention_reaches_from_zero_to_one_in_every_image():
    maps = torch.randn(3, 4, 5) * torch.tensor([1, 10, 100])[:, None, None]
    attention = stretched(maps)
    assert attention.amin(dim=(1, 2)).tolist() == [0, 0, 0]
    assert attention.amax(dim=(1, 2)).tolist() == [1, 1, 1]
    torch.testing.assert_close(stretched(7 * maps - 3), attention)
    assert not torch.allclose(stretched(-maps), attention)


def test_a_flat_image_gets_no_attention_and_harms_no_other():
    maps = torch.randn(2, 4, 5, requires_grad=True)
    flat = torch.tensor([0.0, 1.0])[:, None, None] * maps
    attention = stretched(flat)
    assert not attention[0].any()
    torch.testing.assert_close(attention[1:], stretched(maps[1:]))
    attention.sum().backward()
    assert maps.grad is not None
    assert maps.grad.isfinite().all()


def test_all_grades_but_the_first_and_any_finding_are_disease():
    assert graded(torch.arange(5)).tolist() == [0, 1, 1, 1, 1]
    assert any_finding(FINDINGS[:4]).tolist() == [1, 0, 1, 1]


def test_a_loss_of_zero_weights_is_chance_in_both_parts():
    for num_classes, task, labels, chance in [
        (5, "grading", GRADES, math.log(5)),
        (3, "findings", FINDINGS, math.log(2)),
    ]:
        model = tiny(num_classes, task=task)
        for layer in (model.recognise, model.classify):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        loss, logs = model.loss({"images": IMAGES, "labels": labels}, step=0, total_steps=1)
        assert float(logs["loss/recognise"]) == pytest.approx(math.log(2))
        assert float(logs["loss/classify"]) == pytest.approx(chance)
        assert loss.item() == pytest.approx(math.log(2) + chance)


@pytest.mark.parametrize(
    ("task", "classes", "labels", "rule"),
    [("grading", 5, GRADES, grading_loss), ("findings", 3, FINDINGS, findings_loss)],
)
def test_the_branch_learns_disease_and_the_end_learns_the_labels(task, classes, labels, rule):
    model = tiny(classes, task=task).eval()
    recognised, logits = model.outputs(IMAGES)
    _, logs = model.loss({"images": IMAGES, "labels": labels}, step=0, total_steps=1)
    diseased = (labels.reshape(8, -1) > 0).any(dim=1).long()
    torch.testing.assert_close(logs["loss/recognise"], grading_loss(recognised, diseased).detach())
    torch.testing.assert_close(logs["loss/classify"], rule(logits, labels).detach())


def test_adaptive_weights_start_as_the_sum_and_follow_the_losses():
    """The best scale of a loss is the loss itself, where log L + 1 is what it costs."""
    losses = torch.tensor([0.5, 2.0])
    weigh = AdaptiveWeights()
    assert weigh(losses).item() == pytest.approx(2.5)
    assert FixedWeights()(losses).item() == pytest.approx(2.5)
    optimizer = torch.optim.SGD(weigh.parameters(), lr=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        cost = weigh(losses)
        cost.backward()
        optimizer.step()
    torch.testing.assert_close(weigh.log_scales.detach().exp(), losses)
    assert float(weigh(losses).detach()) == pytest.approx(2 + math.log(0.5) + math.log(2))


def test_only_adaptive_weights_are_learned():
    fixed, adaptive = (
        {name for name, _ in tiny(loss_weights=kind).named_parameters()}
        for kind in ("fixed", "adaptive")
    )
    assert adaptive - fixed == {"weigh.log_scales"}


@pytest.mark.parametrize("branch_norm", ["none", "batch"])
def test_every_weight_takes_part_in_the_loss(branch_norm):
    model = tiny(loss_weights="adaptive", branch_norm=branch_norm)
    assert all(weight.requires_grad for weight in model.parameters())
    loss_of(model).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_grade_s_loss_reaches_the_branch_through_the_attention_alone():
    model = tiny()
    logits = model(IMAGES)
    (through,) = torch.autograd.grad(logits[:, 1].sum(), model.recognise.weight)
    assert through.abs().max() > 0
    (bias,) = torch.autograd.grad(
        model(IMAGES)[:, 1].sum(), model.recognise.bias, allow_unused=True
    )
    assert bias is None


def test_the_rest_of_the_backbone_sees_the_attention():
    model = tiny().eval()
    maps, _, attention = model.branch(IMAGES)
    before = model(IMAGES)
    with torch.no_grad():
        model.join.weight[:, : maps.shape[1]] = 0  # the attended half of what is joined
    assert not torch.allclose(model(IMAGES), before, atol=1e-3)
    seen = model(IMAGES)
    with torch.no_grad():
        model.recognise.weight.neg_()
    assert not torch.allclose(model.branch(IMAGES)[2], attention, atol=1e-2)
    assert torch.equal(model(IMAGES), seen)


def test_the_attention_is_the_saliency_map():
    model = tiny().eval()
    with torch.no_grad():
        result = model.saliency(IMAGES)
        maps, logits, attention = model.branch(IMAGES)
    assert result.shape == (8, 4, 4)
    assert torch.equal(result, attention)
    torch.testing.assert_close(
        result, stretched(activation_map(maps, logits, model.recognise.weight.detach()))
    )
    assert result.amin() == 0
    assert result.amax() == 1


def test_the_branch_may_normalise_its_map():
    plain, normed = tiny(), tiny(branch_norm="batch")
    maps = normed.branch(IMAGES)[0]
    assert maps.min() >= 0
    assert not torch.allclose(maps, plain.branch(IMAGES)[0], atol=1e-3)
    # In training mode each channel is rectified noise of mean 0 and deviation 1, roughly.
    assert maps.mean() < 1


def test_images_in_a_batch_do_not_see_each_other():
    model = tiny().eval()
    alone = model(IMAGES[:1])
    torch.testing.assert_close(model(IMAGES)[:1], alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        model.saliency(IMAGES)[:1], model.saliency(IMAGES[:1]), rtol=1e-3, atol=1e-4
    )
    assert not torch.allclose(model(IMAGES[1:2]), alone, atol=1e-4)


@pytest.mark.parametrize("task", ["grading", "findings"])
@pytest.mark.parametrize("loss_weights", ["fixed", "adaptive"])
def test_a_batch_of_eight_is_nearly_memorised(task, loss_weights):
    labels, classes = {"grading": (GRADES, 5), "findings": (FINDINGS, 3)}[task]
    batch = {"images": IMAGES, "labels": labels}
    model = tiny(classes, task=task, loss_weights=loss_weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    history: list[dict[str, Tensor]] = []
    for number in range(30):
        optimizer.zero_grad()
        loss, logs = model.loss(batch, step=number, total_steps=30)
        loss.backward()
        optimizer.step()
        history.append(logs)
    assert float(history[-1]["accuracy"]) == 1
    for part in ("loss/recognise", "loss/classify"):
        assert history[-1][part] < 0.1 * history[0][part]


@pytest.mark.parametrize("option", ["task", "loss_weights", "branch_norm"])
def test_an_unknown_name_is_refused(option):
    wrong: dict[str, Any] = {option: "lan"}
    with pytest.raises(ValueError, match=option):
        tiny(**wrong)


def test_bfloat16_keeps_losses_and_attention_in_float32():
    model = tiny(loss_weights="adaptive").eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, maps = loss_of(model), model.saliency(IMAGES)
    assert (loss.dtype, maps.dtype) == (torch.float32, torch.float32)
    # bfloat16 carries 8 bits through ten layers, and the attention stretches small differences.
    assert loss.item() == pytest.approx(loss_of(model).item(), rel=0.1)


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
    with torch.device("meta"):
        model = LANet(5, backbone="resnet50", loss_weights="adaptive")
    branch = (1024 * 2 + 2) + 2 * 1024 * 1024
    expected = resnet50() + branch + (2048 * 5 + 5) + 2
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(expected, rel=0.01)
    own = [*model.recognise.parameters(), *model.join.parameters()]
    assert sum(p.numel() for p in own) == branch
