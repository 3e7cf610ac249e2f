"""Are the numbers in a bundle those of its predictions? Needs neither torch nor images.

Three questions, the next asked only if the last had no fault: is every file as it was exported;
do identities and scores follow from specs and predictions; are the pages those of the records,
byte for byte. What was changed consistently, predictions first and everything after them anew, is
another study and cannot be told from a true one; the SHA-256 of the bundle itself can.

A bundle is somebody else's file: it is read within limits (`bench.reporting.tracing.unpack`), and
whatever is odd in it is a fault and no error.
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import store
from bench.errors import BenchError, RequestError
from bench.evaluation import contradictions
from bench.evaluation.metrics import score_all
from bench.evaluation.stored_files import read_predictions, read_saliency
from bench.evaluation.stored_runs import DamagedRun, StoredRun, pointing_scores, read, same
from bench.reporting.console import json_object
from bench.reporting.tracing.bundle import FORMAT, MANIFEST, digests, pages, software, sources
from bench.reporting.tracing.memory import limited_memory
from bench.reporting.tracing.unpack import DamagedBundle, unpacked
from bench.schemas import DamagedFile, parse_manifest

UNVERIFIABLE = (
    "that the predictions are those of the method, images and labels that a spec names; "
    "bench rerun tells",
    "provenance: commit, date, device, versions of libraries and seconds, and what it says of "
    "images that splits share",
    "events: losses, selected anchors and scores of single epochs; proportions of low quality in "
    "the training split; assumptions about the data, and how boxes were located",
)
"""What no bundle can show, whatever it holds."""
ROOM_BYTES = 2**31
"""Of memory, beside what a bundle's own size asks for."""


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        faults: One sentence each; empty if everything holds.
        checked: What was gone through, for example "12 runs".
        notes: What differs here from where the bundle was made, and may explain a fault.
        unverifiable: What cannot be told from this bundle.
    """

    faults: tuple[str, ...]
    checked: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unverifiable: tuple[str, ...] = UNVERIFIABLE

    def page(self, *, as_json: bool = False) -> str:
        """For a reader, or as one JSON object."""
        if as_json:
            details = {name: getattr(self, name) for name in self.__dataclass_fields__}
            return json_object({"verified": not self.faults, **details})
        lines = [f"checked {what}" for what in self.checked]
        lines += [f"FAULT {fault}" for fault in self.faults]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"not verifiable from a bundle: {what}" for what in self.unverifiable]
        end = f"{len(self.faults)} faults" if self.faults else "verified: every number follows"
        return "\n".join([*lines, end])


def verify(bundle: Path) -> Verification:
    """Everything that does not hold in a bundle, by name.

    Raises:
        RequestError: for what is no zip, no bundle, or one of another format.
    """
    size = bundle.stat().st_size if bundle.is_file() else 0
    try:
        with limited_memory(ROOM_BYTES + 3 * size):
            return _verify(bundle)
    except DamagedBundle as error:
        return Verification(error.faults, ())
    except DamagedFile as error:
        return Verification((f"{error.path}: {error.why}",), ())
    except MemoryError:
        return Verification(("reading it takes more memory than a bundle of its size does",), ())


def _verify(bundle: Path) -> Verification:
    files = unpacked(bundle)
    manifest = _manifest(files)
    checked = [f"{len(files) - 1} files against {MANIFEST}"]
    faults = [*_changed(files, manifest), *_other_sources(files)]
    lacking: list[str] = []
    if not faults:
        with tempfile.TemporaryDirectory(prefix="bench-verify-") as folder:
            _write(files, Path(folder))
            faults = _recomputed(Path(folder) / "records", checked, lacking)
            faults = faults or _pages(files, Path(folder) / "records", manifest, checked)
    unverifiable = (*UNVERIFIABLE, *lacking)
    return Verification(tuple(faults), tuple(checked), tuple(_elsewhere(manifest)), unverifiable)


def _manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    if MANIFEST not in files:
        raise RequestError(f"no {MANIFEST} in it, so it is no bundle of bench export")
    manifest = parse_manifest(Path(MANIFEST), files[MANIFEST])
    if manifest["format"] != FORMAT:
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


def _recomputed(records: Path, checked: list[str], lacking: list[str]) -> list[str]:
    """What does not follow in the runs; what they lack goes to `lacking`."""
    folders = sorted({path.parent for path in records.rglob("*") if path.is_file()})
    faults: list[str] = []
    numbers, older, presets = 0, 0, 0
    for folder in folders:
        name = f"records/{folder.relative_to(records).as_posix()}"
        run = read(folder)
        if isinstance(run, StoredRun):
            run_faults, count = _run(run)
            faults += [f"{name}/{fault}" for fault in run_faults]
            numbers += count
            older += store.EVENTS not in store.sealed(folder)
            presets += not contradictions.of_todays_preset(run.saved)
        elif isinstance(run, DamagedRun):
            faults.append(f"{name}/{run.file}: {run.why}")
        else:
            faults.append(f"{name}: no DONE, so it is no run of bench export")
    checked += [f"{len(folders)} runs", f"{numbers:,} scores from predictions"]
    if older:
        lacking.append(f"{older} runs of an older version: {store.EVENTS} is not covered by DONE")
    if presets:
        lacking.append(f"{presets} runs of other presets than today's: whether theirs was as named")
    return faults


def _run(run: StoredRun) -> tuple[list[str], int]:
    """What does not follow in one run, and how many scores were computed again."""
    rows = read_predictions(run.folder / "predictions.parquet")
    faults = [f"predictions.parquet: {why}" for why in contradictions.in_counts(run.saved, rows)]
    try:
        computed = score_all(rows, kind=run.about["kind"], classes=run.about["classes"])
    except (ValueError, LookupError) as error:
        return [*faults, f"predictions.parquet: {error}"], 0
    if (run.folder / "saliency.npz").is_file():
        computed["test"] |= pointing_scores(read_saliency(run.folder / "saliency.npz"))
    count = 0
    for split, scores in computed.items():
        for metric, value in run.scores[split].items():
            count += 1
            if not same(value, scores.get(metric)):
                faults.append(
                    f"metrics.json: {split} {metric} is {value}, predictions: {scores.get(metric)}"
                )
    return faults, count


def _pages(
    files: Mapping[str, bytes], records: Path, manifest: Mapping[str, Any], checked: list[str]
) -> list[str]:
    try:
        made = pages(records, manifest["protocol"])
    except BenchError as error:
        return [f"pages cannot be made from the records: {error}"]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A spec may hold any setting of any type, as long as its hash is its id.
        return [f"pages cannot be made from the records: {type(error).__name__}: {error}"]
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
