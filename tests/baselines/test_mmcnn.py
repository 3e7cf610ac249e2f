"""MMCNN: three resolutions, cells that come one by one, two tasks, what the next phase inherits."""

from typing import Any

import pytest
import torch
from torch import nn

from baselines.backbones import WeightsMismatch
from baselines.mmcnn import MMCNN, PHASES, Cell, by_both, by_class, by_rounding

NAMES = [name for name, _, _ in PHASES]
RESOLUTIONS = (32, 64, 96)
NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    # timm starts the last norm of a block at zero, which would hide weights from the gradient.
    "backbone_options": {"channels": (8, 8, 16, 16), "zero_init_last": False},
    "resolutions": RESOLUTIONS,
}
IMAGES = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
GRADES = torch.tensor([0, 1, 2, 3, 4, 0, 1, 2])
FINDINGS = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]]).repeat(2, 1)
BATCH = {"images": IMAGES, "labels": GRADES}


def tiny(num_classes: int = 5, **options: Any) -> MMCNN:
    torch.manual_seed(0)
    return MMCNN(num_classes, **(NETWORK | options))


def woken(model: MMCNN) -> MMCNN:
    """With new cells that do more than pool."""
    for cell in model.cells:
        assert isinstance(cell, Cell)
        nn.init.ones_(cell.bottleneck[-1].weight)  # pyright: ignore
    return model


def loss_of(model: MMCNN, batch: dict = BATCH) -> torch.Tensor:
    return model.loss(batch, step=0, total_steps=1)[0]


def test_phases_share_out_all_epochs_and_halve_the_learning_rate():
    assert sum(share for _, share, _ in PHASES) == pytest.approx(1)
    assert [share * 35 for _, share, _ in PHASES] == pytest.approx([10, 10, 15])
    assert [factor for _, _, factor in PHASES] == [1, 1 / 2, 1 / 4]


@pytest.mark.parametrize("given_px", [64, 100])
@pytest.mark.parametrize(("phase", "seen_px"), list(zip(NAMES, RESOLUTIONS, strict=True)))
def test_the_backbone_sees_the_resolution_of_the_phase_whatever_is_given(phase, seen_px, given_px):
    model, seen = tiny(phase=phase), []
    model.trunk.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))
    assert model(torch.randn(2, 3, given_px, given_px)).shape == (2, 5)
    assert seen == [(2, 3, seen_px, seen_px)]


def test_shrinking_averages_all_pixels():
    """Stripes a pixel wide are grey from afar; without antialiasing they would be black or white"""
    model, seen = tiny(phase="low", resolutions=(16, 16, 16)), []
    model.trunk.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    stripes = torch.zeros(1, 3, 64, 64)
    stripes[..., ::2] = 1
    model.eval()(stripes)
    # The triangle of 8 pixels has equal weight on odd and even ones, save at the borders.
    assert seen[0][..., 2:-2].sub(0.5).abs().max() < 0.01


@pytest.mark.parametrize("phase", NAMES)
@pytest.mark.parametrize("num_classes", [3, 8])
def test_findings_get_a_logit_each(phase, num_classes):
    model = tiny(num_classes, task="findings", phase=phase)
    labels = (torch.arange(8 * num_classes).reshape(8, -1) % 3 == 0).float()
    assert model(IMAGES).shape == (8, num_classes)
    assert loss_of(model, {"images": IMAGES, "labels": labels}).isfinite()


def test_each_phase_adds_a_cell():
    assert [len(tiny(phase=name).cells) for name in NAMES] == [0, 1, 2]


def test_cells_halve_the_map_and_never_lose_it():
    cell = Cell(8).eval()
    sizes = [23]
    while len(sizes) < 7:
        sizes.append(cell(torch.zeros(1, 8, sizes[-1], sizes[-1])).shape[2])
    assert sizes == [23, 12, 6, 3, 2, 1, 1]


def test_a_new_cell_keeps_the_mean_over_positions():
    maps = torch.rand(2, 8, 6, 6)
    cell = Cell(8)
    torch.testing.assert_close(cell(maps).mean(dim=(2, 3)), maps.mean(dim=(2, 3)))
    nn.init.ones_(cell.bottleneck[-1].weight)  # pyright: ignore
    assert not torch.allclose(cell(maps).mean(dim=(2, 3)), maps.mean(dim=(2, 3)), atol=0.01)


@pytest.mark.parametrize("phase", NAMES)
@pytest.mark.parametrize("predict", ["argmax", "rounded", "combined"])
def test_images_in_a_batch_do_not_see_each_other(phase, predict):
    model = woken(tiny(phase=phase, predict=predict)).eval()
    alone = model(IMAGES[:1])
    torch.testing.assert_close(model(IMAGES)[:1], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(model(IMAGES[1:2]), alone, atol=1e-3)


@pytest.mark.parametrize("phase", NAMES)
def test_every_weight_takes_part_in_the_loss(phase):
    model = woken(tiny(phase=phase))
    assert all(weight.requires_grad for weight in model.parameters())
    loss_of(model).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("task", ["grading", "findings"])
def test_a_batch_of_eight_is_nearly_memorised(task):
    labels, classes = {"grading": (GRADES, 5), "findings": (FINDINGS, 3)}[task]
    model = tiny(classes, task=task, dropout=0.0, resolutions=(32, 32, 32))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses, accuracy = [], 0.0
    for step in range(40):
        optimizer.zero_grad()
        loss, logs = model.loss({"images": IMAGES, "labels": labels}, step=step, total_steps=40)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        accuracy = float(logs["accuracy"])
    assert accuracy == 1
    assert losses[-1] < 0.1 * losses[0]


def test_dropout_acts_in_training_alone():
    model = tiny()
    model.trunk.eval()
    model.cells.eval()
    assert not torch.equal(model(IMAGES), model(IMAGES))
    model.eval()
    assert torch.equal(model(IMAGES), model(IMAGES))


def test_without_regression_only_the_classification_is_left():
    model, bare = tiny().eval(), tiny(mtl_target="none").eval()
    logits, severity = bare.outputs(IMAGES)
    assert severity is None
    assert loss_of(bare).item() == pytest.approx(bare.loss_of(logits, GRADES).item())
    names = {name for name, _ in model.named_parameters()}
    bare_names = {name for name, _ in bare.named_parameters()}
    assert names - bare_names == {"regress.weight", "regress.bias"}


def test_both_parts_of_the_loss_are_logged():
    model = tiny(regression_weight=0.5).eval()
    loss, logs = model.loss(BATCH, step=0, total_steps=1)
    parts = logs["loss/classify"] + 0.5 * logs["loss/regress"]
    torch.testing.assert_close(loss.detach(), parts)
    assert "loss/regress" not in tiny(mtl_target="none").loss(BATCH, step=0, total_steps=1)[1]


@pytest.mark.parametrize("prevalence", [0.12, 0.25, 0.4])
@pytest.mark.parametrize(("task", "classes"), [("grading", 5), ("findings", 8), ("findings", 14)])
def test_neither_part_of_the_loss_outweighs_the_other_at_the_start(task, classes, prevalence):
    """With the plain number of findings the regression was up to 50 times the rest."""
    drawn = torch.rand(512, classes, generator=torch.Generator().manual_seed(0)) < prevalence
    labels = drawn.float() if task == "findings" else torch.arange(512) % classes
    batch = {"images": IMAGES.repeat(64, 1, 1, 1), "labels": labels}
    parts = tiny(classes, task=task).eval().loss(batch, step=0, total_steps=1)[1]
    assert 1 / 8 < parts["loss/regress"] / parts["loss/classify"] < 8


@pytest.mark.parametrize(
    ("decide", "grades"), [(by_class, [1, 1, 1]), (by_rounding, [0, 2, 4]), (by_both, [0, 2, 4])]
)
def test_what_decides_decides(decide, grades):
    logits = torch.tensor([[0.0, 9, 0, 0, 0]]).repeat(3, 1)  # expects grade 1
    severity = torch.tensor([-3.0, 2.4, 7.6])
    assert decide(logits, severity).argmax(dim=1).tolist() == grades


def test_the_prediction_follows_the_option():
    models = [tiny(predict=name).eval() for name in ("argmax", "rounded", "combined")]
    logits, severity = models[0].outputs(IMAGES)
    assert severity is not None
    for model, decide in zip(models, (by_class, by_rounding, by_both), strict=True):
        torch.testing.assert_close(model(IMAGES), decide(logits, severity))


@pytest.mark.parametrize(("earlier", "later"), [("low", "middle"), ("middle", "high")])
def test_a_phase_starts_from_all_that_the_one_before_learned(earlier, later):
    before, after = woken(tiny(phase=earlier)), tiny(phase=later)
    for weight in before.parameters():
        weight.data += 0.1
    own = {name: tensor.clone() for name, tensor in after.state_dict().items()}
    after.transfer(before.state_dict())
    cell = f"cells.{len(after.cells) - 1}."
    for name, tensor in after.state_dict().items():
        source = own if name.startswith(cell) else before.state_dict()
        assert torch.equal(tensor, source[name]), name
    assert any(not torch.equal(own[name], tensor) for name, tensor in before.state_dict().items())


@pytest.mark.parametrize(
    ("before", "phase", "what"),
    [
        ({"phase": "low"}, "high", "missing"),
        ({"phase": "high"}, "middle", "unexpected"),
        ({"phase": "low", "mtl_target": "none"}, "middle", "2 tensors missing"),
        ({"phase": "low", "backbone_options": {"channels": (8, 8, 16, 24)}}, "middle", "shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(before, phase, what):
    with pytest.raises(WeightsMismatch, match=what):
        tiny(phase=phase).transfer(tiny(**before).state_dict())


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"phase": "highest"}, "phase"),
        ({"task": "regression"}, "task"),
        ({"predict": "mean"}, "predict"),
        ({"mtl_target": "sum"}, "mtl_target"),
        ({"resolutions": (32, 64)}, "resolutions"),
        ({"predict": "rounded", "task": "findings"}, "regressed grade"),
        ({"predict": "combined", "mtl_target": "none"}, "regressed grade"),
    ],
)
def test_what_cannot_be_is_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        tiny(**options)


def test_bfloat16_keeps_the_loss_in_float32():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = tiny().eval().loss(BATCH, step=0, total_steps=1)
    assert loss.dtype == torch.float32
    # bfloat16 carries 8 bits through ten layers.
    assert loss.item() == pytest.approx(loss_of(tiny().eval()).item(), rel=0.1)


def conv(inputs: int, outputs: int, *kernel: int) -> int:
    """Weights of a convolution without bias, and of the norm after it."""
    height, width = kernel if len(kernel) == 2 else kernel * 2
    return inputs * outputs * height * width + 2 * outputs


def inception_resnet_v2() -> int:
    """Szegedy et al. 2017, arXiv:1602.07261, figures 3, 10 to 13, 15, up to the last convolution.

    The stem and the first mixed block are those of the released weights.
    """
    stem = conv(3, 32, 3) + conv(32, 32, 3) + conv(32, 64, 3) + conv(64, 80, 1) + conv(80, 192, 3)
    mixed = conv(192, 96, 1) + conv(192, 48, 1) + conv(48, 64, 5) + conv(192, 64, 1)
    mixed += conv(64, 96, 3) + conv(96, 96, 3) + conv(192, 64, 1)
    a = conv(320, 32, 1) * 3 + conv(32, 32, 3) + conv(32, 48, 3) + conv(48, 64, 3)
    a += 128 * 320 + 320  # back to the width of the map, with bias in place of a norm
    to_b = conv(320, 384, 3) + conv(320, 256, 1) + conv(256, 256, 3) + conv(256, 384, 3)
    b = conv(1088, 192, 1) + conv(1088, 128, 1) + conv(128, 160, 1, 7) + conv(160, 192, 7, 1)
    b += 384 * 1088 + 1088
    to_c = conv(1088, 256, 1) * 3 + conv(256, 384, 3) + conv(256, 288, 3) * 2 + conv(288, 320, 3)
    c = conv(2080, 192, 1) * 2 + conv(192, 224, 1, 3) + conv(224, 256, 3, 1)
    c += 448 * 2080 + 2080
    return stem + mixed + 10 * a + to_b + 20 * b + to_c + 10 * c + conv(2080, 1536, 1)


def test_the_card_s_network_has_as_many_weights_as_by_hand():
    with torch.device("meta"):
        model = MMCNN(5, backbone="inception_resnet_v2")
    cell = conv(1536, 384, 1) + conv(384, 384, 3) + conv(384, 1536, 1)
    heads = (1536 + 1) * 5 + 1536 + 1
    expected = inception_resnet_v2() + 2 * cell + heads
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(expected, rel=0.01)
