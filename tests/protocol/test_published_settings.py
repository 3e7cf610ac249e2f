"""What each method's own paper or code says, typed from the reference, against what resolves.

Each row quotes the words of docs/reference/methods.md that it was typed from, so that a wrong value
in `bench/protocol/original.py` or in the reference cannot pass. Nothing here is read from there.
"""

import re
from typing import Any, NamedTuple

import pytest
from paths import ROOT

from bench.protocol import variants
from bench.protocol.presets import CHANGES, flatten, named
from bench.roster import METHODS

REFERENCE = (ROOT / "docs/reference/methods.md").read_text(encoding="utf-8")


class Published(NamedTuple):
    """One published setting.

    Attributes:
        quote: The reference's words for it, in the section that HEADINGS names.
        everywhere: Small presets take it too; else they keep their own value.
        where: A key of HEADINGS, where that is not the method's.
    """

    setting: str
    value: Any
    quote: str
    everywhere: bool = True
    where: str = ""


def budget(setting: str, value: Any, quote: str) -> Published:
    """A size, a length or first weights, of which a small preset keeps its own."""
    return Published(setting, value, quote, everywhere=False)


RECIPE = (
    "SGD 1e-3, momentum .9, Nesterov, weight decay 5e-4, cosine without warm-up, 25 epochs, "
    "batch 16, augmentation `finetune`"
)
FINETUNING = (
    Published("finetuning.optimizer", "sgd", RECIPE, where="recipe"),
    Published("finetuning.lr", 0.001, RECIPE, where="recipe"),
    Published("finetuning.momentum", 0.9, RECIPE, where="recipe"),
    Published("finetuning.nesterov", True, RECIPE, where="recipe"),
    Published("finetuning.weight_decay", 0.0005, RECIPE, where="recipe"),
    Published("finetuning.schedule", "cosine", RECIPE, where="recipe"),
    Published("finetuning.warmup_share", 0.0, RECIPE, where="recipe"),
    Published("finetuning.augmentation", "finetune", RECIPE, where="recipe"),
    Published("finetuning.epochs", 25, RECIPE, everywhere=False, where="recipe"),
    Published("finetuning.batch", 16, RECIPE, everywhere=False, where="recipe"),
)

SGD = "SGD .02, momentum .9, Nesterov, weight decay 5e-4, cosine"
SGD_AWARE = "SGD .02, .9, Nesterov, weight decay 5e-4, cosine"
VIEWS = "augmentation `contrastive`"
SGD_MOCO = "SGD .03, .9, 1e-4, no Nesterov"
ADAM = "no weight decay, betas .9 and .999, no augmentation"
ADAM_CABNET = "70 at 1e-4, Adam without weight decay, betas .9 and .999"
SGD_LANET = "SGD 1e-3, momentum .9, weight decay 1e-5, no Nesterov"
LANET_PIXELS = "mean .426 .298 .213, sd .277 .203 .169"
MOCO_CROPS = "crops of 224 px, area .2 to 1, aspect 3/4 to 4/3, grey .2, jitter .4 of all four"

PUBLISHED: dict[str, tuple[Published, ...]] = {
    "inception-v3": (budget("inception.image_px", 299, "299 px (from memory, unverified)"),),
    "mmcnn": (
        budget("backbone.name", "inception_resnet_v2", "Inception-ResNet-v2 at 224"),
        budget("mmcnn.image_px", 720, "224, 448 and 720 px, 35 epochs"),
        budget("mmcnn.resolutions", [224, 448, 720], "224, 448 and 720 px, 35 epochs"),
        budget("finetuning.epochs", 35, "10, 10 and 15 of 35 epochs"),
    ),
    "zoom-in-net": (
        budget("backbone.name", "inception_resnet_v2", "Inception-ResNet-v2, 1230"),
        budget("zoom_in_net.image_px", 1230, "1230, 492 and 384 px, 50 epochs, batch 8"),
        budget("zoom_in_net.low_px", 492, "Inception-ResNet on 492 px"),
        budget("zoom_in_net.crop_px", 384, "crops of 384 px out of 1230 px"),
        budget("finetuning.epochs", 50, "1230, 492 and 384 px, 50 epochs, batch 8"),
        budget("finetuning.batch", 8, "1230, 492 and 384 px, 50 epochs, batch 8"),
    ),
    "lesion-base-cl": (
        Published("pretraining.optimizer", "sgd", SGD),
        Published("pretraining.lr", 0.02, SGD),
        Published("pretraining.momentum", 0.9, SGD),
        Published("pretraining.weight_decay", 0.0005, SGD),
        Published("pretraining.nesterov", True, SGD),
        Published("pretraining.schedule", "cosine", SGD),
        Published("pretraining.augmentation", "contrastive", VIEWS),
        Published("pretraining.temperature", 0.07, "t = .07"),
        budget("pretraining.epochs", 1000, "1,000 epochs"),
        budget("pretraining.batch", 786, "batch 786 (a misprint of 768, assumed)"),
        budget("init.weights", "imagenet", "ImageNet weights"),
        Published("finetuning.loss", "regression", "one output and squared error (README"),
        *FINETUNING,
    ),
    "cabnet": (
        Published("cabnet.detectors_per_class", 5, "k = 5 detectors of each of C classes"),
        Published("finetuning.optimizer", "adam", ADAM_CABNET),
        Published("finetuning.lr", 0.0001, ADAM_CABNET),
        Published("finetuning.momentum", 0.9, ADAM_CABNET),
        Published("finetuning.weight_decay", 0.0, ADAM_CABNET),
        Published("finetuning.nesterov", False, ADAM_CABNET),
        Published("finetuning.schedule", "inverse_time", "rate / (1 + 1e-5 t) after t steps"),
        Published("finetuning.warmup_share", 0.0, "rate / (1 + 1e-5 t) after t steps"),
        Published("finetuning.augmentation", "cabnet", "flips, rotation by up to 90 degrees"),
        budget("backbone.name", "densenet121", "DenseNet-121, 512 px, batch 16"),
        budget("data.image_px", 512, "DenseNet-121, 512 px, batch 16"),
        budget("finetuning.batch", 16, "DenseNet-121, 512 px, batch 16"),
        budget("finetuning.epochs", 71, "As published, Adam 1e-4, 71 epochs"),
    ),
    "deepmt-dr": (
        Published("finetuning.optimizer", "adam", "Adam 5e-5, 300 epochs, batch 2, constant rate"),
        Published("finetuning.lr", 0.00005, "Adam 5e-5, 300 epochs, batch 2, constant rate"),
        Published("finetuning.schedule", "constant", "batch 2, constant rate"),
        Published("finetuning.warmup_share", 0.0, "batch 2, constant rate"),
        Published("finetuning.momentum", 0.9, ADAM),
        Published("finetuning.nesterov", False, ADAM),
        Published("finetuning.weight_decay", 0.0, ADAM),
        Published("finetuning.augmentation", "none", ADAM),
        Published("deepmt_dr.sr_optimizer", "adam", "the first phase Adam 5e-5, 30,000 steps"),
        Published("deepmt_dr.sr_lr", 0.00005, "the first phase Adam 5e-5, 30,000 steps"),
        Published("deepmt_dr.sr_weight_decay", 0.0, "without weight decay or augmentation"),
        Published("deepmt_dr.sr_segmentation_weight", 2.0, "the segmentation gradient at weight 2"),
        budget("deepmt_dr.sr_steps", 30_000, "the first phase Adam 5e-5, 30,000 steps"),
        budget("deepmt_dr.sr_crop_px", 256, "on crops of 256 px"),
        budget("deepmt_dr.upscale", 4, "Factor f is 4 in the README at 290cf0f"),
        budget("backbone.name", "resnet18", "no augmentation; ResNet18; f = 4"),
        budget("deepmt_dr.width", 64, "U-Net, 64 to 1024 channels"),
        budget("deepmt_dr.sr_channels", 32, "conv3x3 3-32"),
        budget("deepmt_dr.hidden", 512, "Linear 512, dropout .5, Linear C"),
        budget("data.image_px", 1024, "1024 px, batch 2 (stage 2: 1)"),
        budget("finetuning.epochs", 300, "then 300 and 300"),
        budget("finetuning.batch", 2, "1024 px, batch 2 (stage 2: 1)"),
    ),
    "lesion-aware-cl": (
        Published("pretraining.optimizer", "sgd", SGD_AWARE),
        Published("pretraining.lr", 0.02, SGD_AWARE),
        Published("pretraining.momentum", 0.9, SGD_AWARE),
        Published("pretraining.weight_decay", 0.0005, SGD_AWARE),
        Published("pretraining.nesterov", True, SGD_AWARE),
        Published("pretraining.schedule", "cosine", SGD_AWARE),
        Published("pretraining.augmentation", "contrastive", VIEWS),
        Published("pretraining.temperature", 0.07, "logits = [q.k, q.Queue] / .07"),
        Published("lesion_aware.healthy_per_lesion", 3, "r = 3 healthy crops a lesion"),
        Published("lesion_aware.healthy_pool", "false_positives", "healthy pool of false boxes"),
        Published("lesion_aware.distillation_share", 0.1, "L_S = .9 CE + .1 T^2 KL"),
        Published("lesion_aware.distillation_temperature", 4.0, "T = 4"),
        budget("patches.size_px", 128, "Patch 128, batch 30 lesions"),
        budget("pretraining.epochs", 1600, "1,600 epochs for the two phases"),
        budget("pretraining.batch", 120, "batch 120 (30 lesions, 90 healthy)"),
        budget("pretraining.queue", 14400, "the queue, 14,400 keys"),
        budget("pretraining.key_momentum", 0.999, "queue 14,400, m .999"),
        budget("init.weights", "imagenet", "ImageNet weights"),
        Published("finetuning.loss", "classification", "the recipe, with cross entropy"),
        *FINETUNING,
    ),
    "lanet": (
        Published("finetuning.optimizer", "sgd", SGD_LANET),
        Published("finetuning.lr", 0.001, SGD_LANET),
        Published("finetuning.momentum", 0.9, SGD_LANET),
        Published("finetuning.nesterov", False, SGD_LANET),
        Published("finetuning.weight_decay", 0.00001, SGD_LANET),
        Published("finetuning.schedule", "poly", "rate (1 - progress)^0.9"),
        Published("finetuning.warmup_share", 0.0, "rate (1 - progress)^0.9"),
        Published(
            "finetuning.augmentation", "lanet", "rotation by up to 180 degrees, no translation"
        ),
        Published("normalisation.mean", [0.426, 0.298, 0.213], LANET_PIXELS),
        Published("normalisation.std", [0.277, 0.203, 0.169], LANET_PIXELS),
        Published("lanet.loss_weights", "adaptive", "As published: adaptive weights"),
        budget("data.image_px", 512, "512-px crops"),
        budget("finetuning.batch", 32, "batch 32; 100 epochs"),
        budget("finetuning.epochs", 200, "with adaptive weights 200 for ResNet50"),
    ),
    "moco": (
        Published("pretraining.optimizer", "sgd", SGD_MOCO),
        Published("pretraining.lr", 0.03, SGD_MOCO),
        Published("pretraining.momentum", 0.9, SGD_MOCO),
        Published("pretraining.weight_decay", 0.0001, SGD_MOCO),
        Published("pretraining.nesterov", False, SGD_MOCO),
        Published("pretraining.schedule", "step", "a tenth of the rate from 120 and 160"),
        Published("pretraining.augmentation", "moco_v1", MOCO_CROPS),
        Published("pretraining.temperature", 0.07, "temperature .07 (version 2: .2)"),
        Published("moco.head", "linear", "linear head (version 2: MLP)"),
        Published("moco.groups", 8, "8 groups of batch statistics"),
        Published("moco.negatives", "queue", "queue of keys"),
        budget("pretraining.key_momentum", 0.999, "m .999"),
        budget("pretraining.queue", 65536, "Queue 65,536"),
        budget("pretraining.batch", 256, "batch 256, 200 epochs"),
        budget("pretraining.epochs", 200, "batch 256, 200 epochs"),
        budget("init.weights", "random", "from scratch"),
        budget("moco.image_px", 224, MOCO_CROPS),
        *FINETUNING,
    ),
}

WITHOUT = {
    "resnet50": "Same as common.",
    "resnet50-long": "a control of ours",
    "densenet121": "original settings are the same",
    "moco-patches": "a control of ours",
    "comcl": "CoMCL has no original settings of its own",
    "comcl-no-multilevel": "CoMCL has no original settings of its own",
    "comcl-no-spl": "CoMCL has no original settings of its own",
    "comcl-v1": "CoMCL has no original settings of its own",
    "comcl-v2": "CoMCL has no original settings of its own",
}
"""Methods without original settings, and the reference's words for that."""

HEADINGS = {
    "recipe": "Methods",
    "inception-v3": "Inception-v3",
    "mmcnn": "MMCNN",
    "zoom-in-net": "Zoom-in-Net",
    "lesion-base-cl": "Lesion-base CL",
    "cabnet": "CABNet",
    "deepmt-dr": "DeepMT-DR",
    "lesion-aware-cl": "Lesion-aware CL",
    "lanet": "LANet",
    "moco": "Basic CL (MoCo)",
    "moco-patches": "Basic CL (MoCo) on lesion patches",
    "resnet50": "ResNet50",
    "resnet50-long": "ResNet50, compute-matched",
    "densenet121": "DenseNet-121",
}
"""The reference's section of a method; CoMCL's own where none is given."""

ROWS = [(method, row) for method, rows in PUBLISHED.items() for row in rows]


def section(method):
    """The words of a method's section, in one line."""
    title = HEADINGS.get(method, "CoMCL")
    (body,) = re.findall(
        rf"^#{{1,3}} {re.escape(title)}\n(.*?)(?=^## |\Z)", REFERENCE, re.DOTALL | re.MULTILINE
    )
    return " ".join(body.split())


def resolved(method, preset, settings="original"):
    """Every setting of a request, as JSON values by "group.field"."""
    return flatten(variants.apply(method, preset, settings).model_dump(mode="json"))


def test_every_method_has_original_settings_or_is_said_to_have_none():
    assert sorted([*PUBLISHED, *WITHOUT]) == sorted(METHODS)


@pytest.mark.parametrize(("method", "row"), ROWS, ids=lambda x: getattr(x, "setting", x))
def test_a_published_setting_is_what_original_settings_resolve_to(method, row):
    assert resolved(method, "paper")[row.setting] == row.value
    for preset in set(CHANGES) - {"paper"}:
        own = flatten(named(preset).model_dump(mode="json"))[row.setting]
        assert resolved(method, preset)[row.setting] == (row.value if row.everywhere else own)


@pytest.mark.parametrize("preset", list(CHANGES))
@pytest.mark.parametrize("method", list(METHODS))
def test_original_settings_change_nothing_that_is_not_published(method, preset):
    common, original = (resolved(method, preset, s) for s in ("common", "original"))
    changed = {name for name in common if common[name] != original[name]}
    assert changed <= {row.setting for row in PUBLISHED.get(method, ())}
    assert bool(changed) == (method in PUBLISHED and (preset, method) not in ALL_BUDGET)


ALL_BUDGET = {
    (preset, method)
    for preset in ("laptop", "laptop-chest", "pretrained", "demo", "smoke")
    for method in ("inception-v3", "mmcnn", "zoom-in-net")
}
"""Methods whose original settings are sizes and lengths alone: small presets keep their own."""


@pytest.mark.parametrize(("method", "row"), ROWS, ids=lambda x: getattr(x, "setting", x))
def test_the_reference_says_so(method, row):
    assert row.quote in section(row.where or method)


@pytest.mark.parametrize("method", list(WITHOUT))
def test_the_reference_says_that_a_method_has_none(method):
    assert WITHOUT[method] in section(method)


@pytest.mark.parametrize(("method", "row"), ROWS, ids=lambda x: getattr(x, "setting", x))
def test_a_quoted_number_is_the_typed_one(method, row):
    """A row cannot quote one number and hold another."""
    values = row.value if isinstance(row.value, list) else [row.value]
    numbers = [v for v in values if isinstance(v, int | float) and v and v is not True]
    quoted = [number(text) for text in re.findall(r"\d[\d,]*(?:\.\d+)?(?:e-\d+)?|\.\d+", row.quote)]
    assert set(numbers) <= set(quoted)


def number(text):
    """A number as the reference writes it: 1,000 or .02 or 5e-4."""
    return float(text.rstrip(",").replace(",", ""))
