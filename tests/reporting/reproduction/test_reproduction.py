"""The generated pages: each published number, each claim, the README's part."""

import re
import shutil

import pandas as pd
import pytest
from paths import ROOT
from report_records import HOSTILE, hostile_study
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import RequestError
from bench.reporting.figures.overview import NAMED, overview
from bench.reporting.figures.study import ScoredStudy
from bench.reporting.reproduction import readme
from bench.reporting.reproduction.files import generated
from bench.reporting.reproduction.page import render
from bench.reporting.reproduction.published_numbers import published_tables, tally
from bench.reporting.reproduction.study_results import listed_studies, study_results
from bench.reporting.results.comparability import comparable_groups

MARKS = f"# A title\n{readme.BEGIN}\nof before\n{readme.END}\nThe rest.\n"


def studies_of(records):
    return [ScoredStudy.of(group) for group in comparable_groups(records, None)]


def checkout(folder, *studies):
    """As much of a repository as the pages need."""
    (folder / "results").mkdir(parents=True)
    names = ", ".join(f'"{name}"' for name in studies)
    (folder / "results" / "pages.toml").write_text(f"studies = [{names}]\n")
    (folder / "README.md").write_text(MARKS)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A checkout with the committed first study."""
    root = checkout(tmp_path_factory.mktemp("checkout") / "repository", "first")
    shutil.copytree(ROOT / "results" / "studies" / "first", root / "results" / "studies" / "first")
    return root


@pytest.fixture(scope="module")
def pages(first):
    return {name: content.decode() for name, content in generated(first).items()}


def number(records, table, dataset, title, place):
    (one,) = [
        s for s in published_tables(studies_of(records)) if (s.table, s.dataset) == (table, dataset)
    ]
    rows = dict(one.rows)[title][place]
    assert rows is not None
    return rows


def test_every_published_number_has_a_verdict():
    rows = published_tables([])
    assert [(one.table, one.dataset) for one in rows] == [
        ("1", "eyeq"),
        ("1", "chestxray"),
        ("2", "eyeq"),
    ]
    # 11 methods, 3 shares, 2 data sets, 2 numbers; 5 rows of 2 numbers.
    assert tally(rows) == (
        "Of the paper's 142 published numbers, each under its own header: "
        "141 NOT RUN, 1 NOT COMPARABLE."
    )


def test_numbers_stand_under_the_header_of_their_own_table():
    one, _, two = published_tables([])
    assert one.heads[:2] == ("33.4 % low quality, kappa", "33.4 % low quality, accuracy")
    assert two.heads == ("33.4 % low quality, accuracy", "33.4 % low quality, kappa")
    for each in (one, two):
        numbers = dict(each.rows)["CoMCL"][:2]
        assert [number and number.value for number in numbers] == [0.884, 0.872]


def test_real_runs_change_the_verdict_of_their_own_number_alone(real_run):
    records = pd.DataFrame([real_run("comcl", seed=s, kappa=0.884 + 0.002 * s) for s in range(3)])
    ours = number(records, "1", "eyeq", "CoMCL", 0)
    assert ours.verdict.name not in ("NOT RUN", "NOT COMPARABLE")
    assert ours.text.startswith("0.884; ours 0.886 ± ")
    assert ours.verdict.text in ours.text
    assert number(records, "1", "eyeq", "CoMCL", 2).text == "0.852: NOT RUN"
    assert number(records, "1", "eyeq", "ResNet50", 0).text == "0.804: NOT RUN"
    assert number(records, "2", "eyeq", "CoMCL", 1).ours == ours.ours


@pytest.mark.parametrize("change", [{"partial": True}, {"dataset": "eyeq-twin", "real": False}])
def test_partial_and_drawn_images_change_none(real_run, change):
    records = pd.DataFrame([real_run("comcl", seed=s, **change) for s in range(3)])
    assert number(records, "1", "eyeq", "CoMCL", 0).text == "0.884: NOT RUN"


def test_a_number_that_cannot_be_meant_is_said_for_both_headers():
    one = number(pd.DataFrame(), "1", "chestxray", "DenseNet-121", 3)
    assert one.text == "0.658: NOT COMPARABLE; other header: NOT RUN"


def test_the_page_holds_the_study_its_claims_and_every_open_point(pages):
    page = pages["results/REPRODUCTION.md"]
    assert "27 runs: 3 methods, 3 proportions of low-quality images, 3 seeds" in page
    assert "[Table 1](studies/first/table1.md)" in page
    assert "| **best-in-each-column** " in page
    points = re.findall(r"^\| D(\d+) \|", page, flags=re.MULTILINE)
    assert points == [str(n) for n in range(1, 65)]
    assert "bench table --records results/studies/first --notes" in page


def test_every_table_of_the_page_is_square(pages):
    for name in ("README.md", "results/REPRODUCTION.md"):
        tables = re.findall(r"(?:^\|.*\n)+", pages[name], flags=re.MULTILINE)
        widths = [{len(re.findall(r"(?<!\\)\|", line)) for line in t.splitlines()} for t in tables]
        assert widths
        assert all(len(rows) == 1 for rows in widths)


def test_links_of_the_committed_page_lead_somewhere():
    page = ROOT / "results" / "REPRODUCTION.md"
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert len(links) > 5
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_keeps_what_is_not_computed(pages):
    text = pages["README.md"]
    assert text.startswith(f"# A title\n{readme.BEGIN}\n![")
    assert text.endswith(f"{readme.END}\nThe rest.\n")
    assert "of before" not in text
    assert "synthetic images: these results say nothing about the published numbers" in text
    assert "Pale: the paper's other methods" in text


def test_bold_numbers_are_those_that_nothing_is_surely_better_than(pages, first):
    (study,) = study_results(listed_studies(first / "results"))
    marked = {
        cell.text.partition(" (")[0]
        for line in study.main.lines
        for cell in line.cells
        if {"*", "="} & set(cell.marks)
    }
    bold = set(re.findall(r"\| \*\*([^*|]+)\*\* (?=\|)", pages["README.md"]))
    assert bold == marked
    assert len(bold) < sum(len(line.cells) for line in study.main.lines if line.method)


@pytest.mark.parametrize(
    "text", ["none", readme.END + readme.BEGIN, MARKS + MARKS], ids=["none", "turned", "twice"]
)
def test_a_readme_without_its_marks_is_left_alone(text):
    with pytest.raises(RequestError, match="needs one line"):
        readme.with_block(text, "new\n")


def test_names_from_records_are_text(tmp_path):
    root = checkout(tmp_path / "repository", "own")
    hostile_study(root / "results" / "studies" / "own")
    page = render(study_results(listed_studies(root / "results")), "What is shown.")
    assert "What is shown." in page
    assert "<script>" not in page
    assert HOSTILE.replace("<", r"\<").replace(">", r"\>").replace("_", r"\_") in page


def test_the_overview_names_three_methods_and_draws_all(study):
    picture = overview(studies_of(study))
    assert set(picture.data["dataset"]) == {"eyeq-twin"}
    assert set(picture.data["method"]) >= set(NAMED)
    (axes,) = picture.figure.axes
    named = axes.get_legend_handles_labels()[1]
    assert named == ["ResNet50", "CoMCL", "ResNet50, compute-matched"]
    assert picture.svg() == overview(studies_of(study)).svg()


def test_one_data_set_in_two_studies_is_refused(first):
    folder = first / "results" / "studies" / "first"
    with pytest.raises(RequestError, match="more than one study has eyeq-twin"):
        study_results([folder, folder])


def test_the_command_writes_what_differs_and_says_so(first, tmp_path, monkeypatch):
    root = tmp_path / "repository"
    shutil.copytree(first, root)
    monkeypatch.chdir(root)
    runs = [CliRunner().invoke(app, ["pages"]) for _ in range(2)]
    assert [run.exit_code for run in runs] == [0, 0]
    assert [run.output.split().count("written") for run in runs] == [4, 0]


@pytest.mark.parametrize(("gone", "said"), [("pages.toml", "checkout"), ("studies", "lists")])
def test_outside_a_checkout_it_says_what_is_missing(tmp_path, monkeypatch, gone, said):
    root = checkout(tmp_path / "repository", "first")
    monkeypatch.chdir(root)
    if gone == "pages.toml":
        (root / "results" / gone).unlink()
    run = CliRunner().invoke(app, ["pages"])
    assert run.exit_code == 2
    assert said in run.output
