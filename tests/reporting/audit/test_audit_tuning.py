"""Rates that were tuned, and the trials that chose them."""

from dataclasses import replace

import pytest
from audited_runs import committed, failing, row, with_about, with_one, with_setting, with_spec

from bench.protocol import tuned
from bench.protocol.tuned import TunedEntry
from bench.reporting.audit.audit import equalities

RATE = "finetuning.lr"


@pytest.fixture
def laptop_tuned(monkeypatch):
    """The committed runs' preset as if it were tuned, resnet50 to half its rate."""
    entry = TunedEntry(
        chosen={RATE: 1e-3}, tried={RATE: (5e-4, 1e-3, 2e-3, 4e-3)}, dataset="eyeq-twin", study="t"
    )
    other = entry.model_copy(update={"chosen": {RATE: 2e-3}})
    monkeypatch.setitem(tuned.TUNED, "laptop", {"resnet50": entry, "comcl": other})


def as_tuned(run, lr=None):
    """A run as tuning makes it, at the chosen rate or another."""
    chosen = {"resnet50": 1e-3, "comcl": 2e-3, "comcl-v1": 2e-3}.get(run.roster_name, 2e-3)
    changed = with_setting(run, "finetuning", lr=chosen if lr is None else lr)
    return with_about(changed, tuned={RATE: 2e-3})


def test_tuned_rates_may_differ_and_are_checked_against_what_was_chosen(laptop_tuned):
    runs = [as_tuned(run) for run in committed()]
    assert failing(runs) == set()
    assert row(runs, "tuned").found == "as tuned"
    assert row(runs, "tried").found == "4"


def test_a_rate_that_was_not_chosen_is_found(laptop_tuned):
    runs = with_one("resnet50", lambda run: as_tuned(run, 2e-3), [as_tuned(r) for r in committed()])
    assert failing(runs) - {"trials"} == {"tuned"}
    assert "finetuning.lr 0.002 instead of 0.001" in row(runs, "tuned").found


def test_a_method_with_fewer_trials_is_found(laptop_tuned, monkeypatch):
    few = TunedEntry(chosen={RATE: 1e-3}, tried={RATE: (1e-3,)}, dataset="eyeq-twin", study="t")
    monkeypatch.setitem(tuned.TUNED["laptop"], "resnet50", few)
    assert failing([as_tuned(run) for run in committed()]) == {"tried"}


def test_a_method_that_takes_another_s_rate_is_a_declared_exception(laptop_tuned):
    own = [as_tuned(run) for run in committed()]
    ablation = [
        replace(run, method="comcl-v1", roster_name="comcl-v1")
        for run in own
        if run.method == "comcl"
    ]
    found = row([*own, *ablation], "tried")
    assert found.verdict == "DECLARED EXCEPTION"
    assert found.excused[0].methods == ("comcl-v1",)


def test_of_untuned_runs_nothing_is_asked():
    assert not {"tuned", "tried"} & {row.id for row in equalities(committed())}


@pytest.mark.parametrize(("counts", "verdict"), [((2, 2), "PASS"), ((2, 1), "FAIL")])
def test_tuning_trials_beside_the_runs_must_be_as_many_for_each_method(counts, verdict):
    firsts = [next(r for r in committed() if r.method == name) for name in ("resnet50", "comcl")]
    studies = [
        with_setting(with_spec(run, study="tuning"), "finetuning", lr=value)
        for run, count in zip(firsts, counts, strict=True)
        for value in (1e-3, 4e-3)[:count]
    ]
    assert row(committed(), "trials", studies).verdict == verdict
