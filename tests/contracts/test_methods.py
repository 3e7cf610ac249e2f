"""What every method of the roster keeps; a new one is picked up here without an edit."""

from typing import Any

import pytest
import torch

from bench.data.leakage import images_of
from bench.pipeline import build
from bench.roster import METHODS
from bench.training.stages import initial_weights
from bench.training.train import trained_parameters

NAMES = list(METHODS)


@pytest.fixture
def made(context_of):
    """Each stage of a method with its module and first batch."""

    def make(name, **more):
        context = context_of(name, **more)
        return [
            (stage, initial_weights(stage.module, 0), next(iter(stage.batches.epoch(1))))
            for stage in build.stages(context)
        ]

    return make


@pytest.mark.parametrize("name", NAMES)
def test_the_last_stage_gives_one_logit_a_class(made, name):
    _, network, batch = made(name)[-1]
    assert network(batch["images"]).shape == (len(batch["images"]), 5)


@pytest.mark.parametrize("name", NAMES)
def test_every_trained_parameter_gets_a_gradient_in_each_stage(made, name):
    for stage, module, batch in made(name):
        loss, _ = module.loss(batch, step=0, total_steps=10)
        loss.backward()
        idle = [n for n, p in module.named_parameters() if p.requires_grad and p.grad is None]
        assert not idle, (stage.name, idle)


@pytest.mark.parametrize("name", NAMES)
def test_images_of_a_batch_do_not_see_each_other_in_eval_mode(made, name):
    _, network, batch = made(name)[-1]
    network.eval()
    with torch.no_grad():
        together, alone = network(batch["images"]), network(batch["images"][:1])
    # Single precision through a dozen layers; another batch size may sum in another order.
    torch.testing.assert_close(together[:1], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_eight_is_nearly_memorised(made, name):
    """By the loss of the grades; wide enough to, and without dropout, which is there against it."""
    _, network, batch = made(name, changes=("backbone.channels=[16,16,32,64]",))[-1]
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.Adam(trained_parameters(network, 1e-2), lr=1e-2)
    losses: list[float] = []
    for step in range(80):
        optimizer.zero_grad()
        loss, logs = network.loss(batch, step=step, total_steps=80)
        losses.append(float(torch.as_tensor(logs.get("grading", loss)).detach()))
        if losses[-1] < 0.2 * losses[0]:  # at this rate a later step may overshoot
            return
        loss.backward()
        optimizer.step()
    pytest.fail(f"the loss only fell from {losses[0]:.3f} to {min(losses):.3f}")


def test_the_stem_is_as_published_unless_it_is_narrowed(made):
    def stem(width):
        _, network, _ = made("resnet50", changes=(f"backbone.stem_width={width}",))[-1]
        widths = [m.out_channels for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
        return widths[:2]

    assert stem("null") == [24, 32]  # of resnet10t
    assert stem(16) == [12, 16]


def pools_of(context):
    """The patches of the first stage, by level."""
    batches: Any = build.stages(context)[0].batches
    return batches.pools


@pytest.mark.parametrize("name", NAMES)
def test_stages_see_training_patients_only(context_of, name):
    context = context_of(name)
    train = set(context.dataset.where("train").tolist())
    for stage in build.stages(context):
        seen = images_of(stage.batches)
        if seen is None:
            assert stage.batches.foreign == "idrid"  # photographs of other people
            continue
        assert set(seen.tolist()) <= train
        assert len(seen)


def test_whose_images_the_batches_of_other_photographs_are_is_named(context_of):
    foreign = {
        stage.name: stage.batches.foreign
        for name in NAMES
        for stage in build.stages(context_of(name))
        if images_of(stage.batches) is None
    }
    assert foreign == {"segmentation": "idrid"}


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_fixes_the_batches_and_another_changes_them(context_of, name):
    for position in range(len(build.stages(context_of(name)))):
        batches = [
            next(iter(build.stages(context_of(name, seed=seed))[position].batches.epoch(2)))
            for seed in (0, 0, 1)
        ]
        key = "images" if "images" in batches[0] else "query"
        assert torch.equal(batches[0][key], batches[1][key])
        assert not torch.equal(batches[0][key], batches[2][key])


def test_methods_see_the_same_images_in_the_same_order(context_of):
    """Differences between methods are paired: the order of fine-tuning leaves their names out."""
    batches = [build.stages(context_of(name))[-1].batches for name in ("resnet50", "comcl")]
    one, other = (next(iter(b.epoch(1))) for b in batches)
    assert torch.equal(one["images"], other["images"])


def test_the_compute_matched_control_costs_what_pretraining_and_finetuning_cost(context_of):
    """Units: a supervised pass over an image of the classifier's size, forward and backward."""
    context = context_of("comcl")
    pretrain, finetune = build.stages(context)
    protocol = context.protocol
    images = len(context.dataset.where("train"))
    patches = pretrain.epochs * len(pretrain.batches) * protocol.pretraining.batch
    area = (protocol.patches.size_px / protocol.data.image_px) ** 2
    cost = finetune.epochs * images + patches * 4 / 3 * area
    (long,) = build.stages(context_of("resnet50-long"))
    assert long.epochs > finetune.epochs
    assert abs(long.epochs * images - cost) <= images / 2


@pytest.mark.parametrize(("variant", "levels"), [("comcl", 4), ("comcl-v1", 2), ("comcl-v2", 3)])
def test_the_batch_is_shared_out_among_the_levels_that_the_losses_need(context_of, variant, levels):
    context = context_of(variant)
    batch = next(iter(build.stages(context)[0].batches.epoch(1)))
    assert len(set(batch["levels"].tolist())) == levels


@pytest.mark.parametrize("name", ["moco", "lesion-base-cl", "lesion-aware-cl"])
def test_contrastive_methods_pretrain_on_as_many_patches_as_comcl(context_of, name):
    """With an odd number of epochs too, which a method in two phases cannot halve."""

    def samples_seen(method):
        context = context_of(method, changes=("pretraining.epochs=5",))
        *pretraining, _ = build.stages(context)
        return sum(
            stage.epochs * sum(len(batch["query"]) for batch in stage.batches.epoch(1))
            for stage in pretraining
        )

    assert samples_seen(name) == samples_seen("comcl")


def test_lesion_aware_cl_sees_three_healthy_patches_a_lesion(context_of):
    batch = next(iter(build.stages(context_of("lesion-aware-cl"))[0].batches.epoch(1)))
    lesions = int((batch["levels"] < 2).sum())
    assert lesions > 0
    assert len(batch["levels"]) == len(batch["query"]) == 4 * lesions


def test_without_levels_quality_is_ignored(context_of):
    pools = pools_of(context_of("comcl-no-multilevel"))
    assert set(pools) == {0, 2}
    assert sum(map(len, pools.values())) > 0


def test_at_full_degradation_the_losses_of_empty_levels_are_dropped_and_said(context_of):
    context = context_of("comcl", ratio="1.0")
    assert set(pools_of(context)) == {1, 3}
    assert len(build.notes(context)) == 2


def test_paired_clean_keeps_the_originals_as_the_high_quality_levels(context_of):
    context = context_of("comcl", ratio="1.0", changes=("comcl.empty_level=paired_clean",))
    pools = pools_of(context)
    assert set(pools) == {0, 1, 2, 3}
    assert [pools[level].clean for level in range(4)] == [True, False, True, False]
    assert build.notes(context) == ()


def test_pretraining_moves_the_encoder_that_finetuning_starts_from(made):
    (_, contrastive, batch), (finetune, classifier, _) = made("comcl")
    before = {name: tensor.clone() for name, tensor in contrastive.encoder_state().items()}
    optimizer = torch.optim.Adam(contrastive.parameters(), lr=1e-3)
    for step in range(4):  # the first finds empty queues, and so nothing to be told apart from
        optimizer.zero_grad()
        contrastive.loss(batch, step=step, total_steps=10)[0].backward()
        optimizer.step()
        contrastive.after_step()
    after = contrastive.encoder_state()
    unmoved = [name for name, old in before.items() if torch.equal(old, after[name])]
    assert not unmoved
    finetune.starts_from(classifier, after)
    assert all(torch.equal(t, after[name]) for name, t in classifier.trunk.state_dict().items())
