"""Table 1 of a data set whose images can have several findings."""

import re

import numpy as np
import pandas as pd

from bench.evaluation import registry
from bench.reporting.tables.build import build
from bench.reporting.tables.render import render


def block(table, metric):
    (found,) = [b for b in table.sections[0].blocks if b.metric == metric]
    return found


def texts(table, method, metric):
    (line,) = [line for line in block(table, metric).lines if line.method == method]
    return [cell.text for cell in line.cells]


def test_findings_have_scores_of_their_own(real_run):
    truth = np.arange(24).reshape(12, 2) // 3 % 2
    answers = np.where(np.arange(12)[:, None] == 5, 1 - truth, truth) * 0.8 + 0.1
    finding = real_run(dataset="chestxray", answers=(truth, answers))
    table = build("1", pd.DataFrame([finding]))
    assert [b.metric for b in table.sections[0].blocks][:-1] == [
        m.name for m in registry.printed("findings")
    ]
    assert texts(table, "resnet50", "acc_label")[:3] == ["0.917 (n=1)", "", ""]
    assert texts(table, "resnet50", "acc_subset")[:2] == ["0.917 (n=1)", "0.626 / 0.619"]
    assert texts(table, "resnet50", "kappa_macro")[1] == "0.619 / 0.626"
    assert texts(table, "resnet50", "auroc_macro")[1] == ""
    # Nothing parts the answers better than 0.5 does; and no number of the paper stands beside it.
    ours = texts(table, "resnet50", "kappa_macro")[0]
    assert texts(table, "resnet50", "kappa_macro_tuned")[:3] == [ours, "", ""]


def test_rare_findings_have_a_kappa_at_tuned_thresholds_with_interval_and_sign(run):
    """Nobody is found at 0.5: only the tuned kappa tells the methods apart."""
    runs = [
        run(method, seed=seed, dataset="chestxray-twin", answers=rarely_found(seed, skill))
        for method, skill in (("resnet50", 0.02), ("comcl", 0.15))
        for seed in range(3)
    ]
    table = build("1", pd.DataFrame(runs))
    assert texts(table, "comcl", "kappa_macro") == ["0.000 (n=3)"] + ["not run"] * 2
    first, *rest = texts(table, "comcl", "kappa_macro_tuned")
    expected = np.mean([one["kappa_macro_tuned"] for one in runs[3:]])
    assert re.fullmatch(rf"{expected:.3f} ± 0\.\d+ \(n=3\)", first)
    assert rest == ["not run"] * 2
    (best,) = [x for x in block(table, "kappa_macro_tuned").lines if x.method == "comcl"]
    assert best.cells[0].marks[0] == "*"
    assert "always the most frequent class" in block(table, "kappa_macro_tuned").lines[-1].title
    for form in ("terminal", "markdown", "latex", "csv"):
        page = render(build("1", pd.DataFrame(runs)), form)
        heading = "Kappa, mean over findings, thresholds tuned on validation"
        assert ("kappa_macro_tuned" if form == "csv" else heading) in page
    assert table.sections[0].blocks[1].heading == "Rank by AUROC, mean over findings"
    noted = [text for _, text in table.sections[0].notes]
    assert any("intervals take tuned thresholds as given" in text for text in noted)


def rarely_found(seed, skill):
    truth = (np.random.default_rng(7).random((200, 2)) < 0.2).astype(int)
    noise = np.random.default_rng(seed).random((200, 2))
    return truth, 0.3 * noise + skill * truth


def test_grades_know_no_thresholds(study):
    table = build("1", study)
    assert not any("threshold" in text for _, text in table.sections[0].notes)
    assert {b.metric for b in table.sections[0].blocks} == {"kappa", "accuracy", ""}


def test_a_kappa_of_nearly_nothing_is_written_without_a_sign(run):
    truth = np.repeat([[0], [1]], 8, axis=0)
    wrong = np.tile([[0.1], [0.9]], (8, 1))  # as often right as by chance
    one = run(dataset="chestxray-twin", answers=(truth, wrong), kappa_macro=-1e-12)
    assert texts(build("1", pd.DataFrame([one])), "resnet50", "kappa_macro")[0] == "0.000 (n=1)"


def notes(runs):
    table = build("1", pd.DataFrame(runs))
    return " ".join(text for _, text in table.sections[0].notes)


def test_a_mean_that_leaves_a_finding_out_is_footnoted(run):
    whole = run("resnet50", seed=0, dataset="chestxray-twin", answers=rarely_found(0, 0.1))
    assert "findings in some runs" not in notes([whole])
    classes = tuple(name[6:] for name in whole if name.startswith("auroc:"))
    part = whole | {"classes": classes, f"auroc:{classes[0]}": np.nan}
    said = notes([part])
    rest = f"{len(classes) - 1} of {len(classes)}"
    assert f"AUROC, mean over findings: mean over {rest} findings in some runs" in said
    assert "Kappa, mean over findings: mean" not in said


def shared(patients):
    nothing = {"patients": 0, "same_file": 0, "same_picture": 4}
    return {"train+test": nothing | {"patients": patients}, "validation+test": nothing}


def test_patients_of_two_splits_stand_among_the_data_where_there_are_any(run):
    whole = run("resnet50", seed=0, dataset="chestxray-twin", answers=rarely_found(0, 0.1))

    def lines(**more):
        table = build("1", pd.DataFrame([whole | more]))
        return {line.title: line.cells[0].text for line in table.sections[0].blocks[-1].lines}

    assert lines(shared_by_splits=shared(3))["patients in both train and test"] == "3"
    assert "patients in both validation and test" not in lines(shared_by_splits=shared(3))
    for nothing in (shared(0), None):
        assert lines(shared_by_splits=nothing) == lines()
