from dataclasses import replace

import numpy as np
import pytest

from bench.data.chest_twin.canvas import Film
from bench.data.chest_twin.cohort import Visit
from bench.data.chest_twin.draw import radiograph
from bench.data.chest_twin.mix import ORIGINALS
from bench.data.published import FINDINGS

SIZE = 96
FIELD_CM = 42.8  # 2992 px of 0.143 mm


def visit(patient=1, *findings, view="PA", follow_up=0, male=True):
    original = next(iter(ORIGINALS["PA"]))
    return Visit("train", patient, follow_up, 55, male, view, findings, original)


def take(*args, seed=0, size_px=SIZE, **more):
    return radiograph(visit(*args, **more), size_px=size_px, seed=seed)


def boxes(drawn, finding):
    return np.array([box[1:] for box in drawn.boxes if box[0] == finding])


def test_a_healthy_chest_has_no_box():
    assert take().boxes == ()


@pytest.mark.parametrize("finding", FINDINGS)
@pytest.mark.parametrize("view", ["PA", "AP"])
def test_a_finding_has_boxes_in_the_picture_and_no_other_finding_has(finding, view):
    for patient in range(4):
        drawn = take(patient, finding, view=view)
        assert {box[0] for box in drawn.boxes} == {finding}
        found = boxes(drawn, finding)
        assert (found[:, :2] >= 0).all() and (found[:, 2:] <= SIZE).all()
        assert (found[:, 2:] > found[:, :2]).all()


def test_all_findings_at_once_have_boxes():
    assert {box[0] for box in take(3, *FINDINGS).boxes} == set(FINDINGS)


@pytest.mark.parametrize("finding", sorted(set(FINDINGS) - {"Cardiomegaly"}))
def test_a_finding_changes_the_picture_where_its_box_is(finding):
    """Against the same chest without; volume loss and shifts change the rest as well."""
    ratios = []
    for patient in range(6):
        drawn, without = take(patient, finding), take(patient)
        changed = np.abs(drawn.image.astype(float) - without.image)
        inside = np.zeros_like(changed, dtype=bool)
        for x0, y0, x1, y1 in boxes(drawn, finding):
            inside[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
        ratios.append(changed[inside].mean() / (changed[~inside].mean() + 0.5))
    assert np.median(ratios) > 1.5


def test_the_large_hearts_box_is_as_wide_as_its_share_of_the_chest():
    drawn = take(5, "Cardiomegaly", size_px=192)
    (x0, _, x1, _), chest = boxes(drawn, "Cardiomegaly")[0], drawn.chest
    widest = 2 * chest.patient.half_width * chest.heart_share
    # The picture is magnified by about 1.12, give or take 0.06 three times.
    assert 0.9 < (x1 - x0) / 192 * FIELD_CM / widest < 1.35


@pytest.mark.parametrize(("finding", "low", "high"), [("Nodule", 0.7, 3.0), ("Mass", 3.0, 8.0)])
def test_a_nodule_is_up_to_three_centimetres_and_a_mass_is_more(finding, low, high):
    """On the film things are larger by 0.95 to 1.3; a box is wider by an edge and a pixel."""
    pixel = FIELD_CM / 256
    for patient in range(12):
        sides = boxes(take(patient, finding, size_px=256), finding)
        longest = (sides[:, 2:] - sides[:, :2]).max(axis=1) * pixel
        assert (longest < high * 1.3 + 2 * pixel + 0.3).all()
        # Where the lung ends the shadow is cut, so the smallest says little.
        assert longest.max() > low * 0.85


def test_the_same_visit_gives_the_same_bytes_and_others_do_not():
    one = take(1, "Effusion").image
    np.testing.assert_array_equal(one, take(1, "Effusion").image)
    others = [take(2, "Effusion"), take(1, "Effusion", follow_up=1), take(1, "Mass")]
    others += [take(1, "Effusion", seed=1), take(1, "Effusion", view="AP"), take(1)]
    assert all((one != other.image).any() for other in others)


def test_a_patient_keeps_the_anatomy_and_the_side_of_a_finding():
    first, later, other = take(1, "Mass"), take(1, "Mass", follow_up=1), take(2, "Mass")
    assert first.chest.patient == later.chest.patient != other.chest.patient
    for patient in range(8):
        middles = [
            (boxes(take(patient, "Mass", follow_up=k), "Mass")[0, [0, 2]].mean() - SIZE / 2)
            for k in range(3)
        ]
        assert len({m > 0 for m in middles}) == 1


def test_the_ap_view_has_shallower_breath_and_a_wider_heart():
    pairs = [(take(p, size_px=16).chest, take(p, view="AP", size_px=16).chest) for p in range(20)]
    assert all(ap.heart_share > pa.heart_share for pa, ap in pairs)
    assert np.mean([ap.height / pa.height for pa, ap in pairs]) < 0.93


def test_film_coordinates_and_the_grid_agree():
    film = Film(64, (42.0, 34.4), offset=(1.0, -2.0), tilt=0.05, scale=1.1)
    x, y = film.grid
    pixels = film.pixel(np.stack([x[20, 50], y[20, 50]]))
    assert pixels == pytest.approx((50.5, 20.5), abs=1e-4)
    straight = replace(film, tilt=0.0)
    assert np.ptp(straight.grid[0], axis=0).max() == 0 < np.ptp(x, axis=0).max()
