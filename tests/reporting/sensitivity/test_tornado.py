"""The tornado plot: what it holds, and that the same study gives the same bytes."""

import numpy as np
import pytest

from bench.evaluation.statistics import Estimate
from bench.protocol.switches import Alternative, OpenQuestion
from bench.reporting.sensitivity.effects import Effect, QuestionEffects, Sensitivity
from bench.reporting.sensitivity.tornado import LESS, MORE, bars, reach, tornado


def made(*effects, name="D13"):
    """A study of one point; each effect its per-seed differences, () for one not run."""
    point = OpenQuestion(name, "Which?", Alternative("quantile", "comcl"), ())
    found = tuple(
        Effect(Alternative(f"r{n}", "comcl"), None, _estimate(each), None, None)
        for n, each in enumerate(effects)
    )
    moved = QuestionEffects(point, "native", None, None, found)
    return Sensitivity("eyeq-twin", "3f2a91c0", "laptop", "kappa", (moved,))


def _estimate(per_seed):
    return Estimate(float(np.mean(per_seed)), tuple(per_seed), 1e-4, 800) if per_seed else None


def test_the_same_study_gives_the_same_bytes_and_another_gives_others():
    one, again, other = (
        tornado(made((0.1, 0.2), (-0.1, -0.2))),
        tornado(made((0.1, 0.2), (-0.1, -0.2))),
        tornado(made((0.1, 0.2), (-0.1, -0.21))),
    )
    assert one == again
    assert all(one[form] != other[form] for form in ("svg", "png"))


def test_the_files_say_neither_when_nor_by_which_program_they_were_made():
    plot = tornado(made((0.1, 0.2)))
    assert b"<dc:date>" not in plot["svg"]
    assert b"Software" not in plot["png"]
    assert plot["png"].startswith(b"\x89PNG")


def test_there_is_a_bar_for_every_effect_and_none_for_what_was_not_run():
    drawn, heads = bars(made((0.1, 0.15, 0.2), (), (-0.3,), (-0.1, 0.1)))
    assert [bar.label for bar in drawn] == ["r0", "r2", "r3"]
    assert [bar.effect for bar in drawn] == pytest.approx([0.15, -0.3, 0.0])
    assert [bar.interval is None for bar in drawn] == [False, True, True]
    assert heads == [(0.0, "D13  comcl at native, default: quantile")]


def test_every_seed_is_on_the_axis_however_wide_the_interval():
    drawn, _ = bars(made((0.05, -0.2, 0.15)))
    assert reach(drawn) > 0.2
    assert drawn[0].interval is not None
    assert drawn[0].interval[1] > reach(drawn)  # of three seeds: it leaves the plot, as an arrow


def test_more_is_darker_than_less_so_that_grey_tells_them_apart():
    """Relative luminance of the two colours (ITU-R BT.709, on the values as they are)."""
    luminance = [
        sum(
            w * int(c[n : n + 2], 16)
            for w, n in zip((0.2126, 0.7152, 0.0722), (1, 3, 5), strict=True)
        )
        for c in (MORE, LESS)
    ]
    assert luminance[1] - luminance[0] > 50


def test_less_is_hatched_and_more_is_not():
    more, less = (tornado(made((value, value)))["svg"] for value in (0.1, -0.1))
    assert b"<pattern" not in more
    assert b"<pattern" in less


def test_a_study_without_an_effect_is_drawn_empty():
    assert tornado(made(()))["svg"].startswith(b"<?xml")
