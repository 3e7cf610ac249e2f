from dataclasses import replace

import pytest
from audited_runs import (
    committed,
    failing,
    more,
    row,
    verdicts,
    with_about,
    with_answers,
    with_one,
    with_origin,
    with_setting,
    with_spec,
    with_stage,
)

from bench.reporting.audit.audit import audit_check
from bench.reporting.audit.exceptions import EXCEPTIONS, DeclaredException
from bench.reporting.audit.values import CHECKS, Check


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
