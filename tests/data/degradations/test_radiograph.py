"""What holds for every degradation of a radiograph, whatever it is made of."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.degradations import (
    CORRUPTIONS,
    SEVERITIES,
    Degradation,
    degrade_radiograph,
    draw_radiograph,
)
from bench.data.degradations.radiograph_detail import Jpeg, Unsharpness
from bench.data.degradations.radiograph_noise import GaussianNoise, QuantumNoise, SpeckleNoise
from bench.data.degradations.radiograph_tone import Contrast, Gamma
from bench.errors import RequestError

models = st.sampled_from(["chain", "single", "fundus_literal"])
seeds = st.integers(0, 2**32 - 1)


def radiograph(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Smooth light and some texture, grey, in a frame narrower than the square."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size - 0.5
    light = 0.55 - 0.7 * (x**2 + y**2) + 0.15 * np.cos(25 * y) + rng.normal(0, 0.02, (size, size))
    mask = np.abs(x) < 0.4
    plane = np.rint(255 * np.clip(light, 0.02, 0.98)) * mask
    return np.repeat(plane.astype(np.uint8)[..., None], 3, axis=2), mask


def drawn(seed, model: Any = "chain", **options):
    return draw_radiograph(np.random.default_rng(seed), model=model, **options)


@given(models, seeds, st.integers(24, 70), st.floats(0, 10), st.sampled_from(SEVERITIES))
def test_grey_stays_grey_and_the_padding_black(model, seed, size, strength, severity):
    image, mask = radiograph(seed, size)
    before = image.copy()
    degraded = drawn(seed, model, severity=severity, strength=strength).apply(image, mask)
    assert degraded.shape == image.shape
    assert degraded.dtype == np.uint8
    assert (degraded == degraded[..., :1]).all()
    assert not degraded[~mask].any()
    assert (image == before).all()


@given(models, seeds, st.integers(24, 70))
def test_strength_zero_is_the_identity(model, seed, size):
    image, mask = radiograph(seed, size)
    assert (drawn(seed, model, strength=0).apply(image, mask) == image).all()
    assert (drawn(seed, "chain").apply(image, mask) != image).any()


@given(models, seeds, st.floats(0, 10))
def test_stored_parameters_replay_the_picture(model, seed, strength):
    """The noise too, which is drawn from a stored seed."""
    image, mask = radiograph(1, 40)
    degradation = drawn(seed, model, strength=strength)
    stored = json.loads(json.dumps(degradation.parameters(), allow_nan=False))
    again = Degradation.from_parameters(stored)
    assert again == degradation
    assert (again.apply(image, mask) == degradation.apply(image, mask)).all()


@given(models, seeds)
def test_draws_do_not_depend_on_strength(model, seed):
    assert replace(drawn(seed, model, strength=1), strength=3) == drawn(seed, model, strength=3)


@given(seeds, st.sampled_from(CORRUPTIONS))
def test_severity_does_not_change_which_noise_is_drawn(seed, corruption):
    parts = [drawn(seed, "single", severity=s, corruption=corruption).parts for s in (1, 5)]
    assert [getattr(own[0], "seed", None) for own in parts] == 2 * [
        getattr(parts[0][0], "seed", None)
    ]
    assert parts[0] != parts[1]


def test_an_image_has_one_degradation_and_another_image_another():
    image, mask = radiograph(0, 48)
    ids = [f"{number:08d}_000.png" for number in range(20)]

    def run(names, data_seed=0):
        made = {n: degrade_radiograph(image, mask, data_seed=data_seed, image_id=n) for n in names}
        np.random.default_rng(0).random()  # no state is shared
        return made

    forwards, backwards = run(ids), run(ids[::-1])
    for name in ids:
        assert (forwards[name][0] == backwards[name][0]).all()
        assert forwards[name][1] == backwards[name][1]
    assert len({degraded.tobytes() for degraded, _ in forwards.values()}) == 20
    assert run(ids[:1], data_seed=1)[ids[0]][1] != forwards[ids[0]][1]


def test_the_chain_has_the_shares_of_its_card():
    """Counts of 1,000 draws within four standard deviations, 4 sqrt(1000 p (1 - p))."""
    every = [drawn(seed) for seed in range(1000)]
    pieces = Counter(type(part) for degradation in every for part in degradation.parts)
    assert pieces[QuantumNoise] == pieces[GaussianNoise] == 1000
    assert pieces[Unsharpness] == pytest.approx(500, abs=64)
    assert pieces[Contrast] + pieces[Gamma] == pytest.approx(500, abs=64)
    assert pieces[Contrast] == pytest.approx(250, abs=55)
    assert pieces[Jpeg] == pytest.approx(300, abs=58)
    kinds = Counter(degradation.kind for degradation in every)
    assert set(kinds) == {f"chain-{severity}" for severity in (1, 2, 3, 4)}
    assert all(count == pytest.approx(250, abs=55) for count in kinds.values())
    quanta = {(d.kind, p.quanta) for d in every for p in d.parts if isinstance(p, QuantumNoise)}
    assert quanta == {("chain-1", 60), ("chain-2", 25), ("chain-3", 18), ("chain-4", 10)}
    qualities = {p.quality for d in every for p in d.parts if isinstance(p, Jpeg)}
    assert (min(qualities), max(qualities)) == (15, 50)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_higher_severity_takes_the_image_further(corruption):
    image, mask = radiograph(3, 224)
    moved = [
        np.abs(
            drawn(5, "single", severity=severity, corruption=corruption)
            .apply(image, mask)
            .astype(float)
            - image
        )[mask].mean()
        for severity in SEVERITIES
    ]
    assert moved[0] > 0
    assert moved == sorted(moved)
    assert moved[-1] > 1.2 * moved[0]


def test_single_draws_every_corruption_alike():
    kinds = Counter(drawn(seed, "single").kind for seed in range(1300))
    assert set(kinds) == {f"{name}-3" for name in CORRUPTIONS}
    # 100 each of 13; four standard deviations are 4 sqrt(1300 / 13 * 12 / 13) = 38.
    assert all(count == pytest.approx(100, abs=39) for count in kinds.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "mix"}, "one of chain, single, fundus_literal"),
        ({"model": "single", "severity": 6}, "give 1, 2, 3, 4 or 5"),
        ({"model": "single", "corruption": "jpeg"}, "did you mean 'jpeg_compression'"),
        ({"model": "chain", "corruption": "shot_noise"}, "only model 'single' takes one"),
    ],
)
def test_a_wrong_request_says_the_way_out(options, message):
    with pytest.raises(RequestError, match=message):
        drawn(0, **options)


def test_colour_is_refused():
    image, mask = radiograph(0, 32)
    image[5, 16] = (10, 20, 30)
    with pytest.raises(ValueError, match="three equal channels"):
        degrade_radiograph(image, mask, data_seed=0, image_id="a.png")


@pytest.mark.parametrize(
    "noise", [GaussianNoise(0.04, 1), QuantumNoise(60, 1), SpeckleNoise(0.1, 1)], ids=type
)
def test_a_larger_radiograph_averaged_down_is_as_noisy_as_one_degraded_there(noise):
    """Flat grey: what differs is noise.  Over 128 x 128 pixels its spread is known to 1 %."""
    small, large = (np.full((side, side, 3), 128, dtype=np.uint8) for side in (128, 256))
    whole = Degradation("noise", (noise,))
    there = whole.apply(small, np.ones((128, 128), bool))[..., 0].std()
    images = {
        noise_px: whole.apply(large, np.ones((256, 256), bool), noise_px=noise_px)
        for noise_px in (None, 128)
    }
    spread = {
        key: image[..., 0].reshape(128, 2, 128, 2).mean(axis=(1, 3)).std()
        for key, image in images.items()
    }
    # Rounding to grey levels adds 0.3 of one to several; clipping takes none of these away.
    assert spread[128] == pytest.approx(there, rel=0.05)
    assert spread[None] == pytest.approx(there / 2, rel=0.05)
