"""One command renews every golden file, and CONTRIBUTING names it."""

import re

from paths import ROOT

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
READING = re.compile(r"""environ(?:\.get\(|\[)["']BENCH_RENEW_GOLDEN["']""")


def commands(target):
    """What make runs for a target, with its variables filled in."""
    variables = dict(re.findall(r"^(\w+) :?= (.*)$", MAKEFILE, re.MULTILINE))
    (body,) = re.findall(rf"^{target}:[^\n]*\n((?:\t[^\n]*\n)+)", MAKEFILE, re.MULTILINE)
    return re.sub(r"\$\((\w+)\)", lambda match: variables[match[1]], body)


def test_the_command_of_contributing_runs_every_test_that_renews_a_file():
    readers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if READING.search(path.read_text(encoding="utf-8"))
    }
    assert len(readers) >= 4
    (target,) = set(re.findall(r"`make (renew[\w-]*)`", CONTRIBUTING))
    renewing = commands(target)
    assert set(re.findall(r"tests/\S+\.py", renewing)) == readers
    assert "BENCH_RENEW_GOLDEN=1" in renewing


def test_contributing_has_no_other_command_for_it():
    assert "BENCH_RENEW_GOLDEN" not in CONTRIBUTING


def test_losses_are_renewed_before_the_lock_and_one_test_at_a_time():
    renewing = commands("renew-golden")
    assert renewing.index("test_losses.py") < renewing.index("test_versions.py")
    assert "--numprocesses" not in renewing
    assert "--numprocesses" in commands("check")
