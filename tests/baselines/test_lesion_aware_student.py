"""Lesion-aware CL's student: a frozen teacher, two queues in step, the divergence."""

import pytest
import torch
from small_contrast import NETWORK, alike, batch_of, train
from small_lesion_aware import LEVELS, frozen, logged, loss_at, taught, tiny

from baselines.backbones import WeightsMismatch
from baselines.classifier import Classifier
from baselines.lesion_aware_cl import distillation


def test_a_student_starts_where_its_teacher_once_started():
    teacher = tiny()
    fresh = {name: value.clone() for name, value in teacher.state_dict().items()}
    train(teacher, [alike(LEVELS)] * 2)
    student = tiny("student")
    student.transfer(teacher.state_dict())
    learner = {f"learner.{name}": value for name, value in student.learner.state_dict().items()}
    assert all(torch.equal(fresh[name], value) for name, value in learner.items())
    weights = "learner.encoders.query.head.0.weight"
    assert not torch.equal(fresh[weights], teacher.state_dict()[weights])


def test_the_teacher_is_the_one_that_was_trained():
    teacher = tiny(seed=5, momentum=0.9)
    train(teacher, [alike(LEVELS, seed=step) for step in range(3)])
    student = tiny("student")
    kept = teacher.learner.encoders.state_dict()
    assert not all(torch.equal(kept[name], value) for name, value in frozen(student).items())
    student.transfer(teacher.state_dict())
    assert all(torch.equal(kept[name], value) for name, value in frozen(student).items())


def test_the_teacher_never_changes_and_is_never_in_training_mode():
    student = taught(momentum=0.5).train()
    assert student.teacher is not None
    before = frozen(student)
    assert not any(part.training for part in student.teacher.modules())
    assert all(part.training for part in student.learner.modules())
    train(student, [batch_of(LEVELS, seed=step) for step in range(3)])
    assert all(torch.equal(before[name], value) for name, value in frozen(student).items())


def test_slot_by_slot_both_queues_hold_the_same_patches():
    """With one set of weights on both sides, and no batch statistics, the keys are equal."""
    student = taught(momentum=1.0)
    assert student.teacher is not None
    assert len(student.teacher.queue) == len(student.learner.queue) == 0
    student.learner.encoders.load_state_dict(student.teacher.encoders.state_dict())
    student.learner.encoders.key.eval()
    for step in range(5):  # thirty healthy patches through twenty slots
        student.loss(batch_of(LEVELS, seed=step), step=step, total_steps=10)
        student.after_step()
    own, other = student.learner.queue, student.teacher.queue
    assert torch.equal(own.slots, other.slots)
    assert torch.equal(own.pointer, other.pointer)
    assert len({tuple(row) for row in own.slots.tolist()}) == 20


def test_a_student_that_answers_like_its_teacher_has_no_divergence():
    student = taught()
    assert student.teacher is not None
    far = logged(student, batch_of(LEVELS))["distillation"]
    student.learner.load_state_dict(student.teacher.state_dict())
    student.eval()
    assert far > 0.01
    # Float32 exponentials of logits up to 1/0.07 leave a rounding error of about 1e-6.
    assert logged(student, batch_of(LEVELS))["distillation"] == pytest.approx(0, abs=1e-5)


def test_the_shares_add_up_contrast_and_divergence():
    logs = logged(taught(), batch_of(LEVELS))
    loss = loss_at(taught(), batch_of(LEVELS))
    assert loss == pytest.approx(0.9 * logs["contrast"] + 0.1 * logs["distillation"], rel=1e-5)
    assert loss_at(taught(distillation_share=0.0), batch_of(LEVELS)) == pytest.approx(
        logs["contrast"], rel=1e-5
    )
    assert loss != pytest.approx(logs["contrast"], rel=1e-3)


def test_a_teachers_phase_has_no_divergence():
    model = tiny()
    logs = logged(model, batch_of(LEVELS))
    assert "distillation" not in logs
    assert loss_at(model, batch_of(LEVELS)) == pytest.approx(logs["contrast"])
    assert not any(name.startswith("teacher.") for name in model.state_dict())


def test_a_divergence_has_a_direction():
    one, other = torch.randn(2, 3, 9, generator=torch.Generator().manual_seed(0))
    there, back = (distillation(a, b, temperature=1.0) for a, b in ((one, other), (other, one)))
    assert (there > 0).all()
    assert not torch.allclose(there, back)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda state: dict(list(state.items())[1:]), "missing"),
        (lambda state: state | {"teacher.queue.filled": torch.tensor(0)}, "unexpected"),
        (lambda state: state | {"learner.queue.slots": torch.zeros(3, 8)}, "another shape"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, what):
    state = tiny().state_dict()
    tiny("student").transfer(state)
    with pytest.raises(WeightsMismatch, match=f"[1-9] tensors( of)? {what}"):
        tiny("student").transfer(change(state))


def test_a_teacher_is_not_taught():
    with pytest.raises(ValueError, match="student"):
        tiny().transfer(tiny().state_dict())


def test_a_student_that_only_imitates_comes_close_to_its_teacher():
    student = taught(distillation_share=1.0)
    history = train(student, [batch_of(LEVELS)] * 40, lr=3e-3, follow=False)
    assert history[-1]["distillation"] < 0.1 * history[0]["distillation"]


def test_bfloat16_keeps_losses_and_keys_in_float32():
    exact = loss_at(taught(temperature=0.5), batch_of(LEVELS))
    student = taught(temperature=0.5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = student.loss(batch_of(LEVELS), step=0, total_steps=10)
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(keys.dtype == torch.float32 for _, keys in student.pending)
    # bfloat16 carries 8 bits through ten layers; the loss of some units agrees to a tenth or so.
    assert loss.item() == pytest.approx(exact, rel=0.2)


def test_the_students_backbone_gives_the_classifier_its_features():
    student, images = taught(), batch_of(LEVELS)["query"]
    train(student, [batch_of(LEVELS, seed=step) for step in range(2)])
    assert student.teacher is not None
    classifier = Classifier(5, **NETWORK).eval()
    classifier.load_encoder(student.encoder_state())
    student.eval()
    features = [
        encoder.trunk(images).mean(dim=(2, 3))
        for encoder in (student.learner.encoders.query, student.teacher.encoders.query)
    ]
    assert torch.equal(classifier.features(images), features[0])
    assert not torch.equal(classifier.features(images), features[1])
