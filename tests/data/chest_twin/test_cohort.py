from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from bench.data.chest_twin.cohort import cohort, kinds
from bench.data.chest_twin.mix import COLUMNS, INITIALS, JOINT
from bench.data.published import FINDINGS, NO_FINDING


@pytest.fixture(scope="module")
def visits():
    return cohort(1254, 1625, seed=0)


def share(table, initial):
    return sum(n for (_, found), n in table.items() if initial in found) / sum(table.values())


@pytest.mark.parametrize(("split", "images"), [("train", 1254), ("test", 1625), ("train", 60)])
def test_views_and_findings_come_in_nihs_joint_mix(split, images):
    counts = kinds(split, images)
    assert sum(counts.values()) == images
    nih = {
        (view, found): row[column]
        for column, (own, view) in enumerate(COLUMNS)
        for found, row in JOINT.items()
        if own == split
    }
    for initial in INITIALS:
        # 96 cells, each rounded by less than one; a finding is in at most 44 of them.
        assert abs(share(counts, initial) - share(nih, initial)) < 44 / 2 / images
    views = [
        sum(n for (v, _), n in t.items() if v == "AP") / sum(t.values()) for t in (counts, nih)
    ]
    assert views[0] == pytest.approx(views[1], abs=24 / images)


def test_no_finding_is_missing_from_a_hundred_images_on():
    for split in ("train", "test"):
        found = "".join(f for (_, f), count in kinds(split, 100).items() if count)
        assert set(found) == set(INITIALS)
    assert sum(kinds("train", 100).values()) == 100


def test_the_table_is_nihs():
    """Sums of the whole label file (reference 3.2): the table holds 99.1 % of its images."""
    assert sum(map(sum, JOINT.values())) == 111_086
    published = (11559, 2776, 13317, 19894, 5782, 6331, 1431, 5302)
    for initial, count in zip(INITIALS, published, strict=True):
        own = sum(sum(row) for found, row in JOINT.items() if initial in found)
        assert count - (112_120 - 111_086) <= own <= count  # at most all that the table leaves out


def test_no_patient_is_in_two_splits_and_names_differ(visits):
    patients = {s: {v.patient for v in visits if v.split == s} for s in ("train", "test")}
    assert not patients["train"] & patients["test"]
    assert len({v.name for v in visits}) == len(visits) == 1254 + 1625
    assert [v.name for v in visits] == sorted(v.name for v in visits)


def test_follow_ups_count_from_zero_while_the_patient_ages(visits):
    by_patient: dict[int, list] = {}
    for visit in visits:
        by_patient.setdefault(visit.patient, []).append(visit)
    for own in by_patient.values():
        assert [v.follow_up for v in own] == list(range(len(own)))
        assert [v.age for v in own] == sorted(v.age for v in own)
        assert len({v.male for v in own}) == 1
    assert Counter(len(own) > 1 for own in by_patient.values())[True] > 100


def test_a_finding_tends_to_come_again_as_in_the_label_file(visits):
    """In NIH's file 0.49 of effusions are followed by one, and 0.09 of images without."""
    pairs = [(one, two) for one, two in pairwise(visits) if one.patient == two.patient]
    again = np.mean(
        ["Effusion" in two.findings for one, two in pairs if "Effusion" in one.findings]
    )
    new = np.mean(["Effusion" in t.findings for o, t in pairs if "Effusion" not in o.findings])
    assert 0.3 < again < 0.65
    assert new < 0.2
    assert np.mean([one.view == two.view for one, two in pairs]) == pytest.approx(0.75, abs=0.08)


def test_patients_numbers_tell_nothing_of_the_findings(visits):
    train = [v for v in visits if v.split == "train"]
    numbers = [v.patient for v in train]
    for finding in FINDINGS:
        there = [finding in v.findings for v in train]
        # Images of a patient are alike: about 400 patients, so 3.5 standard errors are 0.17.
        assert abs(np.corrcoef(numbers, there)[0, 1]) < 0.17


def test_labels_are_written_as_nih_writes_them(visits):
    labels = {v.label for v in visits}
    assert NO_FINDING in labels
    assert "Atelectasis|Effusion" in labels
    assert {part for label in labels for part in label.split("|")} == {*FINDINGS, NO_FINDING}
