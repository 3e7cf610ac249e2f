"""DeepMT-DR: phases and who learns in them, what is fed to what, what it can learn."""

from typing import Any

import pytest
import torch
from small_deepmt_dr import MEAN, STD, batch_of, terms_of, tiny

from baselines.backbones import WeightsMismatch
from baselines.deepmt_dr import PHASES, PHASES_WITHOUT_SEGMENTATION, TRAINED, DeepMTDR
from baselines.deepmt_dr_losses import TERM_WEIGHTS
from baselines.resampling import shrink

CASES = [(segmentation, phase) for segmentation, phases in TRAINED.items() for phase in phases]


@pytest.mark.parametrize(
    ("segmentation", "phases"), [(True, PHASES), (False, PHASES_WITHOUT_SEGMENTATION)]
)
def test_the_phases_are_those_that_can_be_built_each_as_long_as_a_classifier(segmentation, phases):
    assert [name for name, _, _ in phases] == list(TRAINED[segmentation])
    assert [length for _, length, _ in phases] == [1, 1, 1]


@pytest.mark.parametrize("size", [32, 64, 70, 96])
@pytest.mark.parametrize("segmentation", [True, False])
def test_images_of_any_size_get_one_logit_a_class(size, segmentation):
    model = tiny(7, segmentation=segmentation).eval()
    logits = model(batch_of(2, size)["images"])
    assert logits.shape == (2, 7)
    assert not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("segmentation", [True, False])
def test_images_in_a_batch_do_not_see_each_other(segmentation):
    model = tiny(segmentation=segmentation).eval()
    images = batch_of()["images"]
    torch.testing.assert_close(model(images)[:1], model(images[:1]), rtol=1e-4, atol=1e-5)
    alone, together = model.saliency(images[:1]), model.saliency(images)
    torch.testing.assert_close(together[:1], alone, rtol=1e-3, atol=1e-4)


def test_normalisation_is_undone_to_the_range_of_colours():
    colours = torch.rand(2, 3, 4, 4)
    normalised = (colours - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1)
    torch.testing.assert_close(tiny().unnormalised(normalised), colours)
    beyond = tiny().unnormalised(torch.tensor([-9.0, 9.0]).view(2, 1, 1, 1).expand(2, 3, 4, 4))
    assert [(image.min(), image.max()) for image in beyond] == [(0, 0), (1, 1)]
    halves: dict[str, Any] = {"pixel_mean": (0.5, 0.5, 0.5), "pixel_std": (1.0, 1.0, 1.0)}
    torch.testing.assert_close(tiny(**halves).unnormalised(colours - 0.5), colours)


def test_the_answer_goes_by_way_of_low_resolution():
    model = tiny().eval()
    images = batch_of()["images"]
    high = images * STD.view(3, 1, 1) + MEAN.view(3, 1, 1)
    restored = model.isr(shrink(high, 4))
    assert model.seg is not None
    lesions = model.seg(restored).sigmoid()[:, :4]
    expected = model.grader(torch.cat([restored, lesions], dim=1))
    torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-5)
    sharp = model.grader(model.seen(high)[0])
    assert not torch.allclose(model(images), sharp, atol=1e-4)
    torch.testing.assert_close(tiny(phase="grading").eval()(images), sharp, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("segmentation", "phase"), CASES)
def test_every_weight_that_learns_in_a_phase_gets_a_gradient_and_no_other(segmentation, phase):
    model = tiny(phase=phase, segmentation=segmentation)
    terms_of(model, batch_of())[0].backward()
    learns = {n for n, p in model.named_parameters() if n.split(".")[0] in model.trained}
    assert {n for n, p in model.named_parameters() if p.requires_grad} == learns
    assert {n for n, p in model.named_parameters() if p.grad is not None} == learns
    moved = {
        n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert moved == set(model.trained)


def test_each_part_learns_at_its_own_rate():
    rates = {
        phase: {name: 5e-5 * share for name, share in parts.items()}
        for phase, parts in TRAINED[True].items()
    }
    assert rates["segmentation"] == pytest.approx({"isr": 5e-5, "seg": 2e-5})
    assert rates["grading"] == pytest.approx({"grader": 5e-5, "integration": 1e-5})
    assert rates["joint"] == pytest.approx({"isr": 1e-5, "grader": 5e-5})
    model = tiny(phase="joint")
    grader, isr = model.parameter_groups(2.0)
    assert (grader["lr"], isr["lr"]) == (2.0, 0.4)
    assert list(map(id, isr["params"])) == list(map(id, model.isr.parameters()))
    assert list(map(id, grader["params"])) == list(map(id, model.grader.parameters()))


@pytest.mark.parametrize(("segmentation", "phase"), CASES)
def test_frozen_parts_keep_even_their_batch_statistics(segmentation, phase):
    model = tiny(phase=phase, segmentation=segmentation)
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    terms_of(model, batch_of())
    changed = {n.split(".")[0] for n, b in model.named_buffers() if not torch.equal(b, before[n])}
    with_norms = {"seg", "grader"}  # ISR and integration have none
    assert changed == with_norms & set(model.trained)
    in_training = {name for name, part in model.named_children() if part.training}
    assert in_training == set(model.trained)
    model.eval()
    assert not any(module.training for module in model.modules())
    model.train()
    assert {name for name, part in model.named_children() if part.training} == in_training


@pytest.mark.parametrize(("segmentation", "phase"), CASES)
def test_the_loss_is_the_weighted_sum_of_the_logged_terms(segmentation, phase):
    model = tiny(phase=phase, segmentation=segmentation)
    loss, logs = terms_of(model, batch_of())
    weights = TERM_WEIGHTS[phase]
    assert loss.dtype == torch.float32
    expected = sum(weights[name] * float(logs[name]) for name in weights if name in logs)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    needs_masks = {"seg_perceptual", "dice", "focal", "seg_map"}
    assert set(logs) - {"accuracy"} == set(weights) - (set() if segmentation else needs_masks)


def test_findings_cost_binary_cross_entropy_and_grades_cross_entropy():
    batch = batch_of()
    grading = tiny(phase="grading").eval()
    logits = grading.grader(grading.seen(grading.unnormalised(batch["images"]))[0])
    cost = -logits.log_softmax(dim=1)[torch.arange(4), batch["labels"]].mean()
    torch.testing.assert_close(terms_of(grading, batch)[1]["grading"], cost.detach())
    batch["labels"] = batch["findings"]
    findings = tiny(3, task="findings", phase="grading").eval()
    chances = findings.grader(findings.seen(findings.unnormalised(batch["images"]))[0]).sigmoid()
    right = torch.where(batch["labels"] == 1, chances, 1 - chances)
    torch.testing.assert_close(
        terms_of(findings, batch)[1]["grading"], -right.log().mean().detach()
    )


def test_class_weights_weigh_the_true_class():
    batch = batch_of()
    plain, only_first = tiny().eval(), tiny(class_weights=(1.0, 0, 0, 0, 0)).eval()
    first = {name: value[:1] for name, value in batch.items()}  # its grade is 0
    cost = terms_of(only_first, batch)[1]["grading"]
    torch.testing.assert_close(cost, terms_of(plain, first)[1]["grading"])
    assert cost != terms_of(plain, batch)[1]["grading"]


def learned(model: DeepMTDR, batch, *, steps: int, lr: float = 1e-2):
    optimizer = torch.optim.Adam(model.parameter_groups(lr))
    history = []
    for step in range(steps):
        optimizer.zero_grad()
        loss, logs = model.loss(batch, step=step, total_steps=steps)
        loss.backward()
        optimizer.step()
        history.append({name: float(value) for name, value in logs.items()})
    return history


def test_a_batch_of_eight_is_nearly_memorised_from_super_resolved_images():
    history = learned(tiny(phase="joint"), batch_of(8, 32), steps=60)
    assert history[-1]["accuracy"] == 1
    assert history[-1]["grading"] < 0.2 * history[0]["grading"]


def test_findings_are_memorised_without_segmentation():
    batch = batch_of(8, 32)
    batch["labels"] = batch["findings"]
    history = learned(tiny(3, task="findings", segmentation=False), batch, steps=40)
    assert history[-1]["accuracy"] == 1
    assert history[-1]["grading"] < 0.2 * history[0]["grading"]


def test_lesions_are_found_in_the_first_phase():
    history = learned(tiny(phase="segmentation", width=8), batch_of(2, 32), steps=25)
    assert history[-1]["dice"] < 0.9 * history[0]["dice"]
    assert history[-1]["focal"] < 0.3 * history[0]["focal"]


def test_images_are_restored_in_a_first_phase_without_masks():
    model = tiny(phase="super_resolution", segmentation=False)
    history = learned(model, batch_of(2, 32), steps=60)
    assert history[-1]["mse"] < 0.6 * history[0]["mse"]


def test_the_map_learns_to_be_the_lesions_in_the_second_phase():
    history = learned(tiny(phase="grading"), batch_of(2), steps=15)
    assert history[-1]["seg_map"] < history[0]["seg_map"]


def test_the_next_phase_starts_where_the_last_ended():
    first, last = tiny(phase="segmentation"), tiny(phase="joint", seed=1)
    learned(first, batch_of(), steps=1)
    images = batch_of()["images"]
    assert not torch.equal(first.eval()(images), last.eval()(images))
    last.transfer(first.state_dict())
    assert torch.equal(first(images), last(images))
    assert not any(p.requires_grad for n, p in last.named_parameters() if n.startswith("seg"))


def test_another_network_s_state_is_refused():
    model = tiny()
    with pytest.raises(WeightsMismatch, match="another shape"):
        model.transfer(tiny(width=8).state_dict())
    with pytest.raises(WeightsMismatch, match="unexpected"):
        tiny(side_weights=(1.0, 1.0)).transfer(model.state_dict())
    with pytest.raises(WeightsMismatch, match="missing"):
        model.transfer(tiny(side_weights=(1.0, 1.0)).state_dict())


@pytest.mark.parametrize("segmentation", [True, False])
def test_the_map_has_the_images_size_wherever_it_is_asked_for(segmentation):
    model = tiny(segmentation=segmentation).eval().requires_grad_(False)
    images = batch_of(3, 70)["images"]
    result = model.saliency(images)
    with torch.inference_mode():
        inside = model.saliency(images.clone())
    assert result.shape == (3, 70, 70)
    assert (result >= 0).all()
    assert (result.amax(dim=(1, 2)) > result.amin(dim=(1, 2))).all()
    assert torch.equal(result, inside)


def test_loss_without_gradients_is_the_same_loss():
    for _, phase in CASES[:3]:
        model = tiny(phase=phase).eval()
        loss = terms_of(model, batch_of())[0]
        with torch.no_grad():
            assert terms_of(model, batch_of())[0].item() == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize(("segmentation", "phase"), CASES)
def test_bfloat16_keeps_the_loss_in_float32(segmentation, phase):
    model = tiny(phase=phase, segmentation=segmentation)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = terms_of(model, batch_of(2))
    loss.backward()
    assert loss.dtype == torch.float32
    expected = terms_of(tiny(phase=phase, segmentation=segmentation), batch_of(2))[0].item()
    # bfloat16 carries 8 bits through a dozen layers, and ReLUs that flip move the maps.
    assert loss.item() == pytest.approx(expected, rel=0.2)


def test_dropout_acts_in_training_alone():
    model = tiny(dropout=0.5, phase="grading")
    model.grader.trunk.eval()
    images = batch_of()["images"]
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "regression"}, "task"),
        ({"phase": "warmup"}, "phase .* segmentation, grading, joint"),
        ({"phase": "super_resolution"}, "phase"),
        ({"phase": "segmentation", "segmentation": False}, "phase"),
        ({"dice": "sum"}, "dice"),
        ({"lesion_maps": "argmax"}, "lesion_maps"),
        ({"upscale": 3}, r"upscale \(3\)"),
        ({"upscale": 1}, r"upscale \(1\)"),
        ({"side_weights": ()}, "side_weights"),
        ({"class_weights": (1.0, 2.0)}, r"class_weights \(2\) must be 5"),
    ],
)
def test_what_does_not_exist_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)
