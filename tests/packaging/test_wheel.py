"""What is built from the tree works elsewhere: commands and the files that they read.

Neither the network nor installed packages are touched: the build runs without isolation, and the
wheel goes into a fresh environment that borrows the packages of this one.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from paths import FIRST, ROOT

pytestmark = pytest.mark.slow

BUILT_FROM = ("bench", "baselines", "comcl", "docs", "tests", "pyproject.toml", "MANIFEST.in")
BUILT_FROM += ("README.md", "LICENSE")
NEEDED = (".toml", ".csv", ".j2", ".css", ".js", "SHA256SUMS", "py.typed")


def ran(*words, cwd, **variables):
    """What a command printed; `PYTHONPATH` and friends do not reach it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "BENCH_", "COV_"))}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=kept | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the source distribution, and the wheel that is built from it."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source / name)
    (source / "results").mkdir()
    shutil.copy(ROOT / "results" / "LOG.md", source / "results")
    ran(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source, cwd=out)
    return out


@pytest.fixture(scope="module")
def files(built):
    """The names in the wheel."""
    (wheel,) = built.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def elsewhere(built, tmp_path_factory):
    """A fresh environment with the wheel; of this one it has the packages, not the editable tree.

    A line of a .pth file puts a folder at the end of the path; .pth files in it are not read.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    (wheel,) = built.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index")
    ran(*pip, wheel, cwd=folder)
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_every_file_that_the_packages_read(files):
    there = {
        str(path.relative_to(ROOT))
        for package in ("bench", "baselines", "comcl")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in there if name.endswith((".py", *NEEDED))} == there
    assert all(any(name.endswith(ending) for name in there) for ending in NEEDED)
    assert there <= files


def test_the_wheel_holds_nothing_else(files):
    assert {Path(name).parts[0].partition("-")[0] for name in files} == {
        "bench",
        "baselines",
        "comcl",
        "comcl_bench",
    }


def test_the_source_distribution_holds_neither_tests_nor_results(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        folders = {Path(name).parts[1] for name in content.getnames() if len(Path(name).parts) > 2}
    assert folders == {"bench", "baselines", "comcl", "comcl_bench.egg-info"}


def test_the_installed_command_runs_outside_the_tree(elsewhere):
    python, bench = (elsewhere / "env" / "bin" / name for name in ("python", "bench"))
    where = ran(python, "-c", "import bench; print(bench.__file__)", cwd=elsewhere)
    assert Path(where.strip()).is_relative_to(elsewhere)
    assert "Usage" in ran(bench, "--help", cwd=elsewhere)
    assert ran(bench, "--version", cwd=elsewhere).strip()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("claims", "--records", FIRST), "best-in-each-column"),
        (("table", "1", "--notes"), "Table 1"),
        (("ambiguities",), "D64"),
        (("protocol", "laptop"), "finetuning.epochs"),
    ],
)
def test_commands_find_the_files_that_they_read(elsewhere, words, said):
    assert said in ran(elsewhere / "env" / "bin" / "bench", *words, cwd=elsewhere)


def test_the_report_is_written_from_the_installed_templates(elsewhere):
    out = elsewhere / "report.html"
    bench = elsewhere / "env" / "bin" / "bench"
    ran(bench, "report", "--records", FIRST, "--out", out, cwd=elsewhere)
    assert out.read_text().startswith("<!doctype html>")


def test_the_tree_answers_without_being_installed(tmp_path):
    """Where it is no more than on the path; `-S` leaves this environment's editable install out."""
    packages = sysconfig.get_path("purelib")
    path = os.pathsep.join([str(ROOT), packages])
    words = (sys.executable, "-S", "-m", "bench", "claims", "--records", FIRST)
    assert "best-in-each-column" in ran(*words, cwd=tmp_path, PYTHONPATH=path)
