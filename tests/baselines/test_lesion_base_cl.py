"""Lesion-base CL: NT-Xent at its limits, what the network learns and hands on."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from small_contrast import NETWORK, batch_of, idle, resnet50_encoder_size, size, train

from baselines.classifier import Classifier
from baselines.lesion_base_cl import LesionBaseCL, nt_xent

LEVELS = [0, 1, 2, 3, 0, 1, 2, 3]


def tiny(**options: Any) -> LesionBaseCL:
    torch.manual_seed(0)
    keywords: dict[str, Any] = NETWORK | {"embedding_size": 8} | options
    return LesionBaseCL(**keywords)


def loss_at(model: LesionBaseCL, batch: dict[str, torch.Tensor]) -> float:
    return model.loss(batch, step=0, total_steps=10)[0].item()


@given(st.integers(1, 9), st.sampled_from([0.07, 1.0]))
def test_all_alike_is_chance(patches, temperature):
    one = F.normalize(torch.ones(patches, 4, dtype=torch.float64))
    losses = nt_xent(one, one, temperature=temperature)
    assert losses.tolist() == pytest.approx([math.log(2 * patches - 1)] * 2 * patches, abs=1e-10)


def test_each_view_has_its_own_partner():
    first = F.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)))
    matched = nt_xent(first, first, temperature=0.07)
    assert (matched < nt_xent(first, first.roll(1, 0), temperature=0.07)).all()


def test_a_lower_temperature_punishes_a_near_rival_more():
    first = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    second = F.normalize(torch.tensor([[0.3, 1.0], [1.0, 0.3]]))
    warm, cold = (nt_xent(first, second, temperature=t).mean() for t in (1.0, 0.1))
    assert cold > warm


def test_the_two_views_are_interchangeable():
    model, batch = tiny().double(), batch_of(LEVELS, dtype=torch.float64)
    swapped = batch | {"query": batch["key"], "key": batch["query"]}
    mixed = batch | {"key": batch["key"].roll(1, 0)}
    assert loss_at(model, swapped) == pytest.approx(loss_at(model, batch), abs=1e-10)
    assert loss_at(model, mixed) != pytest.approx(loss_at(model, batch), abs=1e-3)


def test_both_views_share_batch_statistics():
    model, batch = tiny(temperature=0.5), batch_of(LEVELS)
    views = model(torch.cat([batch["query"], batch["key"]]))
    together = nt_xent(views[:8], views[8:], temperature=0.5).mean().item()
    alone = nt_xent(model(batch["query"]), model(batch["key"]), temperature=0.5).mean().item()
    assert loss_at(model, batch) == pytest.approx(together, rel=1e-6)
    assert abs(alone - together) > 1e-4


def test_the_gradient_reaches_every_weight():
    model = tiny()
    model.loss(batch_of(LEVELS), step=0, total_steps=10)[0].backward()
    assert idle(model) == []


def test_rows_of_all_levels_are_used_alike():
    model, batch = tiny().eval(), batch_of(LEVELS)
    others = batch | {"levels": torch.zeros(8, dtype=torch.long)}
    assert loss_at(model, batch) == loss_at(model, others)
    assert loss_at(model, batch) != loss_at(model, batch_of(LEVELS, seed=1))


def test_eight_patches_are_nearly_memorised():
    history = train(tiny(), [batch_of(LEVELS)] * 40, lr=1e-2)
    assert history[0]["relative"] > 0.5
    assert history[-1]["relative"] < 0.2


def test_embeddings_that_are_all_one_are_logged_as_chance():
    model = tiny(head="none")
    for weight in model.parameters():
        weight.data.zero_()
    loss, logs = model.loss(batch_of(LEVELS), step=0, total_steps=10)
    assert float(logs["relative"]) == pytest.approx(1)
    assert loss.item() == pytest.approx(math.log(15))
    assert logs["negatives"] == 14


def test_a_patch_alone_has_no_rival():
    loss, logs = tiny().eval().loss(batch_of([0]), step=0, total_steps=10)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert logs == {"negatives": 0}


def test_patches_do_not_see_each_other_in_eval_mode():
    model, patches = tiny(), batch_of(LEVELS)["query"]
    model.eval()
    # Single precision through a dozen layers; another batch size may sum in another order.
    torch.testing.assert_close(model(patches)[:1], model(patches[:1]), rtol=1e-4, atol=1e-5)
    model.train()
    assert not torch.allclose(model(patches)[:2], model(patches[:2]), rtol=1e-4, atol=1e-5)


def test_a_resnet50_has_the_size_that_a_count_by_hand_gives():
    with torch.device("meta"):
        model = LesionBaseCL()
    assert size(model) == pytest.approx(resnet50_encoder_size(), rel=0.01)


def test_bfloat16_keeps_the_loss_in_float32():
    exact = loss_at(tiny(temperature=0.5), batch_of(LEVELS))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = tiny(temperature=0.5).loss(batch_of(LEVELS), step=0, total_steps=10)
    loss.backward()
    assert loss.dtype == torch.float32
    # bfloat16 carries 8 bits through ten layers; the loss of some units agrees to a tenth or so.
    assert loss.item() == pytest.approx(exact, rel=0.2)


def test_the_pretrained_backbone_gives_the_classifier_its_features():
    model, images = tiny(), batch_of(LEVELS)["query"]
    train(model, [batch_of(LEVELS)] * 2)
    classifier = Classifier(5, **NETWORK).eval()
    expected = model.eval().encoder.trunk(images).mean(dim=(2, 3))
    assert not torch.equal(classifier.features(images), expected)
    classifier.load_encoder(model.encoder_state())
    assert torch.equal(classifier.features(images), expected)
