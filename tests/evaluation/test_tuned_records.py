"""A record is checked against its spec and today's preset, that of a tuned run as any other."""

import json
from dataclasses import asdict

import pytest
import traced_records as traced
from paths import STUDIES

from bench.evaluation import contradictions
from bench.protocol import tuned
from bench.protocol.tuned import TunedEntry
from bench.roster import METHODS

RATE = "finetuning.lr"
PRESET = 2e-3


def record(method, lr, about=None):
    """What `spec.json` of a run under smoke holds, with this rate."""
    spec = traced._spec(method, "eyeq-twin", "native", 0, "smoke", None, None)
    spec.protocol["finetuning"]["lr"] = lr
    words = f"bench run --method {method} --dataset eyeq-twin --lq-ratio native --seed 0"
    said = traced._about("eyeq-twin", "smoke", f"{words} --protocol smoke") | (about or {})
    key = spec.key((*METHODS[method].groups, "detector"), said.get("tuned"))
    return {"id": spec.id, "key": key, "spec": asdict(spec), "about": said}


@pytest.fixture
def smoke_tuned(monkeypatch):
    entry = TunedEntry(
        chosen={RATE: 5e-4}, tried={RATE: (5e-4, PRESET)}, dataset="eyeq-twin", study="t"
    )
    monkeypatch.setitem(tuned.TUNED, "smoke", {"resnet50": entry})


def test_the_key_of_a_tuned_record_follows_from_it_and_is_that_of_an_untuned_method():
    own = record("resnet50", 5e-4, {"tuned": {RATE: PRESET}})
    other = record("lanet", PRESET, {"tuned": {}})
    assert contradictions.comparability_key(own) == own["key"]
    assert own["key"] == other["key"]


@pytest.mark.parametrize("about", [{}, {"tuned": {RATE: 1e-3}}])
def test_another_preset_s_value_is_another_key(about):
    own = record("resnet50", 5e-4, {"tuned": {RATE: PRESET}})
    changed = {**own, "about": {k: v for k, v in own["about"].items() if k != "tuned"} | about}
    assert contradictions.comparability_key(changed) != own["key"]


def test_the_tuned_rate_is_the_preset_of_today_and_another_is_not(smoke_tuned):
    about = {"tuned": {RATE: PRESET}}
    assert contradictions.of_todays_preset(record("resnet50", 5e-4, about))
    assert not contradictions.of_todays_preset(record("resnet50", 1e-3, about))
    assert contradictions.of_todays_preset(record("lanet", PRESET, {"tuned": {}}))


def test_a_record_without_a_setting_of_today_is_of_what_its_preset_was_before():
    """Unless the setting came later and has its default: such a run is named without it."""
    (path, *_) = sorted((STUDIES / "demo").rglob("spec.json"))
    saved = json.loads(path.read_text())
    assert contradictions.is_of_today(saved)

    def without(group, field):
        other = json.loads(path.read_text())
        del other["spec"]["protocol"][group][field]
        return other

    before = without("finetuning", "patience_share")
    assert contradictions.of_todays_preset(before)
    assert not contradictions.is_of_today(before)
    assert contradictions.is_of_today(without("detector", "epochs"))
    saved["spec"]["protocol"]["finetuning"]["lr"] = 0.5
    assert not contradictions.is_of_today(saved)


def test_a_record_from_before_tuning_stays_whole(smoke_tuned):
    old = record("resnet50", PRESET)
    assert contradictions.comparability_key(old) == old["key"]
