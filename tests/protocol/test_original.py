"""What `--settings original` changes, and what a small protocol keeps of its own."""

import pytest

from bench.protocol import original
from bench.protocol.presets import CHANGES, field_names, flatten, named
from bench.roster import METHODS


@pytest.mark.parametrize("name", list(CHANGES))
@pytest.mark.parametrize("method", list(original.ORIGINAL))
def test_original_settings_make_a_valid_protocol(method, name):
    own = flatten(original.apply(named(name), method, name).model_dump())
    for key, (value, _) in original.changes(method, name).items():
        assert own[key] == value


@pytest.mark.parametrize("method", list(original.ORIGINAL))
def test_original_settings_name_methods_and_fields_that_there_are_with_a_source(method):
    assert method in METHODS
    for key, (_, source) in original.ORIGINAL[method].items():
        assert key in field_names()
        assert source.startswith(("code: ", "assumed: "))


def test_a_small_protocol_keeps_its_budget_and_takes_the_rest():
    paper = original.apply(named("paper"), "lanet", "paper")
    smoke = original.apply(named("smoke"), "lanet", "smoke")
    assert (paper.finetuning.epochs, smoke.finetuning.epochs) == (100, 2)
    assert paper.finetuning.schedule == smoke.finetuning.schedule == "poly"
    assert named("smoke").finetuning.schedule == "cosine"


def test_a_method_without_settings_of_its_own_keeps_the_common_ones():
    assert original.apply(named("paper"), "resnet50", "paper") == named("paper")


def test_original_moco_has_its_own_head_and_groups_and_basic_cl_has_not():
    own, common = original.apply(named("paper"), "moco", "paper"), named("paper")
    assert (own.moco.head, own.moco.groups, own.init.weights) == ("linear", 8, "random")
    assert (common.moco.head, common.moco.groups) == ("mlp", 1)
