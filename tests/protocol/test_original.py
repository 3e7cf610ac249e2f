"""What `--settings original` changes, and what a small protocol keeps of its own."""

import pytest

from bench.protocol import original, variants
from bench.protocol.presets import CHANGES, field_names, flatten, named
from bench.roster import METHODS

RELEASED = {
    method: any(key.startswith("pretraining.") for key in own)
    for method, own in original.ORIGINAL.items()
    if any(source.startswith("code: ") for _, source in own.values())
}
"""Methods with released code, and whether they pretrain."""


@pytest.mark.parametrize("name", list(CHANGES))
@pytest.mark.parametrize("method", list(original.ORIGINAL))
def test_original_settings_make_a_valid_protocol(method, name):
    own = flatten(variants.apply(method, name, "original").model_dump())
    for key, (value, _) in original.changes(method, name).items():
        assert own[key] == value


@pytest.mark.parametrize("method", list(original.ORIGINAL))
def test_original_settings_name_methods_and_fields_that_there_are_with_a_source(method):
    assert method in METHODS
    for key, (_, source) in original.ORIGINAL[method].items():
        assert key in field_names()
        assert source.startswith(("code: ", "assumed: ", "reference: "))


def test_a_small_protocol_keeps_its_budget_and_takes_the_rest():
    paper = variants.apply("lanet", "paper", "original")
    smoke = variants.apply("lanet", "smoke", "original")
    assert (paper.finetuning.epochs, smoke.finetuning.epochs) == (200, 2)
    assert paper.finetuning.schedule == smoke.finetuning.schedule == "poly"
    assert named("smoke").finetuning.schedule == "cosine"


OF_TRAINING = (
    *("optimizer", "lr", "momentum", "nesterov", "weight_decay", "schedule", "augmentation"),
    *("epochs", "batch"),
)
"""What a stage of a method with released code says of itself; fine-tuning its warm-up too."""


def test_the_code_of_six_methods_is_released():
    assert len(RELEASED) == 6
    assert sum(RELEASED.values()) == 3


@pytest.mark.parametrize("method", list(RELEASED))
def test_a_method_with_released_code_says_all_of_its_training(method):
    own = set(original.ORIGINAL[method])
    groups = ("finetuning", "pretraining") if RELEASED[method] else ("finetuning",)
    wanted = {f"{group}.{field}" for group in groups for field in OF_TRAINING}
    assert wanted | {"finetuning.warmup_share"} <= own


OF_WEIGHTS = {
    "laptop": (),
    "laptop-chest": (),
    "pretrained": ("mean", "std"),
    "demo": (),
    "smoke": (),
}
"""What inputs are normalised with goes with the first weights, which a small protocol keeps."""


@pytest.mark.parametrize("name", list(OF_WEIGHTS))
@pytest.mark.parametrize("method", list(RELEASED))
def test_nothing_but_the_budget_comes_from_a_small_protocol(method, name):
    """As an optimizer, an augmentation and a warm-up of `laptop` once came to LANet."""
    paper, small = (
        flatten(variants.apply(method, p, "original").model_dump()) for p in ("paper", name)
    )
    pretrains = METHODS[method].recipe.startswith("bench.pipeline.recipes.contrastive")
    groups = ("finetuning.", "normalisation.", *(["pretraining."] if pretrains else []))
    differing = {k.partition(".")[2] for k in paper if paper[k] != small[k] if k.startswith(groups)}
    assert differing <= {*original.BUDGET, *OF_WEIGHTS[name]}
    assert "epochs" in differing  # it has a budget of its own


def test_a_method_without_settings_of_its_own_keeps_the_common_ones():
    assert variants.apply("resnet50", "paper", "original") == named("paper")


def test_original_moco_has_its_own_head_and_groups_and_basic_cl_has_not():
    own, common = variants.apply("moco", "paper", "original"), named("paper")
    assert (own.moco.head, own.moco.groups, own.init.weights) == ("linear", 8, "random")
    assert (common.moco.head, common.moco.groups) == ("mlp", 1)


def test_original_moco_has_its_queue_where_the_preset_has_none():
    assert named("laptop").moco.negatives == "batch"
    assert variants.apply("moco", "laptop", "original").moco.negatives == "queue"
