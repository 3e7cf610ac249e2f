"""What a user's own label file is never silently read as; each message has the way out."""

import pytest

from bench.data import folder
from bench.errors import RequestError


@pytest.fixture
def load(tmp_path):
    def call(text, toml="", images=(), **options):
        (tmp_path / "labels.csv").write_bytes(text.encode())
        if toml:
            (tmp_path / "dataset.toml").write_text(toml)
        for name in images:
            path = tmp_path / "images" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(name)
        return folder.load(tmp_path, **options)

    return call


def labels(data):
    return {record.image_id: record.labels for record in data.records}


def test_a_trailing_comma_does_not_make_labels_of_patients(load):
    data = load("image,label,patient_id\na.png,1,2,\nb.png,0,3,\n")
    assert labels(data) == {"a.png": (1,), "b.png": (0,)}
    assert [r.patient_id for r in data.records] == ["2", "3"]


@pytest.mark.parametrize(
    ("text", "image", "columns"),
    [
        ("image,level\n{}0_left,0\n0_right,3\n", "0_left", None),
        ("id_code,diagnosis\n0_left,0\n0_right,3\n", "0_left", None),
        ("file;dx\n0_left;0\n0_right;3\n", "0_left", "image=file, label=dx"),
        ("Image,label\n0_left,0\n0_right,3\n", "0_left", None),
    ],
)
def test_kaggles_label_files_and_named_columns_are_read(load, text, image, columns):
    data = load(text.format(""), images=["0_left.jpeg", "0_right.JPG"], columns=columns)
    assert labels(data) == {"0_left": (0,), "0_right": (3,)}
    assert [r.path.name for r in data.records] == ["0_left.jpeg", "0_right.JPG"]
    assert data.task.kind == "grading"


def test_the_two_eyes_of_a_number_are_one_patient_of_kaggle(load):
    data = load("image,level\n10_left,0\n10_right,3\n11_left,2\n")
    assert [r.patient_id for r in data.records] == ["10", "10", "11"]
    assert any("number of an image is its patient" in text for text in data.assumptions)
    data = load("image,label\n10_left,0\n10_right,3\n11_left,2\n")
    assert [r.patient_id for r in data.records] == ["10_left", "10_right", "11_left"]


def test_kaggles_grades_that_may_be_a_finding_are_asked_about(load):
    text = "image,level\na,0\nb,1\n"
    with pytest.raises(
        RequestError, match=r"column 'level': only 0 and 1.*findings = \[\"level\"\]"
    ):
        load(text)
    assert load(text, 'findings = ["level"]').task.classes == ("level",)
    assert load(text, '[columns]\nlabel = "level"').task.kind == "grading"


def test_an_unknown_layout_is_told_with_columns_values_and_the_lines_to_write(load):
    with pytest.raises(RequestError) as error:
        load("file,dx\na.png,0\nb.png,2\n")
    for words in (
        "no column 'image'",
        "file (a.png, b.png, ...), dx (0, 2, ...)",
        '[columns] image = "file", label = "dx"',
        "--set data.columns='image=file,label=dx'",
    ):
        assert words in str(error.value)


@pytest.mark.parametrize(
    "name", ["male", "Sex", "Patient Age", "is_male", "Split", "Quality", "AP"]
)
def test_a_column_that_describes_a_patient_is_no_finding(load, name):
    text = f"image,mass,{name}\na.png,1,0\nb.png,0,1\n"
    with pytest.raises(RequestError, match=rf"column '{name}'.*findings = \[\"mass\"\]"):
        load(text)
    assert load(text, 'findings = ["mass"]').task.classes == ("mass",)
    listed = load(text, f'findings = ["mass", "{name}"]')
    assert listed.task.classes == ("mass", name)
    assert listed.declared == ()  # as without the list: no run gets another name by it


def test_a_column_without_a_name_is_no_finding_either(load):
    assert load(",image,mass\n0,a.png,1\n1,b.png,0\n").task.classes == ("mass",)
    with pytest.raises(RequestError, match="column 1 has no name but values"):
        load(",image,mass\n1,a.png,1\n1,b.png,0\n")


CHEXPERT = "image,mass,nodule\na,1.0,\nb,-1.0,0.0\nc,0.0,nan\nd,1,1\n"


def test_uncertain_and_missing_findings_each_need_a_rule(load):
    with pytest.raises(RequestError, match=r"'mass': 1 cells are -1.*line 3.*uncertain ="):
        load(CHEXPERT)
    with pytest.raises(RequestError, match=r"'nodule': 2 cells have no value.*line 2.*blank ="):
        load(CHEXPERT, 'uncertain = "positive"')


@pytest.mark.parametrize(
    ("uncertain", "blank", "expected"),
    [
        ("positive", "negative", {"a": (1, 0), "b": (1, 0), "c": (0, 0), "d": (1, 1)}),
        ("negative", "positive", {"a": (1, 1), "b": (0, 0), "c": (0, 1), "d": (1, 1)}),
        ("leave out", "negative", {"a": (1, 0), "c": (0, 0), "d": (1, 1)}),
        ("negative", "leave out", {"b": (0, 0), "d": (1, 1)}),
    ],
)
def test_uncertain_and_missing_findings_follow_their_rules(load, uncertain, blank, expected):
    data = load(CHEXPERT, f'uncertain = "{uncertain}"\nblank = "{blank}"')
    assert labels(data) == expected
    assert any("uncertain labels (-1)" in text for text in data.assumptions)
    assert any("labels without a value" in text for text in data.assumptions)


def test_grades_without_a_value_can_only_be_left_out(load):
    text = "image,label\na,2\nb,\n"
    for toml in ("", 'blank = "negative"'):
        with pytest.raises(RequestError, match=r"'label': 1 cells have no value.*\"leave out\"$"):
            load(text, toml)
    assert labels(load(text, 'blank = "leave out"')) == {"a": (2,)}
    with pytest.raises(RequestError, match="no row is left"):
        load("image,label\nb,\n", 'blank = "leave out"')


def test_words_and_numbers_with_a_point_are_read_where_they_are_unambiguous(load):
    assert labels(load("image,label\na,2.0\nb,4\n")) == {"a": (2,), "b": (4,)}
    text = "image,label\na,No DR\nb,Severe\n"
    with pytest.raises(
        RequestError, match=r"line 2, column 'label': 'No DR'.*\[values\] \"No DR\""
    ):
        load(text)
    toml = '[values]\n"No DR" = 0\nSevere = 3'
    assert labels(load(text, toml)) == {"a": (0,), "b": (3,)}


@pytest.mark.parametrize("value", ["5", "2.5", "-2", "1_0", "four"])
def test_a_grade_outside_the_grades_is_told_with_line_and_column(load, value):
    with pytest.raises(RequestError, match="line 3, column 'label'"):
        load(f"image,label\na,0\nb,{value}\n")


def test_rows_without_a_patient_are_patients_of_their_own(load):
    data = load("image,label,patient_id\na,0,7\nb,1,\nc,2,\nd,3,7\n")
    patients = [record.patient_id for record in data.records]
    assert len(set(patients)) == 3
    assert patients[0] == patients[3] == "7"
    assert "2 rows of labels.csv have no patient_id: each counts as a patient of its own" in (
        data.assumptions
    )


def test_a_word_for_no_patient_is_no_patient_of_many_images(load):
    with pytest.raises(RequestError, match=r"'patient_id': 'nan' in 2 rows would be one patient"):
        load("image,label,patient_id\na,0,nan\nb,1,nan\n")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("b.jpg,1\n./b.jpg,1\n", "'b.jpg' and './b.jpg' are one image"),
        ("b.jpg,1\nb,1\n", "'b.jpg' and 'b' are one image"),
        ("b.jpg,1\nimages/b.JPG,1\n", "'b.jpg' and 'images/b.JPG' are one image"),
        ("b.jpg,1\nb.jpg,1\n", "'b.jpg' stands there twice"),
        ("b.jpg,1\n,1\n", "line 3: no image is named"),
        ("b.jpg,1\n../b.jpg,1\n", "line 3: '../b.jpg' leads out"),
        ("b.jpg,1\n/b.jpg,1\n", "line 3: '/b.jpg' is a path from the root"),
        ("b.jpg,1\n._b.jpg,1\n", "line 3: '._b.jpg' is a file that macOS"),
    ],
)
def test_one_image_has_one_row_and_a_name_of_its_own(load, rows, message):
    with pytest.raises(RequestError, match=message.replace(".", r"\.")):
        load(f"image,label\n{rows}", images=["b.jpg"])


def test_radiographs_have_findings_and_no_grades(load):
    text = "image,label\na,0\nb,1\n"
    with pytest.raises(RequestError, match="radiographs do not have"):
        load(text, 'modality = "chest"')
    data = load(text, 'modality = "chest"\nfindings = ["label"]')
    assert (data.modality, data.task.classes, data.declared) == ("chest", ("label",), ("label",))
    assert load(text, 'modality = "chest"\n', modality="fundus").modality == "fundus"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("modalty = 'chest'", "no key 'modalty'; did you mean 'modality'"),
        ("modality = 'xray'", "modality = 'xray'"),
        ("uncertain = 1", "uncertain = 1"),
        ("findings = []", "findings = "),
        ("findings = ['mass', 'mass']", "names one twice"),
        ("findings = ['hernia']", "no column 'hernia'"),
        ("[columns]\nimge = 'a'", "did you mean 'image'"),
        ("[columns]\nimage = 'a'\nlabel = 'a'", "two meanings"),
        ("[columns]\nsplit = 'fold'", "no column 'fold'"),
        ("[values]\nyes = 7", "values.yes = 7"),
        ("[values]\nyes = true", "values.yes"),
        ("modality = ", "not a TOML file"),
    ],
)
def test_a_wrong_description_is_told_with_its_key(load, toml, message):
    with pytest.raises(RequestError, match=r"dataset\.toml|labels\.csv") as error:
        load("image,mass\na,1\nb,0\n", toml)
    assert message in str(error.value)


@pytest.mark.parametrize("columns", ["image", "image=", "imge=a", "image=a,label=a"])
def test_columns_typed_wrong_are_told_with_the_setting(load, columns):
    with pytest.raises(RequestError, match=r"--set data\.columns="):
        load("image,mass\na,1\nb,0\n", columns=columns)
