import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.data.chest_twin import write_chestxray
from bench.data.chest_twin.cohort import cohort
from bench.data.published import FINDINGS

SIZE = 64


def write(root, *, workers, on_image=None):
    write_chestxray(root, train=14, test=26, size_px=SIZE, workers=workers, on_image=on_image)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A small set by one process, and how many images were told of."""
    root, reports = tmp_path_factory.mktemp("drawn") / "one", []
    write(root, workers=1, on_image=lambda: reports.append(1))
    return root, reports


def entries(root):
    return pd.read_csv(root / "Data_Entry_2017_v2020.csv")


def test_each_image_is_told_of(drawn):
    assert len(drawn[1]) == 40


def test_the_number_of_workers_changes_nothing(drawn, tmp_path):
    root, _ = drawn
    write(tmp_path / "two", workers=2)
    files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    assert len(files) == 40 + 6
    for path in files:
        assert (root / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_another_seed_draws_another_set(drawn):
    one, two = (cohort(14, 26, seed=seed) for seed in (0, 1))
    assert [v.name for v in one] == sorted(entries(drawn[0])["Image Index"])
    assert [v.name for v in one] != [v.name for v in two]


def test_files_are_grey_png_of_the_size_asked_for(drawn):
    root, _ = drawn
    paths = sorted((root / "images").iterdir())
    assert [path.name for path in paths] == list(entries(root)["Image Index"])
    for path in paths:
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "L", (SIZE, SIZE))


def test_lists_name_every_image_once_and_end_without_a_newline(drawn):
    root, _ = drawn
    texts = [(root / name).read_text() for name in ("train_val_list.txt", "test_list.txt")]
    assert not any(text.endswith("\n") for text in texts)
    names = [text.split("\n") for text in texts]
    assert [len(own) for own in names] == [14, 26]
    assert sorted(names[0] + names[1]) == list(entries(root)["Image Index"])


def test_drawn_boxes_are_those_of_the_findings(drawn):
    root, _ = drawn
    boxes = pd.read_csv(root / "boxes.csv")
    assert list(boxes.columns) == ["image", "finding", "x0", "y0", "x1", "y1"]
    found = boxes.groupby("image")["finding"].agg(set)
    for name, label in entries(root)[["Image Index", "Finding Labels"]].to_numpy():
        assert found.get(name, set()) == set(label.split("|")) - {"No Finding"}
    assert boxes[["x0", "y0"]].min().min() >= 0
    assert boxes[["x1", "y1"]].max().max() <= SIZE


def test_published_boxes_are_of_test_images_only_and_in_pixels_of_1024(drawn):
    root, _ = drawn
    lines = (root / "BBox_List_2017.csv").read_bytes().decode().split("\r\n")
    assert lines[0] == "Image Index,Finding Label,Bbox [x,y,w,h]"
    assert lines[-1] == ""
    rows = [line.split(",") for line in lines[1:-1]]
    test = set((root / "test_list.txt").read_text().split())
    assert rows and {row[0] for row in rows} < test
    assert {row[1] for row in rows} <= {*FINDINGS, "Infiltrate"} - {"Infiltration"}
    drawn_boxes = pd.read_csv(root / "boxes.csv").drop(columns="finding").to_numpy().tolist()
    for name, _, *sides in rows:
        x, y, width, height = (float(v) * SIZE / 1024 for v in sides)
        near = [
            np.allclose(box[1:], (x, y, x + width, y + height), atol=1e-6)
            for box in drawn_boxes
            if box[0] == name
        ]
        assert any(near)


@pytest.mark.real
def test_headers_and_line_ends_are_nihs_own(drawn, real_data):
    root, published = drawn[0], real_data / "chestxray14"
    for name in ("Data_Entry_2017_v2020.csv", "BBox_List_2017.csv"):
        own, theirs = ((folder / name).read_bytes() for folder in (root, published))
        assert own.splitlines(keepends=True)[0] == theirs.splitlines(keepends=True)[0]
        assert own[-2:].endswith(b"\r\n") == theirs[-2:].endswith(b"\r\n")


def test_a_generation_that_fails_leaves_nothing(tmp_path):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "twin", workers=1, on_image=stop)
    assert list(tmp_path.iterdir()) == []
