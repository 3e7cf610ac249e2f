"""Do patients differ as patients do, and is a patient the same in all images?"""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bench.data.chest_twin import anatomy, findings, mediastinum
from bench.data.chest_twin.canvas import Film
from bench.data.chest_twin.chest import HEART_LIMIT, LEFT, RIGHT, SIDES, Chest, Strain
from bench.data.chest_twin.patient import Patient

PATIENTS = 60


def patient(number, *, male=True, age=55):
    return Patient.draw(male, age, np.random.default_rng([7, number]))


def stand(person, *, image=0, ap=False, labels=()):
    """A patient's chest in one image; the same number is the same stance."""
    traits = findings.traits(labels, seed=0, patient=image, image="a")
    return Chest.draw(person, ap, findings.strain(traits), np.random.default_rng([3, image]))


@pytest.fixture(scope="module")
def chests():
    return [stand(patient(n, male=n % 2 == 0), image=n) for n in range(PATIENTS)]


def spread(values):
    """Of the middle nine tenths, relative to the median."""
    low, middle, high = np.percentile(values, [5, 50, 95])
    return (high - low) / middle


def lung_shape(chest):
    """Both lungs' outlines as fractions of the chest's mean half width and height."""
    size = (chest.patient.half_width, chest.height)
    return np.concatenate([(chest.cage(s) - (0, chest.apex)) / size for s in SIDES])


def test_chests_differ_in_width_height_and_in_how_high_the_domes_stand(chests):
    """Normal adults by the textbook ranges in patient.py: about a fifth around the middle."""
    assert 0.15 < spread([c.patient.half_width for c in chests]) < 0.4
    assert 0.15 < spread([c.height for c in chests]) < 0.45
    assert spread([c.base - c.dome(LEFT) for c in chests]) > 0.4


def test_the_right_dome_is_the_higher_one_in_most_but_not_in_all(chests):
    higher = [c.dome(RIGHT) < c.dome(LEFT) for c in chests]
    assert 0.8 < np.mean(higher) < 1


def test_lungs_differ_in_shape_and_not_in_size_alone(chests):
    shapes = np.array([lung_shape(c) for c in chests])
    # A twentieth of a half width: 7 mm, the width of a rib.
    assert shapes.std(axis=0)[..., 0].max() > 0.05
    halves = [np.abs(c.cage(RIGHT)).max() / np.abs(c.cage(LEFT)).max() for c in chests]
    assert np.std(halves) > 0.01


def test_a_patients_lungs_and_heart_keep_their_shape_while_breath_and_turn_change():
    person = patient(1)
    images = [stand(person, image=n) for n in range(8)]
    for one in images:
        np.testing.assert_allclose(lung_shape(one), lung_shape(images[0]), atol=1e-9)
    assert np.ptp([c.height for c in images]) > 0.5
    assert np.ptp([c.turn for c in images]) > 0.1
    own = np.std([c.heart_share for c in images])
    assert own < 0.7 * np.std([stand(patient(n)).heart_share for n in range(8)])


def test_normal_hearts_are_0_40_to_0_50_of_the_chest_and_wider_in_ap_views():
    pa, ap = (
        np.array([stand(patient(n), image=n, ap=v).heart_share for n in range(PATIENTS)])
        for v in (False, True)
    )
    low, high = np.percentile(pa, [5, 95])
    assert 0.38 < low < 0.43 and 0.47 < high < 0.52
    assert (ap > pa).all()


@pytest.mark.parametrize("ap", [False, True])
def test_the_label_means_a_larger_heart_and_both_kinds_overlap(ap):
    """As readers see it: told apart by the ratio for the most part, not by a line at one half."""
    people = [patient(n) for n in range(PATIENTS)]
    normal = [stand(p, image=n, ap=ap).heart_share for n, p in enumerate(people)]
    large = [
        stand(p, image=n, ap=ap, labels=["Cardiomegaly"]).heart_share for n, p in enumerate(people)
    ]
    assert (np.array(large) > normal).all()
    score = roc_auc_score([0] * PATIENTS + [1] * PATIENTS, normal + large)
    assert 0.93 < score < 1
    assert min(large) < max(normal)


def test_the_label_means_a_larger_heart_where_the_patients_own_is_large_already():
    person, rngs = replace(patient(1), heart=0.51), [np.random.default_rng(1) for _ in range(2)]
    own, said = (
        Chest.draw(person, False, strain, rng).heart_share
        for strain, rng in zip((Strain(), Strain(heart=0.48)), rngs, strict=True)
    )
    assert said > own


def test_the_hearts_limit_lies_between_most_normal_and_most_large_hearts():
    normal = [patient(n).heart for n in range(PATIENTS)]
    assert 0.8 < np.mean(np.array(normal) < HEART_LIMIT) < 1


@pytest.fixture(scope="module")
def air():
    """What is left of air at two heights, by distance from the middle: (patients, R) each."""
    film, rows = Film(320, (32.0, 32.0)), {"vessels": [], "heart": []}
    for number in range(8):
        chest = Chest.draw(patient(number), False, Strain(), np.random.default_rng(number))
        shadow = anatomy.paint(film, chest, np.random.default_rng(0))
        mediastinum.paint(shadow, chest, np.random.default_rng(0))
        for name, y in (("vessels", chest.apex + 4.5), ("heart", chest.dome(LEFT) - 2.5)):
            row = int(np.argmin(np.abs(film.grid[1][:, 0] - y)))
            rows[name].append(shadow.air[row])
    return film.grid[0][0], {name: np.array(of) for name, of in rows.items()}


def width(x, air, share):
    """Of the airless middle, cm: where air is below a share of the row's most."""
    return float((x[1] - x[0]) * (air[np.abs(x) < 7.5] < share * air.max()).sum())


def test_the_mediastinum_tapers_from_the_heart_to_the_neck(air):
    x, rows = air
    for upper, lower in zip(rows["vessels"], rows["heart"], strict=True):
        # The vascular pedicle is 3.8 to 5.8 cm wide in adults; the heart twice that and more.
        assert 2.8 < width(x, upper, 0.5) < 6.0
        assert width(x, lower, 0.5) > 1.6 * width(x, upper, 0.5)


def test_the_mediastinums_borders_are_those_of_something_round(air):
    """A pillar's air returns within its blurred edge, on both sides together 0.3 cm."""
    x, rows = air
    for upper in rows["vessels"]:
        assert width(x, upper, 0.7) - width(x, upper, 0.2) > 0.6


def test_the_aortic_knob_grows_with_age_and_bulges_to_the_left():
    def knob(age):
        chests = [stand(patient(n, age=age), image=n) for n in range(PATIENTS)]
        return np.mean([mediastinum.knob_place(c)[0] - c.shift for c in chests])

    assert knob(80) > knob(25) + 0.4  # 2 to 3 cm wide in the young, up to 4 in the old
    chest = stand(patient(3, age=70))
    x, y = mediastinum.knob_place(chest)
    assert x > chest.shift and chest.apex < y < chest.carina[1]
    for border in (mediastinum.left_border(chest), mediastinum.right_border(chest)):
        assert (np.diff(border[:, 0]) >= 0).all()  # heights rise, as interpolation needs
