from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.data.published import EYEQ_COUNTS
from bench.data.twin import write_eyeq, write_idrid
from bench.data.twin.burden import Burden
from bench.data.twin.canvas import DISC_DIAMETER
from bench.data.twin.cohort import PAIRED, cells, cohort
from bench.data.twin.draw import photograph
from bench.data.twin.lesions import MICROANEURYSM
from bench.seeding import generator_for


def take(patient="1", side=1, grade=2, quality=0, size_px=96, seed=0):
    return photograph(patient, side, grade=grade, quality=quality, size_px=size_px, seed=seed)


@pytest.mark.parametrize("grade", range(5))
def test_a_burden_has_the_grade_that_the_scale_gives_it(grade):
    burdens = [Burden.draw(grade, generator_for(i)) for i in range(200)]
    assert {burden.grade for burden in burdens} == {grade}


def test_the_scale_is_the_icdr_rule():
    assert Burden().grade == 0
    assert Burden(microaneurysms=9).grade == 1
    assert Burden(microaneurysms=9, haemorrhages=(1, 0, 0, 0)).grade == 2
    assert Burden(haemorrhages=(21, 21, 21, 21)).grade == 3
    assert Burden(haemorrhages=(40, 40, 40, 20)).grade == 2
    assert Burden(irma=1).grade == Burden(beading=0.4).grade == 3
    assert Burden(tufts=1).grade == Burden(preretinal=1).grade == 4


def test_a_healthy_eye_has_no_box_and_a_diseased_one_has():
    assert take(grade=0).boxes == ()
    assert all(len(take(grade=grade).boxes) for grade in range(1, 5))


def test_microaneurysms_are_at_most_a_twelfth_of_a_disc_diameter():
    """Their boxes, edges and the picture's own pixels included."""
    drawn = [take(str(i), grade=1, size_px=512) for i in range(6)]
    disc_px = DISC_DIAMETER * 256
    boxes = [box for t in drawn for box in t.boxes if box[0] == MICROANEURYSM]
    widths = np.array([x1 - x0 for _, x0, _, x1, _ in boxes])
    assert len(boxes) > 10
    # A box is as wide as its weights above 0.3 reach: half the soft edge more on either side,
    # and up to a pixel of the drawing, two thirds of one here.
    assert widths.max() <= disc_px / 12 * 1.3 + 2 / 1.5


def test_boxes_and_masks_agree():
    drawn = take(grade=3, size_px=256)
    for kind, mask in drawn.masks.items():
        rows, columns = np.nonzero(mask)
        own = np.array([box[1:] for box in drawn.boxes if box[0] == kind])
        inside = [
            (
                (own[:, 0] - 1 <= x) & (x <= own[:, 2]) & (own[:, 1] - 1 <= y) & (y <= own[:, 3])
            ).any()
            for y, x in zip(rows, columns, strict=True)
        ]
        assert all(inside), kind


def test_the_same_sitting_gives_the_same_bytes_and_others_do_not():
    one = take().image
    np.testing.assert_array_equal(one, take().image)
    others = [take("2"), take(side=-1), take(grade=3), take(quality=2), take(seed=1)]
    assert all((one != other.image).any() for other in others)


def test_lesions_do_not_depend_on_the_quality_they_are_seen_in():
    assert take(quality=0).boxes == take(quality=2).boxes


def test_poor_photographs_show_less_detail():
    def detail(quality):
        pictures = [take(str(i), grade=2, quality=quality).image.astype(float) for i in range(12)]
        return np.median([np.abs(np.diff(p, axis=0)).mean() for p in pictures])

    assert detail(2) < detail(1) < detail(0)


@pytest.mark.parametrize(("split", "images"), [("train", 1254), ("test", 1625), ("train", 240)])
def test_grades_and_qualities_come_in_eyeqs_joint_mix(split, images):
    counts, joint = cells(split, images), np.array(EYEQ_COUNTS[split])
    assert counts.sum() == images
    assert (counts >= 1).all()
    share = joint / joint.sum() * images
    assert (np.abs(counts - share)[share > 2] < 1.5).all()


@pytest.mark.parametrize("split", ["train", "test"])
def test_eyes_are_paired_as_in_eyeq(split):
    sittings = cohort(split, 1254, seed=0)
    eyes = Counter(s.patient for s in sittings)
    assert len({s.name for s in sittings}) == len(sittings)
    assert np.mean([n == 2 for n in eyes.values()]) == pytest.approx(PAIRED[split], abs=0.01)
    grades = {(s.patient, s.side): s.grade for s in sittings}
    pairs = np.array([(grades[p, 1], grades[p, -1]) for p, n in eyes.items() if n == 2])
    assert np.corrcoef(pairs.T)[0, 1] > 0.4


def test_file_numbers_tell_nothing_of_the_grade():
    sittings = cohort("train", 1254, seed=0)
    numbers, grades = zip(*[(int(s.patient), s.grade) for s in sittings], strict=True)
    assert abs(np.corrcoef(numbers, grades)[0, 1]) < 0.1  # 3.5 standard errors


def test_the_set_is_in_eyeqs_layout_whatever_the_number_of_workers(tmp_path):
    for workers in (1, 2):
        write_eyeq(tmp_path / str(workers), train=14, test=12, size_px=64, workers=workers)
    first = tmp_path / "1"
    table = pd.read_csv(first / "Label_EyeQ_train.csv", index_col=0)
    assert list(table.columns) == ["image", "quality", "DR_grade"]
    assert sorted(path.name for path in (first / "train").iterdir()) == sorted(table["image"])
    for path in sorted(first.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "2" / path.relative_to(first)).read_bytes()


def test_a_generation_that_fails_leaves_nothing(tmp_path):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_eyeq(tmp_path / "twin", train=14, test=12, size_px=64, workers=1, on_image=stop)
    assert list(tmp_path.iterdir()) == []


def test_the_companion_is_in_idrids_layout(tmp_path):
    write_idrid(tmp_path / "idrid", images=3, size_px=96)
    base = tmp_path / "idrid" / "A. Segmentation"
    images = sorted((base / "1. Original Images" / "a. Training Set").iterdir())
    assert [path.name for path in images] == ["IDRiD_01.jpg", "IDRiD_02.jpg", "IDRiD_03.jpg"]
    masks = base / "2. All Segmentation Groundtruths" / "a. Training Set"
    mask = np.asarray(Image.open(masks / "2. Haemorrhages" / "IDRiD_01_HE.tif"))
    assert mask.shape == (96, 96) and mask.any()
