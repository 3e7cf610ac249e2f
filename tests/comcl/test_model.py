"""CoMCL as a whole: gradients, queues, what a checkpoint holds, what is handed on."""

import pytest
import torch
from small_comcl import NETWORK, batch_of, filled, loss_at, tiny

from baselines.backbones import WeightsMismatch
from baselines.classifier import Classifier
from comcl.model import CoMCL
from comcl.views import LEVELS, pairs_for


def train(model: CoMCL, steps: range, total: int = 10) -> list[float]:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for step in steps:
        optimizer.zero_grad()
        loss, _ = model.loss(batch_of(seed=step), step=step, total_steps=total)
        loss.backward()
        optimizer.step()
        model.after_step()
        losses.append(loss.item())
    return losses


def test_the_gradient_reaches_every_weight_of_the_query_encoder():
    model = filled(tiny(spl="off"))
    model.loss(batch_of(), step=0, total_steps=10)[0].backward()
    untouched = [
        name
        for name, weight in model.encoders.query.named_parameters()
        if weight.grad is None or not weight.grad.any()
    ]
    assert untouched == []


def test_no_gradient_reaches_the_key_encoder():
    model = filled(tiny())
    model.loss(batch_of(), step=0, total_steps=10)[0].backward()
    assert all(weight.grad is None for weight in model.encoders.key.parameters())


def test_training_moves_both_encoders_the_key_encoder_less():
    model = tiny(momentum=0.9)
    before = torch.cat([p.detach().flatten() for p in model.encoders.key.parameters()])
    train(model, range(3))
    moved = [
        (torch.cat([p.detach().flatten() for p in encoder.parameters()]) - before).norm()
        for encoder in (model.encoders.query, model.encoders.key)
    ]
    assert moved[0] > moved[1] > 0


def test_what_can_be_learned_is_learned():
    """Two views that are one image; patches of different levels differ in colour."""
    model = tiny(momentum=0.9, queue_size=32, temperature=0.07)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    relative = []
    for step in range(30):
        batch = batch_of()
        batch["query"] = batch["key"] + batch["levels"].view(-1, 1, 1, 1)
        batch["key"] = batch["query"].clone()
        optimizer.zero_grad()
        loss, logs = model.loss(batch, step=step, total_steps=30)
        loss.backward()
        optimizer.step()
        model.after_step()
        relative.append(float(logs["relative/L|H"]))
    assert relative[-1] < 0.5 * relative[0]


def test_keys_wait_for_the_step_and_then_enter_the_queue_of_their_level():
    model = tiny()
    model.loss(batch_of("L L H"), step=0, total_steps=10)
    assert [len(model.queue(level)) for level in LEVELS] == [0, 0, 0, 0]
    model.after_step()
    assert [len(model.queue(level)) for level in LEVELS] == [8, 0, 4, 0]


def test_accumulated_parts_all_enter_the_queues_in_order():
    model = tiny()
    parts = [batch_of(seed=1, repeats=1), batch_of(seed=2, repeats=1)]
    with torch.no_grad():
        keys = [model.encoders.key(part["key"]) for part in parts]
    for part in parts:
        model.loss(part, step=0, total_steps=10)
    model.after_step()
    for place, level in enumerate(LEVELS):
        expected = torch.stack([keys[0][place], keys[1][place]])
        assert torch.equal(model.queue(level).keys(), expected)


def test_a_loss_in_evaluation_leaves_no_trace():
    """The released code lets validation keys into the training queue.

    Source: docs/reference/methods.md#released-code.
    """
    model = filled(tiny(spl="kumar"))
    model.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.loss(batch_of(), step=5, total_steps=10)
    assert model.pending == []
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    model.train()
    model.loss(batch_of(), step=5, total_steps=10)
    assert len(model.pending) == 1
    assert model.ages.isfinite().all()


def test_slots_never_filled_are_no_negatives():
    small, large = filled(tiny(queue_size=12)), filled(tiny(queue_size=500))
    assert loss_at(small) == loss_at(large)
    large.queue("H").enqueue(torch.eye(8))
    assert loss_at(small) != loss_at(large)


def test_k_t_counts_the_keys_that_are_in_the_queue_now():
    model = filled(tiny())
    _, logs = model.loss(batch_of(), step=0, total_steps=10)
    assert logs["k/L|H"] == 10
    model.after_step()
    _, logs = model.loss(batch_of(), step=0, total_steps=10)
    assert logs["k/L|H"] == 12


def test_before_the_first_key_the_keys_of_the_batch_stand_in():
    assert loss_at(tiny()) == loss_at(tiny(negatives="batch"))
    assert tiny().loss(batch_of("L L H"), step=0, total_steps=10)[1]["k/L|H"] == 4


def test_queues_may_differ_in_length():
    model = tiny(queue_size={"L": 1, "L~": 2, "H": 3, "H~": 4})
    train(model, range(1))
    assert [len(model.queue(level)) for level in LEVELS] == [1, 2, 3, 4]


@pytest.mark.parametrize("levels", ["H H~", "L"])
def test_a_batch_without_anchors_or_negatives_is_a_zero_with_zero_gradients(levels):
    model = tiny()
    loss, logs = model.loss(batch_of(levels), step=0, total_steps=10)
    loss.backward()
    assert loss.item() == 0
    assert not any(name.startswith("loss/") for name in logs)
    gradients = [weight.grad for weight in model.encoders.query.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)


def test_the_printed_rule_selects_nothing_at_a_random_start_and_trains_nothing():
    model = tiny(spl="literal")
    for seed in range(3):  # fills the queues, without a step of an optimizer
        model.loss(batch_of(seed=seed), step=0, total_steps=10)
        model.after_step()
    loss, logs = model.loss(batch_of(), step=0, total_steps=10)
    loss.backward()
    assert [float(logs[f"selected/{pair.name}"]) for pair in model.pairs] == [0, 0, 0]
    assert loss.item() == 0
    gradients = [weight.grad for weight in model.encoders.query.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)


def test_where_nothing_is_selected_weight_decay_alone_moves_the_weights_towards_zero():
    """Adam divides by the size of the gradient: docs/reference/open-questions.md#d61."""
    sizes = {}
    for decay in (0.0, 5e-4):
        model = filled(tiny(spl="literal"))
        weights = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(weights, lr=1e-3, weight_decay=decay)
        before = sum(weight.detach().abs().sum().item() for weight in weights)
        for step in range(3):
            optimizer.zero_grad()
            model.loss(batch_of(), step=step, total_steps=10)[0].backward()
            optimizer.step()
        sizes[decay] = sum(weight.detach().abs().sum().item() for weight in weights) / before
    assert sizes[0.0] == 1
    assert sizes[5e-4] < 0.99


def test_logs_tell_the_selected_share_and_the_patches_of_each_level():
    _, logs = filled(tiny()).loss(batch_of("L L L~ H"), step=0, total_steps=10)
    assert [logs[f"patches/{level}"] for level in LEVELS] == [8, 4, 4, 0]
    assert float(logs["selected/L|H"]) == 0.5


def test_a_checkpoint_restores_everything():
    straight = tiny(spl="kumar")
    whole = train(straight, range(6))
    first = tiny(spl="kumar")
    early = train(first, range(3))
    resumed = tiny(spl="kumar", momentum=0.999)
    resumed.load_state_dict(first.state_dict())
    assert torch.equal(resumed.ages, first.ages)
    assert resumed.ages.isfinite().all()
    assert early == whole[:3]
    assert loss_at(resumed) == loss_at(first)
    assert loss_at(tiny(spl="kumar")) != loss_at(first)


def test_bfloat16_keeps_losses_and_keys_in_float32():
    model = filled(tiny())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = model.loss(batch_of(), step=3, total_steps=10)
    loss.backward()
    model.after_step()
    assert loss.dtype == torch.float32
    # bfloat16 carries 8 bits through ten layers; the loss of some units agrees to a tenth or so.
    assert loss.item() == pytest.approx(loss_at(filled(tiny())), rel=0.2)
    assert model.queue("L").keys().norm(dim=1).tolist() == pytest.approx([1] * 12, abs=1e-5)


def test_the_positive_role_draws_its_positives_and_negatives_from_their_levels():
    model = filled(tiny(pairs=pairs_for(la_role="positive")[:1], topk="off", queue_size=30))
    model.queue("H").enqueue(torch.eye(8))
    before, logs = model.loss(batch_of(), step=0, total_steps=10)
    assert logs["k/L=L~|H"] == 18
    model.queue("H~").enqueue(torch.eye(8))
    assert loss_at(model, step=0) == before.item()
    model.queue("L~").enqueue(torch.eye(8))
    assert loss_at(model, step=0) != before.item()


def test_the_pretrained_backbone_gives_the_classifier_its_features():
    model = tiny()
    train(model, range(2))
    classifier = Classifier(5, **NETWORK)
    images = batch_of()["query"]
    model.eval()
    classifier.eval()
    expected = model.encoders.query.trunk(images).mean(dim=(2, 3))
    assert not torch.equal(classifier.features(images), expected)
    classifier.load_encoder(model.encoder_state())
    assert torch.equal(classifier.features(images), expected)


def test_a_backbone_of_another_width_is_refused():
    classifier = Classifier(5, backbone="resnet10t", backbone_options={"channels": (8, 8, 16, 24)})
    with pytest.raises(WeightsMismatch, match="another shape"):
        classifier.load_encoder(tiny().encoder_state())
