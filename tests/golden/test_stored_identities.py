"""Runs keep their names: the same request gives the same id and key as it always did."""

import json
import os
import shlex
from itertools import groupby

import pytest
from paths import GOLDEN, STUDIES

from bench.pipeline.resolve import Request, prepare
from bench.roster import METHODS
from bench.versions import DEGRADATION, ENGINE

SMOKE = json.loads((GOLDEN / "identities.json").read_text())
LONG = 40
FIELDS = {"--lq-ratio": "lq_ratio", "--protocol": "protocol", "--settings": "settings"}
FIELDS |= {"--method": "method", "--dataset": "dataset", "--study": "study"}


def prepared(cache, method="resnet50", **fields):
    request = Request(method, "eyeq-twin", protocol="smoke", cache=cache, **fields)
    return prepare(request, lambda *_: None)


@pytest.mark.parametrize("method", list(METHODS))
def test_the_smoke_run_of_a_method_keeps_its_id_and_key(method, cache):
    """Ids move with a version, a setting or the manifest alone: a new file is a new promise."""
    now = prepared(cache, method)
    assert {"id": now.spec.id, "key": now.key} == SMOKE[method]


def test_another_request_has_another_id(cache):
    one, two = prepared(cache), prepared(cache, seed=1)
    assert one.spec.id != two.spec.id
    assert one.key == two.key


def chosen():
    """LONG stored specs of today's presets, spread over data sets, methods and studies."""
    studies = [path for path in STUDIES.iterdir() if path.name != "first"]  # an older `laptop`
    paths = sorted(path for study in studies for path in study.rglob("spec.json"))
    every = [json.loads(path.read_text()) for path in paths]
    today = {"engine": ENGINE, "degradation": DEGRADATION}
    specs = [spec for spec in every if spec["spec"]["versions"] == today]  # the others are stale

    def kind(spec):
        return spec["spec"]["dataset"], spec["spec"]["method"], str(spec["spec"]["study"])

    groups = [list(group) for _, group in groupby(sorted(specs, key=kind), kind)]
    first = [group[place % len(group)] for place, group in enumerate(groups)]
    more = [group[-1] for group in groups if group[-1] not in first]
    return (first + more)[:LONG]


def request_of(spec, cache):
    """What `about.command` requests."""
    words = shlex.split(spec["about"]["command"])[2:]
    fields, changes = {}, []
    for flag, value in zip(words[::2], words[1::2], strict=True):
        if flag == "--set":
            changes.append(value)
        else:
            fields[FIELDS.get(flag, flag.removeprefix("--"))] = value
    fields["seed"] = int(fields["seed"])
    return Request(**fields, changes=tuple(changes), cache=cache)


@pytest.mark.skipif("BENCH_LONG" not in os.environ, reason="takes minutes; set BENCH_LONG=1")
@pytest.mark.parametrize("spec", chosen(), ids=lambda spec: spec["id"][:12])
def test_a_stored_run_prepared_anew_has_its_id_and_key(spec, cache):
    again = prepare(request_of(spec, cache), lambda *_: None)
    assert (again.spec.id, again.key) == (spec["id"], spec["key"])
