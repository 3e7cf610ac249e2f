"""The line that `bench --version` prints."""

import importlib.metadata
import platform
import tomllib
from pathlib import Path

NAME = "comcl-bench"
PACKAGE = Path(__file__).resolve().parents[1]


def version_line(package: Path = PACKAGE) -> str:
    """Name, version, Python and the folder of the code that runs; torch is not imported."""
    python = f"Python {platform.python_version()}"
    return f"{NAME} {code_version(package)} ({python}, {package})"


def code_version(package: Path) -> str:
    """The version of the code in a folder: of its checkout, or else as it was installed.

    A checkout goes first, since `PYTHONPATH=.` can run one beside an installed release.
    """
    checkout = package.parent / "pyproject.toml"
    if checkout.is_file():
        project = tomllib.loads(checkout.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == NAME:
            return project["version"]
    try:
        return importlib.metadata.version(NAME)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version, neither installed nor in a checkout"
