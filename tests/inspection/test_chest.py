"""`bench prepare chestxray`: what is wrong with a download, in one pass, and what is cached."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from small_nih import HEADERS, ROWS, write_nih

from bench.data import cache as caching
from bench.data.chest import reader as chest_reader
from bench.data.datasets import Location
from bench.errors import RequestError
from bench.inspection.labels import inspect, text
from bench.protocol.presets import derive, named


def quiet(*_):
    """Nobody to tell."""


@pytest.fixture
def root(tmp_path):
    return write_nih(tmp_path / "nih")


@pytest.fixture
def place(tmp_path):
    def made(root, *changes):
        sizes = ("data.image_px=32", "data.patch_image_px=64", "chest.subset=all")
        protocol = derive(named("smoke"), [*sizes, *changes])
        return Location(root, tmp_path / "cache", protocol, True, quiet)

    return made


@pytest.fixture
def looked_at(place):
    return lambda root, *changes: inspect("chestxray", place(root, *changes))


def image(root, name):
    return root / "images" / f"{name}.png"


def replaced(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def test_what_is_there_is_counted_and_told_apart_from_nihs_own(root, looked_at):
    report = looked_at(root)
    assert (report["expected"], report["cached"], report["missing"]) == (13, 13, [])
    train = report["labels"]["train"]
    assert (train["images"], train["patients"]) == (7, 4)
    assert train["views"] == {"PA": 5, "AP": 2}
    assert (train["labels"]["Effusion"], train["labels"]["No Finding"]) == (1, 3)
    assert train["labels"]["other findings alone"] == 1
    assert report["unreadable"] == {} and report["same_file"] == report["same_picture"] == []
    assert not report["ready"]
    message = text(report)
    assert "the label files have 13 images, NIH's own 112,120" in message
    assert "boxes: 1 on 1 images" in message
    assert "image files: 13 of the 13" in message and "as published" not in message
    assert "needs --partial" in message
    assert json.loads(json.dumps(report)) == report


def test_a_run_after_it_decodes_nothing(root, place, tmp_path, monkeypatch):
    """With images missing, and official_8 drawn from what is there, as `--partial` does."""
    image(root, "00000006_000").unlink()
    where = place(root, "chest.subset=official_8")
    inspect("chestxray", where)
    shared = {"protocol": where.protocol, "cache": where.cache, "tick": quiet}
    data = chest_reader.load(root, name="chestxray", real=True, partial=True, **shared)
    assert len(data.records) > 4
    digests = caching.content_digests(data.records, where.cache)
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("decoded again"))
    again = {"cache": where.cache, "tick": quiet}
    entry = caching.clean(data.records, digests, size_px=64, modality="chest", **again)
    assert caching.smaller(entry, size_px=32, **again).images[0].shape == (32, 32, 3)


def test_the_subset_alone_is_read_and_the_label_files_are_checked_whole(root, looked_at, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"{row[0]}.png" for row in ROWS[:3]))
    image(root, ROWS[5][0]).write_bytes(b"")
    report = looked_at(root, f"chest.subset=list={names}")
    assert (report["expected"], report["cached"], report["unreadable"]) == (3, 3, {})
    assert report["labels"]["test"]["images"] == 6
    assert report["files"]["there"] == 13


def test_missing_and_unreadable_images_are_all_told_and_few_are_named(root, looked_at):
    lost, corrupt = [row[0] for row in ROWS[:7]], [row[0] for row in ROWS[7:9]]
    for name in lost:
        image(root, name).unlink()
    for name in corrupt:
        image(root, name).write_bytes(image(root, name).read_bytes()[:200])
    report = looked_at(root)
    assert report["missing"] == lost
    assert set(report["unreadable"]) == {f"{name}.png" for name in corrupt}
    assert report["cached"] == 4
    message = text(report)
    assert "images wanted: 6 of 13 are there" in message
    assert "7 of the 13 images wanted are missing" in message and lost[3] not in message
    assert "unreadable: 2" in message


def test_without_any_image_the_label_files_are_told_all_the_same(root, looked_at):
    for row in ROWS:
        image(root, row[0]).unlink()
    report = looked_at(root)
    assert (report["cached"], len(report["missing"])) == (0, 13)
    assert text(report).endswith("not ready: see above what is missing")


def test_sizes_and_modes_other_than_nihs_are_counted(root, looked_at):
    grey = np.random.default_rng(0).integers(0, 256, (1024, 1024), dtype=np.uint8)
    for name, mode in (("00000001_000", "L"), ("00000001_001", "RGBA")):
        Image.fromarray(grey if mode == "L" else grey.T).convert(mode).save(image(root, name))
    Image.fromarray(grey[:100, :60]).save(image(root, "00000002_000"))
    report = looked_at(root)
    assert report["stored_sizes"] == {"1024 x 1024": 2, "60 x 100": 1, "64 x 64": 10}
    assert report["stored_modes"] == {"L": 12, "RGBA": 1}
    message = text(report)
    assert "not 1024 x 1024 px, as NIH's are: 11 (60 x 100: 1, 64 x 64: 10)" in message
    assert "not plain grey, and read as grey: 1 (RGBA: 1)" in message


def test_duplicates_are_told_with_their_findings_across_splits_first(root, looked_at):
    shutil.copyfile(image(root, "00000001_000"), image(root, "00000005_000"))
    shutil.copyfile(image(root, "00000003_000"), image(root, "00000003_001"))
    report = looked_at(root)
    assert [group["across"] for group in report["same_file"]] == ["splits", "one patient"]
    message = text(report)
    assert "same file under several names: 2 (1 across splits, 1 within one patient)" in message
    assert "00000001_000 (train, Mass) = 00000005_000 (test, Pneumonia)" in message


def test_files_that_no_line_names_or_that_stand_there_twice_are_told(root, looked_at):
    shutil.copyfile(image(root, "00000001_000"), image(root, "00000099_000"))
    other = root / "images_001" / "images"
    other.mkdir(parents=True)
    shutil.copyfile(image(root, "00000001_001"), other / "00000001_001.png")
    report = looked_at(root)
    assert report["files"]["strangers"] == ["00000099_000"]
    assert report["files"]["several_of_one_name"] == ["00000001_001"]
    message = text(report)
    assert "files that the label file does not name: 1 (00000099_000)" in message
    assert "several files, of which one is taken: 1 (00000001_001)" in message


def test_lists_that_do_not_fit_are_told_all_at_once(root, looked_at, place):
    """Where `bench run` stops at the first: with --partial, too."""
    replaced(root / "train_val_list.txt", "00000001_000.png\n", "")  # in neither list
    replaced(root / "train_val_list.txt", "00000001_001.png", "00000077_000.png")  # without a line
    with (root / "test_list.txt").open("a") as file:
        file.write("\n00000001_001.png\n00000002_000.png\n00000002_001.png")
    replaced(root / "train_val_list.txt", "00000002_001.png\n", "")  # 2: one image in both, one not
    replaced(root / "test_list.txt", "00000005_000.png\n", "")
    with (root / "train_val_list.txt").open("a") as file:
        file.write("\n00000005_000.png")
    report = looked_at(root)
    assert report["unlisted"] == ["00000001_000"]
    assert report["unknown"] == ["00000077_000"]
    assert report["twice"] == ["00000002_000"]
    assert report["patients_in_several_splits"] == ["00000005"]
    assert report["cached"] == 11
    message = text(report)
    assert "patients in both lists: 1 (00000005)" in message
    assert "refuses lists that do not fit the label file, with --partial too" in message
    shared = {"protocol": place(root).protocol, "cache": root, "tick": quiet}
    with pytest.raises(RequestError, match="both lists"):
        chest_reader.load(root, name="chestxray", real=True, partial=True, **shared)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("00000006_000.png,Infiltrate,1000.0,256.0,128.0,64.0,", "outside"),
        ("00000006_000.png,Infiltrate,10.0,256.0,0.0,64.0,", "outside"),
        ("00000001_000.png,Mass,512.0,256.0,128.0,64.0,", "not_in_test_list"),
    ],
)
def test_boxes_outside_their_image_or_the_test_list_are_told(tmp_path, looked_at, line, key):
    good = "00000006_001.png,Mass,512.0,256.0,512.0,64.0,"  # to the last column
    report = looked_at(write_nih(tmp_path / "other", boxes=(good, line)))
    told = {"outside": report["boxes"]["outside"]}
    told["not_in_test_list"] = report["boxes"]["not_in_test_list"]
    assert told.pop(key) == [line[:12]]
    assert list(told.values()) == [[]]
    assert "images with a box that" in text(report)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("Data_Entry_2017.csv", "Data_Entry_2017.csv (spells it 'Patient Gender', lines end in"),
        ("Data_Entry_2017_v2020.csv", "Data_Entry_2017_v2020.csv (spells it 'Patient Sex')"),
    ],
)
def test_the_edition_of_the_label_file_is_told(tmp_path, looked_at, entries, message):
    assert set(HEADERS) == {"Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv"}
    assert message in text(looked_at(write_nih(tmp_path / "other", entries=entries)))


def test_label_files_that_cannot_be_used_are_an_error(root, looked_at):
    (root / "test_list.txt").unlink()
    with pytest.raises(RequestError, match="no list"):
        looked_at(root)


@pytest.mark.real
def test_the_real_sample_has_nihs_counts_and_a_thousand_images(real_data, looked_at):
    report = looked_at(real_data / "chestxray14")
    labels = report["labels"]
    assert {s: own["images"] for s, own in labels.items()} == {"train": 86_524, "test": 25_596}
    assert sum(own["patients"] for own in labels.values()) == 30_805
    both = {
        name: sum(own["labels"][name] for own in labels.values()) for name in ("Mass", "Nodule")
    }
    assert both == {"Mass": 5_782, "Nodule": 6_331}
    assert report["unlike_published"] == {}
    boxes = {"boxes": 984, "images": 880, "not_in_test_list": [], "outside": []}
    assert report["boxes"] == boxes
    assert (report["expected"], len(report["missing"]), report["cached"]) == (
        112_120,
        111_120,
        1000,
    )
    assert report["stored_sizes"] == {"64 x 64": 1000} and report["stored_modes"] == {"L": 1000}
    assert report["unreadable"] == {} and not report["ready"]
    assert report["same_file"] == report["same_picture"] == []
    message = text(report)
    assert "all counts as published" in message
    assert len(message) < 4000  # counts, not names


@pytest.mark.real
def test_a_subset_that_is_all_there_is_ready_and_one_image_short_is_not(
    real_data, looked_at, tmp_path
):
    root, names = real_data / "chestxray14", tmp_path / "names.txt"
    some = [f"{path.stem}.png" for path in sorted((root / "images").iterdir())[:5]]
    names.write_text("\n".join(some))
    report = looked_at(root, f"chest.subset=list={names}")
    assert report["ready"] and report["cached"] == 5
    assert text(report).endswith("ready: bench run --method comcl --dataset chestxray")
    names.write_text("\n".join([*some, "00000211_019.png"]))
    short = looked_at(root, f"chest.subset=list={names}")
    assert not short["ready"] and short["cached"] == 5
    assert "needs --partial" in text(short)
