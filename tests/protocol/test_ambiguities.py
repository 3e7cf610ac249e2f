from typing import Literal, get_args, get_origin

import pytest

from bench.protocol.ambiguities import Ambiguity, load
from bench.protocol.presets import field_names
from bench.protocol.settings import Protocol

REGISTRY = load()
SWITCHES = [entry for entry in REGISTRY.values() if entry.fields]


def setting_of(field):
    group, _, name = field.partition(".")
    return getattr(Protocol(), group), name


def test_every_open_point_is_there_once_and_in_order():
    assert list(REGISTRY) == [f"D{number}" for number in range(1, 58)]


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
    if isinstance(value, str | int | float):
        assert entry.default == str(value)


@pytest.mark.parametrize(
    "name",
    ["D1", "D3", "D7", "D10", "D12", "D13", "D16", "D30", "D31", "D32", "D39", "D40", "D55"],
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


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind 'XX'"):
        Ambiguity("D99", "XX", "", "What?", ("a",), "None.", (), "fixed: so")


def test_a_page_row_says_what_decides():
    assert REGISTRY["D10"].as_row()["decided_by"] == "comcl.k_rule, comcl.k_min"
    assert REGISTRY["D27"].as_row()["decided_by"].startswith("fixed: ")
