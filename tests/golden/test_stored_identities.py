"""Runs that are stored keep their names: the same request gives the same id and key today."""

import json
import os
import shlex
from itertools import groupby

import pytest
from paths import STUDIES

from bench.pipeline.resolve import Request, prepare

RUNS = 40 if os.environ.get("BENCH_LONG") else 6
FIELDS = {"--lq-ratio": "lq_ratio", "--protocol": "protocol", "--settings": "settings"}
FIELDS |= {"--method": "method", "--dataset": "dataset", "--study": "study"}


def chosen():
    """RUNS stored specs (40 with BENCH_LONG), spread over studies, methods and ratios."""
    specs = [json.loads(path.read_text()) for path in sorted(STUDIES.rglob("spec.json"))]

    def kind(spec):
        return spec["spec"]["dataset"], spec["spec"]["method"], str(spec["spec"]["study"])

    groups = [list(group) for _, group in groupby(sorted(specs, key=kind), kind)]
    first = [group[place % len(group)] for place, group in enumerate(groups)]
    more = [group[-1] for group in groups if group[-1] not in first]
    return (first + more)[:RUNS]


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


@pytest.mark.slow
@pytest.mark.parametrize("spec", chosen(), ids=lambda spec: spec["id"][:12])
def test_a_stored_run_prepared_anew_has_its_id_and_key(spec, cache):
    prepared = prepare(request_of(spec, cache), lambda *_: None)
    assert (prepared.spec.id, prepared.key) == (spec["id"], spec["key"])


def test_another_request_has_another_id(cache):
    smoke = Request("resnet50", "eyeq-twin", protocol="smoke", cache=cache)
    other = Request("resnet50", "eyeq-twin", protocol="smoke", seed=1, cache=cache)
    one, two = (prepare(request, lambda *_: None) for request in (smoke, other))
    assert one.spec.id != two.spec.id
    assert one.key == two.key
