from collections import Counter

import pytest

from bench.data import eyeq
from bench.errors import RequestError

HEAD = ",image,quality,DR_grade\n"


@pytest.fixture
def published(tmp_path):
    def write(
        train="0,10_left.jpeg,0,2\n",
        test="0,11_left.jpeg,2,0\n",
        files=("train/10_left.jpeg", "test/11_left.jpeg"),
    ):
        for split, rows in (("train", train), ("test", test)):
            (tmp_path / f"Label_EyeQ_{split}.csv").write_text(HEAD + rows)
        for name in files:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"")
        return tmp_path

    return write


def load(root, **more):
    return eyeq.load(root, name="eyeq", real=True, boxes="given", **more)


def test_label_files_are_read_as_published(published):
    train, test = load(published()).records
    assert (train.image_id, train.patient_id, train.labels, train.quality) == (
        "10_left",
        "10",
        (2,),
        0,
    )
    assert (test.split, test.quality) == ("test", 2)


@pytest.mark.parametrize("name", ["train/10_left.jpg", "images/10_left.png", "train/10_left.jpeg"])
def test_images_are_found_where_people_put_them(published, name):
    root = published(files=(name, "test/11_left.jpeg"))
    assert load(root).records[0].path == root / name


def test_missing_images_are_counted_and_partial_runs_on_what_is_there(published):
    root = published(files=("train/10_left.jpeg",))
    with pytest.raises(RequestError, match=r"1 of 2 images are missing .*11_left"):
        load(root)
    data = load(root, partial=True)
    assert data.partial
    assert [record.image_id for record in data.records] == ["10_left"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("0,10_left.jpeg,0,7\n", "grade 7"),
        ("0,10_left.jpeg,3,0\n", "quality 3"),
        ("0,10_left.jpeg,a,0\n", "'a'"),
    ],
)
def test_values_outside_their_range_are_refused(published, row, said):
    with pytest.raises(RequestError, match=said):
        load(published(train=row))


def test_one_image_in_both_files_is_refused(published):
    with pytest.raises(RequestError, match="'10_left' stands there twice"):
        load(published(test="0,10_left.jpeg,0,0\n"))


@pytest.mark.real
def test_the_real_label_files_have_the_published_counts(real_eyeq):
    splits = Counter(r.split for r in real_eyeq.records)
    assert splits == {"train": 12_543, "test": 16_249}
    quality = Counter((r.split, r.quality) for r in real_eyeq.records)
    assert [quality["train", q] for q in range(3)] == [8347, 1876, 2320]
    assert [quality["test", q] for q in range(3)] == [8471, 4558, 3220]
    patients = {s: {r.patient_id for r in real_eyeq.records if r.split == s} for s in splits}
    assert not patients["train"] & patients["test"]
