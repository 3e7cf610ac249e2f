import pickle
from dataclasses import replace

import pytest
from drawn_idrid import draw_idrid

from bench import store
from bench.data.records import Dataset
from bench.errors import RequestError
from bench.lesions.box_source import BoxSource, choose, refuse_unread
from bench.pipeline.resolve import Request, prepare
from bench.protocol.presets import derive, named
from bench.tasks import DIABETIC_RETINOPATHY, findings

PATCHES = ("lesion patches",)


def dataset(name="folder", boxes="none", real=True, task=DIABETIC_RETINOPATHY):
    return Dataset(name=name, task=task, records=(), boxes=boxes, real=real)


TWIN = dataset("eyeq-twin", "oracle", real=False)
FINDINGS = findings(("a", "b"))


def radiographs(boxes, *, real=False):
    made = dataset("chestxray", boxes, real=real, task=FINDINGS)
    return replace(made, modality="chest")


EYEQ, GIVEN, BARE = dataset("eyeq"), dataset("eyeq", "given"), dataset()


@pytest.fixture
def no_idrid(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "nothing"))


@pytest.fixture
def with_idrid(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    return draw_idrid(tmp_path / "data" / "idrid")


def chosen(data, asked, tmp_path, *more):
    protocol = derive(named("laptop"), [f"patches.boxes={asked}", *more])
    return choose(protocol, data, PATCHES, tmp_path / "cache")


@pytest.mark.parametrize(
    ("data", "asked", "kind"),
    [
        (TWIN, "auto", "detector"),
        (TWIN, "detector", "detector"),
        (TWIN, "oracle", "oracle"),
        (TWIN, "no_detector", "oracle"),
        (TWIN, "random_lesion_crops", "random_lesion_crops"),
        (GIVEN, "auto", "given"),
        (GIVEN, "given", "given"),
        (GIVEN, "no_detector", "given"),
        (EYEQ, "random_lesion_crops", "random_lesion_crops"),
        (EYEQ, "no_detector", "random_lesion_crops"),
        (BARE, "auto", "random_lesion_crops"),
    ],
)
def test_without_idrid_boxes_come_from_what_there_is(data, asked, kind, no_idrid, tmp_path):
    assert chosen(data, asked, tmp_path).kind == kind


@pytest.mark.parametrize(
    ("data", "asked", "kind"),
    [
        (EYEQ, "auto", "detector"),
        (BARE, "auto", "detector"),
        (GIVEN, "auto", "given"),
        (GIVEN, "detector", "detector"),
        (BARE, "no_detector", "random_lesion_crops"),
    ],
)
def test_with_idrid_a_detector_stands_in_for_boxes(data, asked, kind, with_idrid, tmp_path):
    source = chosen(data, asked, tmp_path)
    assert source.kind == kind
    assert (source.photographs is not None) == (kind == "detector")
    if source.photographs is not None:
        assert source.photographs.root == with_idrid


def test_a_twins_detector_learns_from_the_companion_whatever_the_user_has(with_idrid, tmp_path):
    source = chosen(TWIN, "auto", tmp_path)
    assert source.photographs is not None
    assert source.photographs.name == "companion"


@pytest.mark.parametrize(
    ("data", "asked", "message"),
    [
        (EYEQ, "auto", "no IDRiD to train a detector on: put IDRiD"),
        (GIVEN, "detector", "no IDRiD"),
        (BARE, "detector", "no IDRiD"),
        (EYEQ, "oracle", "eyeq has none boxes"),
        (GIVEN, "oracle", "eyeq has given boxes"),
        (TWIN, "given", "eyeq-twin has oracle boxes"),
        (
            dataset(task=findings(("mass",))),
            "detector",
            "not graded fundus .* random_lesion_crops$",
        ),
        (radiographs("none", real=True), "detector", "or given for NIH's boxes$"),
        (radiographs("none", real=True), "oracle", "auto, given for NIH's boxes or random"),
    ],
)
def test_boxes_that_are_not_there_are_refused_with_a_way_out(
    data, asked, message, no_idrid, tmp_path
):
    with pytest.raises(RequestError, match=message):
        chosen(data, asked, tmp_path)


def test_findings_get_random_crops_though_there_is_idrid(with_idrid, tmp_path):
    chest = dataset(task=findings(("mass",)))
    assert chosen(chest, "auto", tmp_path).kind == "random_lesion_crops"


def test_patches_larger_than_their_images_are_refused(no_idrid, tmp_path):
    fits, large = ("patches.size_px=192",), ("patches.size_px=193",)
    image = ("data.patch_image_px=192",)
    assert chosen(BARE, "auto", tmp_path, *image, *fits).kind == "random_lesion_crops"
    with pytest.raises(RequestError, match=r"size_px=193: .* of 192 px; .*data.patch_image_px"):
        chosen(BARE, "auto", tmp_path, *image, *large)
    protocol = derive(named("laptop"), [*image, *large])
    assert choose(protocol, BARE, (), tmp_path) == BoxSource()


def test_a_method_without_patches_needs_no_boxes(no_idrid, tmp_path):
    source = choose(named("paper"), EYEQ, (), tmp_path)
    assert source == BoxSource()
    assert source.identity(named("paper")) == {}


def test_a_published_file_stands_in_for_everything(tmp_path):
    path = tmp_path / "boxes.pkl"
    path.write_bytes(pickle.dumps({"train": {}}))
    source = chosen(TWIN, "auto", tmp_path, f"detector.box_file={path}")
    assert source == BoxSource("file", file=path)
    with pytest.raises(RequestError, match="contradict each other"):
        chosen(TWIN, "oracle", tmp_path, f"detector.box_file={path}")
    with pytest.raises(RequestError, match="no such file"):
        chosen(TWIN, "auto", tmp_path, f"detector.box_file={tmp_path / 'none.pkl'}")


def test_settings_of_a_detector_that_is_not_used_are_refused():
    changes = ("finetuning.epochs=2", "detector.confidence=0.5")
    with pytest.raises(
        RequestError, match=r"--set detector\.confidence=0\.5: the boxes are oracle"
    ):
        refuse_unread(BoxSource("oracle"), changes)
    refuse_unread(BoxSource("detector"), changes)
    refuse_unread(BoxSource(), changes)
    refuse_unread(BoxSource("oracle"), changes[:1])


@pytest.fixture
def spec(small_set, cache, tiny, with_idrid):
    """The spec of a run on the small set, without training anything."""

    def make(method, *changes):
        request = Request(
            method,
            "folder",
            protocol="smoke",
            changes=(*tiny, *changes),
            data=small_set,
            cache=cache,
        )
        prepared = prepare(request, lambda *_: None)
        return prepared.spec, prepared.key

    return make


def test_the_detector_is_no_part_of_a_run_that_does_not_use_it(spec):
    (plain, key), (contrastive, _) = spec("resnet50"), spec("comcl")
    changed, other_key = spec("resnet50", "detector.confidence=0.5")
    assert plain.id == changed.id and key == other_key
    assert "detector" not in plain.protocol and "resolved" not in plain.protocol
    assert "detector" not in contrastive.protocol
    assert contrastive.protocol["resolved"] == {"boxes": "given"}


def test_the_detector_and_its_photographs_are_part_of_a_run_that_uses_it(spec, with_idrid):
    use = "patches.boxes=detector"
    (one, key), (other, other_key) = spec("comcl", use), spec("comcl", use, "detector.epochs=7")
    assert one.id != other.id
    assert key == other_key  # both stand in one table, as an option of the method does
    assert one.protocol["detector"]["epochs"] != other.protocol["detector"]["epochs"] == 7
    next(with_idrid.rglob("IDRiD_03_HE.tif")).unlink()
    assert spec("comcl", use)[0].id != one.id


def test_a_contrastive_run_shares_a_table_with_a_plain_one(spec):
    changes = ("patches.boxes=detector",)
    assert spec("comcl", *changes)[1] == spec("resnet50", *changes)[1]


def test_a_file_of_boxes_is_named_by_its_content(spec, tmp_path):
    names = []
    for number, boxes in enumerate(([], [], [(0, 0, 9, 9)])):
        path = tmp_path / f"{number}.pkl"
        path.write_bytes(pickle.dumps({"train": {"001.png": boxes}}))
        names.append(spec("comcl", f"detector.box_file={path}")[0])
    assert names[0].id == names[1].id != names[2].id
    content = store.file_digest(tmp_path / "2.pkl")
    assert names[2].protocol["detector"]["box_file"] == f"sha256:{content}"
    assert "epochs" not in names[2].protocol["detector"]


@pytest.mark.parametrize(
    ("boxes", "asked", "kind"),
    [
        ("none", "auto", "random_lesion_crops"),
        ("none", "no_detector", "random_lesion_crops"),
        ("oracle", "auto", "random_lesion_crops"),
        ("oracle", "no_detector", "random_lesion_crops"),
        ("oracle", "oracle", "oracle"),
        ("given", "given", "given"),
    ],
)
def test_patches_of_radiographs_are_free_crops_unless_boxes_are_asked_for(
    boxes, asked, kind, with_idrid, tmp_path
):
    """Even where IDRiD is at hand: a detector of retinal lesions finds none in a chest (D34)."""
    assert chosen(radiographs(boxes), asked, tmp_path).kind == kind


def test_a_twin_of_the_fundus_does_get_the_detector_that_a_chest_does_not(with_idrid, tmp_path):
    assert chosen(TWIN, "auto", tmp_path).kind == "detector"


@pytest.mark.parametrize("asked", ["detector", "oracle", "given"])
def test_boxes_that_radiographs_do_not_have_are_refused(asked, no_idrid, tmp_path):
    with pytest.raises(RequestError, match=f"patches.boxes={asked}"):
        chosen(radiographs("none", real=True), asked, tmp_path)


def test_a_file_of_fundus_boxes_is_refused_on_radiographs(tmp_path):
    file = tmp_path / "boxes.pkl"
    file.write_bytes(pickle.dumps({}))
    with pytest.raises(RequestError, match=r"take patches\.boxes=given"):
        chosen(radiographs("none"), "auto", tmp_path, f"detector.box_file={file}")
