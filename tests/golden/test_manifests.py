"""A data set that was read rightly keeps its manifest: rows, order, labels, splits and boxes."""

import json

import pytest
from label_sets import SETS
from paths import GOLDEN

from bench.data import datasets
from bench.data.cache import content_digests
from bench.data.manifest import manifest
from bench.protocol.presets import derive, named
from bench.protocol.settings import DataSettings

MANIFESTS = json.loads((GOLDEN / "manifests.json").read_text())
"""Keys as they were before label files were read any other way; no run may lose its name."""
CHANGES = {
    "paper": ["data.validation_share=0.3"],
    "smoke": ["data.limit=30", "data.validation_share=0.3"],
}


def key_of(written, root, protocol):
    name, write = SETS[written]
    settings = derive(named(protocol), CHANGES[protocol])
    place = datasets.Location(write(root), root / "cache", settings, True, lambda *_: None)
    data = datasets.read(name, place)
    digests = content_digests(data.records, root / "cache")
    if name == "chestxray":  # its pictures are drawn, and codecs differ
        digests = [record.path.name for record in data.records]
    return manifest(data, digests, DataSettings())["key"]


@pytest.mark.parametrize("protocol", CHANGES)
@pytest.mark.parametrize("written", SETS)
def test_a_set_keeps_its_manifest(written, protocol, tmp_path):
    assert key_of(written, tmp_path / "set", protocol) == MANIFESTS[f"{written} {protocol}"]


def test_another_label_is_another_manifest(tmp_path, monkeypatch):
    def changed(root):
        SETS["grades"][1](root)
        path = root / "labels.csv"
        path.write_text(path.read_text().replace("000.png,0", "000.png,1"))
        return root

    monkeypatch.setitem(SETS, "changed", ("folder", changed))
    assert key_of("changed", tmp_path / "set", "paper") != MANIFESTS["grades paper"]
