import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.errors import NotComparable, RequestError
from bench.experiments import TABLE1
from bench.protocols import named
from bench.reporting.render import render
from bench.reporting.tables import build, build_table1

GOLDEN = Path(__file__).parents[1] / "golden" / "tables"


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
    page = render(build_table1(study if name == "twin" else real), form)
    path = GOLDEN / f"{name}.{ending}"
    if os.environ.get("BENCH_RENEW_GOLDEN"):
        path.write_text(page)
    assert path.read_bytes() == page.encode()


def test_the_order_of_the_records_does_not_matter(study):
    shuffled = study.sample(frac=1, random_state=1)
    for form in ("markdown", "latex", "csv", "terminal"):
        assert render(build_table1(shuffled), form) == render(build_table1(study), form)


def test_one_other_number_changes_the_page(study):
    before = render(build_table1(study), "markdown")
    study.loc[0, "kappa"] += 0.01
    assert render(build_table1(study), "markdown") != before


def test_a_cell_is_mean_and_sample_deviation_over_seeds(study):
    scores = [0.80, 0.81, 0.82]
    expected = f"{np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f} (n=3)"
    assert texts(build_table1(study), "resnet50")[0] == expected == "0.810 ± 0.010 (n=3)"


def test_one_seed_has_no_spread(study):
    assert texts(build_table1(study), "resnet50")[2] == "0.710 (n=1)"


def test_an_undefined_score_stays_visible(run):
    runs = pd.DataFrame([run(seed=0), run(seed=1, kappa=float("nan"))])
    assert texts(build_table1(runs), "resnet50")[0] == "undefined (n=2)"
    assert texts(build_table1(runs), "resnet50", "accuracy")[0] != "undefined (n=2)"


def test_what_was_not_run_says_so(study):
    table = build_table1(study)
    assert texts(table, "cabnet") == ["not run"] * 3
    assert texts(table, "comcl")[2] == "not run"


def test_rows_stand_in_the_papers_order(study):
    methods = [line.method for line in block(build_table1(study)).lines]
    assert methods[: len(TABLE1.rows)] == [row.method for row in TABLE1.rows]


def test_other_methods_stand_below_a_rule(study):
    lines = block(build_table1(study)).lines
    others = lines[len(TABLE1.rows) : -1]
    assert [line.method for line in others] == ["comcl-v1", "mine.py:My_Net"]
    assert [line.ruled for line in others] == [True, False]


def test_the_majority_class_stands_beside_accuracy(study):
    assert fact(build_table1(study), "always the most frequent class") == ["0.699"] * 3


def test_the_achieved_shares_stand_below(study):
    assert fact(build_table1(study), "low-quality share, test") == ["47.87%"] * 3
    study.loc[study["lq_ratio"] == "0.7", "share_test"] = 0.7
    assert fact(build_table1(study), "low-quality share, test") == ["47.87%", "70.00%", "47.87%"]


def test_an_own_ratio_gets_a_column(run):
    table = build_table1(pd.DataFrame([run(ratio="0.85")]))
    assert [c.head for c in table.sections[0].columns] == ["native", "0.7", "0.85", "1.0"]


def test_a_twin_never_stands_beside_published_numbers(study):
    page = render(build_table1(study), "markdown")
    assert "eyeq-twin: drawn images, not comparable with the published numbers" in page
    assert "0.884" not in page


def test_real_eyeq_stands_beside_both_readings(real):
    table = build_table1(real)
    kappa, accuracy = (texts(table, "comcl", metric) for metric in ("kappa", "accuracy"))
    assert kappa[3] == "0.852 / 0.837"
    assert accuracy[3] == "0.837 / 0.852"


def test_the_control_has_no_published_number(real):
    assert texts(build_table1(real), "resnet50-long")[1::2] == ["", "", ""]


@pytest.mark.parametrize("what", ["partial", "limit", "shuffled"])
def test_a_part_of_eyeq_never_stands_beside_published_numbers(what, real):
    if what == "partial":
        real["partial"] = True
    else:
        change = {"limit": {"limit": 440}, "shuffled": {"shuffle_labels": True}}[what]
        real["protocol"] = [{**p, "data": p["data"] | change} for p in real["protocol"]]
    page = render(build_table1(real), "markdown")
    assert "published |" not in page
    assert "not comparable with the published numbers" in page


def test_your_own_images_never_stand_beside_published_numbers(run):
    table = build_table1(pd.DataFrame([run(dataset="folder", real=True)]))
    assert "your own images" in table.sections[0].title
    assert all(column.measured for column in table.sections[0].columns)


def test_two_protocols_are_refused_with_the_way_out(study, run):
    smoke = run(seed=7, protocol_name="smoke", key="88ab12ff")
    smoke["protocol"] = smoke["protocol"] | {
        "finetuning": smoke["protocol"]["finetuning"] | {"epochs": 2}
    }
    mixed = pd.concat([study, pd.DataFrame([smoke])])
    with pytest.raises(NotComparable) as refusal:
        build_table1(mixed)
    message = str(refusal.value)
    assert "--protocol laptop   26 runs" in message
    assert "--protocol smoke   1 runs" in message
    assert f"finetuning.epochs: {named('laptop').finetuning.epochs} | 2" in message
    assert "image_px" not in message


def test_a_named_protocol_selects_its_runs(study, run):
    mixed = pd.concat([study, pd.DataFrame([run(seed=7, protocol_name="smoke", key="88ab12ff")])])
    assert build_table1(mixed, protocol="laptop") == build_table1(study)
    assert build_table1(mixed, protocol="88ab12ff") == build_table1(mixed, protocol="smoke")
    assert build_table1(mixed, protocol="smoke") != build_table1(study)


def test_two_keys_of_one_name_are_told_apart_by_key(run):
    runs = pd.DataFrame([run(seed=0), run(seed=1, key="88ab12ff")])
    with pytest.raises(NotComparable, match="--protocol 88ab12ff"):
        build_table1(runs)


def test_a_methods_own_options_are_no_difference(run):
    other = run(seed=1, key="88ab12ff")
    other["protocol"] = other["protocol"] | {"comcl": other["protocol"]["comcl"] | {"spl": "off"}}
    with pytest.raises(NotComparable, match="nothing that the records show"):
        build_table1(pd.DataFrame([run(), other]))


def test_a_setting_that_only_one_key_has_is_named(run):
    other = run(seed=1, key="88ab12ff")
    other["protocol"] = other["protocol"] | {"resolved": {"boxes": "oracle"}}
    with pytest.raises(NotComparable, match=r"resolved\.boxes: absent \| oracle"):
        build_table1(pd.DataFrame([run(), other]))


def test_an_unknown_protocol_names_those_there_are(study):
    with pytest.raises(RequestError, match=r"laptop \(3f2a91c0\)"):
        build_table1(study, protocol="papre")


def test_two_data_sets_may_have_two_protocols(study, real):
    table = build_table1(pd.concat([study, real]))
    assert [section.dataset for section in table.sections] == ["eyeq", "eyeq-twin"]


def test_two_kinds_of_device_are_refused(run):
    runs = pd.DataFrame([run(device="cpu"), run(seed=1, device="cuda")])
    with pytest.raises(NotComparable, match="1 on cpu, 1 on cuda"):
        build_table1(runs)


def test_two_finished_runs_of_one_seed_are_refused(run):
    with pytest.raises(NotComparable, match="ids resnet50-native-0, twice"):
        build_table1(pd.DataFrame([run(), run(id="twice")]))


def test_two_versions_of_a_users_file_are_two_rows(run):
    runs = [run("mine.py:Net", method_digest=digest) for digest in ("aaaaaaaa", "bbbbbbbb")]
    methods = [line.method for line in block(build_table1(pd.DataFrame(runs))).lines]
    assert "mine.py:Net @aaaaaa" in methods
    assert "mine.py:Net @bbbbbb" in methods


def test_a_study_never_enters(study, run):
    with_study = pd.concat([study, pd.DataFrame([run("comcl", kappa=0.1, study="spl")])])
    assert build_table1(with_study) == build_table1(study)


def test_a_stale_run_is_shown_with_its_mark(run):
    page = render(build_table1(pd.DataFrame([run(state="stale")])), "markdown")
    assert "0.800 (n=1)<sup>a</sup>" in page
    assert "<sup>a</sup> stale: made by an older version" in page


def test_a_stale_run_gives_way_to_a_fresh_one(run):
    runs = pd.DataFrame([run(seed=0), run(seed=1, state="stale", kappa=0.1)])
    table = build_table1(runs)
    assert texts(table, "resnet50")[0] == "0.800 (n=1)"
    assert ("a", "stale runs of this cell are left out") in table.sections[0].notes


def test_stale_runs_of_an_older_engine_do_not_stand_in_the_way(run):
    old = {"versions": {"method": 1, "engine": 0}, "key": "00000000", "state": "stale"}
    table = build_table1(pd.DataFrame([run(seed=0), run(seed=1, **old)]))
    assert texts(table, "resnet50")[0] == "0.800 (n=1)"
    assert ("", "1 stale runs of older versions are left out") in table.sections[0].notes


def test_stale_runs_of_two_keys_are_refused_as_any_others(run):
    runs = [run(state="stale"), run(seed=1, state="stale", key="00000000")]
    with pytest.raises(NotComparable):
        build_table1(pd.DataFrame(runs))


def test_the_newest_stale_version_speaks_for_all(run):
    old = {"method": 1, "engine": 1}
    new = {"method": 2, "engine": 1}
    runs = [run(state="stale", versions=old, kappa=0.1), run(state="stale", versions=new)]
    assert texts(build_table1(pd.DataFrame(runs)), "resnet50")[0] == "0.800 (n=1)"


def test_the_source_of_boxes_and_the_assumptions_are_told(study):
    notes = " ".join(text for _, text in build_table1(study).sections[0].notes)
    assert "lesion boxes: oracle" in notes
    assert "assumed: quality: all good" in notes
    assert "not in the paper: ResNet50 trained for as long" in notes


def test_an_unknown_table_names_those_there_are(study):
    assert build("1", study) == build_table1(study)
    with pytest.raises(RequestError, match="no table '7'; there is 1"):
        build("7", study)


def test_cells_of_unequal_seeds_are_told(study):
    full = study.loc[study["method"] == "resnet50"].loc[study["lq_ratio"] != "1.0"]
    uneven, even = (build_table1(runs).sections[0].notes for runs in (study, full))
    assert ("", "not balanced: 1 to 3 seeds a cell; compare with care") in uneven
    assert not any("balanced" in text for _, text in even)


def test_without_records_the_next_command_is_named():
    page = render(build_table1(pd.DataFrame()), "terminal")
    assert "bench run --method resnet50 --dataset eyeq-twin --protocol smoke" in page


def test_with_studies_only_the_reason_is_named(run):
    page = render(build_table1(pd.DataFrame([run(study="spl")])), "markdown")
    assert "belong to sensitivity studies" in page


def test_findings_have_scores_of_their_own(run):
    scores = {"auroc_macro": 0.81, "kappa_macro": 0.3, "acc_label": 0.9, "acc_subset": 0.5}
    finding = run(dataset="chestxray", real=True, kappa=None, acc_top1=0.6, **scores)
    table = build_table1(pd.DataFrame([finding]))
    assert texts(table, "resnet50", "auroc_macro")[:2] == ["0.810 (n=1)", ""]
    assert texts(table, "resnet50", "kappa_macro")[:2] == ["0.300 (n=1)", "0.619 / 0.626"]
    assert texts(table, "resnet50", "acc_subset")[:2] == ["0.500 (n=1)", "0.626 / 0.619"]
