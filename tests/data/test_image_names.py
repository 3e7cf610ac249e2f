"""Names of images as people write them, and the file that each means."""

import pytest

from bench.data.image_names import ImageFolder, linked_outside
from bench.errors import RequestError

COMPOSED, PARTED = "\u00e9.png", "e\u0301.png"


@pytest.fixture
def images(tmp_path):
    def make(*names):
        for name in names:
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return ImageFolder(tmp_path / "images")

    return make


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("a.png", "a.png"),
        ("a", "a.png"),
        ("a.PNG", "a.png"),
        ("A.jpg", "a.png"),
        ("images/a.png", "a.png"),
        ("./a.png", "a.png"),
        ("images\\sub\\b", "sub/b.JPG"),
        ("sub/b.jpg", "sub/b.JPG"),
        ("1.2.840.113", "1.2.840.113.png"),
        (PARTED, COMPOSED),
    ],
)
def test_a_name_means_the_one_file_that_fits(images, written, file):
    folder = images("a.png", "sub/b.JPG", "1.2.840.113.png", COMPOSED, "._a.png", "Thumbs.db")
    assert folder.find(written, "here").samefile(folder.root / file)


def test_the_name_as_written_goes_before_all_others(images):
    folder = images("a.png", "A.png", "a.jpg", COMPOSED, PARTED)
    for name in ("a.png", "A.png", "a.jpg", COMPOSED, PARTED):
        assert folder.find(name, "here").read_text() == name


@pytest.mark.parametrize(("written", "files"), [("a", "a.jpg.*a.png"), ("B.png", "b.PNG.*b.png")])
def test_two_files_that_one_name_fits_are_both_named(images, written, files):
    folder = images("a.png", "a.jpg", "b.png", "b.PNG")
    with pytest.raises(RequestError, match=f"line 2: '{written}' could be .*{files}"):
        folder.find(written, "labels.csv, line 2")


def test_a_file_that_is_not_there_has_the_path_that_it_would_have(images):
    folder = images("a.png")
    assert folder.find("b.png", "here") == folder.root / "b.png"
    assert ImageFolder(folder.root / "none").find("b", "here") == folder.root / "none" / "b"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "no image is named"),
        ("/etc/passwd", "path from the root"),
        ("C:\\scans\\a.png", "path from the root"),
        ("\\\\server\\a.png", "path from the root"),
        ("../a.png", "leads out"),
        ("sub/../../a.png", "leads out"),
        ("..\\a.png", "leads out"),
        ("a\nb.png", "line break"),
        ("a\x07.png", "control character"),
        ("._a.png", "macOS"),
        ("a" * 300, "longer than"),
        ("\u00e9" * 200, "longer than"),
    ],
)
def test_a_name_that_no_image_of_the_folder_has_is_refused(images, written, message):
    with pytest.raises(RequestError, match=f"labels.csv, line 9: .*{message}"):
        images("a.png").find(written, "labels.csv, line 9")


def test_links_out_of_the_folder_are_told_and_links_within_are_not(images, tmp_path):
    folder = images("a.png")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "c.png").write_text("c")
    (folder.root / "b.png").symlink_to(folder.root / "a.png")
    (folder.root / "c.png").symlink_to(tmp_path / "elsewhere" / "c.png")
    (folder.root / "sub").symlink_to(tmp_path / "elsewhere")
    paths = [folder.find(name, "here") for name in ("a.png", "b.png", "c.png", "sub/c.png")]
    assert linked_outside(paths, folder.root) == ["c.png", "c.png"]
