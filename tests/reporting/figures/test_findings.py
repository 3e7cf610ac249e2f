"""Figures of findings, which an image can have several of: confusion, calibration, captions."""

import numpy as np
import pandas as pd
import pytest
from figure_records import figured_run, pictures_of
from finding_runs import FREQUENT, NAMES, SIZES, found_run
from sklearn.metrics import cohen_kappa_score, precision_score, recall_score

from bench.evaluation.metrics import score_all, tuned_thresholds
from bench.reporting.figures.saliency import flat

SKILL = {"resnet50": 0.6, "comcl": 2.0}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two methods with three seeds each."""
    root = tmp_path_factory.mktemp("found")
    places = [(method, seed) for method in SKILL for seed in range(3)]
    return pd.DataFrame([found_run(root, m, s, skill=SKILL[m]) for m, s in places])


@pytest.fixture(scope="module")
def pictures(records):
    return pictures_of(records, "scores", "confusion", "calibration")


def runs_of(records, method):
    for folder in records.loc[records["method"] == method, "folder"]:
        rows = pd.read_parquet(folder / "predictions.parquet")
        yield rows.loc[rows["split"] == "validation"], rows.loc[rows["split"] == "test"]


def own(picture, method, finding):
    data = picture.data
    (row,) = data.loc[(data["method"] == method) & (data["finding"] == finding)].to_dict("records")
    return row


def test_confusion_is_a_table_of_two_by_two_a_finding_at_the_runs_own_thresholds(records, pictures):
    """Against scikit-learn, one run at a time."""
    picture = pictures["confusion-native"]
    assert list(picture.data["finding"]) == [*NAMES] * 2
    for method in SKILL:
        for c, finding in enumerate(NAMES):
            hits, kappas, told = [], [], []
            for validation, test in runs_of(records, method):
                yes = test[f"p_{c}"] >= tuned_thresholds(validation, len(NAMES))[c]
                hits.append((test[f"label_{c}"], yes))
                kappas.append(cohen_kappa_score(*hits[-1]))
                told.append(recall_score(*hits[-1]))
            row = own(picture, method, finding)
            truth, answers = (np.concatenate(values) for values in zip(*hits, strict=True))
            assert row["sensitivity"] == pytest.approx(np.mean(told))
            assert row["specificity"] == pytest.approx(recall_score(1 - truth, ~answers))
            assert row["ppv"] == pytest.approx(precision_score(truth, answers))
            assert row["npv"] == pytest.approx(precision_score(1 - truth, ~answers))
            assert row["kappa"] == pytest.approx(np.mean(kappas))


def test_its_counts_are_all_images_and_its_kappa_is_that_of_table_1(records, pictures):
    data = pictures["confusion-native"].data
    cells = ["true_positive", "false_positive", "false_negative", "true_negative"]
    assert data[cells].sum(axis=1).to_numpy() == pytest.approx(np.full(len(data), SIZES["test"]))
    for method in SKILL:
        kappa = data.loc[data["method"] == method, "kappa"].to_numpy().mean()
        recorded = records.loc[records["method"] == method, "kappa_macro_tuned"].to_numpy()
        assert kappa == pytest.approx(recorded.mean())
    good, poor = (own(pictures["confusion-native"], m, "Effusion") for m in ("comcl", "resnet50"))
    assert good["kappa"] > poor["kappa"] + 0.2


def test_a_finding_that_cannot_be_tuned_is_marked(tmp_path, pictures):
    (picture,) = pictures_of(
        pd.DataFrame([found_run(tmp_path, tunable=False)]), "confusion"
    ).values()
    assert [own(picture, "resnet50", name)["untuned"] for name in NAMES] == [0, 0, 1]
    assert "* answered from 0.5 on" in picture.caption
    texts = [label.get_text() for axes in picture.figure.axes for label in axes.get_xticklabels()]
    assert [text.startswith("* ") for text in texts[-3:]] == [False, False, True]
    assert "*" not in pictures["confusion-native"].caption
    assert set(pictures["confusion-native"].data["untuned"]) == {0}


def test_no_yes_has_no_predictive_value(tmp_path):
    mute = found_run(tmp_path, often=-9.0, tunable=False)
    picture = pictures_of(pd.DataFrame([mute]), "confusion")["confusion-native"]
    row = own(picture, "resnet50", "Pneumonia")
    assert np.isnan(row["ppv"])
    assert (row["sensitivity"], row["specificity"], row["kappa"]) == (0, 1, 0)
    assert np.isfinite(row["npv"])
    shown = [text.get_text() for axes in picture.figure.axes for text in axes.texts]
    assert shown.count("-") == 1


def test_grades_keep_their_matrix(tmp_path):
    picture = pictures_of(pd.DataFrame([figured_run(tmp_path)]), "confusion")["confusion-native"]
    assert {"true", "predicted"} <= set(picture.data.columns)


def test_calibration_of_findings_sets_each_probability_against_what_is_there(records, pictures):
    """Every finding of every image is an answer; by hand, bin for bin."""
    picture = pictures["calibration"]
    for method in SKILL:
        data = picture.data.loc[picture.data["method"] == method]
        said, there, errors = [], [], []
        for _, test in runs_of(records, method):
            p = test[[f"p_{c}" for c in range(3)]].to_numpy().ravel()
            y = test[[f"label_{c}" for c in range(3)]].to_numpy().ravel()
            bins = np.ceil(p * 15)
            gaps = [abs((p - y)[bins == b].sum()) for b in np.unique(bins)]
            errors.append(sum(gaps) / len(p))
            said.append(p)
            there.append(y)
        p, y = np.concatenate(said), np.concatenate(there)
        groups = [np.ceil(p * 15) == b for b in np.unique(np.ceil(p * 15))]
        assert data["answers"].tolist() == [group.sum() for group in groups]
        assert data["answers"].sum() == 3 * SIZES["test"] * len(NAMES)
        assert data["confidence"].to_numpy() == pytest.approx([p[g].mean() for g in groups])
        assert data["right"].to_numpy() == pytest.approx([y[g].mean() for g in groups])
        assert data["ece"].to_numpy() == pytest.approx(np.full(len(data), np.mean(errors)))


def test_probabilities_that_are_the_truths_own_lie_on_the_diagonal(tmp_path):
    """The made-up answers' exact posterior, against the same with its odds raised."""
    honest, bold = (posterior_run(tmp_path / name, times) for name, times in (("a", 1), ("b", 3)))
    error = [
        set(pictures_of(pd.DataFrame([r]), "calibration")["calibration"].data["ece"]).pop()
        for r in (honest, bold)
    ]
    # 1,200 answers in 15 bins: sqrt(15 * 0.25 / 1200) = 0.056 at most by chance.
    assert error[0] < 0.056
    assert error[1] > error[0] + 0.03


def posterior_run(root, times):
    run = found_run(root, skill=1.0)
    path = run["folder"] / "predictions.parquet"
    rows = pd.read_parquet(path)
    for c, often in enumerate(FREQUENT):
        shifted = np.log(rows[f"p_{c}"] / (1 - rows[f"p_{c}"])) + 1.5
        odds = times * (shifted - 0.5 + np.log(often / (1 - often)))
        rows[f"p_{c}"] = 1 / (1 + np.exp(-odds))
    rows.to_parquet(path)
    return run | score_all(rows, kind="findings", classes=NAMES)["test"]


def test_words_are_of_findings_where_findings_are_drawn(tmp_path, pictures):
    grades = pictures_of(pd.DataFrame([figured_run(tmp_path)]), "calibration", "scores")
    assert "proportion with the finding" in labels(pictures["calibration"])
    assert "proportion right" in labels(grades["calibration"])
    assert "whose finding is there" in pictures["calibration"].caption
    assert "whose finding is there" not in grades["calibration"].caption
    assert "intervals take it as given" in pictures["scores-kappa_macro_tuned"].caption
    assert "intervals take it as given" not in pictures["scores-kappa_macro"].caption
    assert "Dotted" in pictures["scores-kappa_macro_tuned"].caption
    assert "Dotted" not in pictures["scores-acc_subset"].caption
    title = "Kappa, mean over findings, as images lose quality"
    assert pictures["scores-kappa_macro"].title == title
    assert grades["scores-kappa"].title == "Quadratic weighted kappa as images lose quality"


def labels(picture):
    return picture.figure.get_supylabel()


def test_the_same_findings_give_the_same_bytes(records, pictures):
    again = pictures_of(records.sample(frac=1, random_state=1), "confusion")["confusion-native"]
    assert again.svg() == pictures["confusion-native"].svg()
    other = pictures_of(records.loc[records["seed"] == 0], "confusion")["confusion-native"]
    assert other.svg() != again.svg()


def test_a_map_that_is_the_same_everywhere_is_flat():
    assert flat(np.full((4, 4), 0.3))
    assert not flat(np.eye(4))
