import os

import numpy as np
import pandas as pd
import pytest
from paths import GOLDEN as GOLDEN_FILES
from scipy import stats
from scored import certain

from bench.errors import NotComparable, RequestError
from bench.evaluation.influence import kappa_influence
from bench.experiments import TABLE1, TABLE2, TABLE3
from bench.reporting.tables.build import build, build_all
from bench.reporting.tables.render import render

GOLDEN = GOLDEN_FILES / "tables"


def block(table, metric="kappa", section=0):
    found = [b for b in table.sections[section].blocks if b.metric == metric]
    return found[0]


def texts(table, method, metric="kappa", section=0):
    lines = [line for line in block(table, metric, section).lines if line.method == method]
    return [cell.text for cell in lines[0].cells]


def fact(table, title):
    lines = [line for b in table.sections[0].blocks for line in b.lines if line.title == title]
    return [cell.text for cell in lines[-1].cells]


@pytest.mark.parametrize("name", ["twin", "real"])
@pytest.mark.parametrize(("form", "ending"), [("markdown", "md"), ("latex", "tex"), ("csv", "csv")])
def test_the_bytes_of_a_table_do_not_change_unasked(name, form, ending, study, real):
    """Renew with BENCH_RENEW_GOLDEN=1 and read the difference."""
    page = render(build("1", study if name == "twin" else real), form)
    path = GOLDEN / f"{name}.{ending}"
    if os.environ.get("BENCH_RENEW_GOLDEN"):
        path.write_text(page)
    assert path.read_bytes() == page.encode()


def test_the_order_of_the_records_does_not_matter(study):
    shuffled = study.sample(frac=1, random_state=1)
    for form in ("markdown", "latex", "csv", "terminal"):
        assert render(build("1", shuffled), form) == render(build("1", study), form)


def test_one_other_number_changes_the_page(study, run):
    other = pd.DataFrame([*study.iloc[1:].to_dict("records"), run(kappa=0.802)])
    assert render(build("1", other), "markdown") != render(build("1", study), "markdown")


def test_a_record_whose_predictions_say_otherwise_is_refused(study):
    study.loc[0, "kappa"] += 1e-6
    with pytest.raises(NotComparable, match=r"resnet50-native-0 records kappa 0\.800001"):
        build("1", study)


def test_a_cell_is_the_mean_and_half_of_its_interval(study):
    """Seeds vary by their sample deviation, patients by the sums of their images' influences."""
    chosen = study.loc[(study["method"] == "resnet50") & (study["lq_ratio"] == "native")]
    moved = []
    for folder in chosen["folder"]:
        rows = pd.read_parquet(folder / "predictions.parquet")
        grades = rows[[f"p_{c}" for c in range(5)]].to_numpy().argmax(axis=1)
        moved.append(kappa_influence(rows["label"].to_numpy(), grades, 5).per_image)
    by_patient = np.mean(moved, axis=0).reshape(-1, 2).sum(axis=1)
    patients = len(by_patient)
    v_seed = np.std([0.80, 0.81, 0.82], ddof=1) ** 2 / 3
    v_img = by_patient @ by_patient * patients / (patients - 1)
    df = (v_seed + v_img) ** 2 / (v_seed**2 / 2 + v_img**2 / (patients - 1))
    half = stats.t.ppf(0.975, df) * np.sqrt(v_seed + v_img)
    assert texts(build("1", study), "resnet50")[0] == f"0.810 ± {half:.3f} (n=3)"


def test_one_seed_has_no_spread(study):
    assert texts(build("1", study), "resnet50")[2] == "0.710 (n=1)"


def test_an_undefined_score_stays_visible(run):
    nobody_ill = np.zeros(20, int)
    one_wrong = np.arange(20) // 19
    answered = (nobody_ill, one_wrong, nobody_ill)
    runs = [run(answers=(nobody_ill, certain(g)), seed=s) for s, g in enumerate(answered)]
    table = build("1", pd.DataFrame(runs))
    assert texts(table, "resnet50")[0] == "undefined (n=3)"
    assert texts(table, "resnet50", "accuracy")[0].startswith("0.983 ± ")


def test_what_was_not_run_says_so(study):
    table = build("1", study)
    assert texts(table, "cabnet") == ["not run"] * 3
    assert texts(table, "comcl")[2] == "not run"


def test_rows_stand_in_the_papers_order(study):
    methods = [line.method for line in block(build("1", study)).lines]
    assert methods[: len(TABLE1.rows)] == [row.method for row in TABLE1.rows]


def test_other_methods_stand_below_a_rule(study):
    lines = block(build("1", study)).lines
    others = [line for line in lines[len(TABLE1.rows) :] if line.method]
    assert [(line.method, line.ruled) for line in others] == [("mine.py:My_Net", True)]


def test_ablations_stand_in_their_own_table_alone(study):
    assert "comcl-v1" in set(study["method"])
    assert "comcl-v1" not in [line.method for line in block(build("1", study)).lines]
    assert "comcl-v1" in [line.method for line in block(build("3", study)).lines]


def test_the_majority_class_stands_beside_accuracy(study):
    assert fact(build("1", study), "always the most frequent class") == ["0.699"] * 3


def test_the_achieved_shares_stand_below(study):
    assert fact(build("1", study), "proportion of low-quality images, test") == ["47.87%"] * 3
    study.loc[study["lq_ratio"] == "0.7", "share_test"] = 0.7
    assert fact(build("1", study), "proportion of low-quality images, test") == [
        "47.87%",
        "70.00%",
        "47.87%",
    ]


def test_an_own_ratio_gets_a_column(run):
    table = build("1", pd.DataFrame([run(ratio="0.85")]))
    assert [c.head for c in table.sections[0].columns] == ["native", "0.7", "0.85", "1.0"]


def test_a_twin_never_stands_beside_published_numbers(study):
    page = render(build("1", study), "markdown")
    assert "eyeq-twin: synthetic images, not comparable with the published numbers" in page
    assert "0.884" not in page


def test_real_eyeq_stands_beside_both_readings(real):
    table = build("1", real)
    kappa, accuracy = (texts(table, "comcl", metric) for metric in ("kappa", "accuracy"))
    assert kappa[4] == "0.852 / 0.837"
    assert accuracy[4] == "0.837 / 0.852"


def test_the_control_has_no_published_number(real):
    assert texts(build("1", real), "resnet50-long") == ["not run", "", ""] * 3


@pytest.mark.parametrize("what", ["partial", "limit", "shuffled"])
def test_a_part_of_eyeq_never_stands_beside_published_numbers(what, real):
    if what == "partial":
        real["partial"] = True
    else:
        change = {"limit": {"limit": 440}, "shuffled": {"shuffle_labels": True}}[what]
        real["protocol"] = [{**p, "data": p["data"] | change} for p in real["protocol"]]
    page = render(build("1", real), "markdown")
    assert "published |" not in page
    assert "not comparable with the published numbers" in page


def limited_to(records, limit, **changes):
    protocols = [{**p, "data": p["data"] | {"limit": limit}} for p in records["protocol"]]
    return records.assign(protocol=protocols, **changes)


def test_a_limit_that_left_nothing_out_does_not_make_a_set_partial(real):
    page = render(build("1", limited_to(real, 440, limited=False)), "markdown")
    assert page == render(build("1", real), "markdown")
    assert "published |" in page and "partial" not in page


def test_a_limit_that_left_images_out_makes_a_set_partial(real):
    sentence = ("438 of 28,792 images, whole patients: data.limit=440",)
    told = [sentence] * len(real)
    for changes in ({"limited": True}, {"limited": None, "assumptions": told}):
        page = render(build("1", limited_to(real, 440, **changes)), "markdown")
        assert "partial: 440 images drawn from the set (data.limit)" in page
        assert "published |" not in page


def test_an_older_record_that_cannot_say_whether_a_limit_left_images_out_counts_as_partial(real):
    page = render(build("1", limited_to(real, 440)), "markdown")
    assert "partial, perhaps: data.limit was 440" in page
    assert "published |" not in page


def test_your_own_images_never_stand_beside_published_numbers(run):
    table = build("1", pd.DataFrame([run(dataset="folder", real=True)]))
    assert "your own images" in table.sections[0].title
    assert all(column.measured for column in table.sections[0].columns)


def test_two_versions_of_a_users_file_are_two_rows(run):
    digests = ("aaaaaaaa", "bbbbbbbb")
    runs = [run("mine.py:Net", method_digest=digest, id=digest) for digest in digests]
    methods = [line.method for line in block(build("1", pd.DataFrame(runs))).lines]
    assert "mine.py:Net @aaaaaa" in methods
    assert "mine.py:Net @bbbbbb" in methods


def test_a_study_never_enters(study, run):
    with_study = pd.concat([study, pd.DataFrame([run("comcl", kappa=0.1, study="spl")])])
    assert build("1", with_study) == build("1", study)


def test_a_stale_run_is_shown_with_its_mark(run):
    page = render(build("1", pd.DataFrame([run(state="stale")])), "markdown")
    assert "0.800 (n=1)<sup>a</sup>" in page
    assert "<sup>a</sup> stale: made by an older version" in page


def test_a_stale_run_gives_way_to_a_fresh_one(run):
    runs = pd.DataFrame([run(seed=0), run(seed=1, state="stale", kappa=0.1)])
    table = build("1", runs)
    assert texts(table, "resnet50")[0] == "0.800 (n=1)"
    assert ("a", "stale runs of this cell are left out") in table.sections[0].notes


def test_the_newest_stale_version_speaks_for_all(run):
    old = {"method": 1, "engine": 1}
    new = {"method": 2, "engine": 1}
    runs = [run(state="stale", versions=v, kappa=k, id=str(k)) for v, k in ((old, 0.1), (new, 0.8))]
    assert texts(build("1", pd.DataFrame(runs)), "resnet50")[0] == "0.800 (n=1)"


def test_the_source_of_boxes_and_the_assumptions_are_told(study):
    notes = " ".join(text for _, text in build("1", study).sections[0].notes)
    assert "lesion boxes: oracle" in notes
    assert "assumed: quality: all good" in notes
    assert "not in the paper: ResNet50 trained for as long" in notes


def test_an_unknown_table_names_those_there_are(study):
    with pytest.raises(RequestError, match="no table '7': choose one of 1, 2, 3, all"):
        build("7", study)


def test_cells_of_unequal_seeds_are_told(study):
    full = study.loc[study["method"] == "resnet50"].loc[study["lq_ratio"] != "1.0"]
    uneven, even = (build("1", runs).sections[0].notes for runs in (study, full))
    assert ("", "not balanced: 1 to 3 seeds per cell; compare with care") in uneven
    assert not any("balanced" in text for _, text in even)


def test_missing_seeds_are_named_and_never_averaged_over(run):
    """comcl has seed 1 alone: its mean is that one score, and the note says what is not there."""
    runs = [*(run("resnet50", seed=seed) for seed in range(3)), run("comcl", seed=1)]
    table = build("1", pd.DataFrame(runs))
    assert texts(table, "comcl")[0] == "0.850 (n=1)"
    assert "seeds 0, 2 of other cells not run here" in [t for _, t in table.sections[0].notes]
    complete = build("1", pd.DataFrame(runs[:3]))
    assert not any("not run here" in text for _, text in complete.sections[0].notes)


def test_without_records_the_next_command_is_named():
    page = render(build("1", pd.DataFrame()), "terminal")
    assert "bench run --method resnet50 --dataset eyeq-twin --protocol smoke" in page


def test_a_table_whose_own_rows_were_not_run_names_the_sweep_that_runs_them(run):
    one, two, three = build_all("all", pd.DataFrame([run("resnet50"), run("comcl")]))
    assert one.sections
    for table in (two, three):
        assert not table.sections
        assert f"bench sweep --table {table.name[-1]} --dataset eyeq-twin" in table.message


def test_tables_2_and_3_show_their_own_rows_at_the_native_share(run):
    runs = [run(m) for m in ("resnet50", "moco", "comcl-no-spl", "comcl-v2", "comcl")]
    _, two, three = build_all("all", pd.DataFrame([*runs, run("comcl", "0.7")]))
    for table, rows in ((two, TABLE2.rows), (three, TABLE3.rows)):
        (section,) = table.sections
        assert [column.ratio for column in section.columns] == ["native"]
        assert [line.title for line in section.blocks[0].lines][:-1] == [r.title for r in rows]
    assert texts(two, "moco") == ["0.800 (n=1)"]
    assert texts(two, "comcl-no-multilevel") == ["not run"]
    assert texts(three, "comcl-v2") == ["0.800 (n=1)"]


def test_one_table_alone_is_the_same_as_among_all(study):
    for number, table in enumerate(build_all("all", study), start=1):
        assert build(str(number), study) == table


def test_with_studies_only_the_reason_is_named(run):
    page = render(build("1", pd.DataFrame([run(study="spl")])), "markdown")
    assert "belong to sensitivity studies" in page


def test_two_data_sets_may_have_two_protocols(study, real):
    table = build("1", pd.concat([study, real]))
    assert [section.dataset for section in table.sections] == ["eyeq", "eyeq-twin"]
