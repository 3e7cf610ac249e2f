"""What a data set's manifest says, and what it leaves out, typed for every data set there is.

Rows, labels, qualities, splits and boxes name a run by the manifest's hash; kinds of images and
boxes, what is predicted, and what is degraded from the start do not. Readers are no part of the
engine's version (`tests/support/code_versions.py`) because those are checked here.
"""

from dataclasses import replace
from typing import NamedTuple

import pytest
from eyepacs import draw_eyepacs
from small_nih import write_nih

from bench.data import datasets
from bench.data.cache import content_digests
from bench.data.manifest import manifest
from bench.protocol.presets import derive, named
from bench.protocol.settings import DataSettings

GRADES = ("none", "mild", "moderate", "severe", "proliferative")
EIGHT = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
)


class Left(NamedTuple):
    """What no manifest says of a data set."""

    kind: str
    classes: tuple[str, ...]
    modality: str
    boxes: str
    synthetic_proportion: float
    real: bool
    default_protocol: str


GRADING = ("grading", GRADES, "fundus")
FINDING = ("findings", EIGHT, "chest")
LEFT_OUT = {
    "folder": Left(*GRADING, "given", 0.0, True, "paper"),
    "eyeq": Left(*GRADING, "none", 0.0, True, "paper"),
    "eyeq-twin": Left(*GRADING, "oracle", 0.0, False, "laptop"),
    "chestxray": Left(*FINDING, "none", 0.432, True, "paper"),
    "chestxray-twin": Left(*FINDING, "oracle", 0.432, False, "laptop-chest"),
}
NAMES = list(LEFT_OUT)
SMALL = ["data.twin_train=40", "data.twin_test=40", "data.twin_px=64", "data.validation_share=0.3"]


@pytest.fixture(scope="module")
def roots(small_set, tmp_path_factory):
    """Folders of the sets that are read from one."""
    base = tmp_path_factory.mktemp("read")
    eyeq = draw_eyepacs(base / "eyeq", patients=12, size_px=64).root
    return {"folder": small_set, "eyeq": eyeq, "chestxray": write_nih(base / "nih")}


@pytest.fixture
def read(roots, cache):
    def call(name, *changes):
        protocol = derive(named("smoke"), [*SMALL, *changes])
        place = datasets.Location(roots.get(name), cache, protocol, True, lambda *_: None)
        return datasets.read(name, place)

    return call


def test_every_data_set_is_here():
    assert set(LEFT_OUT) == set(datasets.SOURCES)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_manifest_leaves_out_is_as_typed(read, name):
    data, task = read(name), read(name).task
    described = (data.modality, data.boxes, data.synthetic_proportion, data.real)
    protocol = datasets.source(name).default_protocol
    assert Left(task.kind, task.classes, *described, protocol) == LEFT_OUT[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_record_has_the_file_of_its_name(read, name):
    """A twin's contents go by its generator, so that an exchanged file would show nowhere."""
    assert all(r.path.is_file() for r in read(name).records)
    names = [r.path.name if name == "folder" else r.path.stem for r in read(name).records]
    assert names == [r.image_id for r in read(name).records]


@pytest.mark.parametrize("change", ["synthetic_proportion", "quality"])
def test_radiographs_of_another_quality_source_have_no_synthetic_proportion(read, change):
    """The share of images degraded from the start is the protocol's, or 0 with known qualities."""
    if change == "quality":
        assert read("chestxray", "chest.quality=view_ap").synthetic_proportion == 0
    else:
        assert read("chestxray", "chest.low_share=0.3").synthetic_proportion == 0.3


OTHER = {
    "image_id": "another",
    "patient_id": "another",
    "labels": (4,),
    "quality": 2,
    "split": "validation",
    "boxes": ((0.0, 0.0, 1.0, 1.0),),
}


def key_of(data, digests, **settings):
    return manifest(data, digests, DataSettings(**settings))["key"]


def test_the_manifest_holds_every_field_of_a_record_but_its_path(read, cache):
    data = read("folder")
    digests = content_digests(data.records, cache)
    key = key_of(data, digests)

    def key_with(**fields):
        first = replace(data.records[0], **fields)
        return key_of(replace(data, records=(first, *data.records[1:])), digests)

    assert key_with() == key_with(path="elsewhere") == key
    assert len({key, *(key_with(**{name: value}) for name, value in OTHER.items())}) == 1 + len(
        OTHER
    )
    assert {*OTHER, "path"} == set(data.records[0].__dataclass_fields__)


def test_the_manifest_holds_the_contents_of_files_and_a_twins_generator(read, cache):
    data, twin = read("folder"), read("eyeq-twin")
    digests = content_digests(data.records, cache)
    exchanged = [digests[1], digests[0], *digests[2:]]
    keys = {key_of(data, d) for d in (digests, exchanged)}
    assert len(keys) == 2
    later = replace(twin, origin=twin.origin | {"version": 99})
    assert key_of(twin, []) == key_of(twin, ["other"])
    assert key_of(twin, []) != key_of(later, [])
