"""From run folders to the page: faults are planted in files, and found."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from audited_runs import FIRST
from typer.testing import CliRunner

from bench import store
from bench.cli import app
from bench.errors import RequestError
from bench.reporting.audit.page import audit_page
from bench.reporting.audit.runs import read_runs


@pytest.fixture
def records(tmp_path):
    """Three runs each of resnet50 and comcl, copied."""
    for folder in sorted(FIRST.glob("*/*/*")):
        spec = json.loads((folder / "spec.json").read_text())["spec"]
        if spec["method"] in ("resnet50", "comcl") and spec["lq_ratio"] == "native":
            shutil.copytree(folder, tmp_path / "records" / folder.relative_to(FIRST))
    return tmp_path / "records"


def folder_of(records, method, seed):
    found = (run for run in read_runs(records) if (run.method, run.spec["seed"]) == (method, seed))
    return next(found).folder


def edited(folder, name, change):
    """The run with a file changed, and finished again."""
    value = json.loads((folder / name).read_text())
    change(value)
    store.write_json(folder / name, value)
    store.finish(folder)


def verdicts(records):
    (audit,) = json.loads(audit_page(records, as_json=True).text)["audits"]
    return {row["id"]: row["verdict"] for row in [*audit["checks"], *audit["passport"]]}


def test_clean_records_do_not_fail_and_say_what_they_do_not_hold(records):
    answer = audit_page(records)
    assert not answer.failed
    assert "eyeq-twin, protocol laptop" in answer.text
    assert "6 runs of 2 methods" in answer.text
    assert "unknown, since records lack\n  provenance.json: leakage:" in answer.text
    assert max(map(len, answer.text.splitlines())) <= 80


def test_a_device_in_the_provenance_is_read(records):
    before = verdicts(records)
    edited(folder_of(records, "comcl", 0), "provenance.json", lambda p: p.update(device="cuda"))
    after = verdicts(records)
    assert {name for name in after if after[name] != before[name]} == {"device"}
    assert audit_page(records).failed


def test_a_leak_in_the_provenance_is_read(records):
    stage = {"images": 9, "in_test": 4, "of_test_patients": 4, "like_test": 0}
    images = {"train": 9, "validation": 1, "test": 4}
    entry = {"images": images, "shared": {}, "not_compared": 0, "stages": {"finetune": stage}}
    edited(folder_of(records, "comcl", 0), "provenance.json", lambda p: p.update(leakage=entry))
    assert verdicts(records)["stages"] == "FAIL"


def test_an_epoch_that_was_chosen_by_another_score_is_found(records):
    folder = folder_of(records, "resnet50", 2)
    edited(folder, "metrics.json", lambda m: m["validation"].update(kappa=0.123))
    assert verdicts(records)["selection_score"] == "FAIL"


@pytest.mark.parametrize("word", ["test", "test_kappa"])
def test_a_test_score_among_the_events_is_found(records, word):
    folder = folder_of(records, "resnet50", 2)
    log = store.EventLog(folder / "events.jsonl")
    log.append(log.read()[-1] | {"validation": {"score": 0.0, word: 0.4}})
    assert verdicts(records)["events"] == "FAIL"


def test_validation_words_are_no_test_words(records):
    assert verdicts(records)["events"] == "PASS"


def change_predictions(folder, change):
    table = pd.read_parquet(folder / "predictions.parquet")
    changed = change(table)
    store.write_predictions(folder / "predictions.parquet", changed)
    low = ((changed["quality"] > 0) | changed["degraded"]).groupby(changed["split"]).mean()
    edited(folder, "spec.json", lambda saved: saved["about"]["shares"].update(low.to_dict()))


def test_an_image_that_was_scored_twice_is_found(records):
    folder = folder_of(records, "resnet50", 1)
    change_predictions(folder, lambda table: pd.concat([table, table.iloc[[0]]]))
    assert verdicts(records)["scored"] == "FAIL"
    assert "images scored twice: 1" in audit_page(records, "markdown").text


def test_another_label_is_another_set_of_images(records):
    def relabelled(table):
        return table.assign(label=np.where(np.arange(len(table)) == 3, 4, table["label"]))

    change_predictions(folder_of(records, "resnet50", 1), relabelled)
    assert verdicts(records)["scored"] == "FAIL"


def test_the_order_of_the_rows_is_no_difference(records):
    folder = folder_of(records, "resnet50", 1)
    change_predictions(folder, lambda table: table.sample(frac=1, random_state=0))
    assert verdicts(records)["scored"] == verdicts(records)["degraded"] == "PASS"


def test_a_patient_in_both_splits_is_found(records):
    def moved(table):
        own = table.loc[table["split"] == "validation", "patient_id"].iloc[0]
        first = np.flatnonzero(table["split"] == "test")[0]
        there = np.arange(len(table)) == first
        return table.assign(patient_id=table["patient_id"].mask(there, own))

    change_predictions(folder_of(records, "resnet50", 1), moved)
    found = verdicts(records)
    assert found["patients_scored"] == "FAIL"


def test_a_record_that_is_not_whole_is_not_audited(records):
    folder = folder_of(records, "comcl", 0)
    (folder / "provenance.json").write_text("{}")
    assert len(read_runs(records)) == 5


def run(*words):
    return CliRunner().invoke(app, ["audit", *map(str, words)])


def test_the_command_ends_with_3_if_something_failed_and_with_0_if_not(records):
    assert run("--records", records).exit_code == 0
    edited(folder_of(records, "comcl", 0), "provenance.json", lambda p: p.update(device="cuda"))
    failed = run("--records", records)
    assert failed.exit_code == 3
    assert "FAIL" in failed.output
    assert "cuda" in failed.output
    assert json.loads(run("--records", records, "--json").output)["failed"] is True


def test_without_records_the_next_command_is_named(tmp_path):
    answer = run("--records", tmp_path)
    assert answer.exit_code == 0
    assert "bench run --method resnet50" in answer.output
    assert json.loads(run("--records", tmp_path, "--json").output) == {
        "audits": [],
        "failed": False,
    }


def test_markdown_holds_the_same_verdicts(records):
    page = audit_page(records, "markdown").text
    for part in ("| device | PASS | cpu |", "## eyeq-twin, protocol laptop", "DECLARED EXCEPTION"):
        assert part in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in rows} == {4}


def test_an_unknown_format_names_those_there_are(records):
    with pytest.raises(RequestError, match="terminal, markdown"):
        audit_page(records, "csv")
