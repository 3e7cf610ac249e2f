from dataclasses import replace

import pytest
from audited_runs import (
    clean,
    committed,
    with_about,
    with_answers,
    with_one,
    with_origin,
    with_setting,
    with_spec,
    with_stage,
)

from bench.reporting.audit.leakage_checks import leakage_checks

NAME = "resnet50 native seed 1"


def rows(runs):
    return {row.id: row for row in leakage_checks(runs)}


def others_than_pass(runs):
    return {name: row.verdict for name, row in rows(runs).items() if row.verdict != "PASS"}


def leaking(change):
    """The runs, what seed 1 of resnet50 stored of leaks changed."""

    def changed(run):
        entry = clean(run)
        change(entry)
        return with_origin(run, leakage=entry)

    return with_one("resnet50", changed)


def test_clean_runs_pass_everything():
    assert others_than_pass(committed()) == {}
    assert rows(committed())["patients"].found.startswith("none (1,125 train")


@pytest.mark.parametrize("pair", ["train+validation", "train+test", "validation+test"])
@pytest.mark.parametrize("what", ["patients", "same_file", "same_picture"])
def test_whatever_two_splits_share_is_found(pair, what):
    runs = leaking(lambda entry: entry["shared"][pair].update({what: 2}))
    assert others_than_pass(runs) == {what: "FAIL"}
    assert f"{NAME}: 2 " in rows(runs)[what].found
    assert pair in rows(runs)[what].found


@pytest.mark.parametrize(
    ("what", "row"),
    [("in_test", "stages"), ("of_test_patients", "stages"), ("like_test", "like_test")],
)
def test_a_stage_that_sees_the_test_split_is_found(what, row):
    runs = leaking(lambda entry: entry["stages"]["finetune"].update({what: 7}))
    assert others_than_pass(runs) == {row: "FAIL"}
    assert f"{NAME}: finetune: 7 " in rows(runs)[row].found


@pytest.mark.parametrize(
    ("dataset", "stored", "verdict"),
    [
        ("chestxray-twin", {}, "DECLARED EXCEPTION"),
        ("chestxray-twin", {"alike": 0.18}, "FAIL"),
        ("eyeq-twin", {}, "FAIL"),
    ],
)
def test_radiographs_compared_as_photographs_are_excused_by_name(dataset, stored, verdict):
    def changed(run):
        entry = clean(run) | stored
        entry["shared"]["train+test"]["same_picture"] = 6
        entry["stages"]["finetune"]["like_test"] = 6
        return with_spec(with_origin(run, leakage=entry), dataset=dataset)

    found = others_than_pass(with_one("resnet50", changed))
    assert found == {"same_picture": verdict, "like_test": verdict}


def test_pretraining_is_a_stage_as_well():
    def changed(run):
        entry = clean(run)
        entry["stages"]["pretrain"]["in_test"] = 1
        return with_origin(run, leakage=entry)

    assert others_than_pass(with_one("comcl", changed)) == {"stages": "FAIL"}


def test_a_patient_in_both_scored_splits_is_found():
    runs = with_one("resnet50", lambda run: with_answers(run, shared_patients=("p9",)))
    assert others_than_pass(runs) == {"patients_scored": "FAIL"}
    assert rows(runs)["patients_scored"].found == "1: p9"


def test_predictions_of_one_split_cannot_tell():
    def cut(run):
        return with_answers(run, images={"test": run.predictions.images["test"]})

    assert others_than_pass(with_one("resnet50", cut)) == {"patients_scored": "UNKNOWN"}


def test_records_of_before_it_was_stored_are_unknown_and_not_passed():
    def old(run):
        origin = {name: value for name, value in run.origin.items() if name != "leakage"}
        return replace(run, origin=origin)

    found = others_than_pass(with_one("resnet50", old))
    asked = ("patients", "same_file", "same_picture", "stages", "like_test")
    assert found == dict.fromkeys(asked, "UNKNOWN")
    row = rows(with_one("resnet50", old))["stages"]
    assert row.found == "not stored in 1 of 6 records"
    assert row.missing == "provenance.json: leakage"


def test_a_leak_counts_whatever_other_records_lack():
    """One record leaks and another says nothing: that is a FAIL, not UNKNOWN."""
    runs = leaking(lambda entry: entry["shared"]["train+test"].update(patients=1))
    first = runs[0]
    runs[0] = replace(first, origin={k: v for k, v in first.origin.items() if k != "leakage"})
    assert rows(runs)["patients"].verdict == "FAIL"
    assert rows(runs)["same_file"].verdict == "UNKNOWN"


def test_a_stage_on_other_photographs_is_unknown():
    runs = leaking(lambda entry: entry["stages"].update(segment=None))
    assert others_than_pass(runs) == {"stages": "UNKNOWN", "like_test": "UNKNOWN"}
    assert rows(runs)["stages"].found == "other photographs, not compared: resnet50: segment"


@pytest.mark.parametrize(
    ("boxes", "expected"), [("detector", "UNKNOWN"), ("file", "UNKNOWN"), ("oracle", None)]
)
def test_what_a_detector_learnt_from_is_unknown(boxes, expected):
    found = rows(with_one("comcl", lambda run: with_about(run, boxes=boxes)))
    assert (found["detector"].verdict if "detector" in found else None) == expected


def test_a_test_score_in_the_events_is_found():
    runs = with_one("resnet50", lambda run: replace(run, test_words=("test",)))
    assert others_than_pass(runs) == {"events": "FAIL"}
    assert rows(runs)["events"].found == f"{NAME}: test"


def test_weights_of_another_epoch_than_the_best_are_found():
    """The last epoch is made the best by its logged score, and the stored weights are not its."""

    def later(run):
        return with_stage(run, "finetune", lambda s: replace(s, scores=(*s.scores, 0.999)))

    runs = with_one("resnet50", later)
    assert others_than_pass(runs) == {"selection_score": "FAIL"}
    assert f"{NAME}: best 0.999" in rows(runs)["selection_score"].found


def test_a_run_that_selects_nothing_has_no_best_epoch():
    runs = [with_setting(run, "finetuning", select="last") for run in committed()]
    assert rows(runs)["selection_score"].found == "no run selects an epoch"


@pytest.mark.parametrize(
    ("dataset", "real", "verdict"),
    [("eyeq", True, "DECLARED EXCEPTION"), ("folder", True, "FAIL"), ("eyeq-twin", False, "FAIL")],
)
@pytest.mark.parametrize("what", ["same_picture", "like_test"])
def test_lookalikes_are_excused_where_the_split_was_published(what, dataset, real, verdict):
    def change(entry):
        if what == "same_picture":
            entry["shared"]["train+test"]["same_picture"] = 3
        else:
            entry["stages"]["finetune"]["like_test"] = 3

    moved = [with_about(with_spec(r, dataset=dataset), real=real) for r in leaking(change)]
    assert others_than_pass(moved) == {what: verdict}


def test_a_shared_file_is_excused_nowhere():
    runs = leaking(lambda entry: entry["shared"]["train+test"].update(same_file=1))
    moved = [with_about(with_spec(run, dataset="eyeq"), real=True) for run in runs]
    assert others_than_pass(moved) == {"same_file": "FAIL"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda e: e.update(shared={}), {"patients", "same_file", "same_picture"}),
        (
            lambda e: e["images"].update(test=0),
            {"patients", "same_file", "same_picture", "stages", "like_test"},
        ),
        (lambda e: e["images"].update(validation=0), {"patients", "same_file", "same_picture"}),
        (lambda e: e.update(not_compared=1125 + 129 + 1625), {"same_picture"}),
        (lambda e: e.update(stages={}), {"stages", "like_test"}),
        (lambda e: e["stages"]["finetune"].update(images=0), {"stages", "like_test"}),
    ],
)
def test_an_entry_that_compared_nothing_is_unknown_and_not_passed(change, expected):
    assert others_than_pass(leaking(change)) == dict.fromkeys(expected, "UNKNOWN")


def test_what_was_found_fails_although_another_split_is_empty():
    def change(entry):
        entry["images"]["validation"] = 0
        entry["shared"]["train+test"]["patients"] = 1

    assert rows(leaking(change))["patients"].verdict == "FAIL"


def test_a_run_that_logged_no_epoch_tells_nothing_of_its_training():
    runs = with_one("resnet50", lambda run: replace(run, stages=()))
    assert others_than_pass(runs) == {"events": "UNKNOWN", "selection_score": "UNKNOWN"}
    assert NAME in rows(runs)["events"].found


def test_runs_that_select_no_epoch_selected_none_on_validation():
    runs = [with_setting(run, "finetuning", select="last") for run in committed()]
    assert others_than_pass(runs) == {"selection_score": "UNKNOWN"}
    assert rows(runs)["selection_score"].found == "no run selects an epoch"
