"""Are the tests any good?  Plant one fault at a time and see whether a test fails.

By hand or weekly, not in the normal run:

    python tests/contracts/planted_faults.py                 # all of planted_faults.toml
    python tests/contracts/planted_faults.py --only tau-left-out-of-the-positive

The tree is copied to a temporary folder and the faults are planted there. Each is judged by the
tests that it lists, which compare behaviour: golden files and digests notice that something
changed, and cannot say that it is wrong.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FAULTS = Path(__file__).with_suffix(".toml")
NOT_COPIED = (".git", ".venv", "__pycache__", ".*_cache", "*.egg-info")
PASSED, FAILED = 0, 1  # pytest's exit codes; the others are mistakes of a fault or its tests
LIMIT_S = 900


@dataclass(frozen=True)
class Fault:
    """One change that a tired engineer might make.

    Attributes:
        name: What is wrong then, in words joined by hyphens.
        file: Where, from the root.
        old: Text that stands there exactly once.
        new: What replaces it.
        tests: Paths given to pytest.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def read_faults(path: Path = FAULTS) -> list[Fault]:
    """All faults, in the order of the file."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["fault"]
    return [Fault(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def planted(text: str, fault: Fault) -> str:
    """A file's text with the fault in it.

    Raises:
        ValueError: the old text is not there, or more than once.
    """
    count = text.count(fault.old)
    if count != 1:
        raise ValueError(f"{fault.name}: {fault.file} has the old text {count} times, not once")
    return text.replace(fault.old, fault.new)


def outcome(root: Path, fault: Fault) -> str:
    """ "caught", "survived", or what else pytest made of it; the file is as it was afterwards."""
    path = root / fault.file
    sound = path.read_text(encoding="utf-8")
    path.write_text(planted(sound, fault), encoding="utf-8")
    try:
        code = run_tests(root, fault.tests)
    except subprocess.TimeoutExpired:
        return f"not judged: no answer in {LIMIT_S} s"
    finally:
        path.write_text(sound, encoding="utf-8")
    return {PASSED: "survived", FAILED: "caught"}.get(
        code, f"not judged: pytest's exit code {code}"
    )


def run_tests(root: Path, tests: Sequence[str]) -> int:
    """Pytest's exit code on a copy of the tree."""
    # A changed file of the same size and second would be taken for its old bytecode.
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *tests], cwd=root, env=environment, capture_output=True, timeout=LIMIT_S
    )
    return done.returncode


def judge(faults: Sequence[Fault]) -> bool:
    """Plant each fault, print how it went, and tell whether all were caught."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*NOT_COPIED))
        outcomes = []
        for fault in faults:
            outcomes.append(outcome(root, fault))
            print(f"{fault.name}: {outcomes[-1]}", flush=True)
    caught = outcomes.count("caught")
    print(f"{caught} of {len(faults)} caught")
    return caught == len(faults)


def main() -> int:
    """0 if every fault was caught, 1 otherwise."""
    parser = argparse.ArgumentParser(description="Plant one fault at a time.")
    parser.add_argument("--only", action="append", metavar="NAME", help="may be repeated")
    only = parser.parse_args().only
    faults = [fault for fault in read_faults() if not only or fault.name in only]
    if unknown := set(only or ()) - {fault.name for fault in faults}:
        parser.error(f"no fault is named {', '.join(sorted(unknown))}")
    return 0 if judge(faults) else 1


if __name__ == "__main__":
    sys.exit(main())
