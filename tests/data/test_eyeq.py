import re
import shutil
from collections import Counter

import pytest
from eyepacs import official_rows

from bench.data import eyeq
from bench.errors import RequestError

HEAD = ",image,quality,DR_grade\n"


@pytest.fixture
def published(tmp_path):
    """A folder with small label files, and empty files for images."""

    def write(
        train="0,10_left.jpeg,0,2\n",
        test="0,11_left.jpeg,2,0\n",
        files=("train/10_left.jpeg", "test/11_left.jpeg"),
        head=HEAD,
    ):
        root = tmp_path / "eyeq"
        root.mkdir()
        for split, rows in (("train", train), ("test", test)):
            (root / f"Label_EyeQ_{split}.csv").write_text(head + rows)
        for name in files:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        return root

    return write


def load(root, *, real=False, **more):
    return eyeq.load(root, name="eyeq", real=real, boxes="given", **more)


def test_label_files_are_read_as_published(published):
    train, test = load(published()).records
    assert (train.image_id, train.patient_id, train.labels, train.quality) == (
        "10_left",
        "10",
        (2,),
        0,
    )
    assert (test.split, test.quality) == ("test", 2)


@pytest.mark.parametrize(
    "name",
    [
        "train/10_left.jpg",
        "train/10_left.JPEG",
        "train/10_left.Png",
        "images/10_left.png",
        "images/10_left.jpeg",
        "test/10_left.jpeg",  # one training image of EyeQ lies in EyePACS's test part
    ],
)
def test_images_are_found_where_people_put_them(published, name):
    root = published(files=(name, "test/11_left.jpeg"))
    assert load(root).records[0].path == root / name


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        (("train/10_left.png", "train/10_left.jpeg"), "train/10_left.jpeg"),
        (("train/10_left.png", "train/10_left.jpg"), "train/10_left.jpg"),
        (("images/10_left.jpeg", "train/10_left.png"), "train/10_left.png"),
        (("test/10_left.jpeg", "images/10_left.png"), "images/10_left.png"),
    ],
)
def test_of_several_files_one_is_taken_by_rule(published, files, taken):
    root = published(files=(*files, "test/11_left.jpeg"))
    assert load(root).records[0].path == root / taken


def test_missing_images_are_counted_and_partial_runs_on_what_is_there(published):
    root = published(files=("train/10_left.jpeg",))
    with pytest.raises(RequestError, match=r"1 of 2 images are missing .*11_left.*--partial"):
        load(root)
    data = load(root, partial=True)
    assert data.partial
    assert [record.image_id for record in data.records] == ["10_left"]
    assert data.assumptions == ("1 of the 2 images of the label files are not there",)
    assert not any(str(root) in sentence for sentence in data.assumptions)


def test_a_whole_set_is_not_partial_even_if_that_is_allowed(published):
    data = load(published(), partial=True)
    assert not data.partial
    assert data.assumptions == ()


def test_without_any_image_partial_is_no_way_out(published):
    root = published(files=())
    for partial in (False, True):
        with pytest.raises(RequestError, match=r"2 of 2 images are missing") as error:
            load(root, partial=partial)
        assert "--partial" not in str(error.value)
        assert "put them into train/ and test/, or images/" in str(error.value)


def test_a_wrong_extension_is_told_with_their_number(published):
    root = published(files=("train/10_left.tif", "test/11_left.tif"))
    with pytest.raises(RequestError, match=r"2 of them are there as \.tif .*save them as \.jpeg"):
        load(root)


@pytest.mark.parametrize("where", ["train/train", "EyePACS/full/train", "eyepacs_images"])
def test_images_too_deep_are_told_with_their_place(published, where):
    root = published(files=(f"{where}/10_left.jpeg", f"{where}/11_left.jpeg"))
    with pytest.raises(RequestError, match=f"found {where}/10_left.jpeg: move what is in {where}/"):
        load(root)


def test_a_directory_too_high_or_too_deep_is_told_with_the_right_one(published, tmp_path):
    root = published()
    for wrong in (tmp_path, root / "train"):
        with pytest.raises(RequestError, match=rf"is not in {wrong} but in {root}: give --data"):
            load(wrong)
    with pytest.raises(RequestError, match=r"Label_EyeQ_train\.csv is not there"):
        load(shutil.copytree(root / "test", tmp_path / "another" / "place" / "deep"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0,10_left.jpeg,0,7\n", "grade 7"),
        ("0,10_left.jpeg,3,0\n", "quality 3"),
        ("0,10_left.jpeg,a,0\n", "'a'"),
    ],
)
def test_values_outside_their_range_are_refused(published, row, message):
    with pytest.raises(RequestError, match=message):
        load(published(train=row))


def test_a_missing_column_is_told_with_those_that_there_are(published):
    root = published(head=",image,quality,grade\n")
    with pytest.raises(RequestError, match=r"no column 'DR_grade'.*quality, grade.*HzFu/EyeQ"):
        load(root)


def test_one_image_in_both_files_is_refused(published):
    with pytest.raises(RequestError, match="'10_left' stands there twice"):
        load(published(test="0,10_left.jpeg,0,0\n"))


@pytest.fixture(scope="module")
def official():
    return {split: official_rows(split) for split in ("train", "test")}


def test_eyeqs_own_counts_are_accepted(published, official):
    root = published("".join(official["train"]), "".join(official["test"]), files=())
    rows = eyeq.all_rows(root)
    assert eyeq.differences(rows) == {}
    with pytest.raises(RequestError, match=r"28,792 of 28,792 images are missing"):
        load(root, real=True)


def regraded(rows):
    return [rows[0].replace(",0,0\n", ",0,1\n"), *rows[1:]]


def requalified(rows):
    return [rows[0].replace(",0,0\n", ",1,0\n"), *rows[1:]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], r"Label_EyeQ_train\.csv has 12,542 images, EyeQ's own 12,543"),
        (requalified, r"has 8,346 images of quality 0 \(good\), EyeQ's own 8,347"),
        (regraded, r"Label_EyeQ_train\.csv has 9,238 images of grade 0, EyeQ's own 9,239"),
    ],
)
def test_label_files_of_another_version_are_refused_with_both_numbers(
    published, official, change, message
):
    train, test = change(official["train"]), official["test"]
    root = published(train="".join(train), test="".join(test), files=("train/10001_left.jpeg",))
    with pytest.raises(RequestError, match=message):
        load(root, real=True)
    data = load(root, real=True, partial=True)
    assert data.partial
    assert re.search(message, data.assumptions[0])
    assert "28,791" in data.assumptions[1] or "28,792" in data.assumptions[1]
    assert len(data.assumptions) == 2


def test_a_set_with_other_labels_is_partial_even_if_each_image_is_there(published):
    data = load(published(), real=True, partial=True)
    assert data.partial
    assert len(data.assumptions) == 2


def test_the_twin_may_have_any_counts(published):
    root = published()
    assert load(root, real=False).assumptions == ()
    with pytest.raises(RequestError, match="1 images, EyeQ's own 12,543"):
        load(root, real=True)


@pytest.mark.real
def test_the_real_label_files_have_the_published_counts(real_eyeq):
    splits = Counter(r.split for r in real_eyeq.records)
    assert splits == {"train": 12_543, "test": 16_249}
    quality = Counter((r.split, r.quality) for r in real_eyeq.records)
    assert [quality["train", q] for q in range(3)] == [8347, 1876, 2320]
    assert [quality["test", q] for q in range(3)] == [8471, 4558, 3220]
    patients = {s: {r.patient_id for r in real_eyeq.records if r.split == s} for s in splits}
    assert not patients["train"] & patients["test"]
    assert eyeq.differences(real_eyeq.records) == {}


@pytest.mark.real
def test_the_real_shares_and_numbers_to_degrade_are_the_published_ones(real_eyeq):
    from bench.data.lq_ratio import choose

    low = {s: (real_eyeq.quality()[real_eyeq.where(s)] > 0).mean() for s in ("train", "test")}
    assert round(100 * low["train"], 2) == 33.45
    assert round(100 * low["test"], 2) == 47.87
    chosen = choose(real_eyeq, "0.7", apply_to="both", data_seed=0)
    assert [int(chosen[real_eyeq.where(s)].sum()) for s in ("train", "test")] == [4584, 3596]


@pytest.mark.real
def test_the_real_label_files_with_one_row_less_are_refused(tmp_path, real_data):
    for path in (real_data / "eyeq").glob("*.csv"):
        shutil.copyfile(path, tmp_path / path.name)
    test = tmp_path / "Label_EyeQ_test.csv"
    test.write_text("".join(test.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(RequestError, match="16,248 images, EyeQ's own 16,249"):
        load(tmp_path, real=True)
