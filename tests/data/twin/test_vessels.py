import numpy as np
import pytest

from bench.data.twin.eye import Eye, Person
from bench.data.twin.vessels import AVASCULAR, CLEARANCE, STEP
from bench.seeding import generator_for


@pytest.fixture(scope="module")
def eyes():
    people = [Person.draw(generator_for(0, "person", str(i))) for i in range(12)]
    return [
        Eye.draw(person, 1 - 2 * (i % 2), generator_for(0, "eye", str(i)))
        for i, person in enumerate(people)
    ]


def lines(eyes):
    return [line for eye in eyes for line in eye.veins + eye.arteries]


def test_vessels_run_smoothly(eyes):
    """No thorns: between two steps of a fiftieth of the field a vessel turns by a few degrees."""
    for points, _ in lines(eyes):
        steps = np.diff(points, axis=0)
        np.testing.assert_allclose(np.hypot(*steps.T), STEP, rtol=1e-6)
        bearing = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        assert np.abs(np.diff(bearing)).max() < np.radians(15)


def test_vessels_taper(eyes):
    for _, widths in lines(eyes):
        assert (np.diff(widths) <= 0).all()


def test_branches_leave_at_acute_angles_and_thinner(eyes):
    """Each line but the trunks starts on another one of its kind, within 28 to 62 degrees."""
    for eye in eyes:
        for tree in (eye.veins, eye.arteries):
            ends = np.concatenate([points for points, _ in tree])
            along = np.concatenate([np.gradient(points, axis=0) for points, _ in tree])
            wide = np.concatenate([widths for _, widths in tree])
            owner = np.repeat(range(len(tree)), [len(points) for points, _ in tree])
            for i, (points, widths) in enumerate(tree):
                if np.hypot(*(points[0] - eye.disc)) < 1.5 * STEP:
                    continue  # a trunk
                off = np.where(owner == i, np.inf, np.hypot(*(ends - points[0]).T))
                near = off < 1.01 * STEP
                assert near.any()
                heading = points[1] - points[0]
                cosine = along[near] @ heading / (np.hypot(*along[near].T) * np.hypot(*heading))
                # A swing of the winding and a step of the parent's own curve come on top.
                assert cosine.max() > np.cos(np.radians(62 + 25))
                assert widths[0] <= 0.78 * wide[near].max() + 1e-9 or widths[0] < 0.004


def test_no_vessel_enters_the_fovea_or_leaves_the_field(eyes):
    for eye in eyes:
        for points, _ in eye.veins + eye.arteries:
            assert np.hypot(*(points - eye.macula).T).min() >= AVASCULAR
            assert np.hypot(*points.T).max() <= 1.02


def test_arcades_arch_around_the_macula(eyes):
    """The trunks that leave the disc pass above and below the macula, well away from it."""
    for eye in eyes:
        for tree in (eye.veins, eye.arteries):
            trunks = [p for p, _ in tree if np.hypot(*(p[0] - eye.disc)) < 1.5 * STEP]
            points = np.concatenate(trunks) - eye.macula
            beside = points[np.abs(points[:, 0]) < 0.05, 1]
            assert beside.min() < 0 < beside.max()
            assert CLEARANCE < np.abs(beside).min() and np.abs(beside).max() < 0.95


def test_two_eyes_have_other_vessels(eyes):
    first, second = eyes[0].veins[0][0], eyes[1].veins[0][0]
    assert np.abs(first[:10, 1] - second[:10, 1]).max() > 0.01
