"""Bytes that change on a disk, anywhere in the cache, change no result: they are made again."""

import json
import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from drawn_idrid import TINY_DETECTOR

from bench import checksums
from bench.data import atomic_folder
from bench.errors import DamagedWarning, RequestError
from bench.pipeline import build
from bench.pipeline.gather import run_context
from bench.pipeline.resolve import Request, prepare
from bench.run import _stage_folder, execute
from bench.training.callbacks import Callbacks

SILENT = Callbacks(tick=lambda *_: None, step=lambda _: None, say=lambda _: None)
SMALL = ("data.image_px=32", "data.patch_image_px=64", "patches.size_px=16", "patches.minimum=2")
SMALL += ("backbone.channels=[8,8,16,16]", "pretraining.epochs=2", "pretraining.batch=16")
SMALL += ("pretraining.queue=16", "finetuning.epochs=2", "finetuning.batch=8", "engine.threads=1")
TWIN = ("data.twin_train=60", "data.twin_test=40", "data.twin_px=64")
TWIN += ("detector.companion_images=4", "detector.companion_px=64")


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    """A run of CoMCL on the twin with a detector, and its cache: all that a cache may hold."""
    root = tmp_path_factory.mktemp("first")
    execute(request_in(root), SILENT)
    return root


def request_in(root: Path) -> Request:
    boxes = ("patches.boxes=detector", "detector.confidence=0.05", "detector.lr=1e-6")
    changes = (*SMALL, *TWIN, *TINY_DETECTOR, *boxes)
    return Request(
        "comcl",
        "eyeq-twin",
        "0.7",
        protocol="smoke",
        changes=changes,
        results=root / "runs",
        cache=root / "cache",
    )


def predictions(root: Path) -> bytes:
    (path,) = (root / "runs").rglob("predictions.parquet")
    return path.read_bytes()


def alter(path: Path, every: int = 97) -> None:
    """Change one byte in 97, the last one among them."""
    content = bytearray(path.read_bytes())
    for at in {*range(0, len(content), every), len(content) - 1}:
        content[at] ^= 0x10
    path.write_bytes(content)


ALTERED = {
    "pixels": "images/*/*.pixels",
    "drawn photographs": "twins/eyeq-*/train/*.jpeg",
    "labels of the twin": "twins/eyeq-*/*.csv",
    "DONE of the twin": "twins/eyeq-*/DONE",
    "masks of the companion": "twins/idrid-*/**/*.tif",
    "pretraining": "stages/*/outcome.pt",
    "its digests": "stages/*/outcome.json",
    "its events": "stages/*/events.jsonl",
    "a detector's weights": "detectors/*/weights.pt",
    "its scores": "detectors/*/detector.json",
    "what it saw": "detectors/*/seen/*.json",
    "digests of files": "digests.json",
}


LONG = pytest.mark.skipif("BENCH_LONG" not in os.environ, reason="long; set BENCH_LONG=1")


ALWAYS = ("pixels", "pretraining", "everything")


@pytest.mark.parametrize(
    "case", [*ALWAYS, *(pytest.param(c, marks=LONG) for c in ALTERED if c not in ALWAYS)]
)
def test_one_byte_in_97_altered_gives_the_same_predictions_and_says_so(first, tmp_path, case):
    root = tmp_path / "again"
    shutil.copytree(first / "cache", root / "cache")
    patterns = ALTERED.values() if case == "everything" else [ALTERED[case]]
    for pattern in patterns:
        paths = [path for path in (root / "cache").glob(pattern) if path.is_file()]
        assert paths, pattern
        for path in paths:
            alter(path)
    if case == "masks of the companion":  # read again only where a detector learns from them
        shutil.rmtree(root / "cache" / "detectors")
    atomic_folder._checked.cache_clear()
    with pytest.warns(DamagedWarning, match=r"altered on disk.*made again"):
        execute(request_in(root), SILENT)
    assert predictions(root) == predictions(first)


def test_a_cache_that_is_whole_gives_no_warning_and_trains_nothing(first, tmp_path):
    shutil.copytree(first / "cache", tmp_path / "cache")
    stages: set[str] = set()
    watch = Callbacks(SILENT.tick, lambda report: stages.add(report.stage))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        execute(request_in(tmp_path), watch)
    assert stages == {"finetune"}
    assert predictions(tmp_path) == predictions(first)


@pytest.mark.parametrize("name", ["outcome.pt", "weights.pt"])
@pytest.mark.parametrize("keep", [0, 1000])
def test_weights_cut_short_are_trained_again(first, tmp_path, name, keep):
    shutil.copytree(first / "cache", tmp_path / "cache")
    for path in (tmp_path / "cache").rglob(name):
        path.write_bytes(path.read_bytes()[:keep])
    with pytest.warns(DamagedWarning):
        execute(request_in(tmp_path), SILENT)
    assert predictions(tmp_path) == predictions(first)
    assert list((tmp_path / "cache").rglob(f"{name}.damaged"))


@pytest.mark.parametrize("name", ["outcome.pt", "weights.pt"])
def test_weights_that_are_gone_are_trained_again(first, tmp_path, name):
    shutil.copytree(first / "cache", tmp_path / "cache")
    for path in (tmp_path / "cache").rglob(name):
        path.unlink()
    execute(request_in(tmp_path), SILENT)
    assert predictions(tmp_path) == predictions(first)


def test_a_cache_of_a_version_without_checksums_is_made_again(first, tmp_path):
    shutil.copytree(first / "cache", tmp_path / "cache")
    cache = tmp_path / "cache"
    for log in cache.glob("images/*/*.jsonl"):
        log.write_bytes(b"".join(without_checksums(log)))
    for done in cache.glob("twins/*/DONE"):
        done.write_text("")
    (cache / "digests.json").write_text('{"a": "b"}')
    atomic_folder._checked.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        execute(request_in(tmp_path), SILENT)
    assert predictions(tmp_path) == predictions(first)
    assert not list(cache.rglob("*.damaged"))


def without_checksums(log: Path) -> Iterator[bytes]:
    from bench.data import pixel_store

    for line in log.read_bytes().splitlines():
        entry = pixel_store._read_line(line)
        assert entry is not None and entry.pop("pixels")
        yield pixel_store._line(entry)


def test_a_photograph_altered_under_its_old_time_is_refused_not_taken_for_the_old_one(
    small_set, tmp_path, tiny
):
    data = shutil.copytree(small_set, tmp_path / "data")
    request = Request(
        "resnet50",
        "folder",
        protocol="smoke",
        changes=tiny,
        data=data,
        results=tmp_path / "runs",
        cache=tmp_path / "cache",
    )
    execute(request, SILENT)
    shutil.rmtree(tmp_path / "cache" / "images")
    shutil.rmtree(tmp_path / "runs")
    path = data / "images" / "003.png"
    before = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(RequestError, match=r"003\.png is not what it was.*touch"):
        execute(request, SILENT)
    path.touch()
    execute(request, SILENT)


def test_a_value_behind_its_digest_is_read_back_and_any_altered_byte_is_found(tmp_path):
    path = tmp_path / "note.json"
    checksums.write_json(path, {"a": [1, 2.5, None, "\u00e9"], "nan": float("nan")})
    content = path.read_bytes()
    value = {"a": [1, 2.5, None, "\u00e9"], "nan": None}
    assert checksums.read_json(path) == value
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DamagedWarning)
            assert checksums.read_json(path) in (None, value)  # white space may change
    assert checksums.read_json(tmp_path / "none.json") is None


def test_a_folder_in_place_of_a_note_is_set_aside(tmp_path):
    (tmp_path / "note.json").mkdir()
    with pytest.warns(DamagedWarning):
        assert checksums.read_json(tmp_path / "note.json") is None
    checksums.write_json(tmp_path / "note.json", 1)
    assert checksums.read_json(tmp_path / "note.json") == 1


def test_the_record_tells_where_each_shared_part_was_trained(first, tmp_path):
    (path,) = (first / "runs").rglob("provenance.json")
    made = json.loads(path.read_text())
    assert set(made["shared"]) == {"detector", "pretrain"}
    for origin in made["shared"].values():
        assert origin["device"] == "cpu"
        assert origin["packages"] == made["packages"]


def test_a_stage_of_another_kind_of_device_is_another_stage(first):
    """So a run on a CPU never takes what CUDA trained; two runs on a CPU share it."""
    request = request_in(first)
    made = prepare(request, SILENT.tick)
    (stage, _) = build.stages(run_context(made, torch.device("cpu"), SILENT))
    folders = {kind: _stage_folder(made, stage, torch.device(kind)) for kind in ("cpu", "cuda")}
    assert folders["cpu"].is_dir()
    assert folders["cuda"] != folders["cpu"]
    other = prepare(
        replace(request, changes=(*request.changes, "finetuning.epochs=3")), SILENT.tick
    )
    assert _stage_folder(other, stage, torch.device("cpu")) == folders["cpu"]
