import pandas as pd
import pytest

from bench.errors import NotComparable, RequestError
from bench.protocol.presets import named
from bench.reporting.tables.build import build


def texts(table, method):
    """What stands in a method's line of the first score."""
    lines = table.sections[0].blocks[0].lines
    return next([cell.text for cell in line.cells] for line in lines if line.method == method)


def test_two_protocols_are_refused_with_the_way_out(study, run):
    smoke = run(seed=7, protocol_name="smoke", key="88ab12ff")
    smoke["protocol"] = smoke["protocol"] | {
        "finetuning": smoke["protocol"]["finetuning"] | {"epochs": 2}
    }
    mixed = pd.concat([study, pd.DataFrame([smoke])])
    with pytest.raises(NotComparable) as refusal:
        build("1", mixed)
    message = str(refusal.value)
    assert "--protocol laptop   26 runs" in message
    assert "--protocol smoke   1 runs" in message
    assert f"finetuning.epochs: {named('laptop').finetuning.epochs} | 2" in message
    assert "image_px" not in message


def test_a_named_protocol_selects_its_runs(study, run):
    mixed = pd.concat([study, pd.DataFrame([run(seed=7, protocol_name="smoke", key="88ab12ff")])])
    assert build("1", mixed, protocol="laptop") == build("1", study)
    assert build("1", mixed, protocol="88ab12ff") == build("1", mixed, protocol="smoke")
    assert build("1", mixed, protocol="smoke") != build("1", study)


def test_two_keys_of_one_name_are_told_apart_by_key(run):
    runs = pd.DataFrame([run(seed=0), run(seed=1, key="88ab12ff")])
    with pytest.raises(NotComparable, match="--protocol 88ab12ff"):
        build("1", runs)


def test_a_methods_own_options_are_no_difference(run):
    other = run(seed=1, key="88ab12ff")
    other["protocol"] = other["protocol"] | {"comcl": other["protocol"]["comcl"] | {"spl": "off"}}
    with pytest.raises(NotComparable, match="nothing that the records show"):
        build("1", pd.DataFrame([run(), other]))


def test_a_setting_that_only_one_key_has_is_named(run):
    other = run(seed=1, key="88ab12ff")
    other["protocol"] = other["protocol"] | {"resolved": {"boxes": "oracle"}}
    with pytest.raises(NotComparable, match=r"resolved\.boxes: absent \| oracle"):
        build("1", pd.DataFrame([run(), other]))


def test_an_unknown_protocol_names_those_there_are(study):
    with pytest.raises(RequestError, match=r"laptop \(3f2a91c0\)"):
        build("1", study, protocol="papre")


def test_two_kinds_of_device_are_refused(run):
    runs = pd.DataFrame([run(device="cpu"), run(seed=1, device="cuda")])
    with pytest.raises(NotComparable, match="1 on cpu, 1 on cuda"):
        build("1", runs)


def test_two_finished_runs_of_one_seed_are_refused(run):
    with pytest.raises(NotComparable, match="ids resnet50-native-0, twice"):
        build("1", pd.DataFrame([run(), run(id="twice")]))


def test_stale_runs_of_an_older_engine_do_not_stand_in_the_way(run):
    old = {"versions": {"method": 1, "engine": 0}, "key": "00000000", "state": "stale"}
    table = build("1", pd.DataFrame([run(seed=0), run(seed=1, **old)]))
    assert texts(table, "resnet50")[0] == "0.800 (n=1)"
    assert ("", "1 runs of older versions or presets are left out") in table.sections[0].notes


def test_runs_of_what_a_preset_was_before_do_not_stand_in_the_way_and_can_be_asked_for(run):
    old = run(seed=1, key="00000000", of_todays_preset=False)
    records = pd.DataFrame([run(seed=0), old])
    table = build("1", records)
    assert texts(table, "resnet50")[0] == "0.800 (n=1)"
    assert ("", "1 runs of older versions or presets are left out") in table.sections[0].notes
    asked = build("1", records, protocol="00000000")
    assert texts(asked, "resnet50")[0] == "0.810 (n=1)"
    with pytest.raises(NotComparable):
        build("1", pd.DataFrame([old, run(seed=2, key="11111111", of_todays_preset=False)]))


def test_stale_runs_of_two_keys_are_refused_as_any_others(run):
    runs = [run(state="stale"), run(seed=1, state="stale", key="00000000")]
    with pytest.raises(NotComparable):
        build("1", pd.DataFrame(runs))
