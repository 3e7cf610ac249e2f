"""One file with all that the printed numbers are made from, and the pages that print them.

A bundle is a zip: `records/` (of each finished run: spec, predictions, scores, events, origin,
small artefacts, DONE), `published/`, `claims/`, `pages/`, and `MANIFEST.json` with the SHA-256 of
each. Equal records give equal bytes: names are sorted, dates fixed, and nothing is compressed, so
that no version of zlib has a say. `bench.reporting.tracing.verify` reads it.
"""

import hashlib
import importlib.metadata
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import store
from bench.errors import RequestError
from bench.evaluation.stored_runs import read_all
from bench.provenance import commit
from bench.reporting.audit.page import audit_page
from bench.reporting.claims import files as claim_files
from bench.reporting.claims.page import claims_page
from bench.reporting.results import published
from bench.reporting.results.records import load
from bench.reporting.tables.build import build_all
from bench.reporting.tables.errata_page import render_errata
from bench.reporting.tables.paper_errata import errata
from bench.reporting.tables.render import ENDINGS, render
from bench.roster import METHODS
from bench.versions import DEGRADATION, ENGINE

MANIFEST = "MANIFEST.json"
FORMAT = 1
OF_A_RUN = (*store.RECORDED, *store.ARTEFACTS, store.EVENTS, "DONE")
PACKAGES = ("numpy", "pandas", "pyarrow", "pydantic", "rich", "scipy")
"""Those that decide what the pages print."""
EPOCH = (1980, 1, 1, 0, 0, 0)


def export(records: Path, out: Path, *, protocol: str | None = None) -> int:
    """Write the bundle of all finished runs below a folder; the number of runs.

    Args:
        records: Folder of run records.
        out: The zip file; replaced if it is there.
        protocol: Name or comparability key that the pages select; None if there is only one.

    Raises:
        NotComparable: if a data set has runs that must not share a table.
        RequestError: if nothing is finished there, or if no run has the protocol asked for.
    """
    with tempfile.TemporaryDirectory(prefix="bench-export-") as folder:
        # Pages are made from a copy, so that runs which finish meanwhile are in neither.
        staged = Path(folder) / "records"
        runs = _copy(records, staged)
        if not runs:
            raise RequestError(
                f"no finished runs in {records}; name a folder with --records DIR, or make some: "
                "bench sweep --table 1 --dataset eyeq-twin"
            )
        files = {f"records/{name}": body for name, body in read_tree(staged).items()}
        files |= {f"pages/{name}": body for name, body in pages(staged, protocol).items()}
    files |= sources()
    files[MANIFEST] = _manifest(files, protocol)
    out.parent.mkdir(parents=True, exist_ok=True)
    store.write_bytes(out, packed(files))
    return runs


def pages(records: Path, protocol: str | None) -> dict[str, bytes]:
    """Every page of a bundle from the records alone, by file name.

    Raises:
        NotComparable: if a data set has runs that must not share a table.
        RequestError: if no run has the protocol asked for.
    """
    runs = load(records)
    made = {
        f"{table.name}.{ending}": render(table, form)
        for table in build_all("all", runs, protocol=protocol)
        for ending, form in ENDINGS.items()
    }
    made["claims.json"] = claims_page(runs, protocol=protocol, as_json=True) + "\n"
    made["audit.md"] = audit_page(records, "markdown").text + "\n"
    made["notes.md"] = render_errata(errata(), "markdown")
    return {name: text.encode() for name, text in made.items()}


def sources() -> dict[str, bytes]:
    """The published values and the claims that pages are made with, by name in a bundle."""
    folders = {"published": published.FOLDER, "claims": claim_files.FOLDER}
    return {
        f"{name}/{path}": body
        for name, folder in folders.items()
        for path, body in read_tree(folder).items()
    }


def read_tree(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by its path in it with slashes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def packed(files: Mapping[str, bytes]) -> bytes:
    """The zip with these files; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def software() -> dict[str, Any]:
    """What decides the pages beside the records: versions of packages and of our code."""
    methods = {name: method.version for name, method in METHODS.items()}
    return {
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "versions": {"engine": ENGINE, "degradation": DEGRADATION, **methods},
    }


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of each file but the manifest."""
    named = sorted(files.items())
    return {name: hashlib.sha256(body).hexdigest() for name, body in named if name != MANIFEST}


def _copy(records: Path, staged: Path) -> int:
    """What a bundle holds of each finished run; the number of runs."""
    finished = [run.folder for run in read_all(records)]
    for folder in finished:
        copy = staged / folder.relative_to(records)
        copy.mkdir(parents=True)
        for name in OF_A_RUN:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, copy / name)
    return len(finished)


def _manifest(files: Mapping[str, bytes], protocol: str | None) -> bytes:
    about = {"format": FORMAT, "commit": commit(), "protocol": protocol, **software()}
    text = json.dumps(about | {"files": digests(files)}, sort_keys=True, indent=1)
    return text.encode() + b"\n"
