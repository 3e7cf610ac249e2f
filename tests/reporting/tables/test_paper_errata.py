import hashlib
import shutil
from collections import Counter

import pandas as pd
import pytest

from bench.errors import RequestError
from bench.reporting.results.published import FOLDER
from bench.reporting.tables.errata_page import FORMS, HEADING, render_errata
from bench.reporting.tables.paper_errata import errata

SWAPPED, MAJORITY, RISING, ROBUST, OTHERS, UNREADABLE = range(6)


@pytest.fixture
def copy(tmp_path):
    """A copy of the published files in which a number may be changed and locked again."""
    folder = shutil.copytree(FOLDER, tmp_path / "published")

    def change(name, old, new):
        path = folder / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
        digests = [
            f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}"
            for file in sorted(folder.glob("*.csv"))
        ]
        (folder / "SHA256SUMS").write_text("\n".join(digests) + "\n")
        return folder

    return change


def text(folder=FOLDER, number=SWAPPED):
    note = errata(folder)[number]
    return "\n".join((note.title, *note.findings))


@pytest.fixture(scope="module")
def table1():
    """Of Table 1: first and second number by (row, data set, ratio), read by pandas alone."""
    long = pd.read_csv(FOLDER / "table1.csv", dtype={"lq_ratio": str})
    return long.pivot(
        index=["row", "dataset", "lq_ratio"], columns="column_position", values="value"
    )


def test_the_larger_of_two_numbers_is_counted_by_data_set(table1):
    for name, cells in table1.groupby("dataset"):
        larger = int((cells["first"] > cells["second"]).sum())
        line = f"{name}: the first number is the larger in {larger} of {len(cells)} cells"
        assert line in text()


def test_rows_that_two_tables_share_are_found(copy):
    assert "CoMCL: 0.884 0.872 in both" in text()
    assert "2 of the 5 rows of Table 2" in text()
    where = "2,CoMCL,EyeQ,0.334,first,accuracy,"
    folder = copy("table2.csv", f"{where}0.884", f"{where}0.885")
    assert "CoMCL: " not in text(folder)
    assert "1 of the 5 rows of Table 2" in text(folder)


def test_accuracies_under_the_majority_are_those_below_it(table1):
    grades = pd.read_csv(FOLDER / "eyeq_test_grades.csv")
    share = grades["images"].max() / grades["images"].sum()
    eyeq = table1.xs("EyeQ", level="dataset")
    found = text(number=MAJORITY)
    assert f"below the {share:.4f} " in found
    for (row, ratio), cell in eyeq.iterrows():
        assert (f"{row} at {ratio}: {cell['second']:.3f}" in found) == (cell["second"] < share)
    both = eyeq.loc[(eyeq < share).all(axis=1)].index
    named = found.rpartition("under either header: ")[2].split(", ")
    assert sorted(named) == sorted(f"{row} at {ratio}" for row, ratio in both)


def test_other_grades_give_another_majority(copy):
    folder = copy("eyeq_test_grades.csv", "0,11362", "0,10000")
    assert f"{10_000 / (16_249 - 1362):.4f}" in text(folder, MAJORITY)
    assert "DeepMT-DR at 1.00" in text(number=MAJORITY)
    assert "DeepMT-DR at 1.00" not in text(folder, MAJORITY)


def test_numbers_that_rise_are_found_and_the_others_counted(table1, copy):
    found = text(number=RISING)
    assert "DenseNet-121, Chest X-ray at 0.70: 0.658, above the row's 0.635 at 0.432" in found
    places = Counter(ratio in ("0.334", "0.432") for _, _, ratio in table1.index)
    assert f"the other {2 * places[False] - 1} numbers at larger proportions fall" in found
    folder = copy("table1.csv", ",0.70,first,kappa,0.743", ",0.70,first,kappa,0.843")
    assert "ResNet50, EyeQ at 0.70: 0.843, above the row's 0.804 at 0.334" in text(folder, RISING)
    assert f"the other {2 * places[False] - 2} numbers" in text(folder, RISING)


@pytest.mark.parametrize("position", ["first", "second"])
def test_who_loses_less_than_comcl_is_found_by_data_set_and_score(table1, position):
    """By pandas alone, in thousandths as printed."""
    wide = (1000 * table1[position]).round().astype(int).unstack("lq_ratio")
    head = {"first": "kappa", "second": "accuracy"}[position]
    for dataset, cells in wide.groupby("dataset"):
        cells = cells.droplevel("dataset").dropna(axis=1)
        cells = cells[sorted(cells.columns, key=float)]
        loss = cells.iloc[:, 0] - cells.iloc[:, -1]
        less = set(loss.index[loss < loss["CoMCL"]])
        steps = (cells.loc["CoMCL"] - cells).diff(axis=1).iloc[:, 1:]
        shrinks = set(cells.index[(steps < 0).any(axis=1)])
        (line,) = [
            line
            for line in text(number=ROBUST).splitlines()
            if line.startswith(f"{dataset}, {head}")
        ]
        assert f"CoMCL loses {loss['CoMCL'] / 1000:.3f}; {len(less)} of 10 others" in line
        assert f"its lead over {len(shrinks)} of 10 others" in line
        assert all(row in line for row in less) or len(less) > 5


def test_a_rival_that_loses_less_is_counted(copy):
    folder = copy(
        "table1.csv", "1,LANet,EyeQ,1.00,first,kappa,0.706", "1,LANet,EyeQ,1.00,first,kappa,0.850"
    )
    assert "EyeQ, kappa: CoMCL loses 0.091; 1 of 10 others (LANet) lose less" in text(
        folder, ROBUST
    )


def test_numbers_of_other_papers_are_compared_to_three_digits(copy):
    assert "MMCNN: kappa 0.841 on Kaggle/EyePACS test; equals the second" in text(number=OTHERS)
    assert "Lesion-base CL: kappa 0.8322" in text(number=OTHERS)
    assert text(number=OTHERS).startswith("2 of 4 scores")
    folder = copy("other_papers.csv", "kappa,0.841", "kappa,0.842")
    assert text(folder, OTHERS).startswith("1 of 4 scores")
    assert "MMCNN: kappa 0.842 on Kaggle/EyePACS test; equals neither" in text(folder, OTHERS)


def test_a_changed_number_that_is_not_locked_is_refused(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "published")
    path = folder / "eyeq_test_grades.csv"
    path.write_text(path.read_text().replace("11362", "11363"))
    with pytest.raises(RequestError, match="published values never change"):
        errata(folder)


def test_every_note_names_its_sources():
    assert all(note.sources and all(note.sources) for note in errata())
    assert "D37" in " ".join(errata()[UNREADABLE].sources)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_every_note(form):
    page = render_errata(errata(), form)
    assert HEADING in page
    assert page.endswith("\n")
    assert page.count("0.658") == 1
    assert len([note for note in errata() if note.title[:12] in page]) == len(errata())


def test_latex_notes_hold_no_bare_special_character():
    page = render_errata(errata(), "latex")
    assert r"Label\_EyeQ\_test.csv" in page
    assert "_" not in page.replace(r"\_", "")


def test_prose_has_no_csv():
    with pytest.raises(RequestError, match="choose markdown"):
        render_errata(errata(), "csv")
