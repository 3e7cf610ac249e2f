from typing import Literal, get_args, get_origin

import pytest

from bench.protocol.ambiguities import Ambiguity, load
from bench.protocol.presets import derive, field_names, flatten, named
from bench.protocol.settings import Protocol

REGISTRY = load()
SWITCHES = [entry for entry in REGISTRY.values() if entry.fields]


def setting_of(field):
    group, _, name = field.partition(".")
    return getattr(Protocol(), group), name


def test_every_open_point_is_there_once_and_in_order():
    assert list(REGISTRY) == [f"D{number}" for number in range(1, 65)]


@pytest.mark.parametrize("entry", SWITCHES, ids=lambda entry: entry.id)
def test_a_switch_is_a_field_of_the_protocol(entry):
    assert set(entry.fields) <= field_names()


@pytest.mark.parametrize("entry", SWITCHES, ids=lambda entry: entry.id)
def test_the_options_of_a_switch_are_those_of_its_field(entry):
    group, name = setting_of(entry.field)
    annotation = type(group).model_fields[name].annotation
    if get_origin(annotation) is Literal:
        assert set(entry.options) == set(get_args(annotation))


@pytest.mark.parametrize("entry", SWITCHES, ids=lambda entry: entry.id)
def test_the_default_is_what_the_paper_protocol_takes(entry):
    group, name = setting_of(entry.field)
    value = getattr(group, name)
    if isinstance(value, str | int | float) and entry.default not in entry.bundles:
        assert entry.default == str(value)


BUNDLES = [(entry, option) for entry in SWITCHES for option in entry.bundles]


@pytest.mark.parametrize(("entry", "option"), BUNDLES, ids=lambda one: getattr(one, "id", one))
def test_an_option_of_several_settings_names_them_as_set_takes_them(entry, option):
    before = flatten(named("paper").model_dump())
    after = flatten(derive(named("paper"), list(entry.bundles[option])).model_dump())
    assert {text.partition("=")[0] for text in entry.bundles[option]} <= set(entry.fields)
    assert (before == after) == (option == entry.default)


def test_the_release_s_optimizer_is_taken_whole():
    """docs/reference/methods.md#released-code: SGD .02, momentum .9, weight decay 5e-4, cosine."""
    assert set(REGISTRY["D17"].bundles) == {"sgd"}
    release = derive(named("paper"), list(REGISTRY["D17"].bundles["sgd"])).pretraining
    assert (release.optimizer, release.lr, release.momentum) == ("sgd", 0.02, 0.9)
    assert (release.weight_decay, release.schedule) == (5e-4, "cosine")


@pytest.mark.parametrize(
    "name",
    [
        "D1",
        "D3",
        "D6",
        "D7",
        "D10",
        "D12",
        "D13",
        "D16",
        "D30",
        "D31",
        "D32",
        "D39",
        "D40",
        "D55",
        "D58",
        "D62",
    ],
)
def test_the_methods_own_open_points_are_switches(name):
    assert REGISTRY[name].field is not None


def test_every_choice_of_the_method_has_its_entry():
    named = {field for entry in SWITCHES for field in entry.fields}
    own = {name for name in field_names() if name.startswith("comcl.")}
    assert own - named == {"comcl.topk"}  # the paper states Eq. 2; switching it off is an ablation


def test_an_entry_that_nothing_decides_is_refused():
    with pytest.raises(ValueError, match="D99 needs"):
        Ambiguity("D99", "PA", "", "What?", ("a", "b"), "None.")


def test_an_entry_that_is_fixed_and_a_switch_is_refused():
    with pytest.raises(ValueError, match="D99 needs"):
        Ambiguity("D99", "PA", "", "What?", ("a",), "None.", ("comcl.spl",), "fixed: so")


def test_a_bundle_of_what_is_no_option_is_refused():
    bundles = {"c": ("comcl.spl=off",)}
    with pytest.raises(ValueError, match=r"bundles of \['c'\], which are no options"):
        Ambiguity("D99", "PA", "", "What?", ("a", "b"), "None.", ("comcl.spl",), bundles=bundles)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind 'XX'"):
        Ambiguity("D99", "XX", "", "What?", ("a",), "None.", (), "fixed: so")


def test_a_page_row_says_what_decides():
    assert REGISTRY["D10"].as_row()["decided_by"] == "comcl.k_rule, comcl.k_min"
    assert REGISTRY["D27"].as_row()["decided_by"].startswith("fixed: ")
