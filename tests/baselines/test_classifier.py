"""The plain classifier: both tasks, its features, what it learns."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from baselines.classifier import Classifier

NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    "backbone_options": {"channels": (8, 8, 16, 16)},
}
IMAGES = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
GRADES = torch.tensor([0, 1, 2, 3, 4, 0])
FINDINGS = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1]]).repeat(2, 1)


def tiny(num_classes: int = 5, **options: Any) -> Classifier:
    torch.manual_seed(0)
    return Classifier(num_classes, **NETWORK, **options)


def test_logits_are_a_linear_map_of_the_mean_feature():
    model = tiny().eval()
    features = model.trunk(IMAGES).mean(dim=(2, 3))
    torch.testing.assert_close(model(IMAGES), features @ model.head.weight.T + model.head.bias)


def test_images_in_a_batch_do_not_see_each_other():
    model = tiny().eval()
    torch.testing.assert_close(model(IMAGES)[:1], model(IMAGES[:1]), rtol=1e-4, atol=1e-5)


def test_logits_of_zero_cost_chance():
    model = tiny()
    model.head.requires_grad_(False).weight.zero_()
    model.head.bias.zero_()
    loss, _ = model.loss({"images": IMAGES, "labels": GRADES}, step=0, total_steps=1)
    assert loss.item() == pytest.approx(math.log(5))
    findings = tiny(3, task="findings")
    findings.head.requires_grad_(False).weight.zero_()
    findings.head.bias.zero_()
    loss, _ = findings.loss({"images": IMAGES, "labels": FINDINGS}, step=0, total_steps=1)
    assert loss.item() == pytest.approx(math.log(2))


def test_grades_cost_cross_entropy_and_findings_binary_cross_entropy():
    grading, findings = tiny().eval(), tiny(3, task="findings").eval()
    loss, _ = grading.loss({"images": IMAGES, "labels": GRADES}, step=0, total_steps=1)
    torch.testing.assert_close(loss, F.cross_entropy(grading(IMAGES), GRADES))
    loss, _ = findings.loss({"images": IMAGES, "labels": FINDINGS}, step=0, total_steps=1)
    expected = F.binary_cross_entropy(findings(IMAGES).sigmoid(), FINDINGS)
    torch.testing.assert_close(loss, expected)


def test_accuracy_is_the_share_that_is_right():
    model = tiny().eval()
    right = model(IMAGES).argmax(dim=1)
    labels = torch.where(torch.arange(6) < 4, right, (right + 1) % 5)
    _, logs = model.loss({"images": IMAGES, "labels": labels}, step=0, total_steps=1)
    assert float(logs["accuracy"]) == pytest.approx(4 / 6)
    findings = tiny(3, task="findings").eval()
    cells = (findings(IMAGES) > 0).float()
    cells[0] = 1 - cells[0]
    _, logs = findings.loss({"images": IMAGES, "labels": cells}, step=0, total_steps=1)
    assert float(logs["accuracy"]) == pytest.approx(5 / 6)


def test_every_weight_takes_part_in_the_loss():
    options = {"channels": (8, 8, 16, 16), "zero_init_last": False}
    model = Classifier(5, backbone="resnet10t", backbone_options=options)
    model.loss({"images": IMAGES, "labels": GRADES}, step=0, total_steps=1)[0].backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_batch_of_four_is_nearly_memorised():
    model = tiny()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    batch = {"images": IMAGES[:4], "labels": GRADES[:4]}
    for step in range(100):
        optimizer.zero_grad()
        loss, _ = model.loss(batch, step=step, total_steps=100)
        loss.backward()
        optimizer.step()
    loss, logs = model.loss(batch, step=100, total_steps=100)
    assert logs["accuracy"] == 1
    assert loss.item() < 0.1


def test_dropout_acts_in_training_alone():
    model = tiny(dropout=0.5)
    model.trunk.eval()
    assert not torch.equal(model(IMAGES), model(IMAGES))
    model.eval()
    assert torch.equal(model(IMAGES), model(IMAGES))


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="task"):
        tiny(task="regression")


REGRESSION: dict[str, Any] = {"loss": "regression"}


def answering(severities: list[float], num_classes: int = 5) -> torch.Tensor:
    """The logits of images whose regression says so."""
    return tiny(num_classes, **REGRESSION).decide(torch.tensor(severities)[:, None])


def test_a_regressed_grade_costs_the_squared_error():
    model = tiny(**REGRESSION).eval()
    loss, _ = model.loss({"images": IMAGES, "labels": GRADES}, step=0, total_steps=1)
    severities = model.features(IMAGES) @ model.head.weight[0] + model.head.bias
    torch.testing.assert_close(loss, ((severities - GRADES) ** 2).mean())
    assert model.head.out_features == 1


@pytest.mark.parametrize(
    ("severity", "grade"),
    [
        (-7.0, 0),
        (0.49, 0),
        (0.51, 1),
        (1.49, 1),
        (1.51, 2),
        (2.6, 3),
        (3.49, 3),
        (3.51, 4),
        (90, 4),
    ],
)
def test_the_answer_is_the_grade_whose_threshold_was_reached(severity, grade):
    """Thresholds of pytorch-classification: -.5, .5, 1.5, 2.5, 3.5."""
    assert answering([severity]).argmax(dim=1).item() == grade
    assert answering([severity]).softmax(dim=1).argmax(dim=1).item() == grade


def test_probabilities_are_those_of_a_unit_normal_about_the_severity():
    normal = torch.distributions.Normal(1.3, 1.0)
    density = normal.log_prob(torch.arange(5.0)).exp()
    expected = density / density.sum()
    torch.testing.assert_close(answering([1.3]).softmax(dim=1)[0], expected)


def test_regression_is_right_where_its_answer_is():
    model = tiny(**REGRESSION).eval()
    _, logs = model.loss({"images": IMAGES, "labels": GRADES}, step=0, total_steps=1)
    right = (model(IMAGES).argmax(dim=1) == GRADES).float().mean()
    torch.testing.assert_close(logs["accuracy"], right)


def test_findings_and_unknown_losses_are_refused():
    with pytest.raises(ValueError, match=r"needs grades: task 'findings'"):
        tiny(3, task="findings", loss="regression")
    with pytest.raises(ValueError, match="loss"):
        tiny(loss="ordinal")
