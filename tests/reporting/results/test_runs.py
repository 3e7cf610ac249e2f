import pandas as pd
import pytest
from claim_world import claim, comparison, world

from bench.errors import NotComparable, RequestError
from bench.reporting.claims.judge import judge


def test_only_seeds_that_all_runs_share_are_compared(tmp_path):
    cells = {("comcl", "native"): [0.1, 0.11, 0.12], ("resnet50", "native"): [0.4] * 5}
    found = comparison(world(tmp_path, cells), claim())
    assert found.seeds == (0, 1, 2)
    assert set(found.runs) == {f"{m}-native-{s}" for m in ("comcl", "resnet50") for s in range(3)}


def test_runs_without_a_common_seed_are_not_compared(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.4})
    apart = records["seed"] + 10 * (records["method"] == "comcl")
    found = comparison(records.assign(seed=apart), claim())
    assert (found.verdict, found.why) == ("not run", "no seed has all of its runs")


def test_stale_runs_are_judged_only_where_there_are_no_others_and_say_so(tmp_path):
    cells = {("comcl", "native"): 0.1, ("resnet50", "native"): 0.3}
    records = world(tmp_path, cells)
    assert not comparison(records, claim()).stale
    assert comparison(records.assign(state="stale"), claim()).stale
    mixed = records.assign(state=["stale", *["done"] * 5])
    assert comparison(mixed, claim()).seeds == (1, 2)


def test_two_stale_runs_of_one_seed_are_refused(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.3})
    twice = pd.concat([records, records.iloc[:1].assign(id="again")]).assign(state="stale")
    with pytest.raises(NotComparable, match="two runs of comcl at native have seed 0"):
        judge(twice, [claim()])


def test_runs_of_two_protocols_are_never_judged_together(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.3})
    keys = ["other"] * 3 + ["3f2a91c0"] * 3
    with pytest.raises(NotComparable, match="2 protocols"):
        judge(records.assign(key=keys), [claim()])
    (judgement,) = judge(records.assign(key=keys), [claim()], protocol="3f2a")
    assert judgement.findings[0].verdict == "not run"
    with pytest.raises(RequestError, match="no run has it"):
        judge(records, [claim()], protocol="paper")


def test_studies_and_sets_that_no_claim_is_about_are_left_out(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.3})
    assert judge(records.assign(study="blur"), [claim()]) == ()
    assert judge(records.assign(dataset="folder"), [claim()]) == ()
    assert judge(records.iloc[:0], [claim()]) == ()


def test_the_first_run_is_dated_by_its_record(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.3})
    (judgement,) = judge(records, [claim()])
    assert judgement.first_run == "2026-11-24T10:00:00+00:00"
    (records["folder"].iloc[2] / "provenance.json").write_text("{}")
    (judgement,) = judge(records, [claim()])
    assert judgement.first_run is None
