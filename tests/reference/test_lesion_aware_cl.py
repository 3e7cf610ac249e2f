"""Lesion-aware CL against loops, in float64.

From the formulas of docs/reference/methods.md#lesion-aware-cl.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from small_contrast import NETWORK, batch_of
from torch import Tensor

from baselines.lesion_aware_cl import Contrast, LesionAwareCL, contrast, distillation

EXACT = 1e-10  # float64 rounds at 1e-16; a sum of some hundred exponentials stays far under this
LEVELS = [0, 2, 3, 1, 2, 2, 3, 0]


def softmax(row: list[float]) -> list[float]:
    total = sum(math.exp(x) for x in row)
    return [math.exp(x) / total for x in row]


def slow_contrast(logits: list[list[float]]) -> list[float]:
    """Cross entropy with label 0."""
    return [-math.log(softmax(row)[0]) for row in logits]


def slow_distillation(student: list[list[float]], teacher: list[list[float]], soft: float):
    """T^2 sum_k p_t log(p_t / p_s), the logits softened by T."""
    losses = []
    for row_s, row_t in zip(student, teacher, strict=True):
        p_s, p_t = softmax([x / soft for x in row_s]), softmax([x / soft for x in row_t])
        divergence = sum(t * math.log(t / s) for s, t in zip(p_s, p_t, strict=True))
        losses.append(soft**2 * divergence)
    return losses


def slow_logits(part: Contrast, batch: dict[str, Tensor], tau: float) -> list[list[float]]:
    """[q.k, q.Queue] / tau, each kind of patch in a pass of its own."""
    lesion = [level < 2 for level in batch["levels"].tolist()]
    with torch.no_grad():  # batch statistics do not depend on the running ones
        queries = part.encoders.query(batch["query"][lesion]).tolist()
        keys = part.encoders.key(batch["key"][lesion]).tolist()
    queue = part.queue.keys().tolist()
    return [
        [sum(a * b for a, b in zip(q, other, strict=True)) / tau for other in [k, *queue]]
        for q, k in zip(queries, keys, strict=True)
    ]


def unlike(model: LesionAwareCL) -> LesionAwareCL:
    """No two encoders alike, and keys in the queues."""
    parts = [model.learner] if model.teacher is None else [model.learner, model.teacher]
    for place, part in enumerate(parts):
        generator = torch.Generator().manual_seed(place)
        for weight in [*part.encoders.parameters()]:
            noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            weight.data += 0.05 * noise
        keys = torch.randn(7, 8, generator=generator, dtype=torch.float64)
        part.queue.enqueue(F.normalize(keys))
    return model


def model_of(phase: str, **options) -> LesionAwareCL:
    torch.manual_seed(0)
    model = LesionAwareCL(phase=phase, **NETWORK, queue_size=10, embedding_size=8, **options)
    return unlike(model.double())


logit_tables = st.integers(0, 2**31).map(
    lambda seed: (
        5 * torch.randn(2, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    )
)


@given(logit_tables, st.sampled_from([1.0, 4.0]))
def test_the_losses_of_logits_are_the_loops(tables, soft):
    student, teacher = tables
    losses = distillation(student, teacher, temperature=soft)
    expected = slow_distillation(student.tolist(), teacher.tolist(), soft)
    assert losses.tolist() == pytest.approx(expected, abs=EXACT)
    assert contrast(student).tolist() == pytest.approx(slow_contrast(student.tolist()), abs=EXACT)


@pytest.mark.parametrize("tau", [0.07, 0.3])
def test_a_teacher_minimises_cross_entropy_against_healthy_keys(tau):
    model, batch = model_of("teacher", temperature=tau), batch_of(LEVELS, dtype=torch.float64)
    losses = slow_contrast(slow_logits(model.learner, batch, tau))
    loss, logs = model.loss(batch, step=0, total_steps=1)
    assert loss.item() == pytest.approx(sum(losses) / 3, abs=EXACT)
    assert float(logs["relative"]) == pytest.approx(sum(losses) / 3 / math.log(8), abs=EXACT)


@pytest.mark.parametrize(("share", "soft"), [(0.1, 4.0), (0.6, 2.0)])
def test_a_student_minimises_the_weighted_sum(share, soft):
    options = {"distillation_share": share, "distillation_temperature": soft, "temperature": 0.3}
    model, batch = model_of("student", **options), batch_of(LEVELS, dtype=torch.float64)
    assert model.teacher is not None
    own = slow_logits(model.learner, batch, 0.3)
    answers = slow_logits(model.teacher, batch, 0.3)
    terms = zip(slow_contrast(own), slow_distillation(own, answers, soft), strict=True)
    expected = sum((1 - share) * ce + share * kl for ce, kl in terms) / 3
    loss, logs = model.loss(batch, step=0, total_steps=1)
    assert loss.item() == pytest.approx(expected, abs=EXACT)
    theirs = sum(slow_contrast(answers)) / 3 / math.log(8)
    assert float(logs["relative/teacher"]) == pytest.approx(theirs, abs=EXACT)
