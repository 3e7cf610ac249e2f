import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_idrid import TINY_DETECTOR, draw_idrid
from PIL import Image

from bench import store
from bench.errors import Interrupted, RequestError
from bench.inspection import detector
from bench.lesions import boxes, detector_training
from bench.lesions.box_source import BoxSource
from bench.lesions.idrid import KINDS, LesionSet
from bench.pipeline.gather import run_context
from bench.pipeline.resolve import Request, prepare
from bench.protocol.presets import derive, named
from bench.run import execute
from bench.training.callbacks import Callbacks

SILENT = Callbacks(tick=lambda *_: None, step=lambda _: None, say=lambda _: None)
SURE = "detector.confidence=0.05"  # of two epochs nothing surer comes
UNTRAINED = "detector.lr=1e-6"  # all five scores stay near one fifth: boxes everywhere


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_idrid(tmp_path_factory.mktemp("data") / "idrid")


@pytest.fixture
def lesions(drawn):
    return LesionSet("idrid", drawn)


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def protocol(*changes):
    return derive(named("smoke"), [*TINY_DETECTOR, "engine.threads=1", *changes])


def around(cache, watch=SILENT, interrupted=lambda: False):
    return detector_training.DetectorContext(cache, torch.device("cpu"), watch, interrupted)


def weights(trained):
    return torch.load(trained.folder / "weights.pt", weights_only=True)


def test_a_detector_is_trained_once_and_found_afterwards(lesions, tmp_path):
    steps = []
    watch = Callbacks(SILENT.tick, lambda report: steps.append(report.steps_done))
    first = detector_training.detector(lesions, protocol(), around(tmp_path, watch))
    assert steps == [1, 2, 3, 4]  # three photographs in batches of two, twice
    again = detector_training.detector(lesions, protocol(), around(tmp_path, watch))
    assert len(steps) == 4
    assert again.report == first.report
    state = again.network.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in weights(first).items())
    assert not (first.folder / "checkpoint.pt").exists()


def test_a_training_that_was_stopped_ends_with_the_weights_of_one_that_was_not(lesions, tmp_path):
    straight = detector_training.detector(
        lesions, protocol("detector.epochs=3"), around(tmp_path / "a")
    )
    steps = []
    watch = Callbacks(SILENT.tick, lambda report: steps.append(report.steps_done), SILENT.say)
    for stop_after in (3, 5):  # in the second and third epoch, whose beginnings are seen again
        with pytest.raises(Interrupted):
            stopping = around(tmp_path / "b", watch, lambda n=stop_after: len(steps) >= n)
            detector_training.detector(lesions, protocol("detector.epochs=3"), stopping)
    resumed = detector_training.detector(
        lesions, protocol("detector.epochs=3"), around(tmp_path / "b", watch)
    )
    assert steps[:3] == [1, 2, 3] and steps[-1] == 6 and len(steps) > 6
    assert resumed.folder.name == straight.folder.name
    one, other = weights(straight), weights(resumed)
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert resumed.report["ap50"] == straight.report["ap50"]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("detector.lr=0.01", False),
        ("detector.epochs=3", False),
        ("detector.held_out=0.5", False),
        ("data.data_seed=1", False),
        ("detector.confidence=0.9", True),
        ("detector.on_healthy=hard_healthy", True),
        ("detector.on_degraded=reuse_clean", True),
        ("detector.without_box=random_crop", True),
        ("detector.oversized=centre", True),
        ("detector.companion_images=9", True),  # not of these photographs
        ("finetuning.epochs=9", True),
        ("engine.threads=2", True),
        ("engine.precision=bf16", True),
    ],
)
def test_a_detector_is_named_by_what_can_change_its_weights(lesions, change, same):
    assert (
        detector_training.key(lesions, protocol(change))
        == detector_training.key(lesions, protocol())
    ) == same


def test_few_photographs_are_shown_more_often(lesions, tmp_path):
    steps = []
    watch = Callbacks(SILENT.tick, lambda report: steps.append(report.epochs), SILENT.say)
    asked = protocol("detector.least_shown=8")  # three photographs: three epochs show nine
    detector_training.detector(lesions, asked, around(tmp_path, watch))
    assert set(steps) == {3}


def test_other_photographs_make_another_detector(lesions, drawn, tmp_path):
    moved = Path(shutil.copytree(drawn, tmp_path / "moved"))
    assert detector_training.key(LesionSet("idrid", moved), protocol()) == detector_training.key(
        lesions, protocol()
    )
    next(moved.rglob("IDRiD_01_HE.tif")).unlink()
    assert detector_training.key(LesionSet("idrid", moved), protocol()) != detector_training.key(
        lesions, protocol()
    )


def test_the_report_holds_scores_photographs_and_settings(lesions, shared_cache):
    report = detector_training.detector(lesions, protocol(), around(shared_cache)).report
    assert set(report["ap50"]) == {*KINDS, "mean"}
    assert report["ap50"]["soft exudates"] is None  # none are drawn
    assert 0 <= report["ap50"]["haemorrhages"] <= 1
    assert report["photographs"]["training"] == 3 and len(report["photographs"]["held_out"]) == 1
    assert report["photographs"]["boxes_training"]["haemorrhages"] == 6
    assert report["settings"]["image_px"] == 64 and "confidence" not in report["settings"]


def test_preparing_idrid_gives_scores_and_pictures(drawn, shared_cache, tmp_path):
    report = detector.prepare_idrid(
        drawn, protocol(SURE), shared_cache, tmp_path / "out", SILENT, device="cpu"
    )
    assert report["photographs"]["from"] == "idrid"
    assert report["at_confidence"]["haemorrhages"]["true"] == 2
    for kind in KINDS:
        row = report["at_confidence"][kind]
        assert row["right"] <= min(row["true"], row["found"])
    (picture,) = report["pictures"]
    image = np.asarray(Image.open(picture).convert("RGB"))
    assert (image == (90, 255, 90)).all(axis=2).any()  # the true boxes
    assert json.loads(json.dumps(report)) == report


def test_preparing_without_idrid_takes_the_companion_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "nothing"))
    messages = []
    small = protocol("detector.companion_images=4", "detector.companion_px=96")
    watch = Callbacks(SILENT.tick, SILENT.step, messages.append)
    report = detector.prepare_idrid(None, small, tmp_path, None, watch, device="cpu")
    assert report["photographs"]["from"] == "companion"
    assert "companion instead" in messages[0] and "3 photographs (companion)" in messages[1]
    assert report["pictures"] == []


@pytest.fixture
def located(small_set, tiny, monkeypatch, drawn, tmp_path):
    """A contrastive run's context with detected boxes, and how many images were searched."""
    monkeypatch.setenv("BENCH_DATA", str(drawn.parent))

    def make(*changes, ratio="0.7", method="comcl"):
        asked = (*tiny, *TINY_DETECTOR, SURE, UNTRAINED, "patches.boxes=detector", *changes)
        request = Request(
            method,
            "folder",
            ratio,
            protocol="smoke",
            changes=asked,
            data=small_set,
            results=tmp_path,
            cache=tmp_path / "cache",
        )
        prepared = prepare(request, lambda *_: None)
        looked = []

        def tick(what, done, total):
            if what == "looking for lesions":
                looked.append(total)

        return run_context(prepared, torch.device("cpu"), Callbacks(tick)), looked

    return make


def test_training_images_get_detected_boxes_and_the_others_keep_their_own(located):
    given, _ = located()
    own, _ = located("patches.boxes=given", method="resnet50")
    train = set(given.dataset.where("train").tolist())
    for i, (found, before) in enumerate(zip(given.images.boxes, own.images.boxes, strict=True)):
        assert found.shape[1:] == (4,)
        assert (found >= 0).all() and (found <= 64).all()
        if i not in train:
            assert found.tolist() == before.tolist()
    assert any(len(given.images.boxes[i]) for i in train)
    assert any(given.images.boxes[i].tolist() != own.images.boxes[i].tolist() for i in train)


def test_what_was_seen_is_remembered_and_another_confidence_needs_no_second_look(located):
    first, looked = located()
    assert looked
    second, looked = located("detector.confidence=0.2")
    assert not looked
    counts = [sum(row["boxes"] for row in g.located["grades"]) for g in (first, second)]
    assert 0 < counts[1] < counts[0]


def test_degraded_copies_are_looked_at_or_the_clean_boxes_are_used_again(located):
    native, _ = located(ratio="native")
    rerun, looked = located()
    train = rerun.dataset.where("train")
    assert sum(looked[:1]) == rerun.degraded[train].sum()  # the clean ones are known
    reused, looked = located("detector.on_degraded=reuse_clean")
    assert not looked
    for i in train:
        assert reused.images.boxes[i].tolist() == native.images.boxes[i].tolist()
        if not rerun.degraded[i]:
            assert rerun.images.boxes[i].tolist() == native.images.boxes[i].tolist()
    assert any(
        rerun.images.boxes[i].tolist() != native.images.boxes[i].tolist()
        for i in train[rerun.degraded[train]]
    )


def test_counts_are_told_by_grade(located):
    given, _ = located()
    rows = given.located["grades"]
    train = given.dataset.where("train")
    labels = given.dataset.labels()[train, 0]
    assert [row["grade"] for row in rows] == sorted(set(labels.tolist()))
    assert sum(row["images"] for row in rows) == len(train)
    assert sum(row["boxes"] for row in rows) == sum(len(given.images.boxes[i]) for i in train)


def test_a_detector_that_finds_nothing_is_an_error_and_random_crops_are_a_way_out(located):
    with pytest.raises(RequestError, match=r"none of \d+ training images with lesions has a box"):
        located("detector.confidence=1.0")
    given, _ = located("detector.confidence=1.0", "detector.without_box=random_crop")
    assert all(row["boxes"] == 0 for row in given.located["grades"])


def test_a_published_file_gives_the_boxes(located, small_set, tmp_path):
    names = sorted(path.name for path in (small_set / "images").iterdir())
    path = tmp_path / "boxes.pkl"
    path.write_bytes(pickle.dumps({"train": {name: [(256, 128, 320, 160)] for name in names}}))
    given, looked = located(f"detector.box_file={path}", "patches.boxes=auto")
    assert not looked and given.boxes == "file"
    for i in given.dataset.where("train"):
        assert given.images.boxes[i].tolist() == [[32, 16, 40, 20]]


def test_a_run_with_a_detector_records_what_it_found(
    small_set, cache, tiny, monkeypatch, drawn, tmp_path
):
    monkeypatch.setenv("BENCH_DATA", str(drawn.parent))
    changes = (
        *tiny,
        *TINY_DETECTOR,
        SURE,
        "patches.boxes=detector",
        "detector.without_box=random_crop",
    )
    request = Request(
        "comcl",
        "folder",
        "0.7",
        protocol="smoke",
        changes=changes,
        data=small_set,
        results=tmp_path,
        cache=cache,
    )
    messages = []
    record = execute(request, Callbacks(SILENT.tick, SILENT.step, messages.append))
    assert record["boxes"] == "detector"
    stored = json.loads((record["folder"] / "spec.json").read_text())
    located = stored["about"]["located"]
    assert located["ap50"].keys() == {*KINDS, "mean"} and located["grades"]
    assert stored["spec"]["protocol"]["resolved"]["detector"] == LesionSet("idrid", drawn).digest
    events = store.EventLog(record["folder"] / "events.jsonl").read()
    assert [event["stage"] for event in events][:2] == ["boxes", "pretrain"]
    assert any("training images with lesions" in sentence for sentence in messages)


def test_boxes_of_the_data_set_are_left_as_they_are(located):
    given, rest = located()[0], ([], protocol(), around(Path("nowhere")))
    images, report = boxes.locate(BoxSource("given"), given.images, given.dataset, *rest)
    assert images is given.images and report == {}
