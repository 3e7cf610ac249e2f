import json
import re
import subprocess
import sys

import pytest

from bench.data.datasets import SOURCES
from bench.errors import RequestError
from bench.protocol.presets import field_names, sources
from bench.reporting import catalogue
from bench.roster import METHODS

PAGES = {
    "methods": catalogue.methods,
    "datasets": catalogue.datasets,
    "protocol": catalogue.protocol,
    "ambiguities": catalogue.ambiguities,
}


@pytest.mark.parametrize("name", PAGES)
def test_json_is_one_object(name):
    answer = json.loads(PAGES[name](as_json=True))
    assert list(answer) == [name]
    assert len(answer[name]) > 1


@pytest.mark.parametrize("name", PAGES)
def test_a_terminal_gets_its_own_width_and_a_pipe_no_colours(name, monkeypatch):
    assert "\x1b" not in PAGES[name]()
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "70")
    coloured = PAGES[name]()
    assert "\x1b" in coloured
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()) <= 70


def test_every_method_and_alias_is_listed():
    names = {row["name"] for row in json.loads(catalogue.methods(as_json=True))["methods"]}
    assert names == {*METHODS, "comcl-v3"}
    assert "the same as comcl" in catalogue.methods()


def test_every_data_set_is_listed_with_its_layout():
    text = catalogue.datasets()
    assert all(name in text and source.layout in text for name, source in SOURCES.items())


def test_every_setting_shows_its_value_and_source():
    text = catalogue.protocol("laptop")
    assert all(row["source"] in text for row in sources("laptop"))
    assert all(name in text for name in field_names())
    assert text != catalogue.protocol("paper")


def test_an_unknown_protocol_is_refused():
    with pytest.raises(RequestError, match="papre"):
        catalogue.protocol("papre")


def test_values_read_as_set_takes_them():
    lines = catalogue.protocol("paper").splitlines()
    assert next(line for line in lines if "shuffle_labels" in line).split()[1] == "false"
    assert next(line for line in lines if "data.limit" in line).split()[1] == "null"


def test_every_open_point_shows_what_decides_it():
    text = catalogue.ambiguities()
    assert "--set comcl.spl=" in text
    assert "fixed: grade 1" in text
    assert "quantile (default), literal" in text


def test_an_option_of_several_settings_is_shown_in_full():
    line = next(line for line in catalogue.ambiguities().splitlines() if "sgd, in full" in line)
    for setting in ("optimizer=sgd", "lr=0.02", "schedule=cosine", "weight_decay=5e-4"):
        assert f"--set pretraining.{setting}" in line


def test_columns_are_aligned():
    text = catalogue.page(
        "methods", [{"name": "a", "title": "X"}, {"name": "longer", "title": "Y"}]
    )
    places = [line.find(mark) for line in text.splitlines() for mark in "XY" if mark in line]
    assert places[0] == places[1]


def test_empty_values_and_lists_read_as_words():
    text = catalogue.page(
        "methods", [{"needs": ("boxes", "quality"), "known": True}, {"needs": ()}]
    )
    assert "boxes, quality   yes" in text
    assert "()" not in text


def test_nan_is_null_in_json():
    answer = json.loads(catalogue.page("methods", [{"kappa": float("nan"), "n": 3}], as_json=True))
    assert answer == {"methods": [{"kappa": None, "n": 3}]}


def test_pages_and_scores_come_without_torch():
    code = (
        "import importlib, pkgutil, sys\n"
        "import bench.evaluation.metrics, bench.protocol, bench.reporting\n"
        "for package in (bench.reporting, bench.protocol):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "assert len([name for name in sys.modules if name.startswith('bench.reporting.')]) > 50\n"
        "assert not {'torch', 'torchvision', 'timm'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
