"""What each stage trains on, how long and at which rate, and what it starts from."""

import importlib
import json
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
import pytest
import torch

from baselines import cabnet
from bench import store
from bench.pipeline import build
from bench.pipeline.resolve import Request
from bench.roster import METHODS
from bench.run import execute
from bench.training.augment import apply
from bench.training.augmentations import CONTRASTIVE, FINETUNE, MOCO_V1
from bench.training.callbacks import Callbacks
from bench.training.stages import initial_weights
from comcl.keys import other_levels, own_level_too

# The learning rate of each phase over that of fine-tuning, in docs/reference/methods.md.
RATES = {
    "cabnet": [50, 1],
    "mmcnn": [1, 1 / 2, 1 / 4],
    "zoom-in-net": [1, 1, 1, 1 / 10],
    "deepmt-dr": [1, 1, 1],
}
PRETRAINED = ["comcl", "moco", "lesion-base-cl", "lesion-aware-cl"]
LESION, HEALTHY = 0, 2  # level codes


def rates(context):
    """Each stage's learning rate over that of fine-tuning."""
    return [stage.settings.lr / context.protocol.finetuning.lr for stage in build.stages(context)]


@pytest.fixture
def phased(context_of):
    """What a method's phases are built from, as if its backbone came with weights."""
    return lambda name: replace(context_of(name), weights="imagenet")


@pytest.mark.parametrize("name", list(RATES))
def test_each_phase_learns_at_its_own_rate(phased, name, monkeypatch):
    assert rates(phased(name)) == pytest.approx(RATES[name])
    module = importlib.import_module(METHODS[name].component.partition(":")[0])
    tripled = [(phase, share, 3 * factor) for phase, share, factor in module.PHASES]
    monkeypatch.setattr(module, "PHASES", tuple(tripled))
    assert rates(phased(name)) == pytest.approx([3 * rate for rate in RATES[name]])


def handed_on(stages, position):
    """The outcome of a stage, and the next one's tensors before and after it starts from that."""
    before, after = stages[position : position + 2]
    assert before.outcome is not None and after.starts_from is not None
    state = before.outcome(initial_weights(before.module, 1))
    module = initial_weights(after.module, 2)
    own = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    after.starts_from(module, state)
    return state, own, module.state_dict()


@pytest.mark.parametrize("name", list(RATES))
def test_each_phase_starts_from_all_weights_of_the_one_before(context_of, name, monkeypatch):
    monkeypatch.setattr(cabnet, "ON_A_TRAINED_BACKBONE", ())
    stages = build.stages(context_of(name))
    assert stages[0].starts_from is None
    for position in range(len(stages) - 1):
        state, own, started = handed_on(stages, position)
        assert all(torch.equal(started[key], tensor) for key, tensor in state.items())
        assert not all(torch.equal(own[key], tensor) for key, tensor in state.items())


def test_the_student_is_taught_by_the_teacher_that_was_trained_before(context_of):
    stages = build.stages(context_of("lesion-aware-cl"))
    assert [stage.name for stage in stages] == ["teacher", "student", "finetune"]
    teacher, student = (initial_weights(stage.module, 0) for stage in stages[:2])
    assert (teacher.teacher is None, student.teacher is None) == (True, False)
    state, own, started = handed_on(stages, 0)
    weights = {key: value for key, value in state.items() if ".query." in key}
    assert weights
    for key, tensor in weights.items():
        assert torch.equal(started[key.replace("learner.", "teacher.", 1)], tensor)
        assert torch.equal(started[key], own[key])  # the student itself starts afresh


def test_the_classifier_starts_from_the_student(context_of):
    _, stage, _ = build.stages(context_of("lesion-aware-cl"))
    student: Any = initial_weights(stage.module, 0)
    assert stage.outcome is not None
    with torch.no_grad():
        for weight in student.learner.parameters():
            weight.add_(1.0)
    trained = stage.outcome(student)
    own = student.learner.encoders.query.trunk.state_dict()
    assert all(torch.equal(trained[key], tensor) for key, tensor in own.items())


@pytest.mark.parametrize("boxes", ["oracle", "random_lesion_crops"])
def test_lesion_aware_cl_takes_lesions_from_diseased_images_and_the_rest_from_healthy(
    context_of, boxes
):
    context = replace(context_of("lesion-aware-cl"), boxes=boxes)
    grades = context.dataset.labels()[:, 0]
    batches: Any = build.stages(context)[0].batches
    pools = batches.pools
    assert (grades[pools[LESION].images] > 0).all()
    train = context.dataset.where("train")
    assert sorted(pools[HEALTHY].images) == sorted(train[grades[train] == 0])


def test_moco_is_shown_whole_training_images(context_of):
    context = context_of("moco")
    batches: Any = build.stages(context)[0].batches
    batch = next(iter(replace(batches, augment=lambda cut, _: cut).epoch(1)))
    shown = batch["query"].numpy()
    images = context.images.whole.images(context.dataset.where("train"))
    assert shown.shape[1:] == images.shape[1:]
    assert all((image == images).all(axis=(1, 2, 3)).any() for image in shown)


@pytest.mark.parametrize("name", PRETRAINED)
def test_two_views_of_a_patch_differ_in_every_row(context_of, name):
    batch = next(iter(build.stages(context_of(name))[0].batches.epoch(1)))
    alike = np.isclose(batch["query"], batch["key"]).all(axis=(1, 2, 3))
    assert not alike.any()


def augmented(context, stage, augmentation, size_px):
    """A stage's augmentation of noise, and what it must be."""
    noise = torch.randint(0, 256, (6, size_px, size_px, 3), dtype=torch.uint8)
    found, drawn = (torch.Generator().manual_seed(3) for _ in range(2))
    normalised = context.protocol.normalisation
    expected = apply(
        noise.permute(0, 3, 1, 2),
        augmentation.draw(len(noise), drawn),
        size_px=size_px,
        mean=normalised.mean,
        std=normalised.std,
    )
    return stage.batches.augment(noise, found), expected


@pytest.mark.parametrize("name", PRETRAINED)
def test_pretraining_and_finetuning_each_have_their_own_augmentation(context_of, name):
    context = context_of(name, changes=("finetuning.augmentation=finetune",))
    first, *_, last = build.stages(context)
    torch.testing.assert_close(
        *augmented(context, first, CONTRASTIVE, context.protocol.patches.size_px)
    )
    torch.testing.assert_close(*augmented(context, last, FINETUNE, context.protocol.data.image_px))


@pytest.mark.parametrize("name", PRETRAINED)
def test_pretraining_takes_the_augmentation_that_is_set(context_of, name):
    context = context_of(name, changes=("pretraining.augmentation=moco_v1",))
    first = build.stages(context)[0]
    found, expected = augmented(context, first, MOCO_V1, context.protocol.patches.size_px)
    torch.testing.assert_close(found, expected)
    _, other = augmented(context, first, CONTRASTIVE, context.protocol.patches.size_px)
    assert not torch.allclose(found, other)


@pytest.mark.parametrize(("own_px", "shown_px"), [("null", 16), ("24", 24)])
def test_whole_images_shrink_to_the_patch_s_side_or_to_their_own(context_of, own_px, shown_px):
    context = context_of("moco", changes=(f"moco.image_px={own_px}",))
    assert context.protocol.patches.size_px == 16
    batch = next(iter(build.stages(context)[0].batches.epoch(1)))
    assert {batch[view].shape[-1] for view in ("query", "key")} == {shown_px}


@pytest.mark.parametrize("name", ["resnet50", "resnet50-long", "comcl", "moco", "lesion-base-cl"])
@pytest.mark.parametrize(("loss", "outputs"), [("classification", 5), ("regression", 1)])
def test_the_plain_classifier_regresses_the_grade_where_that_is_set(
    context_of, name, loss, outputs
):
    last = build.stages(context_of(name, changes=(f"finetuning.loss={loss}",)))[-1]
    network: Any = initial_weights(last.module, 0)
    assert network.head.out_features == outputs


def test_an_epoch_of_pretraining_passes_once_over_the_lesion_images(context_of):
    """A quarter of a batch is of high-quality lesions (docs/reference/methods.md)."""
    context = context_of("comcl")
    grades = context.dataset.labels()[context.dataset.where("train"), 0]
    quarter = context.protocol.pretraining.batch // 4
    assert len(build.stages(context)[0].batches) == ceil((grades > 0).sum() / quarter)


def test_an_epoch_of_pretraining_may_pass_once_over_all_training_images(context_of):
    """In whole batches, and for every contrastive method alike (D59)."""
    context = context_of("comcl", changes=("pretraining.epoch_over=all_images",))
    steps = ceil(len(context.dataset.where("train")) / context.protocol.pretraining.batch)
    assert len(build.stages(context)[0].batches) == steps
    assert len(build.stages(context_of("comcl"))[0].batches) != steps
    other = context_of("moco", changes=("pretraining.epoch_over=all_images",))
    assert len(build.stages(other)[0].batches) == steps


def test_the_switches_of_comcl_reach_its_module(context_of):
    changes = ("own_level_negatives=yes", "spl_losses=previous", "mining_starts=0.5")
    context = context_of("comcl", changes=tuple(f"comcl.{change}" for change in changes))
    stage = build.stages(context)[0]
    batches: Any = stage.batches
    module: Any = initial_weights(stage.module, 0)
    usual: Any = initial_weights(build.stages(context_of("comcl"))[0].module, 0)
    assert (module.levels_met, usual.levels_met) == (own_level_too, other_levels)
    assert (module.mining_starts, usual.mining_starts) == (0.5, 0)
    assert len(usual.last_losses) == 0
    module.loss(next(iter(batches.epoch(1))), step=0, total_steps=2)
    module.after_step()
    largest = max(len(pool) for pool in batches.pools.values())
    assert [len(memory.last) for memory in module.last_losses] == [4 * largest] * 3
    assert all(memory.last.isfinite().any() for memory in module.last_losses)


def test_masks_of_other_photographs_pick_no_epoch(context_of):
    assert [s.selects for s in build.stages(context_of("deepmt-dr"))] == [False, True, True]
    assert [s.selects for s in build.stages(context_of("comcl"))] == [False, True]


BY_BRIGHTNESS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, **_):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("grades", torch.arange(num_classes))

    def forward(self, images):
        brightness = images.mean(dim=(1, 2, 3))
        return -((2 + self.scale * brightness[:, None] - self.grades) ** 2)
"""


def test_the_epoch_is_picked_by_the_validation_split(small_set, cache, tiny, tmp_path):
    """With a network that answers with several grades from the start."""
    (tmp_path / "own.py").write_text(BY_BRIGHTNESS)
    request = Request(
        f"{tmp_path}/own.py:Net",
        "folder",
        "native",
        protocol="smoke",
        changes=(*tiny, "data.validation_share=0.4"),
        data=small_set,
        results=tmp_path,
        cache=cache,
    )
    folder = execute(request, Callbacks(lambda *_: None, lambda _: None, lambda _: None))["folder"]
    events = store.EventLog(folder / "events.jsonl").read()
    scores = json.loads((folder / "metrics.json").read_text())
    picked = max(event["validation"]["score"] for event in events if "epoch" in event)
    assert picked == pytest.approx(scores["validation"]["kappa"])
    assert picked != pytest.approx(scores["test"]["kappa"])
