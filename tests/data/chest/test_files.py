import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_nih import BOX_LINES, HEADERS, ROWS, write_nih

from bench.data.chest import checks as chest_checks
from bench.data.chest import files as chest_files
from bench.data.patches import LUNGS
from bench.data.published import FINDINGS
from bench.errors import RequestError


def replaced(path, old, new):
    path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def root(tmp_path):
    return write_nih(tmp_path / "nih")


@pytest.mark.parametrize("header", HEADERS)
def test_both_spellings_of_the_label_file_say_the_same(tmp_path, header, root):
    assert chest_checks.entries(write_nih(tmp_path / "other", entries=header)) == (
        chest_checks.entries(root)
    )


def test_findings_are_those_of_the_eight_and_others_are_told_apart(root):
    rows = {row.image_id: row for row in chest_checks.entries(root)}
    named = {
        name: {f for f, given in zip(FINDINGS, row.labels, strict=True) if given}
        for name, row in rows.items()
    }
    assert named["00000004_000"] == {"Nodule", "Infiltration"}
    assert named["00000002_001"] == {"Effusion"}
    assert named["00000003_000"] == set()
    assert [rows[name].others for name in ("00000002_001", "00000003_000")] == [True, True]
    assert not rows["00000003_000"].normal and rows["00000003_001"].normal


def test_splits_are_the_lists_and_patients_the_label_files(root):
    rows = chest_checks.entries(root)
    assert [row.split for row in rows] == ["train"] * 7 + ["test"] * 6
    assert rows[0].patient_id == "00000001" and rows[-1].patient_id == "00000008"


def test_boxes_have_two_corners_and_scale_with_the_file(root, tmp_path):
    (box,) = chest_files.boxes(root)["00000006_000"]
    assert box == (512, 256, 640, 320)
    Image.fromarray(np.zeros((512, 256), np.uint8)).save(tmp_path / "a.png")
    assert chest_files.scaled([box], tmp_path / "a.png") == ((128, 128, 160, 160),)


def test_without_a_box_list_there_are_no_boxes(root):
    (root / "BBox_List_2017.csv").unlink()
    assert chest_files.boxes(root) == {}


@pytest.mark.parametrize("folder", ["images", "images_001/images", "images_012"])
def test_images_are_found_however_they_were_unpacked(tmp_path, folder):
    root = write_nih(tmp_path / "nih", images=folder)
    paths = chest_files.image_paths(root)
    assert paths.keys() == {row[0] for row in ROWS}
    assert all(path.is_file() for path in paths.values())


def test_a_patient_in_both_lists_is_refused(root):
    replaced(root / "train_val_list.txt", "00000001_001.png\n", "")
    with (root / "test_list.txt").open("a") as file:
        file.write("\n00000001_001.png")
    with pytest.raises(RequestError, match=r"1 patients stand in both lists \(first: 00000001"):
        chest_checks.entries(root)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("Data_Entry_2017_v2020.csv", ",Mass,", ",Gallstone,", "'Gallstone' is none of NIH's"),
        ("Data_Entry_2017_v2020.csv", ",Mass,", ",Mass|No Finding,", "none of NIH's labels"),
        ("Data_Entry_2017_v2020.csv", ",PA,", ",LL,", "view 'LL' is neither PA nor AP"),
        ("Data_Entry_2017_v2020.csv", "View Position", "View", "no column 'view position'"),
        ("Data_Entry_2017_v2020.csv", "00000002_000", "00000001_000", "stands there twice"),
        ("test_list.txt", "00000008_000.png", "", "1 images are in neither of the lists"),
        ("test_list.txt", "00000008_000.png", "00000009_000.png", "neither of the lists"),
        ("BBox_List_2017.csv", "512.0", "wide", "must be numbers"),
    ],
)
def test_a_wrong_line_is_named(root, file, old, new, message):
    replaced(root / file, old, new)
    with pytest.raises(RequestError, match=message):
        chest_checks.entries(root)
        chest_files.boxes(root)


def test_an_image_that_only_a_list_names_is_refused(root):
    with (root / "test_list.txt").open("a") as file:
        file.write("\n00000009_000.png")
    with pytest.raises(RequestError, match=r"no line of .*first: 00000009_000"):
        chest_checks.entries(root)


def test_counts_other_than_nihs_are_told_with_both_numbers(root):
    sentences = chest_checks.differences(chest_checks.entries(root), chest_files.boxes(root))
    assert sentences[0] == "the label files have 13 images, NIH's own 112,120"
    assert len(sentences) == 6
    assert len(BOX_LINES) == 1 and "have 1 boxes, NIH's own 984" in sentences[3]


@pytest.mark.real
def test_the_real_files_have_nihs_counts(real_data):
    """112,120 = 86,524 + 25,596; 984 boxes on 880 images, all of the test list."""
    root = real_data / "chestxray14"
    rows, boxed = chest_checks.entries(root), chest_files.boxes(root)
    assert chest_checks.differences(rows, boxed) == []
    assert len({row.patient_id for row in rows}) == 30_805
    assert sum(row.diseased for row in rows) == 46_649
    assert sum(row.normal for row in rows) == 60_361


@pytest.mark.real
def test_four_in_five_real_boxes_are_centred_in_the_lungs(real_data):
    """Where LUNGS is from; more than half of the enlarged hearts lie between the two."""
    root = real_data / "chestxray14"
    table = pd.read_csv(root / "BBox_List_2017.csv").iloc[:, 1:6]
    table.columns = ["finding", "x", "y", "width", "height"]
    hearts = table["finding"] == "Cardiomegaly"
    x, y = (
        ((table[side] + table[size] / 2) / chest_files.BOX_SIDE).to_numpy()
        for side, size in (("x", "width"), ("y", "height"))
    )
    inside = np.any(
        [(x >= x0) & (x <= x1) & (y >= y0) & (y <= y1) for x0, y0, x1, y1 in LUNGS or ()], axis=0
    )
    assert hearts.sum() == 146
    assert inside[~hearts].mean() == pytest.approx(0.8, abs=0.03)
    assert inside[hearts].mean() < 0.5
