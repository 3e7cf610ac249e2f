"""The page of `make bench` says what was measured, and whether an aim was missed."""

import importlib.util
from dataclasses import asdict

import pytest
from paths import ROOT
from timed import Row, in_turn, number


@pytest.fixture(scope="module")
def page():
    path = ROOT / "tests" / "speed" / "page.py"
    spec = importlib.util.spec_from_file_location("speed_page", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ROW = Row("Training", "an epoch", "a loop", 640, item="image", least=0.94)


@pytest.mark.parametrize(("middle", "missed"), [(0.97, False), (0.93, True)])
def test_a_ratio_stands_beside_its_aim(page, middle, missed):
    found = asdict(ROW) | {"ratio": [0.9, middle, 1.04], "seconds": 0.00226}
    (line,) = [row for row in page.page([found], "a machine").splitlines() if "an epoch" in row]
    aim = "0.94 or more, missed" if missed else "0.94 or more"
    assert line == f"| an epoch | a loop | {middle} (0.9 to 1.04) | {aim} | 2.26 ms an image |"


def test_a_number_stands_below_the_table_of_its_part(page):
    ratio = asdict(ROW) | {"ratio": [0.9, 1.0, 1.1], "seconds": 2.0}
    memory = asdict(Row("Training", "memory")) | {"value": 0.0123, "unit": "MiB"}
    text = page.page([memory, ratio], "a machine")
    assert text.index("an epoch") < text.index("- memory: 0.012 MiB")
    assert "Not measured" in text


class Measured:
    """The fixture of pytest-benchmark, enabled."""

    enabled = True

    def __init__(self):
        self.extra_info = {}

    def pedantic(self, work, *, setup=lambda: None, rounds, warmup_rounds=0):
        for _ in range(rounds + warmup_rounds):
            setup()
            work()


def test_a_ratio_is_of_an_item_each_and_the_first_round_does_not_count():
    now, took = [0.0], {"ours": iter([100.0, 4.0, 4.0]), "beside": iter([1.0, 2.0, 2.0])}

    def work(which):
        now[0] += next(took[which])

    benchmark, row = Measured(), Row("Commands", "of 40", "of 10", 40, 10)
    ours, beside = (lambda which=which: work(which) for which in ("ours", "beside"))
    in_turn(benchmark, row, ours, beside, rounds=2, clock=lambda: now[0])
    assert benchmark.extra_info["ratio"] == [2, 2, 2]  # 0.1 s each, beside 0.2
    assert benchmark.extra_info["seconds"] == 0.1


def test_a_number_is_noted_with_its_unit():
    benchmark = Measured()
    number(benchmark, Row("Images", "wait"), 0.3, "s")
    assert (benchmark.extra_info["value"], benchmark.extra_info["unit"]) == (0.3, "s")
