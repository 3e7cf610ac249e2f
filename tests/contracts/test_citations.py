"""What code, settings and pages cite is in the repository."""

import importlib
import re
from functools import cache
from pathlib import Path

import pytest
from paths import ROOT

from bench.protocol import ambiguities
from bench.protocol.presets import field_names

CODE = sorted(p for d in ("bench", "baselines", "comcl", "tests") for p in (ROOT / d).rglob("*.py"))
PAGES = sorted(
    page
    for place in (".", "docs", "docs/reference", "results")
    for page in (ROOT / place).glob("*.md")
)
TEXTS = [*CODE, *PAGES, *sorted((ROOT / "bench").rglob("*.toml")), *ROOT.glob("bench/**/*.j2")]
HISTORY = ("CHANGELOG.md", "results/LOG.md")  # name files as they were called then
REFERENCE = re.compile(r"(?:docs/reference/|reference: )([\w-]+\.md)(?:#([\w-]+))?")
OF_THE_TREE = re.compile(
    r"(?<![\w./-])(?:bench|baselines|comcl|docs|results|tests)/[\w./-]*\w(?![\w{])"
)
DOTTED = re.compile(r"`((?:bench|baselines|comcl)(?:\.\w+)+)(?:\(\))?`")
NOT_COMMITTED = ("results/runs", "results/report.html", "results/figures", "results/tables")


def name_of(path):
    return str(path.relative_to(ROOT))


def slug(heading):
    """The anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@cache
def anchors(page):
    lines = page.read_text().splitlines()
    return {slug(line.lstrip("#")) for line in lines if re.match(r"#{1,6} ", line)}


def missing(page, anchor):
    if not page.exists():
        return f"{name_of(page)} is not there"
    return f"{name_of(page)} has no {anchor!r}" if anchor and anchor not in anchors(page) else ""


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_a_cited_section_of_the_reference_is_there(path):
    cited = REFERENCE.findall(path.read_text())
    faults = [missing(ROOT / "docs" / "reference" / page, anchor) for page, anchor in cited]
    assert not [fault for fault in faults if fault]


def test_settings_do_cite_the_reference():
    """Else the test above could pass on nothing."""
    settings = (ROOT / "bench" / "protocol").glob("*.py")
    assert sum(len(REFERENCE.findall(path.read_text())) for path in settings) > 40


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([\w./-]*)(?:#([\w-]+))?\)", page.read_text())
    targets = [((page.parent / name).resolve() if name else page, anchor) for name, anchor in links]
    assert not [fault for fault in (missing(*target) for target in targets) if fault]


@pytest.mark.parametrize(
    "path", [path for path in TEXTS if name_of(path) not in HISTORY], ids=name_of
)
def test_a_file_of_the_tree_that_is_cited_is_there(path):
    cited = {name.rstrip(".") for name in OF_THE_TREE.findall(path.read_text())}
    cited = {name for name in cited if not name.startswith(NOT_COMMITTED)}
    if path == Path(__file__):
        return
    assert not {name for name in cited if not (ROOT / name).exists()}


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_no_document_from_elsewhere_is_cited(path):
    if path == Path(__file__) or name_of(path) in HISTORY:
        return
    private = r"\bcard \d|(?<![/\w-])(?<!reference: )(?:methods|evidence|libraries|layout)\.md"
    text = "" if path.parent.name == "reference" and path.suffix == ".md" else path.read_text()
    assert not re.findall(private, text)


@pytest.mark.parametrize(
    "path", [path for path in TEXTS if name_of(path) not in HISTORY], ids=name_of
)
def test_a_name_in_backticks_can_be_imported(path):
    unknown = {
        name for name in DOTTED.findall(path.read_text()) if not importable(name)
    } - field_names()
    assert not unknown


def importable(dotted):
    """Whether a dotted name is a module, or something inside one."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_every_open_question_has_its_section_and_no_other_has_one():
    headings = anchors(ROOT / "docs" / "reference" / "open-questions.md")
    questions = {name.lower() for name in ambiguities.load()}
    assert {name for name in headings if re.fullmatch(r"d\d+", name)} == questions
