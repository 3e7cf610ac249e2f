"""Lesion-aware CL: the healthy queue, both phases alike; the student has a file of its own."""

import math

import pytest
import torch
import torch.nn.functional as F
from small_contrast import batch_of, idle, resnet50_encoder_size, size, train
from small_lesion_aware import LEVELS, logged, loss_at, tiny

from baselines.lesion_aware_cl import PHASES, LesionAwareCL

NAMES = [name for name, _, _ in PHASES]


@pytest.mark.parametrize("phase", NAMES)
def test_the_gradient_reaches_every_weight_of_the_phase_and_no_other(phase):
    model = tiny(phase)
    model.loss(batch_of(LEVELS), step=0, total_steps=10)[0].backward()
    assert idle(model) == []
    still = [name for name, weight in model.named_parameters() if not weight.requires_grad]
    assert still
    assert all(weight.grad is None for weight in model.parameters() if not weight.requires_grad)


def test_only_the_query_encoder_of_the_learner_is_trained():
    for model in (tiny(), tiny("student")):
        trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
        assert all(name.startswith("learner.encoders.query.") for name in trained)
        assert size(model, trained=True) == size(model.learner.encoders.query)


def test_healthy_keys_alone_enter_the_queue_after_the_step():
    model, batch = tiny(), batch_of(LEVELS)
    healthy = batch["key"][batch["levels"] >= 2]
    with torch.no_grad():
        expected = model.learner.encoders.key(healthy)
    model.loss(batch, step=0, total_steps=10)
    assert len(model.learner.queue) == 0
    model.after_step()
    assert torch.equal(model.learner.queue.keys(), expected)


@pytest.mark.parametrize("phase", NAMES)
def test_training_moves_both_encoders_the_key_encoder_less(phase):
    model = tiny(phase, momentum=0.9)
    encoders = (model.learner.encoders.query, model.learner.encoders.key)
    before = torch.cat([p.detach().flatten() for p in encoders[1].parameters()])
    train(model, [batch_of(LEVELS, seed=step) for step in range(3)])
    moved = [
        (torch.cat([p.detach().flatten() for p in encoder.parameters()]) - before).norm()
        for encoder in encoders
    ]
    assert moved[0] > moved[1] > 0


def test_the_query_view_of_a_healthy_patch_is_not_used():
    model, batch = tiny(), batch_of(LEVELS)
    healthy = (batch["levels"] >= 2).view(-1, 1, 1, 1)
    changed = batch | {"query": batch["query"] + healthy}
    assert loss_at(model, changed) == loss_at(model, batch)
    assert loss_at(model, batch | {"query": batch["query"] + ~healthy}) != loss_at(model, batch)
    assert loss_at(model, batch | {"key": batch["key"] * (1 + healthy)}) != loss_at(model, batch)


def test_quality_is_not_used():
    model, batch = tiny(), batch_of(LEVELS)
    other = batch | {"levels": batch["levels"] // 2 * 2}
    assert loss_at(model, other) == loss_at(model, batch)
    assert loss_at(model, batch | {"levels": 3 - batch["levels"]}) != loss_at(model, batch)


def test_before_the_first_key_the_healthy_keys_of_the_batch_stand_in():
    model = tiny()
    assert logged(model, batch_of(LEVELS))["negatives"] == 6
    model.after_step()
    assert logged(model, batch_of([0, 1, 2, 3]))["negatives"] == 6
    model.after_step()
    assert logged(model, batch_of([0, 1, 2, 3]))["negatives"] == 8


@pytest.mark.parametrize("phase", NAMES)
def test_a_batch_without_lesions_is_a_zero_that_still_feeds_the_queues(phase):
    model = tiny(phase)
    loss, logs = model.loss(batch_of([2, 3, 2]), step=0, total_steps=10)
    loss.backward()
    model.after_step()
    assert loss.item() == 0
    assert logs == {"patches/lesion": 0, "patches/healthy": 3}
    gradients = [weight.grad for weight in model.learner.encoders.query.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)
    assert len(model.learner.queue) == 3


def test_a_batch_without_healthy_patches_learns_from_the_queue():
    model = tiny()
    model.loss(batch_of(LEVELS), step=0, total_steps=10)
    model.after_step()
    assert logged(model, batch_of([0, 1, 0]))["negatives"] == 6
    model.after_step()
    assert len(model.learner.queue) == 6


def test_lesions_and_healthy_patches_have_their_own_batch_statistics():
    """Whatever the healthy ones are, the lesions' keys stay: no negative in the queue changes."""
    model, batch = tiny(), batch_of(LEVELS)
    model.learner.queue.enqueue(F.normalize(torch.ones(4, 8)))
    healthy = (batch["levels"] >= 2).view(-1, 1, 1, 1)
    other = batch | {"key": batch["key"] * (1 + healthy)}
    assert loss_at(model, other) == loss_at(model, batch)
    first, second = (keys for _, keys in model.pending)
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("phase", NAMES)
def test_eight_patches_are_nearly_memorised_against_fixed_keys(phase):
    history = train(tiny(phase), [batch_of(LEVELS)] * 40, lr=1e-2, follow=False)
    assert history[0]["relative"] > 0.5
    assert history[-1]["relative"] < 0.2


def test_lesions_are_told_from_healthy_patches_better_than_by_chance():
    """Patches of one colour each and a little noise; those of lesions are redder."""
    batches = []
    for seed in range(40):
        batch = batch_of([0, 2, 2, 2] * 8, seed)
        colours = torch.randn(32, 3, 1, 1, generator=torch.Generator().manual_seed(100 + seed))
        colours[:, 0] += (batch["levels"] < 2).float().view(-1, 1, 1)
        views = {side: 0.3 * colours + 0.1 * batch[side] for side in ("query", "key")}
        batches.append(batch | views)
    model = tiny(momentum=0.9, queue_size=96, temperature=0.2)
    relative = [one["relative"] for one in train(model, batches, lr=3e-3)]
    assert sum(relative[-10:]) / 10 < 0.8 * sum(relative[:10]) / 10


def test_embeddings_that_are_all_one_are_logged_as_chance():
    model = tiny(head="none")
    for weight in model.parameters():
        weight.data.zero_()
    loss, logs = model.loss(batch_of(LEVELS), step=0, total_steps=10)
    assert float(logs["relative"]) == pytest.approx(1)
    assert loss.item() == pytest.approx(math.log(7))


@pytest.mark.parametrize("phase", NAMES)
def test_a_checkpoint_restores_everything(phase):
    first = tiny(phase, seed=3)
    train(first, [batch_of(LEVELS, seed=step) for step in range(3)])
    resumed, batch = tiny(phase), batch_of(LEVELS, seed=9)
    assert loss_at(resumed, batch) != loss_at(first, batch)
    resumed.load_state_dict(first.state_dict())
    assert loss_at(resumed, batch) == loss_at(first, batch)


@pytest.mark.parametrize("phase", NAMES)
def test_a_loss_in_evaluation_leaves_no_trace(phase):
    model = tiny(phase)
    train(model, [batch_of(LEVELS)])
    model.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    loss_at(model, batch_of(LEVELS))
    assert model.pending == []
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    loss_at(model.train(), batch_of(LEVELS))
    assert len(model.pending) == {"teacher": 1, "student": 2}[phase]


def test_patches_do_not_see_each_other_in_eval_mode():
    model, patches = tiny("student"), batch_of(LEVELS)["query"]
    model.eval()
    # Single precision through a dozen layers; another batch size may sum in another order.
    torch.testing.assert_close(model(patches)[:1], model(patches[:1]), rtol=1e-4, atol=1e-5)
    model.train()
    assert not torch.allclose(model(patches)[:2], model(patches[:2]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("phase", "encoders"), [("teacher", 2), ("student", 4)])
def test_a_resnet50_has_the_size_that_a_count_by_hand_gives(phase, encoders):
    with torch.device("meta"):
        model = LesionAwareCL(phase=phase)
    assert size(model, trained=True) == pytest.approx(resnet50_encoder_size(), rel=0.01)
    assert size(model) == pytest.approx(encoders * resnet50_encoder_size(), rel=0.01)
    assert model.learner.queue.slots.shape == (14400, 128)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"phase": "pupil"}, "phase"),
        ({"distillation_share": 1.5}, "distillation_share"),
    ],
)
def test_a_wrong_option_is_refused(options, what):
    with pytest.raises(ValueError, match=what):
        tiny(**options)


def test_phases_share_the_epochs():
    assert NAMES == ["teacher", "student"]
    assert sum(share for _, share, _ in PHASES) == pytest.approx(1)
    embeddings = tiny()(batch_of(LEVELS)["query"])
    torch.testing.assert_close(embeddings, F.normalize(embeddings))
