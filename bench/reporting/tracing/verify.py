"""Are the numbers in a bundle those of its predictions? Needs neither torch nor images.

Three questions, the next asked only if the last had no fault: is every file as it was exported;
do identities and scores follow from specs and predictions; are the pages those of the records,
byte for byte. What was changed consistently, predictions first and everything after them anew, is
another study and cannot be told from a true one; the SHA-256 of the bundle itself can.
"""

import io
import json
import math
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from bench import store
from bench.errors import BenchError, RequestError
from bench.evaluation.metrics import score_all
from bench.reporting.console import json_object
from bench.reporting.results.scores import ROUNDING
from bench.reporting.tracing.bundle import FORMAT, MANIFEST, digests, pages, software, sources


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        faults: One sentence each; empty if everything holds.
        checked: What was gone through, for example "12 runs".
        notes: What differs here from where the bundle was made, and may explain a fault.
    """

    faults: tuple[str, ...]
    checked: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def page(self, *, as_json: bool = False) -> str:
        """For a reader, or as one JSON object."""
        if as_json:
            details = {"faults": self.faults, "checked": self.checked, "notes": self.notes}
            return json_object({"verified": not self.faults, **details})
        lines = [f"checked {what}" for what in self.checked]
        lines += [f"FAULT {fault}" for fault in self.faults]
        lines += [f"note: {note}" for note in self.notes]
        end = f"{len(self.faults)} faults" if self.faults else "verified: every number follows"
        return "\n".join([*lines, end])


def verify(bundle: Path) -> Verification:
    """Everything that does not hold in a bundle, by name.

    Raises:
        RequestError: for what is no bundle, or a zip with names that lead out of it.
    """
    files = unpacked(bundle)
    manifest = _manifest(files)
    checked = [f"{len(files) - 1} files against {MANIFEST}"]
    faults = [*_changed(files, manifest), *_other_sources(files)]
    if not faults:
        with tempfile.TemporaryDirectory(prefix="bench-verify-") as folder:
            _write(files, Path(folder))
            faults = _recomputed(Path(folder) / "records", checked)
            faults = faults or _pages(files, Path(folder) / "records", manifest, checked)
    return Verification(tuple(faults), tuple(checked), tuple(_elsewhere(manifest)))


def unpacked(bundle: Path) -> dict[str, bytes]:
    """The files of a zip by name.

    Raises:
        RequestError: if it is none, is damaged, or has a name that could lead out of a folder.
    """
    if not bundle.is_file():
        raise RequestError(f"there is no file {bundle}; make one with bench export --out {bundle}")
    try:
        with zipfile.ZipFile(bundle) as archive:
            entries = archive.infolist()
            _refuse_names(bundle, entries)
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise RequestError(f"{bundle} is no whole zip file: {error}") from error


def _refuse_names(bundle: Path, entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        path = PurePosixPath(name)
        plain = not (path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0"))
        kind = entry.external_attr >> 28
        # 8 is a plain file in the mode that Unix zips keep, 0 a zip that keeps none.
        if not plain or path.as_posix() != name or kind not in (0, 8) or entry.flag_bits & 1:
            raise RequestError(f"{bundle}: {name!r} is no plain file inside it; nothing was read")
        if name in seen:
            raise RequestError(f"{bundle}: {name!r} is in it twice; nothing was read")
        seen.add(name)


def _manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    if MANIFEST not in files:
        raise RequestError(f"no {MANIFEST} in it, so it is no bundle of bench export")
    try:
        manifest = json.loads(files[MANIFEST])
    except ValueError as error:
        raise RequestError(f"{MANIFEST} is not what bench export writes: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise RequestError(f"{MANIFEST} is not of format {FORMAT}; verify it with its own version")
    return manifest


def _changed(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> Iterator[str]:
    present, listed = digests(files), manifest["files"]
    yield from (f"{name}: missing" for name in sorted(listed.keys() - present.keys()))
    yield from (f"{name}: not in {MANIFEST}" for name in sorted(present.keys() - listed.keys()))
    both = sorted(present.keys() & listed.keys())
    yield from (f"{n}: not the bytes that were exported" for n in both if present[n] != listed[n])


def _other_sources(files: Mapping[str, bytes]) -> Iterator[str]:
    """Pages are made with the published values and claims here, which must be the bundle's."""
    here = sources()
    names = {name for name in files if name.partition("/")[0] in ("published", "claims")}
    for name in sorted(names | here.keys()):
        if files.get(name) != here.get(name):
            yield f"{name}: not as in results/{name} here, which the pages would be made with"


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def _recomputed(records: Path, checked: list[str]) -> list[str]:
    folders = sorted({path.parent for path in records.rglob("*") if path.is_file()})
    numbers = 0
    faults: list[str] = []
    for folder in folders:
        name = folder.relative_to(records).as_posix()
        if not store.is_done(folder):
            faults.append(f"records/{name}: DONE does not hold its files' digests")
            continue
        run_faults, count = _run(folder)
        faults += [f"records/{name}/{fault}" for fault in run_faults]
        numbers += count
    checked += [f"{len(folders)} runs", f"{numbers:,} scores from predictions"]
    return faults


def _run(folder: Path) -> tuple[list[str], int]:
    """What does not follow in one run, and how many scores were computed again."""
    saved = json.loads((folder / "spec.json").read_text())
    names = {folder.name, saved["id"], store.digest(saved["spec"])[:12]}
    faults = [] if len(names) == 1 else [f"spec.json: its identity is {' or '.join(names)}"]
    stored = json.loads((folder / "metrics.json").read_text())
    try:
        computed = _scores(folder, saved["about"])
    except ValueError as error:
        return [*faults, f"predictions.parquet: {error}"], 0
    count = 0
    for split, scores in computed.items():
        for metric, value in stored.get(split, {}).items():
            computed_value = scores.get(metric)
            count += 1
            if not _same(value, computed_value):
                faults.append(
                    f"metrics.json: {split} {metric} is {value}, predictions: {computed_value}"
                )
    return faults, count


def _scores(folder: Path, about: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    predictions = pd.read_parquet(folder / "predictions.parquet")
    scores = score_all(predictions, kind=about["kind"], classes=about["classes"])
    if (folder / "saliency.npz").is_file():
        maps = np.load(io.BytesIO((folder / "saliency.npz").read_bytes()))
        for metric, array in (("pointing_game", "hit"), ("pointing_chance", "chance")):
            scores["test"][metric] = float(maps[array].mean()) if len(maps[array]) else math.nan
    return scores


def _same(stored: float | None, computed: float | None) -> bool:
    """Within rounding; undefined scores are stored as null."""
    if stored is None or computed is None or math.isnan(computed):
        return stored is None and computed is not None and math.isnan(computed)
    return math.isclose(stored, computed, rel_tol=0, abs_tol=ROUNDING)


def _pages(
    files: Mapping[str, bytes], records: Path, manifest: Mapping[str, Any], checked: list[str]
) -> list[str]:
    try:
        made = pages(records, manifest["protocol"])
    except BenchError as error:
        return [f"pages cannot be made from the records: {error}"]
    expected = {f"pages/{name}": body for name, body in made.items()}
    stored = {name: body for name, body in files.items() if name.startswith("pages/")}
    checked.append(f"{len(expected)} pages byte for byte")
    faults = [
        f"{name}: no page of these records" for name in sorted(stored.keys() - expected.keys())
    ]
    for name, body in sorted(expected.items()):
        if stored.get(name) != body:
            faults.append(f"{name}: {_first_difference(stored.get(name, b''), body)}")
    return faults


def _first_difference(stored: bytes, made: bytes) -> str:
    pair = (stored.decode(errors="replace").splitlines(), made.decode().splitlines())
    longest = max(map(len, pair))
    padded = [[*lines, *["nothing"] * (longest - len(lines))] for lines in pair]
    for number, (stored_line, made_line) in enumerate(zip(*padded, strict=True), start=1):
        if stored_line != made_line:
            return (
                f"line {number} is {stored_line.strip()!r}, the records give {made_line.strip()!r}"
            )
    return "line ends differ"


def _elsewhere(manifest: Mapping[str, Any]) -> Iterator[str]:
    for kind, here in software().items():
        for name in sorted({**manifest[kind], **here}):
            was, now = manifest[kind].get(name, "absent"), here.get(name, "absent")
            if was != now:
                yield f"{kind}: {name} was {was}, is {now} here"
