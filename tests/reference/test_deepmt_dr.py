"""DeepMT-DR's losses against loops, and who learns from which, in float64.

Sources of the formulas: docs/reference/methods.md#deepmt-dr and the released code it cites,
XiaofeiWang2018/DR at 2f6deb7.
"""

import math
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_deepmt_dr import batch_of, tiny
from torch import Tensor

from baselines.deepmt_dr_losses import (
    DICE,
    DICE_WEIGHTS,
    TERM_WEIGHTS,
    dice_loss,
    findings_score,
    focal_loss,
    grading_score,
    squared_error,
    total_variation,
)
from baselines.resampling import shrink

EXACT: dict[str, Any] = {"rtol": 0, "atol": 1e-10}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_a_grade_is_explained_by_itself_if_healthy_and_by_all_grades_above_else():
    logits = torch.tensor([[2.0, 1, -1, 0, 0], [0.5, 1, 3, -2, 1]], dtype=torch.float64)
    assert grading_score(logits).item() == 2 + (1 + 3 - 2 + 1)


def test_findings_are_explained_by_the_positive_ones_or_else_by_all():
    logits = torch.tensor([[2.0, -1, 3], [-4.0, -1, -2]], dtype=torch.float64)
    assert findings_score(logits).item() == 5 - 7


def test_total_variation_is_twice_the_mean_squared_steps():
    images = random(2, 3, 4, 5)
    down = [
        float(images[b, c, i + 1, j] - images[b, c, i, j]) ** 2
        for b, c, i, j in product(range(2), range(3), range(3), range(5))
    ]
    across = [
        float(images[b, c, i, j + 1] - images[b, c, i, j]) ** 2
        for b, c, i, j in product(range(2), range(3), range(4), range(4))
    ]
    # Sums over (channels x steps) and over the batch, as in the code: 3 * 3 * 5 and 3 * 4 * 4.
    expected = 2 * (sum(down) / (3 * 3 * 5) + sum(across) / (3 * 4 * 4)) / 2
    assert total_variation(images).item() == pytest.approx(expected, abs=1e-10)


WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.1)


def slow_dice(p: list[float], t: list[float]) -> float:
    overlap = sum(a * b for a, b in zip(p, t, strict=True)) + 1
    return 1 - overlap / (sum(a * a for a in p) + sum(b * b for b in t) + 1)


def test_dice_is_a_ratio_an_image_and_mask():
    p, t = random(2, 5, 3, 4), (random(2, 5, 3, 4, seed=1) > 0.6).double()
    expected = 0.0
    for m, weight in enumerate(WEIGHTS):
        ratios = [slow_dice(p[b, m].flatten().tolist(), t[b, m].flatten().tolist()) for b in (0, 1)]
        expected += weight * sum(ratios) / 2 / 5
    assert dice_loss(p, t, WEIGHTS).item() == pytest.approx(expected, abs=1e-10)


def test_dice_of_the_released_code_is_a_ratio_a_pixel():
    p, t = random(2, 5, 3, 4), (random(2, 5, 3, 4, seed=1) > 0.6).double()
    expected = 0.0
    for m, weight in enumerate(WEIGHTS):
        cells = zip(p[:, m].flatten().tolist(), t[:, m].flatten().tolist(), strict=True)
        expected += weight * sum(slow_dice([a], [b]) for a, b in cells) / 24 / 5
    found = dice_loss(p, t, WEIGHTS, over=DICE["pixel"]).item()
    assert found == pytest.approx(expected, abs=1e-10)
    assert found != pytest.approx(dice_loss(p, t, WEIGHTS, over=DICE["region"]).item(), abs=1e-3)


def test_focal_loss_counts_each_pixel_for_its_first_highest_mask():
    z, t = 4 * random(2, 5, 3, 4) - 2, (random(2, 5, 3, 4, seed=1) > 0.6).double()
    total = 0.0
    for b, i, j in product(range(2), range(3), range(4)):
        masks = t[b, :, i, j].tolist()
        own = masks.index(max(masks))
        for m in range(5):
            chance = 1 / (1 + math.exp(-float(z[b, m, i, j])))
            p, alpha = (chance, 0.25) if m == own else (1 - chance, 0.75)
            total -= alpha * (1 - p) ** 2 * math.log(p)
    assert focal_loss(z, t).item() == pytest.approx(total / 24, abs=1e-10)


# One backward pass against the released code's optimizer a network


def gradients(loss: Tensor, module: torch.nn.Module) -> list[Tensor]:
    found = torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)
    return [gradient.clone() for gradient in found]


def assert_gradients(module: torch.nn.Module, expected: list[Tensor]) -> None:
    for parameter, gradient in zip(module.parameters(), expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient, **EXACT)


def double_batch() -> dict[str, Tensor]:
    batch = batch_of(3, 32)
    return {n: v.double() if v.is_floating_point() else v for n, v in batch.items()}


def test_in_the_first_phase_segmentation_learns_from_masks_and_super_resolution_from_all():
    model, batch = tiny(phase="segmentation").double().eval(), double_batch()
    assert model.seg is not None
    high = model.unnormalised(batch["images"])
    restored = model.isr(shrink(high, 4))
    logits, target = model.seg(restored), model.seg(high)
    dice = dice_loss(logits.sigmoid(), batch["masks"], WEIGHTS)
    masks = dice + focal_loss(logits, batch["masks"])
    image = squared_error(restored, high) + 1e-6 * total_variation(restored)
    perceptual = 0.4 * squared_error(logits, target)
    model.loss(batch, step=0, total_steps=1)[0].backward()
    assert_gradients(model.seg, gradients(masks, model.seg))
    assert_gradients(model.isr, gradients(image + perceptual + masks, model.isr))
    assert gradients(perceptual, model.seg)[0].any()  # what it must not learn from


def test_in_the_second_phase_integration_learns_from_the_map_and_the_grader_from_grades():
    model, batch = tiny(phase="grading").double().eval(), double_batch()
    high = model.unnormalised(batch["images"])
    seen, masks = model.seen(high)
    assert masks is not None
    logits, cams = model.grader.explained(seen, grading_score)
    whole_map = model.integration(cams, (32, 32))
    seg_map = (whole_map - (1 - masks[:, 4])).square().mean()
    grading = F.cross_entropy(logits, batch["labels"])
    model.loss(batch, step=0, total_steps=1)[0].backward()
    assert_gradients(model.grader, gradients(grading, model.grader))
    assert_gradients(model.integration, gradients(seg_map, model.integration))


def test_in_the_joint_phase_each_part_learns_from_its_own_terms():
    model, batch = tiny(phase="joint").double().eval(), double_batch()
    high = model.unnormalised(batch["images"])
    restored = model.isr(shrink(high, 4))
    seen, masks = model.seen(restored)
    seen_high, masks_high = model.seen(high)
    assert masks is not None
    assert masks_high is not None
    logits, cams = model.grader.explained(seen, grading_score)
    _, cams_high = model.grader.explained(seen_high, grading_score)
    map_low, map_high = (model.integration(c, (32, 32)) for c in (cams, cams_high))
    answer = F.cross_entropy(logits, batch["labels"])
    graded = answer + 0.3 * (map_high - (1 - masks_high[:, 4])).square().mean()
    image = squared_error(restored, high) + 1e-6 * total_variation(restored)
    map_perceptual = 10 * squared_error(map_low, map_high)
    perceptual = squared_error(masks, masks_high) + map_perceptual
    model.loss(batch, step=0, total_steps=1)[0].backward()
    assert_gradients(model.isr, gradients(image + perceptual + answer, model.isr))
    assert_gradients(model.grader, gradients(graded, model.grader))
    backbone = model.grader.trunk.conv1
    assert gradients(map_perceptual, backbone)[0].any()  # what the grader must not learn from


def test_terms_weigh_what_the_released_scripts_say():
    """docs/reference/methods.md#deepmt-dr, the table of stages 1_1, 1_2 and 2."""
    first = {"mse": 1, "tv": 1e-6, "seg_perceptual": 0.4, "dice": 1, "focal": 1}
    assert TERM_WEIGHTS == {
        "segmentation": first,
        "super_resolution": first,
        "grading": {"grading": 1, "seg_map": 1},
        "joint": {
            "mse": 1,
            "tv": 1e-6,
            "seg_perceptual": 1,
            "map_perceptual": 10,
            "grading": 1,
            "seg_map": 0.3,
        },
    }
    assert DICE_WEIGHTS == WEIGHTS


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.0])
def test_super_resolution_gets_the_segmentation_gradient_as_often_as_it_weighs(weight):
    """2 is what two backward passes with no clearing between them come to; Seg has it once."""
    options: dict[str, Any] = {"phase": "segmentation", "sr_segmentation_weight": weight}
    model, batch = tiny(**options).double().eval(), double_batch()
    assert model.seg is not None
    high = model.unnormalised(batch["images"])
    restored = model.isr(shrink(high, 4))
    logits, target = model.seg(restored), model.seg(high)
    masks = dice_loss(logits.sigmoid(), batch["masks"], WEIGHTS)
    masks = masks + focal_loss(logits, batch["masks"])
    image = squared_error(restored, high) + 1e-6 * total_variation(restored)
    perceptual = 0.4 * squared_error(logits, target)
    loss = model.loss(batch, step=0, total_steps=1)[0]
    torch.testing.assert_close(loss, image + perceptual + masks, **EXACT)
    loss.backward()
    assert_gradients(model.seg, gradients(masks, model.seg))
    assert_gradients(model.isr, gradients(image + perceptual + weight * masks, model.isr))
