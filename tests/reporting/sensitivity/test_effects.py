"""Effects of alternatives, their ranks and their page, from records whose errors are known."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from claim_world import world
from paths import STUDIES

from bench.errors import NotComparable
from bench.evaluation.joint import joint_scores
from bench.protocol.switches import STUDY, chosen
from bench.reporting.results.records import load
from bench.reporting.sensitivity.effects import rivals_of, sensitivity
from bench.reporting.sensitivity.numbers import numbers, plain
from bench.reporting.sensitivity.page import EMPTY, markdown, sensitivity_page, summary
from bench.reporting.tables.build import build_all

COMMITTED = sorted(path.parent for path in STUDIES.glob("*/sensitivity.md"))
LITERAL, OFF = "comcl[comcl.spl=literal]", "comcl[comcl.spl=off]"


@pytest.fixture
def records(tmp_path):
    """Runs that miss these shares of the images: of the main study, and of the study."""

    def make(main, study, **changes):
        parts = [world(tmp_path / "main", {(m, "native"): e for m, e in main.items()}, **changes)]
        others = {(m, "native"): e for m, e in study.items()}
        own = world(tmp_path / "study", others, study=STUDY, **changes)
        parts.append(own.assign(id="s-" + own["id"]) if len(own) else own)
        found = pd.concat([part for part in parts if len(part)], ignore_index=True)
        return found.assign(
            kappa=joint_scores([(f,) for f in found["folder"]], ["kappa"])["kappa"].values
        )

    return make


def looked(found, *points):
    """The study, and the effects of its first point by reading."""
    study = sensitivity(found, chosen(points or ("D13",)), "eyeq-twin")
    assert study is not None
    return study, {effect.alternative.name: effect for effect in study.questions[0].effects}


def difference(effects, reading):
    """Of an alternative that shares seeds with the default."""
    found = effects[reading].difference
    assert found is not None
    return found


def standing(effects, reading):
    """Of an alternative that has rivals."""
    found = effects[reading].ranks
    assert found is not None
    return found


def default_seeds(study):
    """How many runs the default of the first point has."""
    found = study.questions[0].default
    assert found is not None
    return found.seeds


EPOCH = {"step": 1, "seconds": 1.0, "images_per_second": 8.0}


def write_events(records, method, shares):
    """The log of every run of a method, one epoch per proportion."""
    # The first line is what a detector says; it is no epoch of training.
    lines: list[dict] = [{"stage": "boxes", "detector": "62d0"}]
    lines += [
        EPOCH | {"stage": "pretrain", "epoch": n, "train": {"selected/L|H": s, "loss": 9.0}}
        for n, s in enumerate(shares)
    ]
    lines.append(EPOCH | {"stage": "finetune", "epoch": 1, "train": {"loss": 9.0}})
    for folder in records.loc[records["method"] == method, "folder"]:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "events.jsonl").write_text(text)


def test_an_effect_is_the_mean_difference_over_the_seeds_that_both_have(records):
    found = records({"comcl": [0.2, 0.2, 0.2, 0.2]}, {LITERAL: [0.4, 0.5, 0.45]})
    kappas = found.set_index("id")["kappa"]
    _, effects = looked(found)
    each = [kappas[f"s-{LITERAL}-native-{s}"] - kappas[f"comcl-native-{s}"] for s in (0, 1, 2)]
    effect = difference(effects, "literal")
    assert effects["literal"].seeds == (0, 1, 2)
    assert effect.per_seed == pytest.approx(each, abs=1e-12)
    assert effect.value == pytest.approx(np.mean(each), abs=1e-12)
    assert effect.interval() is not None


def test_one_seed_has_an_effect_and_no_interval(records):
    _, effects = looked(records({"comcl": [0.2]}, {LITERAL: [0.4]}))
    assert difference(effects, "literal").value < 0
    assert difference(effects, "literal").interval() is None


def test_a_reading_without_runs_is_told_and_moves_nothing(records):
    study, effects = looked(records({"comcl": [0.2]}, {LITERAL: [0.4]}))
    assert effects["off"].score is None
    assert effects["off"].difference is None
    assert "| off | not run |" in markdown(study)


def test_a_reading_on_other_seeds_than_the_default_has_a_score_and_no_effect(records):
    found = records({"comcl": [0.2]}, {LITERAL: [0.4, 0.4]})
    _, effects = looked(found.loc[found["id"] != f"s-{LITERAL}-native-0"])
    assert effects["literal"].score is not None
    assert effects["literal"].difference is None


def test_the_default_may_be_a_run_of_the_study_and_counts_once_where_both_have_it(records):
    alone, _ = looked(records({}, {"comcl": [0.2, 0.3], LITERAL: [0.4, 0.4]}))
    assert default_seeds(alone) == 2


def test_a_default_of_both_studies_counts_once(records):
    both, _ = looked(records({"comcl": [0.2, 0.3]}, {"comcl": [0.2, 0.3], LITERAL: [0.4, 0.4]}))
    assert default_seeds(both) == 2


def test_the_selected_share_is_the_mean_of_the_runs_logs(records):
    found = records({"comcl": [0.2, 0.2]}, {LITERAL: [0.4, 0.4], OFF: [0.2, 0.2]})
    write_events(found, LITERAL, [0.0, 0.02])
    write_events(found, "comcl", [0.5, 1.0])
    study, effects = looked(found)
    assert effects["literal"].selected == pytest.approx(0.01)
    assert study.questions[0].selected == pytest.approx(0.75)
    assert effects["off"].selected is None  # its log says nothing of it
    assert "1.0 %" in markdown(study)


def test_a_ranking_flips_where_the_reading_falls_behind_a_rival(records):
    main = {"comcl": [0.1] * 3, "lanet": [0.3] * 3, "cabnet": [0.5] * 3}
    study, effects = looked(records(main, {LITERAL: [0.4] * 3, OFF: [0.12] * 3}))
    ranks = standing(effects, "literal")
    assert (ranks.default, ranks.other, ranks.methods) == (1, 2, 3)
    (crossing,) = ranks.crossings
    assert (crossing.rival, crossing.passed, crossing.sure) == ("lanet", False, True)
    assert standing(effects, "off").crossings == ()
    assert "A ranking flips under D13 literal (falls behind lanet)." in summary(study)


def test_a_flip_by_luck_of_few_seeds_is_not_called_sure(records):
    main = {"comcl": [0.30, 0.20], "lanet": [0.31, 0.25]}
    study, effects = looked(records(main, {LITERAL: [0.34, 0.28]}))
    (crossing,) = standing(effects, "literal").crossings
    assert not crossing.sure
    assert "not surely" in markdown(study)


def test_no_flip_is_said_where_none_is_and_nothing_where_no_rival_was_run(records, tmp_path):
    with_rival, _ = looked(records({"comcl": [0.1] * 2, "lanet": [0.5] * 2}, {OFF: [0.11] * 2}))
    assert "No ranking flips under any of 1 alternatives that have rivals." in summary(with_rival)


def test_without_rivals_nothing_is_said_of_ranks(records):
    study, effects = looked(records({"comcl": [0.1] * 2}, {OFF: [0.11] * 2}))
    assert effects["off"].ranks is None
    assert summary(study)[-1].startswith("No rival was run")


def test_rivals_are_the_other_rows_of_the_first_table_with_the_method():
    assert "lanet" in rivals_of("comcl")
    assert "comcl" not in rivals_of("comcl")
    assert rivals_of("moco") == ("resnet50", "comcl-no-multilevel", "comcl-no-spl", "comcl")
    assert rivals_of("mine.py:Net") == ()


def test_the_point_that_moves_most_is_first(records):
    study = {LITERAL: [0.5] * 2, "comcl[comcl.la_role=off]": [0.22] * 2}
    found, _ = looked(records({"comcl": [0.2] * 2}, study), "D55", "D13")
    assert [moved.question.id for moved in found.questions] == ["D13", "D55"]
    assert summary(found)[0].startswith("kappa moves most under D13 literal: -")


def test_runs_under_another_key_are_no_default(records):
    found = records({"comcl": [0.2] * 2}, {LITERAL: [0.4] * 2})
    found.loc[found["study"].isna(), "key"] = "ffff0000"
    _, effects = looked(found)
    assert effects["literal"].difference is None


def test_a_study_under_two_keys_is_refused_and_each_is_reported_by_name(records):
    found = records({}, {"comcl": [0.2] * 2, LITERAL: [0.4] * 2, OFF: [0.4] * 2})
    found.loc[found["method"] == OFF, "key"] = "ffff0000"
    with pytest.raises(NotComparable, match="2 protocols"):
        looked(found)
    study = sensitivity(found, chosen(["D13"]), "eyeq-twin", protocol="ffff0000")
    assert study is not None
    assert study.key == "ffff0000"


def test_other_studies_and_a_main_study_alone_are_no_study(records):
    found = records({"comcl": [0.2]}, {LITERAL: [0.4]})
    other = found.assign(study=[s and "another" for s in found["study"]])
    assert sensitivity(other, chosen(["D13"]), "eyeq-twin") is None
    assert sensitivity(found, chosen(["D13"]), "chestxray-twin") is None
    assert sensitivity(pd.DataFrame(), chosen(["D13"]), "eyeq-twin") is None


def test_runs_of_older_code_are_marked(records):
    found = records({"comcl": [0.2] * 2}, {LITERAL: [0.4] * 2})
    fresh, _ = looked(found)
    assert "stale runs" not in markdown(fresh)
    found.loc[found["method"] == LITERAL, "state"] = "stale"
    study, effects = looked(found)
    assert effects["literal"].stale
    assert "stale runs" in markdown(study)


def test_an_effect_that_stands_on_a_run_that_did_not_learn_is_undecided(records):
    """On the page, in its sentences, in the JSON; a rival that did not learn is no rival."""
    found = records({"comcl": [0.2] * 2, "lanet": [0.3] * 2}, {LITERAL: [0.4] * 2, OFF: [0.1] * 2})
    learnt, effects = looked(found)
    assert "undecided:" not in "".join(markdown(learnt).partition("undecided: a run")[::2])
    assert effects["literal"].ranks is not None
    failed = found.assign(trained=found["method"] != LITERAL)
    study, effects = looked(failed)
    assert effects["literal"].ranks is None
    assert effects["off"].ranks is not None
    assert effects["literal"].undecided == "2 of 4 trained"
    assert "undecided: 2 of 4 trained" in markdown(study)
    assert not any("literal" in line for line in summary(study)[:-1])
    assert summary(study)[-1] == "Undecided, since runs did not learn: D13 literal."
    undecided = [one["undecided"] for one in plain(study)["points"][0]["readings"]]
    assert sorted(filter(None, undecided)) == ["2 of 4 trained"]
    none = found.assign(trained=found["method"] != "comcl")
    assert len(summary(looked(none)[0])) == 1
    no_rival = found.assign(trained=found["method"] != "lanet")
    assert looked(no_rival)[1]["literal"].ranks is None
    assert looked(no_rival)[1]["literal"].undecided == ""


def test_runs_of_a_study_enter_no_table(records):
    found = records({"comcl": [0.2]}, {LITERAL: [0.4]}).assign(accuracy=0.5)
    found["accuracy"] = joint_scores([(f,) for f in found["folder"]], ["accuracy"])[
        "accuracy"
    ].values
    for name in ("share_train", "share_validation", "share_test"):
        found[name] = 0.3
    found = found.assign(boxes="oracle", n_test=400, majority=0.5)
    (table,) = build_all("1", found, protocol=None)
    assert "spl" not in str(table)


def test_a_reading_may_be_another_method_of_the_roster(records):
    _, effects = looked(
        records({"moco": [0.3] * 2, "moco-patches": [0.2] * 2}, {"comcl": [0.1]}), "D41"
    )
    assert difference(effects, "lesion patches").value > 0


def test_the_numbers_hold_every_seed_in_full(records):
    study, effects = looked(records({"comcl": [0.2] * 3}, {LITERAL: [0.4, 0.5]}))
    head, *lines = numbers(study).splitlines()
    assert head == "point,reading,method,lq_ratio,seed,metric,difference"
    values = [float(line.split(",")[-1]) for line in lines]
    assert tuple(values) == difference(effects, "literal").per_seed
    assert [line.split(",")[4] for line in lines] == ["0", "1"]
    readings = plain(study)["points"][0]["readings"]
    assert readings[0]["per_seed"] == difference(effects, "literal").per_seed


def test_an_empty_folder_names_the_next_command(tmp_path):
    assert sensitivity_page([tmp_path], chosen(), dataset="eyeq-twin").text == EMPTY
    as_json = sensitivity_page([tmp_path], chosen(), dataset="eyeq-twin", as_json=True)
    assert json.loads(as_json.text) == {"study": None}


@pytest.mark.parametrize("study", COMMITTED, ids=lambda path: path.name)
def test_committed_pages_are_current(study):
    page = (study / "sensitivity.md").read_text()
    (dataset,) = {path.name for path in study.iterdir() if path.is_dir()}
    asked = tuple(dict.fromkeys(re.findall(r"^\| (D\d+), ", page, flags=re.MULTILINE)))
    found = sensitivity(load(study), chosen(asked), dataset)
    assert found is not None
    assert page == markdown(found)
    assert same_cells((study / "sensitivity.csv").read_text(), numbers(found))


def same_cells(one, other):
    """Equal text, and numbers to what sums in another order of another processor leave of them."""
    cells = zip(*(re.split("[,\n]", text) for text in (one, other)), strict=True)
    return all(a == b or float(a) == pytest.approx(float(b), rel=1e-12) for a, b in cells)


def test_cells_that_differ_are_told_from_rounding():
    assert same_cells("a,0.97197902428", "a,0.971979024280001")
    assert not same_cells("a,0.97197902428", "a,0.97197902429")
