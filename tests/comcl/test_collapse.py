"""What the three printed losses are least for, and what patches of the own level change about it.

docs/reference/methods.md#the-collapsed-optimum.
"""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from comcl.closeness import closeness
from comcl.keys import OWN_LEVEL, Keys, drawn
from comcl.loss import anchor_losses
from comcl.views import LEVELS, pairs_for

EACH = 6  # patches of a level
NONE_STORED: dict[str, Tensor | None] = dict.fromkeys(LEVELS)
CODES = torch.arange(len(LEVELS)).repeat_interleave(EACH)


def losses(embeddings: Tensor, own: str, temperature: float) -> list[Tensor]:
    """La, Lb and Lc of patches whose two views are one point.  (4 EACH, D) -> scalars."""
    keys, found = Keys(embeddings, CODES, CODES), []
    for pair in pairs_for("comcl"):
        rows = keys.at(pair.anchors)
        met = drawn(OWN_LEVEL[own](pair), keys, NONE_STORED)
        keep = met.others_than(keys.places(pair.anchors))
        one = embeddings[rows]
        found.append(anchor_losses(one, one, met.embeddings, keep, temperature=temperature).mean())
    return found


def collapsed() -> Tensor:
    """All L and H~ one point, all L~ and H the opposite one."""
    point = F.normalize(torch.arange(1.0, 5.0, dtype=torch.float64), dim=0)
    signs = {"L": 1, "L~": -1, "H": -1, "H~": 1}
    return torch.cat([(signs[level] * point).expand(EACH, 4) for level in LEVELS])


def start(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(CODES), 8, generator=generator, dtype=torch.float64)


def descended(own: str, temperature: float, steps: int = 150) -> Tensor:
    """Free embeddings after so many steps of Adam on the sum of the three losses."""
    free = start().requires_grad_()
    optimizer = torch.optim.Adam([free], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.stack(losses(F.normalize(free, dim=1), own, temperature)).sum().backward()
        optimizer.step()
    return F.normalize(free.detach(), dim=1)


def test_at_the_collapse_each_printed_loss_is_zero():
    """K e^(-2 / tau): positives at cosine 1, all K negatives at -1."""
    for loss in losses(collapsed(), "no", 0.07):
        assert loss.item() == pytest.approx(EACH * math.exp(-2 / 0.07), rel=1e-3)
        assert loss.item() < 1e-11


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_no_other_place_is_better(temperature):
    """Of the denominators' terms none can be smaller, since no cosine is under -1."""
    least = math.log1p(EACH * math.exp(-2 / temperature))
    assert all(
        loss.item() == pytest.approx(least, abs=1e-12)
        for loss in losses(collapsed(), "no", temperature)
    )
    for seed in range(20):
        elsewhere = F.normalize(start(seed), dim=1)
        assert all(loss.item() > least for loss in losses(elsewhere, "no", temperature))


def test_with_own_level_negatives_the_collapse_costs_as_much_as_guessing_within_the_level():
    """The other patches of the level lie where the positive lies: log(1 + K)."""
    for loss in losses(collapsed(), "yes", 0.07):
        assert loss.item() == pytest.approx(math.log(EACH), abs=1e-10)  # K = EACH - 1
    apart = F.normalize(start(), dim=1)
    assert all(loss.item() < math.log(EACH) for loss in losses(apart, "yes", 0.07))


def test_gradient_descent_on_the_printed_losses_ends_there():
    """At tau 0.5, since at 0.07 the gradient is gone before; see the next test."""
    logs = closeness(Keys(descended("no", 0.5), CODES, CODES))
    together = {"L|H~": 1, "L~|H": 1, "L|L~": -1, "L|H": -1, "L~|H~": -1, "H|H~": -1}
    for names, sign in together.items():
        assert logs[f"centroid/{names}"].item() == pytest.approx(sign, abs=0.02)
    assert all(logs[f"resultant/{level}"] > 0.98 for level in LEVELS)


def test_at_the_paper_s_temperature_the_losses_vanish_well_before_the_collapse():
    """Negatives at right angles cost K e^(-1 / tau) already."""
    embeddings = descended("no", 0.07)
    assert max(losses(embeddings, "no", 0.07)) < 1e-4
    logs = closeness(Keys(embeddings, CODES, CODES))
    assert logs["centroid/L|L~"] < -0.5 and logs["centroid/L|H~"] > 0.5
    assert all(logs[f"resultant/{level}"] < 0.95 for level in LEVELS)


def test_own_level_negatives_keep_the_lesions_of_a_level_apart():
    """Healthy patches are no anchors of any loss, so theirs still meet in a point."""
    logs = closeness(Keys(descended("yes", 0.5), CODES, CODES))
    assert all(logs[f"resultant/{level}"] < 0.6 for level in ("L", "L~"))
    assert all(logs[f"resultant/{level}"] > 0.98 for level in ("H", "H~"))


def test_closeness_of_a_level_that_the_batch_lacks_is_not_logged():
    keys = Keys(F.normalize(start(), dim=1)[: 2 * EACH], CODES[: 2 * EACH], CODES[: 2 * EACH])
    assert set(closeness(keys)) == {"resultant/L", "resultant/L~", "centroid/L|L~"}


def test_closeness_is_that_of_the_means():
    embeddings = F.normalize(start(), dim=1)
    logs = closeness(Keys(embeddings, CODES, CODES))
    means = {level: embeddings[CODES == code].mean(dim=0) for code, level in enumerate(LEVELS)}
    for level, mean in means.items():
        assert logs[f"resultant/{level}"].item() == pytest.approx(float(mean.square().sum() ** 0.5))
    for one, other in itertools.combinations(LEVELS, 2):
        cosine = (means[one] @ means[other]) / (means[one].norm() * means[other].norm())
        assert logs[f"centroid/{one}|{other}"].item() == pytest.approx(cosine.item())
    assert len(logs) == 4 + 6
