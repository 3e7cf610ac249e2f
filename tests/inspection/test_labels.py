import json
import shutil
from collections import Counter

import pandas as pd
import pytest
from eyepacs import draw_eyepacs
from PIL import Image

from bench.data import cache as caching
from bench.data import datasets, eyeq
from bench.data.datasets import Location
from bench.errors import RequestError
from bench.inspection.labels import inspect, text
from bench.protocol.presets import derive, named


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Two eyes of nine patients; nothing wrong with them but their counts."""
    return draw_eyepacs(tmp_path_factory.mktemp("eyepacs") / "eyeq", patients=9, size_px=160)


@pytest.fixture
def looked_at(tmp_path):
    def look(root, name="eyeq", *, sizes=(64, 160), tick=lambda *_: None):
        changes = [f"data.image_px={sizes[0]}", f"data.patch_image_px={sizes[1]}"]
        protocol = derive(named("smoke"), changes)
        return inspect(name, Location(root, tmp_path / "cache", protocol, False, tick))

    return look


@pytest.fixture
def copy(drawn, tmp_path):
    """The set, to be changed, and its files by image id."""
    root = shutil.copytree(drawn.root, tmp_path / "eyeq")
    return root, {name: root / path.relative_to(drawn.root) for name, path in drawn.files.items()}


def test_a_set_that_is_all_there_is_told_and_cached(drawn, looked_at, tmp_path, monkeypatch):
    report = looked_at(drawn.root)
    assert (report["expected"], report["cached"]) == (18, 18)
    assert report["missing"] == []
    assert report["unreadable"] == {}
    assert report["sizes_px"] == [160, 64]
    assert report["same_file"] == report["same_picture"] == []
    assert report["not_compared"] == ["103_right"]  # nearly black
    counts = [own["images"] for own in report["labels"].values()]
    assert counts == [12, 6]
    records = eyeq.all_rows(drawn.root)
    digests = caching.content_digests(records, tmp_path / "cache")
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("decoded again"))
    for size in (160, 64):
        where = {"cache": tmp_path / "cache", "tick": lambda *_: None}
        entry = caching.clean(records, digests, size_px=160, **where)
        caching.smaller(entry, size_px=size, **where)


def test_counts_unlike_the_published_are_told(drawn, looked_at):
    report = looked_at(drawn.root)
    assert not report["ready"]
    assert (
        "Label_EyeQ_train.csv has 12 images, EyeQ's own 12,543"
        == (report["unlike_published"]["train"][0])
    )
    assert "has 6 images, EyeQ's own 16,249, and 8 other counts" in text(report)
    assert "needs --partial" in text(report)


def test_the_report_is_json(drawn, looked_at):
    report = looked_at(drawn.root)
    assert json.loads(json.dumps(report)) == report


def test_all_missing_and_all_unreadable_images_are_listed_at_once(copy, looked_at):
    root, files = copy
    lost, corrupt = ("101_left", "105_right"), ("102_left", "106_right", "108_left")
    for name in lost:
        files[name].unlink()
    for name in corrupt:
        files[name].write_bytes(files[name].read_bytes()[:200])
    report = looked_at(root)
    assert set(report["missing"]) == set(lost)
    assert set(report["unreadable"]) == {files[name].name for name in corrupt}
    assert report["cached"] == 13
    message = text(report)
    assert "16 of 18 are there" in message
    assert "2 of 18 images are missing" in message
    assert "unreadable: 3" in message
    assert all(f"  image {files[name].name} cannot be read" in message for name in corrupt)


def test_mending_an_image_reads_only_that_one_again(copy, drawn, looked_at, monkeypatch):
    root, files = copy
    whole = files["102_left"].read_bytes()
    files["102_left"].write_bytes(whole[:200])
    looked_at(root)
    files["102_left"].write_bytes(whole)
    opened, real = [], Image.open

    def counting(file, **options):
        opened.append(file.name)
        return real(file, **options)

    monkeypatch.setattr(Image, "open", counting)
    assert looked_at(root)["unreadable"] == {}
    assert opened == [str(files["102_left"])]


def test_without_any_image_the_labels_are_told_all_the_same(copy, looked_at):
    root, files = copy
    for path in files.values():
        path.unlink()
    report = looked_at(root)
    assert len(report["missing"]) == 18
    assert report["cached"] == 0
    assert "18 of 18 images are missing" in text(report)


def saved_again(source, target):
    with Image.open(source) as image:
        small = image.convert("RGB").resize((image.width * 4 // 5, image.height * 4 // 5))
    small.save(target, quality=70)


def test_duplicates_are_told_across_splits_first_with_contradictory_labels(copy, looked_at):
    root, files = copy
    # Patient 100 is in test, 101, 102 and 104 in training; 101 is graded otherwise.
    for name in ("101_right", "102_left"):
        files[name].unlink()
    shutil.copyfile(files["100_left"], root / "train" / "101_right.jpeg")
    saved_again(files["104_left"], root / "train" / "102_left.jpeg")
    report = looked_at(root)
    (file,), (picture,) = report["same_file"], report["same_picture"]
    assert (set(file["images"]), file["across"]) == ({"100_left", "101_right"}, "splits")
    assert file["contradictory"]
    assert (set(picture["images"]), picture["across"]) == ({"102_left", "104_left"}, "patients")
    assert not picture["contradictory"]
    message = text(report)
    assert "same file under several names: 1 (1 across splits)" in message
    assert "with labels that contradict each other: 1" in message
    assert "100_left (test, 0)" in message


def test_one_patient_in_two_splits_is_told(copy, looked_at):
    root, files = copy
    path = root / "Label_EyeQ_test.csv"
    path.write_text(path.read_text().replace("100_left", "101_back"))
    files["100_left"].rename(files["100_left"].with_name("101_back" + files["100_left"].suffix))
    assert looked_at(root)["patients_in_several_splits"] == ["101"]


def test_a_folder_is_inspected_too(small_set, looked_at, tmp_path):
    report = looked_at(small_set, "folder", sizes=(32, 64))
    assert report["ready"]
    assert report["cached"] == 40
    assert "ready: bench run" in text(report)
    assert report["assumed"] == []
    other = shutil.copytree(small_set, tmp_path / "other")
    (other / "images" / "003.png").unlink()
    (other / "images" / "005.png").write_bytes(b"")
    report = looked_at(other, "folder", sizes=(32, 64))
    assert not report["ready"]
    assert report["missing"] == ["003.png"]
    assert list(report["unreadable"]) == ["005.png"]
    assert "1 of 40 images are missing" in text(report)


def test_what_a_folder_does_not_state_is_told(small_set, looked_at, tmp_path):
    other = shutil.copytree(small_set, tmp_path / "other")
    table = pd.read_csv(other / "labels.csv")
    table.drop(columns="quality").to_csv(other / "labels.csv", index=False)
    report = looked_at(other, "folder", sizes=(32, 64))
    assert "no quality column: every image counts as good" in text(report)


def test_label_files_that_cannot_be_used_are_an_error(copy, looked_at):
    root, _ = copy
    table = pd.read_csv(root / "Label_EyeQ_test.csv")
    table.drop(columns="quality").to_csv(root / "Label_EyeQ_test.csv")
    with pytest.raises(RequestError, match="no column 'quality'"):
        looked_at(root)


def test_training_images_alone_are_refused_by_prepare_as_by_a_run(copy, looked_at):
    root, files = copy
    for path in files.values():
        if path.parent.name != "train":
            path.unlink()
    report = looked_at(root)
    assert report["splits"]["test"] == 0
    assert not report["ready"]
    verdict = text(report).splitlines()[-1]
    assert "no image for the test split" in verdict
    assert "--partial" not in verdict
    place = Location(root, root, derive(named("smoke"), []), True, lambda *_: None)
    with pytest.raises(RequestError) as error:
        datasets.read("eyeq", place)
    assert str(error.value) in verdict


def test_a_folder_is_shown_in_the_splits_that_a_run_draws(small_set, looked_at, tmp_path):
    other = shutil.copytree(small_set, tmp_path / "other")
    table = pd.read_csv(other / "labels.csv").drop(columns=["split", "patient_id"])
    table.to_csv(other / "labels.csv", index=False)
    place = Location(other, tmp_path, derive(named("smoke"), []), False, lambda *_: None)
    drawn = {r.image_id: r.split for r in datasets.read("folder", place).records}
    one, two = (next(n for n, s in drawn.items() if s == split) for split in ("train", "test"))
    shutil.copyfile(other / "images" / one, other / "images" / two)
    report = looked_at(other, "folder", sizes=(32, 64))
    counts = {split: own["images"] for split, own in report["labels"].items()}
    assert counts == report["splits"] == dict(Counter(drawn.values()))
    assert any(group["across"] == "splits" for group in report["same_file"])
    assert "same file under several names: 1 (1 across splits)" in text(report)


def test_findings_that_no_score_is_of_and_links_are_told(small_set, looked_at, tmp_path):
    other = shutil.copytree(small_set, tmp_path / "other")
    table = pd.read_csv(other / "labels.csv")
    table["label"] = table["label"].clip(upper=1)
    table.rename(columns={"label": "mass"}).assign(hernia=0).to_csv(
        other / "labels.csv", index=False
    )
    (tmp_path / "moved.png").write_bytes((other / "images" / "003.png").read_bytes())
    (other / "images" / "003.png").unlink()
    (other / "images" / "003.png").symlink_to(tmp_path / "moved.png")
    report = looked_at(other, "folder", sizes=(32, 64))
    assert report["one_valued"] == ["hernia"]
    assert report["links_outside"] == ["003.png"]
    shown = text(report)
    assert "one value only in the test split, which no AUROC is of: 1 (hernia)" in shown
    assert "links to files outside the folder, which are followed: 1 (003.png)" in shown


def test_pictures_that_show_nothing_are_all_named_and_end_nothing(small_set, looked_at, tmp_path):
    other = shutil.copytree(small_set, tmp_path / "other")
    (other / "boxes.csv").unlink()
    sizes = {"001.png": (1, 64), "002.png": (64, 64), "004.png": (640, 64), "005.png": (90, 60)}
    colours = {"002.png": (0, 0, 0), "005.png": (250, 250, 250)}
    for name, size in sizes.items():
        Image.new("RGB", size, colours.get(name, (90, 60, 30))).save(other / "images" / name)
    (other / "images" / "007.png").write_bytes(b"no picture")
    report = looked_at(other, "folder", sizes=(32, 64))
    assert report["unusable"] == {
        "001.png": "is 1 x 64 px, too small to show anything",
        "002.png": "is black all over",
        "004.png": "is 640 x 64 px, more than 8 times as long as wide",
        "005.png": "is one colour all over",
    }
    assert list(report["unreadable"]) == ["007.png"]
    shown = text(report)
    assert "readable, but of no use to any network: 4" in shown
    assert "  002.png is black all over" in shown
    assert looked_at(small_set, "folder", sizes=(32, 64))["unusable"] == {}


def test_two_files_of_one_name_in_two_folders_are_told_apart(small_set, looked_at, tmp_path):
    other = shutil.copytree(small_set, tmp_path / "other")
    (other / "images" / "sub").mkdir()
    (other / "images" / "003.png").rename(other / "images" / "sub" / "005.png")
    (other / "images" / "005.png").write_bytes(b"")
    path = other / "labels.csv"
    path.write_text(path.read_text().replace("003.png", "sub/005.png"))
    report = looked_at(other, "folder", sizes=(32, 64))
    assert list(report["unreadable"]) == ["images/005.png"]
    assert report["cached"] == 39
