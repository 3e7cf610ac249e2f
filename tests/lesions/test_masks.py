import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.lesions.masks import boxes


def mask_of(*slices, size=(20, 30)):
    mask = np.zeros(size, np.uint8)
    for rows, columns in slices:
        mask[rows, columns] = 255
    return mask


def test_a_part_gets_its_bounding_box_and_a_pixel_around_it():
    assert boxes(mask_of((slice(5, 8), slice(10, 16)))).tolist() == [[9, 4, 17, 9]]


def test_the_smallest_lesion_counts():
    assert boxes(mask_of((7, 11))).tolist() == [[10, 6, 13, 9]]


def test_a_box_stays_inside_the_mask():
    corner = mask_of((slice(0, 2), slice(27, 30)))
    assert boxes(corner).tolist() == [[26, 0, 30, 3]]


def test_parts_that_do_not_touch_stay_apart_and_those_that_touch_are_one():
    near = mask_of((slice(5, 8), slice(5, 8)), (slice(5, 8), slice(9, 12)))
    assert boxes(near).tolist() == [[4, 4, 9, 9], [8, 4, 13, 9]]
    diagonal = mask_of((slice(5, 8), slice(5, 8)), (slice(8, 10), slice(8, 10)))
    assert boxes(diagonal).tolist() == [[4, 4, 11, 11]]


def test_what_lies_in_a_hole_of_a_lesion_is_part_of_it():
    ring = mask_of((slice(3, 15), slice(3, 15)))
    ring[5:13, 5:13] = 0
    ring[8:10, 8:10] = 255
    assert boxes(ring).tolist() == [[2, 2, 16, 16]]


def test_ones_are_noise_beside_255_and_lesions_beside_zeros_alone():
    """The threshold is above 1, as in the code; a mask of zeros and ones has nothing above."""
    lesion = mask_of((slice(5, 8), slice(10, 16))) // 255
    assert len(boxes(lesion)) == len(boxes(2 * lesion)) == 1
    noisy = mask_of((slice(15, 18), slice(10, 16))) + lesion
    assert boxes(noisy).tolist() == [[9, 14, 17, 19]]


def test_truth_values_mean_the_same_as_bytes():
    mask = mask_of((slice(5, 8), slice(10, 16)), (1, 1))
    assert boxes(mask > 0).tolist() == boxes(mask).tolist()


@given(arrays(bool, (12, 15), elements=st.booleans()))
def test_every_lesion_pixel_lies_in_a_box_and_every_box_holds_one(mask):
    found = boxes(mask)
    covered = np.zeros_like(mask)
    for x0, y0, x1, y1 in found.astype(int):
        assert mask[y0:y1, x0:x1].any()
        covered[y0:y1, x0:x1] = True
    assert not (mask & ~covered).any()
