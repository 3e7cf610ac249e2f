"""What code, settings and pages cite is in the repository."""

import importlib
import re
from functools import cache
from pathlib import Path

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
CURRENT = [text for text in TEXTS if str(text.relative_to(ROOT)) not in HISTORY]
REFERENCE = re.compile(r"(?:docs/reference/|reference: )([\w-]+\.md)(?:#([\w-]+))?")
OF_THE_TREE = re.compile(
    r"(?<![\w./-])(?:bench|baselines|comcl|docs|results|tests)/[\w./-]*\w(?![\w{])"
)
DOTTED = re.compile(r"`((?:bench|baselines|comcl)(?:\.\w+)+)(?:\(\))?`")
NOT_COMMITTED = (
    "results/studies/tuning",
    "results/runs",
    "results/report.html",
    "results/figures",
    "results/tables",
)


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


def faulty(faults_in, paths=TEXTS):
    """What is wrong in each file where something is; thousands of tests would cost more than it."""
    found = {name_of(path): faults_in(path, path.read_text()) for path in paths}
    return {name: faults for name, faults in found.items() if faults}


def test_a_cited_section_of_the_reference_is_there():
    def faults_in(_, text):
        cited = REFERENCE.findall(text)
        faults = [missing(ROOT / "docs" / "reference" / page, anchor) for page, anchor in cited]
        return [fault for fault in faults if fault]

    assert not faulty(faults_in)


def test_settings_do_cite_the_reference():
    """Else the test above could pass on nothing."""
    settings = (ROOT / "bench" / "protocol").glob("*.py")
    assert sum(len(REFERENCE.findall(path.read_text())) for path in settings) > 40


def test_a_link_of_a_page_leads_somewhere():
    def faults_in(page, text):
        links = re.findall(r"\]\((?!https?:)([\w./-]*)(?:#([\w-]+))?\)", text)
        targets = [((page.parent / name).resolve() if name else page, at) for name, at in links]
        return [fault for fault in (missing(*target) for target in targets) if fault]

    assert not faulty(faults_in, PAGES)


def test_a_file_of_the_tree_that_is_cited_is_there():
    def faults_in(_, text):
        cited = {name.rstrip(".") for name in OF_THE_TREE.findall(text)}
        cited = {name for name in cited if not name.startswith(NOT_COMMITTED)}
        return sorted(name for name in cited if not (ROOT / name).exists())

    assert not faulty(faults_in, [path for path in CURRENT if path != Path(__file__)])


def test_no_document_from_elsewhere_is_cited():
    private = r"\bcard \d|(?<![/\w-])(?<!reference: )(?:methods|evidence|libraries|layout)\.md"

    def faults_in(path, text):
        of_reference = path.parent.name == "reference" and path.suffix == ".md"
        return [] if of_reference else re.findall(private, text)

    assert not faulty(faults_in, [path for path in CURRENT if path != Path(__file__)])


def test_a_name_in_backticks_can_be_imported():
    fields = field_names()

    def faults_in(_, text):
        return sorted(n for n in {*DOTTED.findall(text)} - fields if not importable(n))

    assert not faulty(faults_in, CURRENT)


@cache
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
