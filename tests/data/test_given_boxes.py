"""A user's boxes: of the images that they name, inside them, and counted."""

import os
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.data import eyeq, folder, given_boxes
from bench.data.chest import files as chest_files
from bench.errors import RequestError

EXAMPLES = 3000 if "BENCH_LONG" in os.environ else 60


@pytest.fixture
def drawn(tmp_path):
    """A set of three pictures: a.jpg of 60 x 40 px, b.png turned on its side by EXIF, c.jpg."""
    turned = Image.Exif()
    turned[0x0112] = 6
    (tmp_path / "images").mkdir()
    for name, exif in (("a.jpg", b""), ("b.png", turned.tobytes()), ("c.jpg", b"")):
        picture = Image.fromarray(np.zeros((40, 60, 3), np.uint8))
        picture.save(tmp_path / "images" / name, exif=exif)
    (tmp_path / "labels.csv").write_text("image,label\na.jpg,1\nb.png,0\nc.jpg,2\n")

    def write(*rows):
        (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1\n" + "\n".join(rows) + "\n")
        return tmp_path

    return write


def boxes_of(root):
    return {record.image_id: record.boxes for record in folder.load(root).records}


def why(root):
    with pytest.raises(RequestError) as caught:
        folder.load(root)
    return str(caught.value)


def test_boxes_drawn_at_another_size_are_refused_with_image_size_and_box(drawn):
    message = why(drawn("a.jpg,1,2,30,30", "a.jpg,170,180,190,195.5", "c.jpg,170,1,180,9"))
    assert (
        "line 3: the box 170, 180, 190, 195.5 does not lie in a.jpg, which is 60 x 40 px" in message
    )
    assert "(2 of 3 boxes do not lie in their images)" in message
    assert "scale them" in message and "x0 + width" in message


def test_boxes_lie_in_the_picture_as_it_is_turned(drawn):
    assert boxes_of(drawn("b.png,5,45,35,59"))["b.png"] == ((5, 45, 35, 59),)
    assert "does not lie in b.png, which is 40 x 60 px" in why(drawn("b.png,45,5,59,35"))


def test_a_pixel_of_rounding_is_accepted_and_more_is_not(drawn):
    assert boxes_of(drawn("a.jpg,-1,-0.5,61,41"))["a.jpg"] == ((-1, -0.5, 61, 41),)
    for row in ("a.jpg,-1.1,0,9,9", "a.jpg,0,-2,9,9", "a.jpg,0,0,61.5,9", "a.jpg,0,0,9,41.5"):
        assert "does not lie in a.jpg" in why(drawn(row))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.jpg,9,9,5,12", "x1 and y1 must be larger than x0 and y0, not 9, 9, 5, 12; x0"),
        ("a.jpg,9,9,12,9", "must be larger"),
        ("a.jpg,30,20,10,10", "where a file has widths and heights, x1 is x0 + width"),
        ("a.jpg,1,2,nan,9", "corners must be finite numbers, not 1, 2, nan, 9"),
        ("a.jpg,1,2,inf,9", "corners must be finite numbers"),
        ("a.jpg,1,2,,9", "corners must be numbers, not 1, 2, , 9"),
        ("a.jpg,1,2,three,9", "corners must be numbers"),
    ],
)
def test_what_is_no_box_is_refused_by_line(drawn, row, message):
    refused = why(drawn("a.jpg,1,1,2,2", row))
    assert "boxes.csv, line 3" in refused and message in refused


def test_boxes_of_unknown_images_are_counted_and_said(drawn):
    root = drawn("a.jpg,1,1,2,2", "x.jpg,1,1,2,2", "x.jpg,3,3,900,900", "y.jpg,1,1,2,2")
    (sentence,) = [note for note in folder.load(root).assumptions if "boxes" in note]
    assert "3 of the 4 boxes of boxes.csv name 2 images that the labels do not have" in sentence
    assert "(first: x.jpg)" in sentence
    assert not [note for note in folder.load(drawn("a.jpg,1,1,2,2")).assumptions if "box" in note]


def test_boxes_of_unknown_images_alone_are_refused_with_both_spellings(drawn):
    message = why(drawn("x.jpg,1,1,2,2", "y.jpg,1,1,2,2"))
    assert "none of its 2 boxes names an image of the labels; it has 'x.jpg', they have" in message


@pytest.mark.parametrize(
    "name", ["a.jpg", "a", "A.JPG", "a.png", "./a.jpg", "images/a.jpg", "images\\a.jpg", "train/a"]
)
def test_images_may_be_spelled_in_other_ways(drawn, name):
    assert boxes_of(drawn(f"{name},1,1,2,2"))["a.jpg"] == ((1, 1, 2, 2),)


def test_a_name_that_could_be_two_images_is_refused_and_a_whole_one_is_not(drawn):
    root = drawn("a,1,1,2,2")
    (root / "labels.csv").write_text("image,label\na.jpg,1\na.png,0\nc.jpg,2\n")
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(root / "images" / "a.png")
    assert "'a' could be 'a.jpg' or 'a.png'; write the whole name" in why(root)
    assert boxes_of(drawn("a.png,1,1,2,2"))["a.png"] == ((1, 1, 2, 2),)


def test_boxes_of_an_image_that_is_missing_or_broken_are_not_judged(drawn):
    root = drawn("a.jpg,1,1,900,900", "b.png,1,1,900,900", "c.jpg,1,1,2,2")
    (root / "images" / "a.jpg").unlink()
    (root / "images" / "b.png").write_bytes(b"")
    assert len(boxes_of(root)["a.jpg"]) == 1


def test_a_pipe_for_boxes_is_refused(drawn):
    root = drawn("a.jpg,1,1,2,2")
    (root / "boxes.csv").unlink()
    os.mkfifo(root / "boxes.csv")
    assert "file boxes.csv is a pipe" in why(root)


def test_eyeq_has_the_same_rule(tmp_path):
    for split, name in (("train", "10_left"), ("test", "11_left")):
        (tmp_path / split).mkdir()
        (tmp_path / f"Label_EyeQ_{split}.csv").write_text(
            f"image,quality,DR_grade\n{name}.jpeg,0,1\n"
        )
        Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / split / f"{name}.jpeg")
    load = partial(eyeq.load, tmp_path, name="eyeq", real=False, boxes="given")
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1\ntrain/10_left.jpeg,1,1,5,5\n")
    assert load().records[0].boxes == ((1, 1, 5, 5),) and not load().partial
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1\n10_left.jpeg,1,1,500,500\n")
    with pytest.raises(RequestError, match="does not lie in 10_left, which is 60 x 40 px"):
        load()
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1\n10_left,1,1,5,5\nz,1,1,5,5\n")
    assert "name 1 images that the labels do not have" in load().assumptions[0]
    assert not load().partial


# ---- NIH's boxes


def test_nihs_boxes_outside_their_picture_are_named(tmp_path):
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "00000001_000.png")
    path = tmp_path / "00000001_000.png"
    assert chest_files.scaled([(512, 0, 1024, 256)], path) == ((32, 0, 64, 16),)
    for box in [(512, 0, 1025, 256), (-1, 0, 5, 5), (5, 5, 5, 9)]:
        with pytest.raises(RequestError, match=r"image 00000001_000\.png: the box .* does not lie"):
            chest_files.scaled([box], path)


@pytest.mark.parametrize("cells", ["1,2,3", "1,2,nan,4", "1,2,inf,4", "1,2,x,4", ",,,"])
def test_nihs_boxes_must_be_numbers(tmp_path, cells):
    (tmp_path / chest_files.BOXES).write_text(f"Image Index,Finding,x,y,w,h\na.png,Mass,{cells}\n")
    with pytest.raises(RequestError, match="line 2: x, y, width and height must be numbers"):
        chest_files.boxes(tmp_path)


@pytest.mark.real
def test_nihs_own_boxes_all_lie_in_their_pictures(real_data):
    root = real_data / "chestxray14"
    boxes = chest_files.boxes(root)
    assert sum(map(len, boxes.values())) == 984
    path = next((root / "images-native").iterdir())
    assert all(chest_files.scaled(image_boxes, path) for image_boxes in boxes.values())


# ---- any file

CELLS = st.one_of(
    st.sampled_from(
        ["a.jpg", "b", "1", "-1", "1e400", "nan", "", " ", '"', "\t", "x0", "é", "x;y"]
    ),
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=6),
)
CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252"]


@st.composite
def files(draw, header):
    """A table of random cells, more or less under a header, in some encoding; sometimes bytes."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200))
    lines = [header] if draw(st.integers(0, 4)) else []
    lines += draw(st.lists(st.lists(CELLS, min_size=1, max_size=7).map(",".join), max_size=6))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = end.join(lines) + draw(st.sampled_from(["", end]))
    return text.encode(draw(st.sampled_from(CODECS)), errors="replace")


@settings(max_examples=EXAMPLES)
@given(files("image,x0,y0,x1,y1"))
def test_any_boxes_csv_is_read_or_refused(tmp_path_factory, content):
    root = tmp_path_factory.getbasetemp()
    (root / "boxes.csv").write_bytes(content)
    records = folder_records(root)
    try:
        attached = given_boxes.attach(records, root)
    except RequestError as error:
        assert "boxes.csv" in str(error)
        return
    for record in attached.records:
        for x0, y0, x1, y1 in record.boxes:
            assert x0 < x1 and y0 < y1 and np.isfinite([x0, y0, x1, y1]).all()


def folder_records(root):
    from bench.data.records import Record

    return [Record(f"{n}.jpg", root / f"{n}.jpg", n, (0,), 0, "train") for n in "ab"]


@settings(max_examples=EXAMPLES)
@given(files("Image Index,Finding Label,Bbox [x,y,w,h]"))
def test_any_list_of_nihs_boxes_is_read_or_refused(tmp_path_factory, content):
    root = tmp_path_factory.getbasetemp()
    (root / chest_files.BOXES).write_bytes(content)
    try:
        boxes = chest_files.boxes(root)
    except RequestError as error:
        assert chest_files.BOXES in str(error)
        return
    assert np.isfinite([box for image in boxes.values() for box in image]).all()
