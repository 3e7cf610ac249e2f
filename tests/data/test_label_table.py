"""Label files as people save them: read as they were meant, or refused by line and column."""

import pytest

from bench.data.label_table import csv_lines, lines_of, read_csv, read_table, whole_number
from bench.errors import RequestError

PLAIN = "image,label,patient_id\na.jpg,0,ä\nb.jpg,1,z\n"
ROWS = (("a.jpg", "0", "ä"), ("b.jpg", "1", "z"))


@pytest.fixture
def table(tmp_path):
    def read(content, encoding=None):
        path = tmp_path / "labels.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, lambda names: "image" in names, encoding)

    return read


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le-mark", "utf-16-be-mark"]
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_one_table_in_every_encoding_and_dialect_is_one_table(table, encoding, ending, separator):
    text = PLAIN.replace("\n", ending).replace(",", separator)
    bare = encoding.removesuffix("-mark")
    content = ("\ufeff" * (bare != encoding) + text).encode(bare)
    read = table(content)
    assert (read.columns, read.rows) == (("image", "label", "patient_id"), ROWS)
    assert read.lines == (2, 3)


def test_a_stated_encoding_is_taken_and_none_is_guessed(table):
    content = PLAIN.encode("cp1252")
    assert table(content, "cp1252").rows == ROWS
    with pytest.raises(RequestError, match=r"labels.csv, line 2: byte 0xe4 is not UTF-8.*encoding"):
        table(content)
    for wrong in ("klingon", "rot13", "undefined"):
        with pytest.raises(RequestError, match="is not one that Python knows"):
            table(content, wrong)


@pytest.mark.parametrize(
    "text",
    [
        "image,label,\na.jpg,0,\nb.jpg,1,\n",
        "image,label\na.jpg,0,\nb.jpg,1,\n",  # the first column would become the index
        "image,label,,\na.jpg,0\nb.jpg,1,,\n",
        "\n\nimage,label\n\na.jpg,0\n,\n  \nb.jpg,1\n,,\n",
        'sep=,\n"image","label"\n"a.jpg", "0"\nb.jpg,1\n',
        "image,label\n1,a.jpg,0\n2,b.jpg,1\n",  # R's numbers of rows, without a header
        " image , label \n a.jpg , 0 \n\tb.jpg\t,1",
    ],
)
def test_cells_that_say_nothing_shift_nothing(table, text):
    read = table(text)
    assert read.column("image") == ["a.jpg", "b.jpg"]
    assert read.column("label") == ["0", "1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label\na.jpg,0,7\nb.jpg,1\n", "line 2: 3 cells, and the header has 2"),
        ("image,label,quality\na.jpg,0,1\nb.jpg,1\n", "line 3: 2 cells, and the header has 3"),
        ("image,label\n", r"has a header \(image, label\) and no row"),
        ("image,label\n\n,\n", "and no row"),
        ('image,label\na.jpg,0\n"b.jpg,1\n', "line 3, is not a CSV table"),
        ('image,label\n"a"b.jpg,0\n', "line 2, is not a CSV table"),
        ("image,label\na.jpg,0\nb\0.jpg,1\n", "line 3: a NUL character"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        (";\n,,\n", "has a header"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_by_line(table, text, message):
    with pytest.raises(RequestError, match=message):
        table(text)


def test_utf_16_without_a_mark_is_told_from_nul_characters(table):
    with pytest.raises(RequestError, match="UTF-16 without a byte-order mark"):
        table("image,label\na.jpg,0\n".encode("utf-16-le"))


def test_a_column_that_stands_there_twice_is_refused_once_it_is_asked_for(table):
    read = table("image,label,note,note,label\na.jpg,0,x,y,1\n")
    assert read.column("image") == ["a.jpg"]
    with pytest.raises(RequestError, match="names 'label' 2 times"):
        read.column("label")


def test_a_line_begins_where_its_first_cell_does(table):
    read = table('image,label,note\na.jpg,0,"two\nlines"\n\nb.jpg,1,x\n')
    assert read.lines == (2, 5)
    assert read.where(1, "label") == "labels.csv, line 5, column 'label'"


def test_a_frame_has_the_columns_that_can_be_told_apart(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("image,,x0,note,note\na,1,2,b,c\n")
    assert read_csv(path, ("image", "x0")).to_dict("list") == {"image": ["a"], "x0": ["2"]}
    with pytest.raises(RequestError, match="no column 'y0'"):
        read_csv(path, ("image", "y0"))
    with pytest.raises(RequestError, match="'note' 2 times"):
        read_csv(path, ("note",))


def test_lists_and_loose_tables_are_read_in_every_encoding_too(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("a.png\r\n\r\n b.png \r".encode("utf-16"))
    assert lines_of(path) == ["a.png", "b.png"]
    path.write_bytes("\ufeffa,b\n1,2,3\n\n".encode())
    assert csv_lines(path) == [["a", "b"], ["1", "2", "3"]]
    path.write_text('a,"b\n')
    with pytest.raises(RequestError, match="line 1, is not a CSV table"):
        csv_lines(path)


@pytest.mark.parametrize("text", ["2", "2.0", "+2", "2.", "02"])
def test_a_whole_number_may_have_a_point_after_it(text):
    assert whole_number(text, "here") == 2


@pytest.mark.parametrize(
    "text", ["", "2.5", "1_0", "\u0662", "2,0", "nan", "1e0", "0x2", "9" * 5000]
)
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(RequestError, match=r"here: .* is not a whole number"):
        whole_number(text, "here")
