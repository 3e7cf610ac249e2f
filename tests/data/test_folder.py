import pytest

from bench.data import folder
from bench.errors import RequestError


@pytest.fixture
def labels(tmp_path):
    def write(text, boxes=None):
        (tmp_path / "labels.csv").write_text(text)
        if boxes is not None:
            (tmp_path / "boxes.csv").write_text(boxes)
        return tmp_path

    return write


def test_grades_make_a_grading_task(labels):
    data = folder.load(labels("image,label\na.jpg,0\nb.jpg,4\n"))
    assert data.task.kind == "grading"
    assert [record.labels for record in data.records] == [(0,), (4,)]
    assert data.records[0].path.name == "a.jpg"


def test_columns_of_0_and_1_make_a_findings_task(labels):
    data = folder.load(labels("image,patient_id,mass,nodule\na.png,1,0,1\nb.png,2,1,0\n"))
    assert data.task.kind == "findings"
    assert data.task.classes == ("mass", "nodule")
    assert [record.labels for record in data.records] == [(0, 1), (1, 0)]


def test_a_finding_other_than_0_or_1_is_refused(labels):
    with pytest.raises(RequestError, match="findings must be 0 or 1"):
        folder.load(labels("image,mass\na.png,2\n"))


def test_what_is_not_given_is_assumed_and_said(labels):
    data = folder.load(labels("image,label\na.jpg,0\nb.jpg,1\n"))
    message = " ".join(data.assumptions)
    assert all(word in message for word in ("quality", "patient_id", "split"))
    assert [r.quality for r in data.records] == [0, 0]
    assert [r.patient_id for r in data.records] == ["a.jpg", "b.jpg"]


def test_what_is_given_is_taken_and_nothing_is_said(labels):
    data = folder.load(labels("image,label,quality,patient_id,split\na.jpg,0,2,7,test\n"))
    record = data.records[0]
    assert (record.quality, record.patient_id, record.split) == (2, "7", "test")
    assert data.assumptions == ()


def test_boxes_belong_to_their_images(labels):
    data = folder.load(
        labels(
            "image,label\na.jpg,1\nb.jpg,1\n", "image,x0,y0,x1,y1\nb.jpg,1,2,3,4\nb.jpg,5,6,7,8\n"
        )
    )
    assert data.boxes == "given"
    assert [r.boxes for r in data.records] == [(), ((1, 2, 3, 4), (5, 6, 7, 8))]
    (data.records[0].path.parents[1] / "boxes.csv").unlink()
    assert folder.load(labels("image,label\na.jpg,1\n")).records[0].boxes == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "not a CSV"), ("label\n1\n", "no column 'image'"), (None, "not there")],
)
def test_a_file_that_is_no_label_file_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(RequestError, match=message):
        folder.load(tmp_path)
