"""Grad-CAM leaves no trace, explains what it is asked about, and says when it cannot."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.cabnet import CABNet
from baselines.classifier import Classifier
from baselines.lanet import LANet
from baselines.mmcnn import MMCNN
from baselines.saliency import grad_cam

NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    "backbone_options": {"channels": (8, 8, 16, 16), "zero_init_last": False},
}
IMAGES = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
TARGETS = torch.tensor([0, 1, 2, 3])


def tiny(kind: Any = Classifier, **options: Any) -> Any:
    torch.manual_seed(0)
    return kind(5, **NETWORK, **options).eval()


def test_a_positive_weight_on_a_channel_gives_its_positive_part():
    model = tiny()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.weight[:, 3] = 2.0
        maps = model.trunk(IMAGES)
    # Behind the mean over 4 positions, the slope of the logit is 2 / 4 everywhere.
    torch.testing.assert_close(grad_cam(model, IMAGES, TARGETS), 0.5 * maps[:, 3].relu())


def test_nothing_speaks_for_a_class_that_every_channel_speaks_against():
    model = tiny()
    with torch.no_grad():
        model.head.weight.copy_(-model.head.weight.abs())
    assert not grad_cam(model, IMAGES, TARGETS).any()


def test_each_image_is_asked_about_its_own_target():
    model = tiny()
    mixed = grad_cam(model, IMAGES, TARGETS)
    for place, target in enumerate(TARGETS.tolist()):
        alone = grad_cam(model, IMAGES[place : place + 1], torch.tensor([target]))
        torch.testing.assert_close(mixed[place : place + 1], alone, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(mixed, grad_cam(model, IMAGES, (TARGETS + 1) % 5))


@pytest.mark.parametrize(
    ("kind", "options"), [(Classifier, {}), (CABNet, {}), (MMCNN, {"resolutions": (32, 32, 64)})]
)
def test_it_explains_any_network_with_a_backbone(kind, options):
    maps = grad_cam(tiny(kind, **options), IMAGES, TARGETS)
    assert maps.ndim == 3
    assert maps.min() >= 0
    assert maps.max() > 0


def traces(model: nn.Module) -> tuple[list[Any], list[int], list[bool], list[Tensor]]:
    gradients = [p.grad for p in model.parameters()]
    hooks = [len(m._forward_hooks) for m in model.modules()]
    modes = [m.training for m in model.modules()]
    return gradients, hooks, modes, [t.clone() for t in model.state_dict().values()]


def assert_same(before: Any, after: Any) -> None:
    assert all(b is a for b, a in zip(before[0], after[0], strict=True))
    assert before[1:3] == after[1:3]
    assert all(torch.equal(b, a) for b, a in zip(before[3], after[3], strict=True))


def test_gradients_hooks_modes_and_weights_stay_as_they_are():
    model = tiny()
    model.loss({"images": IMAGES, "labels": TARGETS}, step=0, total_steps=1)[0].backward()
    held = [p.grad.clone() for p in model.parameters()]
    before = traces(model)
    grad_cam(model, IMAGES, TARGETS)
    assert_same(before, traces(model))
    assert all(torch.equal(h, p.grad) for h, p in zip(held, model.parameters(), strict=True))
    assert not IMAGES.requires_grad


def test_an_error_in_the_network_leaves_no_hook():
    model = tiny()
    before = traces(model)
    model.head = nn.Linear(3, 5).eval()  # does not fit
    with pytest.raises(RuntimeError):
        grad_cam(model, IMAGES, TARGETS)
    assert not any(m._forward_hooks for m in model.modules())
    model.head = tiny().head
    assert_same(before, traces(model))


def test_it_works_on_frozen_weights_and_where_gradients_are_off():
    model = tiny()
    expected = grad_cam(model, IMAGES, TARGETS)
    model.requires_grad_(False)
    torch.testing.assert_close(grad_cam(model, IMAGES, TARGETS), expected)
    with torch.no_grad():
        torch.testing.assert_close(grad_cam(model, IMAGES, TARGETS), expected)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        made_here = (IMAGES + 0, TARGETS + 0)
        torch.testing.assert_close(grad_cam(model, *made_here), expected)


def test_the_map_carries_no_graph():
    assert not grad_cam(tiny(), IMAGES, TARGETS).requires_grad


def test_half_precision_gives_a_float32_map():
    model = tiny()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = grad_cam(model, IMAGES, TARGETS)
    assert maps.dtype == torch.float32
    whole = grad_cam(model, IMAGES, TARGETS)
    # bfloat16 carries 8 bits through ten layers.
    assert (maps - whole).abs().max() < 0.1 * whole.max()


def test_an_inner_layer_can_be_looked_at():
    model = tiny()
    assert grad_cam(model, IMAGES, TARGETS).shape == (4, 2, 2)
    assert grad_cam(model, IMAGES, TARGETS, layer="trunk.layer3").shape == (4, 4, 4)
    assert grad_cam(tiny(LANet), IMAGES, TARGETS, layer="trunk.layer4").shape == (4, 2, 2)


def test_training_mode_is_refused():
    with pytest.raises(ValueError, match="eval mode"):
        grad_cam(tiny().train(), IMAGES, TARGETS)


def test_a_layer_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"layer \('body'\).*trunk"):
        grad_cam(tiny(), IMAGES, TARGETS, layer="body")


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Conv2d(3, 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.trunk(self.trunk(images)).mean(dim=(2, 3))


@pytest.mark.parametrize(("model", "times"), [(Twice(), 2), (tiny(LANet), 0)])
def test_a_layer_that_runs_twice_or_never_is_refused(model, times):
    with pytest.raises(ValueError, match=f"not {times} times"):
        grad_cam(model.eval(), IMAGES, TARGETS % 3)
