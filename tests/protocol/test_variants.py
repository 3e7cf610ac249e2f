"""`--settings`: what is tuned is in force under common, nothing under default."""

from pathlib import Path

import pytest

from bench.errors import RequestError
from bench.experiments import TABLE1, TABLE2, TABLE3
from bench.protocol import tuned, tuning, variants
from bench.protocol.presets import CHANGES, field_names, flatten, named
from bench.protocol.tuned import TunedEntry, load
from bench.roster import METHODS

RATE = tuning.RATE
ENTRY = TunedEntry(
    chosen={RATE: 5e-4},
    tried={RATE: (5e-4, 2e-3)},
    dataset="eyeq-twin",
    study="results/studies/first",
)


@pytest.fixture
def smoke_tuned(monkeypatch):
    """ResNet50 and CoMCL are tuned under smoke."""
    monkeypatch.setitem(tuned.TUNED, "smoke", {"resnet50": ENTRY, "comcl": ENTRY})


def rate(method, settings, preset="smoke"):
    return variants.apply(method, preset, settings).finetuning.lr


def test_common_has_what_was_tuned_in_force_and_default_the_preset_s_own(smoke_tuned):
    assert rate("resnet50", "common") == 5e-4
    assert rate("resnet50", "default") == named("smoke").finetuning.lr == 2e-3
    assert rate("lanet", "common") == 2e-3, "lanet has no entry"
    assert rate("resnet50", "common", "laptop") == named("laptop").finetuning.lr, "another preset"


def test_nothing_else_of_the_preset_changes(smoke_tuned):
    one, two = (
        flatten(variants.apply("comcl", "smoke", s).model_dump()) for s in variants.SETTINGS[:2]
    )
    assert [name for name in one if one[name] != two[name]] == [RATE]


@pytest.mark.parametrize("method", ["resnet50-long", "moco", "comcl-v1", "comcl-no-spl"])
def test_controls_and_ablations_take_the_rate_of_the_method_that_they_are_compared_with(
    smoke_tuned, method
):
    assert rate(method, "common") == 5e-4
    source = variants.changes(method, "smoke", "common")[RATE][1]
    assert f"of {tuning.INHERITS[method]} on validation images" in source


def test_a_method_s_own_entry_comes_first(smoke_tuned, monkeypatch):
    own = TunedEntry(chosen={RATE: 2e-3}, tried={RATE: (2e-3,)}, dataset="eyeq-twin", study="t")
    monkeypatch.setitem(tuned.TUNED["smoke"], "moco", own)
    assert rate("moco", "common") == 2e-3


def test_an_unknown_name_of_settings_is_refused_with_those_that_there_are():
    with pytest.raises(RequestError, match="common, default, original"):
        variants.apply("resnet50", "smoke", "tuned")


@pytest.mark.parametrize(
    ("settings", "method", "requested", "expected"),
    [
        ("common", "resnet50", (), {RATE: 2e-3}),
        ("common", "lanet", (), {}),
        ("common", "resnet50", (f"{RATE}=0.1",), None),
        ("common", "lanet", (f"{RATE}=0.1",), None),
        ("common", "resnet50", ("finetuning.epochs=3",), {RATE: 2e-3}),
        ("default", "resnet50", (), None),
        ("original", "resnet50", (), None),
    ],
)
def test_what_tuning_replaces_is_known_unless_it_is_set_by_hand(
    smoke_tuned, settings, method, requested, expected
):
    assert variants.untuned(method, "smoke", settings, requested) == expected


def test_of_a_preset_without_entries_tuning_says_nothing():
    assert variants.untuned("resnet50", "smoke", "common", ()) is None


# What is declared.


def test_every_row_of_the_tables_is_tuned_or_takes_another_s_rate():
    for table in (TABLE1, TABLE2, TABLE3):
        for row in table.rows:
            method = tuning.INHERITS.get(row.method, row.method)
            assert tuning.DECLARED[METHODS[method].recipe][0] in field_names()
            assert method in {row.method for row in TABLE1.rows} - set(tuning.INHERITS)


def test_all_other_methods_of_the_roster_take_a_rate_too():
    in_table_1 = {row.method for row in TABLE1.rows}
    assert set(METHODS) - in_table_1 == set(tuning.INHERITS) - {"resnet50-long"}


def test_the_grid_has_four_values_around_the_preset_s_with_which_it_agrees():
    values = tuning.values(2e-3)
    assert values == (1e-3, 2e-3, 4e-3, 8e-3)
    assert all(
        named(name).finetuning.lr in tuning.values(named(name).finetuning.lr) for name in CHANGES
    )


# The file.


def test_the_committed_file_names_presets_methods_and_settings_that_there_are():
    for preset, entries in load().items():
        assert preset in CHANGES
        for method, entry in entries.items():
            assert method in METHODS
            assert set(entry.chosen) <= field_names()
            assert not Path(entry.study).is_absolute()


def test_a_value_that_was_not_tried_is_no_choice(tmp_path):
    path = tmp_path / "tuned.toml"
    path.write_text(
        "[smoke.lanet]\nchosen = { a = 1.0 }\ntried = { a = [2.0] }\n"
        'dataset = "eyeq-twin"\nstudy = "t"\n'
    )
    with pytest.raises(ValueError, match="was chosen and not tried"):
        load(path)
    path.write_text(path.read_text().replace("[2.0]", "[1.0, 2.0]"))
    assert load(path)["smoke"]["lanet"].trials == 2
