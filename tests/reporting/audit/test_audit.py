from dataclasses import replace

import pytest
from audited_runs import (
    committed,
    with_about,
    with_answers,
    with_one,
    with_origin,
    with_setting,
    with_spec,
    with_stage,
)

from bench.protocol import tuned
from bench.protocol.tuned import TunedEntry
from bench.reporting.audit.audit import audit_check, equalities
from bench.reporting.audit.exceptions import EXCEPTIONS, DeclaredException
from bench.reporting.audit.values import CHECKS, Check


def verdicts(runs, studies=()):
    return {row.id: row.verdict for row in equalities(runs, studies)}


def failing(runs, studies=()):
    return {row: v for row, v in verdicts(runs, studies).items() if v == "FAIL"}.keys()


def row(runs, name, studies=()):
    return next(row for row in equalities(runs, studies) if row.id == name)


def more(what, by=1):
    return lambda stage: replace(stage, **{what: getattr(stage, what) + by})


def test_the_committed_runs_were_treated_alike():
    found = verdicts(committed())
    assert {name for name, verdict in found.items() if verdict != "PASS"} == {"total"}
    assert found["total"] == "DECLARED EXCEPTION"


# What is changed in one run of resnet50 (or of comcl), and the checks that must notice.
FAULTS = {
    "another device": (lambda run: with_origin(run, device="cuda"), {"device"}),
    "another model": (lambda run: with_origin(run, device_name="other"), {"model"}),
    "half precision": (lambda run: with_setting(run, "engine", precision="bf16"), {"precision"}),
    "more threads": (lambda run: with_setting(run, "engine", threads=7), {"threads"}),
    "two processes": (lambda run: with_spec(run, world_size=2), {"world"}),
    "another torch": (
        lambda run: with_origin(run, packages=run.origin["packages"] | {"torch": "9"}),
        {"libraries"},
    ),
    "another libjpeg": (
        lambda run: with_origin(run, codecs=run.origin["codecs"] | {"jpg": "9"}),
        {"libraries"},
    ),
    "another driver": (
        lambda run: with_origin(run, gpu={"driver": "580", "cudnn": "9"}),
        {"libraries"},
    ),
    "another engine": (
        lambda run: with_spec(run, versions=run.spec["versions"] | {"engine": 99}),
        {"versions"},
    ),
    "another method": (lambda run: with_spec(run, method_version=99), {"method"}),
    "other images": (
        lambda run: with_spec(run, manifest=run.spec["manifest"] | {"key": "ff"}),
        {"manifest"},
    ),
    "other images scored": (
        lambda run: with_answers(run, images=run.predictions.images | {"test": "ff"}),
        {"scored"},
    ),
    "images scored twice": (lambda run: with_answers(run, twice=3), {"scored"}),
    "another degradation": (
        lambda run: with_setting(run, "degradation", strength=2.0),
        {"degradation"},
    ),
    "others degraded": (lambda run: with_answers(run, degraded="ff"), {"degraded"}),
    "larger images": (lambda run: with_setting(run, "data", image_px=96), {"input"}),
    "another backbone": (lambda run: with_setting(run, "backbone", name="resnet18"), {"backbone"}),
    "other weights": (lambda run: with_setting(run, "init", weights="imagenet"), {"weights"}),
    "no augmentation": (
        lambda run: with_setting(run, "finetuning", augmentation="none"),
        {"augmentation"},
    ),
    "the last epoch": (lambda run: with_setting(run, "finetuning", select="last"), {"selection"}),
    "a larger batch": (lambda run: with_setting(run, "finetuning", batch=99), {"batch"}),
    "a longer training": (lambda run: with_setting(run, "finetuning", epochs=99), {"length"}),
    "another rate": (lambda run: with_setting(run, "finetuning", lr=0.5), {"optimiser"}),
    "a step more": (lambda run: with_stage(run, run.stages[-1].name, more("steps")), {"steps"}),
    "an image more": (
        lambda run: with_stage(run, run.stages[-1].name, more("images")),
        {"images", "total"},
    ),
}
OF_COMCL = {
    "a patch step more": (lambda run: with_stage(run, "pretrain", more("steps")), {"patch_steps"}),
    "a patch more": (
        lambda run: with_stage(run, "pretrain", more("images")),
        {"patches", "total"},
    ),
    "a stage of another device": (lambda run: with_shared(run, device="cuda"), {"shared"}),
    "a stage of other libraries": (lambda run: with_shared(run, packages={}), {"shared"}),
    "other boxes": (lambda run: with_about(run, boxes="given"), {"boxes"}),
}


def with_shared(run, **changes):
    shared = {name: origin | changes for name, origin in run.origin["shared"].items()}
    return with_origin(run, shared=shared)


@pytest.mark.parametrize("name", FAULTS)
def test_every_difference_fails_its_own_check_and_no_other(name):
    change, expected = FAULTS[name]
    runs = with_one("resnet50", change)
    noticed = failing(runs)
    # Fields of the protocol also make it another configuration, which is a trial more.
    assert noticed - {"trials"} == expected
    assert all("resnet50 native seed 1" in row(runs, check).found for check in expected)


@pytest.mark.parametrize("name", OF_COMCL)
def test_differences_between_contrastive_runs_fail(name):
    change, expected = OF_COMCL[name]
    assert failing(with_one("comcl", change)) == expected


def test_every_check_is_provoked_or_declared():
    provoked = {check for _, checks in (FAULTS | OF_COMCL).values() for check in checks}
    of_tuned_runs = {"tuned", "tried"}  # below
    assert {check.id for check in CHECKS} == provoked | of_tuned_runs | {"commit"}


def test_another_commit_is_a_declared_exception_with_its_reason():
    found = row(with_one("resnet50", lambda run: with_origin(run, commit="f" * 40)), "commit")
    assert found.verdict == "DECLARED EXCEPTION"
    (excused,) = found.excused
    assert (excused.methods, excused.value) == (("resnet50",), "f" * 12)
    assert "code.lock" in excused.source


def of_all(method, change):
    return [change(run) if run.method == method else run for run in committed()]


def test_pretraining_may_show_more_and_never_less():
    """The exception allows more than the others have: fewer samples seen stay a FAIL."""
    fewer = of_all("comcl", lambda run: replace(run, stages=run.stages[-1:]))
    fewer = [
        with_stage(run, "finetune", more("images", -160)) if run.method == "comcl" else run
        for run in fewer
    ]
    assert {"images", "total"} <= failing(fewer)


def test_an_exception_is_for_a_method_and_not_for_one_of_its_runs():
    """All runs of comcl pretrain on as many; one that does not is no exception."""
    runs = with_one("comcl", lambda run: with_stage(run, "pretrain", more("images", 96)))
    assert row(runs, "total").verdict == "FAIL"
    all_of_them = of_all("comcl", lambda run: with_stage(run, "pretrain", more("images", 96)))
    assert row(all_of_them, "total").verdict == "DECLARED EXCEPTION"


@pytest.mark.parametrize(
    ("method", "verdict"), [("inception-v3", "DECLARED EXCEPTION"), ("cabnet", "FAIL")]
)
def test_a_larger_input_is_excused_where_the_network_needs_it(method, verdict):
    def renamed(run):
        run = with_spec(replace(run, method=method, roster_name=method), method=method)
        run = with_setting(run, "data", image_px=96)
        protocol = run.spec["protocol"] | {"inception": {"image_px": 96}}
        return with_spec(run, protocol=protocol)

    assert row(of_all("resnet50", renamed), "input").verdict == verdict


def test_settings_as_in_the_papers_are_excused_where_they_are_named():
    def original(run):
        return with_spec(with_setting(run, "finetuning", lr=0.5), settings="original")

    assert row(of_all("comcl", original), "optimiser").verdict == "DECLARED EXCEPTION"
    changed = of_all("comcl", lambda run: with_setting(run, "finetuning", lr=0.5))
    assert row(changed, "optimiser").verdict == "FAIL"


def patient(run, by, **stage):
    """A run whose supervised stages may end at a plateau, one of them after other epochs."""
    run = with_setting(run, "finetuning", patience=20)
    return run if run.spec["seed"] else with_stage(run, "finetune", more("steps", by))


def test_phases_that_end_at_a_plateau_may_differ_in_length_and_not_in_the_rule():
    runs = [patient(run, by=3) for run in committed()]
    assert row(runs, "steps").verdict == "DECLARED EXCEPTION"
    assert row(runs, "length").verdict == "PASS"
    longer = [with_setting(runs[0], "finetuning", patience=30), *runs[1:]]
    assert row(longer, "length").verdict == "FAIL"
    unruled = [
        with_stage(run, "finetune", more("steps", 1 + run.spec["seed"])) for run in committed()
    ]
    assert row(unruled, "steps").verdict == "FAIL"


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "PASS"), (1.7, "PASS"), (0.9, "FAIL")])
def test_the_compute_matched_control_must_compute_as_much_as_comcl(factor, verdict):
    base = [replace(run, flops=1000) for run in committed()]
    comcl = next(run for run in base if run.roster_name == "comcl")
    control = replace(comcl, roster_name="resnet50-long", method="resnet50-long")
    runs = [*base, replace(control, flops=round(1000 * factor))]
    found = row(runs, "matched")
    assert found.verdict == verdict
    assert f"{factor:.2f} times" in found.found


def test_without_counted_operations_nothing_is_said_of_the_control():
    runs = [replace(run, flops=None) for run in committed()]
    assert "matched" not in verdicts(runs)


def test_two_seeds_with_the_same_predictions_are_one():
    runs = list(committed())
    file = next(r for r in runs if r.name == "comcl native seed 0").predictions.file
    same = with_one("comcl", lambda run: with_answers(run, file=file))
    assert failing(same) == {"seeds"}
    assert "comcl native seed 0 = comcl native seed 1" in row(same, "seeds").found


def test_a_method_with_more_configurations_was_tuned_more():
    tuned = with_one("comcl", lambda run: with_setting(run, "comcl", k_min=9))
    assert failing(tuned) == {"trials"}
    assert "1 to 2 configurations per method, most of comcl" in row(tuned, "trials").found


def test_sensitivity_runs_are_trials_that_are_declared():
    study = with_spec(
        with_setting(committed()[0], "comcl", k_min=9), dataset="eyeq-twin", study="D10"
    )
    found = row(committed(), "trials", [study])
    assert found.verdict == "DECLARED EXCEPTION"
    assert found.excused[0].value == "1 configuration in studies"
    assert row(committed(), "trials").verdict == "PASS"


def test_without_a_declaration_the_same_difference_fails():
    check = next(check for check in CHECKS if check.id == "total")
    assert audit_check(check, committed()).verdict == "DECLARED EXCEPTION"
    assert audit_check(check, committed(), exceptions=()).verdict == "FAIL"


def test_if_all_have_an_exception_for_more_the_least_is_the_usual():
    check = next(check for check in CHECKS if check.id == "total")
    everyone = DeclaredException("total", lambda run: True, "because", "here", allows="more")
    found = audit_check(check, committed(), [everyone])
    assert found.verdict == "DECLARED EXCEPTION"
    assert found.excused[0].methods == ("comcl",)


def test_every_exception_has_a_check_a_reason_and_a_source():
    names = {check.id for check in CHECKS} | {"trials", "same_picture", "like_test"}
    assert {one.check for one in EXCEPTIONS} <= names
    assert all(one.reason and one.source for one in EXCEPTIONS)


def one_run_each():
    return [run for run in committed() if run.spec["seed"] == 1]


def test_one_run_has_nothing_to_be_equal_to():
    """Every equality of a single run is UNKNOWN; of two methods all but a method with itself."""
    single, pair = verdicts(committed()[:1]), verdicts(one_run_each())
    assert set(single.values()) == {"UNKNOWN"}
    alone = {"method", "seeds", "patch_steps", "patches", "boxes", "shared"}
    assert {name for name, verdict in pair.items() if verdict == "UNKNOWN"} == alone
    assert row(committed()[:1], "device").missing == "a second run"
    assert row(one_run_each(), "method").missing == "a second run of the same method"


def test_a_check_of_no_value_at_all_compared_nothing():
    check = Check("nothing", "nothing", lambda run: None)
    assert audit_check(check, committed()).verdict == "UNKNOWN"


def test_runs_of_different_scopes_are_not_compared():
    """At two ratios each of one run, which images are degraded is nobody else's business."""
    one, other = one_run_each()
    at = [one, with_spec(other, lq_ratio="0.7")]
    assert row(at, "degraded").verdict == "UNKNOWN"
    assert row([one, with_spec(other, lq_ratio="native")], "degraded").verdict == "PASS"


def test_trials_of_one_method_alone_are_not_compared():
    alone = [run for run in committed() if run.method == "comcl"]
    assert row(alone, "trials").verdict == "UNKNOWN"
    assert row(committed(), "trials").verdict == "PASS"


OWN = {"sr_optimizer": "adam", "sr_lr": 1e-3, "sr_weight_decay": 0.0, "sr_steps": None}


def as_deepmt_dr(run, **finetuning):
    """A plain run as one of DeepMT-DR, with the optimizer of its first phase."""
    run = with_spec(replace(run, method="deepmt-dr", roster_name="deepmt-dr"), method="deepmt-dr")
    protocol = {**run.spec["protocol"], "deepmt_dr": OWN}
    run = with_spec(run, protocol=protocol)
    return with_setting(run, "finetuning", **finetuning) if finetuning else run


def test_an_optimiser_besides_that_of_all_is_declared_and_another_one_is_not():
    others = [run for run in committed() if run.method == "comcl"]
    plain = [run for run in committed() if run.method == "resnet50"]
    found = row([*others, *map(as_deepmt_dr, plain)], "optimiser")
    assert found.verdict == "DECLARED EXCEPTION"
    (excused,) = found.excused
    assert excused.value.endswith("sr_optimizer adam, sr_lr 0.001, sr_weight_decay 0.0")
    changed = [as_deepmt_dr(run, lr=0.5) for run in plain]
    assert row([*others, *changed], "optimiser").verdict == "FAIL"


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
