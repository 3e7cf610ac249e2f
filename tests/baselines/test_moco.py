"""MoCo: presets, groups, the queue, what it learns, what it hands on."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_contrast import NETWORK, batch_of, idle, resnet50_encoder_size, size, train

from baselines.backbones import WeightsMismatch
from baselines.classifier import Classifier
from baselines.moco import PRESETS, MoCo, in_groups

LEVELS = [0, 1, 2, 3, 0, 1, 2, 3]


def tiny(**options: Any) -> MoCo:
    torch.manual_seed(0)
    keywords: dict[str, Any] = NETWORK | {"queue_size": 20, "embedding_size": 8} | options
    return MoCo(**keywords)


def filled(model: MoCo, keys: int = 12) -> MoCo:
    others = torch.randn(keys, 8, generator=torch.Generator().manual_seed(7))
    model.queue.enqueue(F.normalize(others))
    return model


def loss_at(model: MoCo, batch: dict[str, torch.Tensor]) -> float:
    return model.loss(batch, step=0, total_steps=10)[0].item()


def test_the_gradient_reaches_every_weight_of_the_query_encoder_and_no_other():
    model = filled(tiny())
    model.loss(batch_of(LEVELS), step=0, total_steps=10)[0].backward()
    assert idle(model) == []
    assert all(weight.grad is None for weight in model.encoders.key.parameters())


def test_rows_of_all_levels_are_used_alike():
    model, batch = filled(tiny()).eval(), batch_of(LEVELS)
    others = batch | {"levels": torch.zeros(8, dtype=torch.long)}
    assert loss_at(model, batch) == loss_at(model, others)
    assert loss_at(model, batch) != loss_at(model, batch_of(LEVELS, seed=1))


def test_eight_images_are_nearly_memorised_against_a_fixed_queue():
    history = train(filled(tiny()), [batch_of(LEVELS)] * 40, lr=1e-2, follow=False)
    assert history[0]["relative"] > 0.5
    assert history[-1]["relative"] < 0.2


@pytest.mark.parametrize("negatives", ["queue", "batch"])
def test_a_stream_of_images_is_told_apart_better_than_by_chance(negatives):
    """Every image is of one random colour, so that a colour is what there is to learn."""
    generator = torch.Generator().manual_seed(1)
    batches = []
    for _ in range(40):
        colours = torch.randn(16, 3, 1, 1, generator=generator).expand(16, 3, 32, 32)
        batches.append({"query": colours, "key": colours, "levels": torch.zeros(16)})
    model = tiny(queue_size=64, momentum=0.9, temperature=0.2, negatives=negatives)
    relative = [one["relative"] for one in train(model, batches, lr=3e-3)[1:]]  # K = 0 before
    assert sum(relative[-10:]) / 10 < 0.8 * sum(relative[:10]) / 10


def test_negatives_of_the_batch_are_the_other_images_keys_and_no_earlier_ones():
    """Against a cross entropy over all pairs, whose right answers are on the diagonal."""
    batch = batch_of(LEVELS, dtype=torch.float64)
    model = filled(tiny(negatives="batch")).double().eval()
    loss, logs = model.loss(batch, step=0, total_steps=10)
    query, key = model(batch["query"]), model.encoders.key(batch["key"])
    expected = F.cross_entropy(query @ key.T / model.settings.temperature, torch.arange(8))
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    assert logs["negatives"] == 7
    assert loss_at(model, batch) == loss_at(tiny(negatives="batch").double().eval(), batch)
    queue = filled(tiny()).double().eval()
    assert loss_at(queue, batch) != pytest.approx(loss.item(), abs=1e-3)


def test_embeddings_that_are_all_one_are_logged_as_chance():
    model = tiny(head="none")
    for encoder in (model.encoders.query, model.encoders.key):
        for weight in encoder.parameters():
            weight.data.zero_()
    model.queue.enqueue(torch.zeros(5, 16))
    _, logs = model.loss(batch_of(LEVELS), step=0, total_steps=10)
    assert float(logs["relative"]) == pytest.approx(1)


def test_the_first_step_has_no_negatives_and_teaches_nothing():
    model = tiny()
    loss, logs = model.loss(batch_of(LEVELS), step=0, total_steps=10)
    loss.backward()
    assert loss.item() == 0
    assert logs == {"negatives": 0}
    gradients = [weight.grad for weight in model.encoders.query.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)


def test_keys_wait_for_the_step_and_then_enter_the_queue_in_order():
    model, parts = tiny(), [batch_of([0, 1, 2], seed=1), batch_of([0, 1, 2], seed=2)]
    with torch.no_grad():
        keys = [model.encoders.key(part["key"]) for part in parts]
    for part in parts:
        model.loss(part, step=0, total_steps=10)
    assert len(model.queue) == 0
    model.after_step()
    assert torch.equal(model.queue.keys(), torch.cat(keys))


def test_training_moves_both_encoders_the_key_encoder_less():
    model = filled(tiny(momentum=0.9))
    before = torch.cat([p.detach().flatten() for p in model.encoders.key.parameters()])
    train(model, [batch_of(LEVELS, seed=step) for step in range(3)])
    moved = [
        (torch.cat([p.detach().flatten() for p in encoder.parameters()]) - before).norm()
        for encoder in (model.encoders.query, model.encoders.key)
    ]
    assert moved[0] > moved[1] > 0


def test_a_loss_in_evaluation_leaves_no_trace():
    model = filled(tiny()).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    loss_at(model, batch_of(LEVELS))
    assert model.pending == []
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    loss_at(model.train(), batch_of(LEVELS))
    assert len(model.pending) == 1


def test_images_do_not_see_each_other_in_eval_mode():
    model, images = tiny(groups=2), batch_of(LEVELS)["query"]
    model.eval()
    # Single precision through a dozen layers; another batch size may sum in another order.
    torch.testing.assert_close(model(images)[:1], model(images[:1]), rtol=1e-4, atol=1e-5)
    model.train()
    assert not torch.allclose(model(images)[:2], model(images[:2]), rtol=1e-4, atol=1e-5)


def test_a_group_is_normalised_without_the_others():
    model, images = tiny(), batch_of(LEVELS)["query"]
    order = torch.tensor([7, 2, 0, 5, 1, 3, 4, 6])
    embedded = in_groups(model.encoders.query, images, order, groups=2)
    torch.testing.assert_close(embedded[order[:4]], model(images[order[:4]]))
    torch.testing.assert_close(embedded[order[4:]], model(images[order[4:]]))
    assert not torch.allclose(embedded, model(images))


def test_one_group_is_the_whole_batch_in_any_order():
    model, images = tiny().double(), batch_of(LEVELS, dtype=torch.float64)["query"]
    order = torch.tensor([7, 2, 0, 5, 1, 3, 4, 6])
    embedded = in_groups(model.encoders.query, images, order, groups=1)
    torch.testing.assert_close(embedded, model(images), rtol=0, atol=1e-10)


def test_a_group_has_two_images_at_least():
    seen = []

    class Sizes(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(len(images))
            return images

    in_groups(Sizes(), torch.zeros(9, 1), torch.arange(9), groups=8)
    in_groups(Sizes(), torch.zeros(1, 1), torch.arange(1), groups=8)
    in_groups(Sizes(), torch.zeros(9, 1), torch.arange(9), groups=3)
    assert seen == [3, 2, 2, 2, 1, 3, 3, 3]


def test_keys_are_shuffled_among_groups_and_follow_the_seed():
    model, batch = tiny(groups=2), batch_of(LEVELS)
    keys = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        model.pending.clear()
        model.loss(batch, step=0, total_steps=10)
        keys.append(model.pending[0])
    assert torch.equal(keys[0], keys[1])
    assert not torch.allclose(keys[0], keys[2])


def test_presets_are_what_their_sources_say_and_keywords_overrule_them():
    with torch.device("meta"):
        default, original = MoCo(**NETWORK), MoCo(**NETWORK, preset="original")
        mixed = MoCo(**NETWORK, preset="original", temperature=0.2, head="mlp")
    assert vars(default.settings) == {
        "queue_size": 7200,
        "momentum": 0.999,
        "temperature": 0.07,
        "head": "mlp",
        "groups": 1,
        "negatives": "queue",
    }
    assert len(original.queue.slots) == original.settings.queue_size == 65536
    assert original.settings.groups == 8
    assert isinstance(original.encoders.query.head, torch.nn.Linear)
    assert (mixed.settings.temperature, mixed.settings.head) == (0.2, "mlp")
    assert mixed.settings.queue_size == PRESETS["original"].queue_size


def test_an_unknown_preset_and_unknown_negatives_are_refused():
    with pytest.raises(ValueError, match="preset"):
        tiny(preset="v3")
    with pytest.raises(ValueError, match=r"negatives .*queue, batch"):
        tiny(negatives="bank")


@pytest.mark.parametrize(("preset", "head"), [("comcl_code", "mlp"), ("original", "linear")])
def test_a_resnet50_has_the_size_that_a_count_by_hand_gives(preset, head):
    with torch.device("meta"):
        model = MoCo(preset=preset)
    assert size(model, trained=True) == pytest.approx(resnet50_encoder_size(head), rel=0.01)
    assert size(model) == 2 * size(model, trained=True)


def test_bfloat16_keeps_losses_and_keys_in_float32():
    model = filled(tiny(temperature=0.5))
    exact = loss_at(filled(tiny(temperature=0.5)), batch_of(LEVELS))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = model.loss(batch_of(LEVELS), step=0, total_steps=10)
    loss.backward()
    assert loss.dtype == model.pending[0].dtype == torch.float32
    # bfloat16 carries 8 bits through ten layers; the loss of some units agrees to a tenth or so.
    assert loss.item() == pytest.approx(exact, rel=0.2)


def test_a_checkpoint_restores_everything():
    first = tiny()
    train(first, [batch_of(LEVELS, seed=step) for step in range(3)])
    resumed = tiny()
    batch = batch_of(LEVELS, seed=9)
    assert loss_at(resumed, batch) != loss_at(first, batch)
    resumed.load_state_dict(first.state_dict())
    assert loss_at(resumed, batch) == loss_at(first, batch)


def test_the_pretrained_backbone_gives_the_classifier_its_features():
    model, images = tiny(), batch_of(LEVELS)["query"]
    train(model, [batch_of(LEVELS, seed=step) for step in range(2)])
    classifier = Classifier(5, **NETWORK).eval()
    expected = model.eval().encoders.query.trunk(images).mean(dim=(2, 3))
    assert not torch.equal(classifier.features(images), expected)
    classifier.load_encoder(model.encoder_state())
    assert torch.equal(classifier.features(images), expected)
    other = Classifier(5, backbone="resnet10t", backbone_options={"channels": (8, 8, 16, 24)})
    with pytest.raises(WeightsMismatch, match="another shape"):
        other.load_encoder(model.encoder_state())
