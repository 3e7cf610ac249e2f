"""What goes wrong with a download of EyeQ and EyePACS: each is one clear line and exit 2."""

import shutil

import pytest
from eyepacs import draw_eyepacs, official_rows
from typer.testing import CliRunner

from bench.cli import app

HEAD = ",image,quality,DR_grade\n"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_eyepacs(tmp_path_factory.mktemp("eyepacs") / "eyeq", patients=12, size_px=64)


@pytest.fixture
def root(tmp_path):
    """Label files with EyeQ's own counts, and one image of each split."""
    folder = tmp_path / "data" / "eyeq"
    for split, name in (("train", "10000_left.jpeg"), ("test", "40000_left.jpeg")):
        (folder / split).mkdir(parents=True)
        (folder / split / name).write_bytes(b"")
        (folder / f"Label_EyeQ_{split}.csv").write_text(HEAD + "".join(official_rows(split)))
    return folder


@pytest.fixture
def refused(tmp_path, tiny, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(data, *words):
        asked = ["run", "--method", "resnet50", "--dataset", "eyeq", "--protocol", "smoke"]
        asked += ["--data", str(data), "--cache", str(tmp_path / "cache"), *words]
        result = CliRunner().invoke(app, asked + [w for c in tiny for w in ("--set", c)])
        assert result.exit_code == 2, (result.exit_code, result.output)
        assert "Traceback" not in result.stderr
        assert not list(tmp_path.rglob("DONE"))
        return result.stderr.strip().splitlines()[-1]

    return call


def test_missing_images_are_counted(root, refused):
    line = refused(root)
    assert "28,790 of 28,792 images are missing" in line
    assert "(first: 10001_left, 10002_left, 10003_left)" in line
    assert "--partial runs on what is there" in line


def test_a_wrong_extension_is_named(root, refused):
    for path in [*root.glob("train/*"), *root.glob("test/*")]:
        path.rename(path.with_suffix(".tif"))
    line = refused(root)
    assert "28,792 of 28,792 images are missing" in line
    assert "2 of them are there as .tif" in line
    assert "save them as .jpeg or .png" in line


def test_a_directory_too_high_or_too_deep_is_told_with_the_right_one(root, refused):
    for wrong in (root.parent, root / "train"):
        assert f"give --data {root}" in refused(wrong)


def test_images_a_directory_too_deep_are_told_with_their_place(root, refused):
    shutil.move(root / "train", root / "unpacked")
    (root / "train").mkdir()
    shutil.move(root / "unpacked", root / "train" / "train")
    line = refused(root)
    assert "found train/train/10000_left.jpeg: move what is in train/train/ to train/" in line
    assert f"give --data {root / 'train'}" in line


def test_a_corrupt_jpeg_is_named(drawn, refused, tmp_path):
    root = shutil.copytree(drawn.root, tmp_path / "eyeq")
    path = root / drawn.files["104_left"].relative_to(drawn.root)
    path.write_bytes(path.read_bytes()[:-400])
    line = refused(root, "--partial")
    assert f"image {path.name} cannot be read" in line
    assert "`bench prepare` names all such files" in line


def test_labels_of_another_version_are_refused_with_both_numbers(root, refused):
    path = root / "Label_EyeQ_test.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-8]))
    assert "has 16,241 images, EyeQ's own 16,249" in refused(root)
    path.write_text(path.read_text().replace("DR_grade", "level"))
    line = refused(root, "--partial")
    assert "no column 'DR_grade'" in line
    assert "have the columns image, quality, DR_grade" in line
