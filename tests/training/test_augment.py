import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.training.augment import Augmentation, Draws, apply, geometry_matrices, to_input
from bench.training.augmentations import CONTRASTIVE, FINETUNE, NONE

SIZE = 16
PLAIN = {"size_px": SIZE, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}

# A sampling point is off by a few roundings of a number up to SIZE; values are at most 1 apart.
RESAMPLING = 8 * SIZE * torch.finfo(torch.float32).eps
# A colour is a sum of four products of numbers of order 1.
COLOUR = 16 * torch.finfo(torch.float32).eps


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def photographs(n=6, size=SIZE, seed=0):
    return torch.rand(n, 3, size, size, generator=generator(seed))


def geometry(n=1, **changed):
    """A draw that moves nothing but what is named."""
    still = {
        "mirror_x": torch.zeros(n, dtype=torch.bool),
        "mirror_y": torch.zeros(n, dtype=torch.bool),
        "angle_rad": torch.zeros(n, dtype=torch.float64),
        "crop_size": torch.ones(n, 2, dtype=torch.float64),
        "crop_centre": torch.zeros(n, 2, dtype=torch.float64),
        "shift": torch.zeros(n, 2, dtype=torch.float64),
    }
    for name, value in changed.items():
        still[name] = torch.tensor(value, dtype=still[name].dtype).expand_as(still[name])
    return geometry_matrices(**still).float()


def moved(images, **changed):
    n = len(images)
    return apply(images, Draws(geometry(n, **changed), NONE.draw(n, generator()).colour), **PLAIN)


def near(actual, expected, tolerance=RESAMPLING):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def test_a_draw_from_no_ranges_changes_nothing():
    images = photographs()
    near(apply(images, NONE.draw(6, generator()), **PLAIN), images)


def test_a_draw_from_ranges_changes_every_image():
    images = photographs()
    for preset in (CONTRASTIVE, FINETUNE):
        change = (apply(images, preset.draw(6, generator()), **PLAIN) - images).abs()
        assert (change.amax(dim=(1, 2, 3)) > 0.05).all()


@pytest.mark.parametrize(
    ("motion", "axes"),
    [
        ({"mirror_x": True}, (3,)),
        ({"mirror_y": True}, (2,)),
        ({"mirror_x": True, "mirror_y": True}, (2, 3)),
        ({"angle_rad": math.pi}, (2, 3)),
        ({"angle_rad": -math.pi}, (2, 3)),
    ],
)
def test_flips_and_half_turns_are_torchs_flips(motion, axes):
    images = photographs()
    result = moved(images, **motion)
    near(result, images.flip(axes))
    assert (result - images).abs().max() > 0.1


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_go_clockwise(quarters):
    images = photographs()
    result = moved(images, angle_rad=quarters * math.pi / 2)
    near(result, images.rot90(-quarters, (2, 3)))


def test_a_shift_moves_right_and_down_and_lets_black_in():
    images = photographs()
    result = moved(images, shift=[2 * 4 / SIZE, 2 * 2 / SIZE])
    near(result[:, :, 2:, 4:], images[:, :, :-2, :-4])
    assert result[:, :, :2].abs().max() <= RESAMPLING
    assert result[:, :, :, :4].abs().max() <= RESAMPLING


def test_a_crop_shows_its_part_of_the_image_and_nothing_else():
    """Half the side at the source's own pixel size: the upper right quarter, magnified twice."""
    images = photographs()
    quarter = images[:, :, :8, 8:]
    result = moved(images, crop_size=0.5, crop_centre=[0.5, -0.5])
    enlarged = torch.nn.functional.interpolate(
        quarter, size=SIZE, mode="bilinear", align_corners=False
    )
    near(result[:, :, 1:-1, 1:-1], enlarged[:, :, 1:-1, 1:-1])  # borders see their neighbours


def test_mirror_comes_before_crop_and_crop_before_turn():
    """As the released code orders them; step by step and in one map must agree."""
    images = photographs()
    motion = {"crop_size": 0.5, "crop_centre": [0.5, -0.5]}
    at_once = moved(images, mirror_x=True, angle_rad=math.pi / 2, **motion)
    in_steps = moved(images.flip(3), **motion).rot90(-1, (2, 3))
    near(at_once, in_steps)
    assert (at_once - moved(images.rot90(-1, (2, 3)).flip(3), **motion)).abs().max() > 0.1


@pytest.mark.parametrize("preset", [CONTRASTIVE, FINETUNE])
def test_each_image_has_a_draw_of_its_own(preset):
    draws = preset.draw(20, generator())
    assert len(draws.geometry.flatten(1).unique(dim=0)) == 20
    assert len(draws.colour.flatten(1).unique(dim=0)) > 15  # gray images differ less
    same = photographs(1).expand(20, -1, -1, -1)
    assert len(apply(same, draws, **PLAIN).flatten(1).unique(dim=0)) == 20


def test_the_same_generator_gives_the_same_draws_and_another_others():
    one, same, other = (CONTRASTIVE.draw(8, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.geometry, same.geometry)
    assert torch.equal(one.colour, same.colour)
    assert not torch.equal(one.geometry, other.geometry)
    assert not torch.equal(one.colour, other.colour)


def test_a_generator_moves_on_between_batches():
    stream = generator()
    first, second = CONTRASTIVE.draw(8, stream), CONTRASTIVE.draw(8, stream)
    assert not torch.equal(first.geometry, second.geometry)


def test_one_range_changes_nothing_else_of_a_draw():
    turned = replace(CONTRASTIVE, rotation_deg=10.0).draw(8, generator())
    assert torch.equal(turned.colour, CONTRASTIVE.draw(8, generator()).colour)
    assert not torch.equal(turned.geometry, CONTRASTIVE.draw(8, generator()).geometry)


def test_drawing_leaves_torchs_own_stream_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    CONTRASTIVE.draw(8, generator())
    assert torch.equal(torch.rand(4), expected)


def test_crops_fit_in_the_image_and_keep_their_ranges():
    still = replace(FINETUNE, rotation_deg=0, translate=0, flip_horizontal=0, flip_vertical=0)
    matrices = still.draw(4000, generator()).geometry.double()
    width, height = matrices[:, 0, 0], matrices[:, 1, 1]
    assert ((width + matrices[:, 0, 2].abs()) <= 1 + 1e-6).all()
    assert ((height + matrices[:, 1, 2].abs()) <= 1 + 1e-6).all()
    small = width < 0.95
    reach = width[small] + matrices[small, 0, 2].abs()
    assert reach.max() > 0.99  # crops get to the border, not only near the centre
    area, ratio = width * height, width / height
    assert area.min() == pytest.approx(0.87, abs=0.01)
    assert area.max() == 1
    assert 0.7 - 1e-6 <= ratio.min() < 0.9
    assert 1.1 < ratio.max() <= 1.3 + 1e-6


def test_aspect_ratios_are_as_often_wide_as_tall():
    """Uniform in the logarithm: its mean over 2000 draws is 0 +- 4 * 0.4 / sqrt(2000) = 0.036."""
    crops = Augmentation(scale=(0.2, 0.3), aspect_ratio=(0.5, 2.0)).draw(2000, generator())
    log_ratio = (crops.geometry[:, 0, 0] / crops.geometry[:, 1, 1]).log()
    assert log_ratio.mean().item() == pytest.approx(0, abs=0.036)
    assert log_ratio.max().item() == pytest.approx(math.log(2), abs=0.01)


def test_shifts_and_turns_fill_their_ranges_and_no_more():
    """2000 draws come within 0.5 % of either end but for one time in 20,000 (0.995 ** 2000)."""
    shifts = Augmentation(translate=0.2).draw(2000, generator()).geometry[:, :, 2]
    assert (shifts.amin(0) + 0.4).numpy() == pytest.approx(0, abs=0.004)  # a side is 2 long
    assert (shifts.amax(0) - 0.4).numpy() == pytest.approx(0, abs=0.004)
    turns = Augmentation(rotation_deg=30).draw(2000, generator()).geometry
    angles = torch.atan2(turns[:, 0, 1], turns[:, 0, 0]).rad2deg()
    assert angles.min().item() == pytest.approx(-30, abs=0.3)
    assert angles.max().item() == pytest.approx(30, abs=0.3)


def test_a_crop_that_never_fits_is_the_whole_image():
    too_large = Augmentation(scale=(1.5, 2.0)).draw(50, generator()).geometry
    torch.testing.assert_close(too_large, NONE.draw(50, generator()).geometry)


@pytest.mark.parametrize("field", ["flip_horizontal", "flip_vertical", "grayscale"])
@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
def test_a_probability_is_a_frequency(field, probability):
    """2000 draws: four standard deviations are 4 * sqrt(p * (1 - p) / 2000) <= 0.045."""
    draws = Augmentation(**{field: probability}).draw(2000, generator())
    happened = {
        "flip_horizontal": draws.geometry[:, 0, 0] < 0,
        "flip_vertical": draws.geometry[:, 1, 1] < 0,
        "grayscale": draws.colour[:, 0, 0] < 0.5,
    }[field]
    tolerance = 0.045 if 0 < probability < 1 else 0
    assert happened.float().mean().item() == pytest.approx(probability, abs=tolerance)


@given(st.integers(0, 10**6), st.sampled_from([CONTRASTIVE, FINETUNE]))
def test_results_stay_in_range(seed, preset):
    result = apply(photographs(4, seed=seed), preset.draw(4, generator(seed)), **PLAIN)
    assert result.shape == (4, 3, SIZE, SIZE)
    assert result.min() >= 0
    assert result.max() <= 1


def test_one_image_alone_comes_out_as_in_its_batch():
    images, draws = photographs(), CONTRASTIVE.draw(6, generator())
    together = apply(images, draws, **PLAIN)
    for i in range(6):
        own = Draws(draws.geometry[i : i + 1], draws.colour[i : i + 1])
        near(apply(images[i : i + 1], own, **PLAIN)[0], together[i], COLOUR)
    assert (together[0] - together[1]).abs().max() > 0.1


def test_applying_twice_gives_the_same_and_spares_its_input():
    images, draws = photographs(), CONTRASTIVE.draw(6, generator())
    kept = images.clone()
    assert torch.equal(apply(images, draws, **PLAIN), apply(images, draws, **PLAIN))
    to_input(images, size_px=SIZE, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert torch.equal(images, kept)


@pytest.mark.parametrize("side", [SIZE, 2 * SIZE, 3 * SIZE, 24, 10])
def test_bytes_and_floats_are_the_same_image(side):
    bytes_ = (photographs(size=side) * 255).to(torch.uint8)
    draws = CONTRASTIVE.draw(6, generator())
    near(apply(bytes_, draws, **PLAIN), apply(bytes_ / 255, draws, **PLAIN), COLOUR)
    near(to_input(bytes_, **PLAIN), to_input(bytes_ / 255, **PLAIN), COLOUR)


@pytest.mark.parametrize("side", [SIZE, 2 * SIZE, 24])
def test_an_input_is_the_augmentation_that_changes_nothing(side):
    images = photographs(size=side)
    near(to_input(images, **PLAIN), apply(images, NONE.draw(6, generator()), **PLAIN))


@pytest.mark.parametrize("factor", [2, 3])
def test_a_larger_source_is_averaged_not_sampled(factor):
    """Stripes finer than a pixel become gray; sampling would keep some and drop others."""
    stripes = torch.zeros(1, 3, factor * SIZE, factor * SIZE)
    stripes[..., ::factor] = 1
    near(to_input(stripes, **PLAIN), torch.full((1, 3, SIZE, SIZE), 1 / factor))
    still = apply(stripes, NONE.draw(1, generator()), **PLAIN)
    near(still, torch.full((1, 3, SIZE, SIZE), 1 / factor))


def test_a_smaller_source_is_enlarged():
    flat = torch.full((2, 3, 5, 5), 0.25)
    near(to_input(flat, **PLAIN), torch.full((2, 3, SIZE, SIZE), 0.25))
    ramp = torch.arange(5.0).div(5).expand(1, 3, 5, 5)
    enlarged = to_input(ramp, **PLAIN)[0, 0, 0]
    assert (enlarged.diff() >= 0).all()
    assert enlarged[0] < enlarged[-1]


def test_images_that_are_not_square_and_missing_draws_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 5\): must be square"):
        to_input(torch.rand(1, 3, 4, 5), **PLAIN)
    with pytest.raises(ValueError, match="5 draws for 6 images: must be one each"):
        apply(photographs(), NONE.draw(5, generator()), **PLAIN)


@pytest.mark.gpu
def test_cpu_and_gpu_apply_the_same_draws_alike():
    """Interpolation weights on a GPU may be rounded to 8 bits by texture units: hence 1/256."""
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    images, draws = photographs(), CONTRASTIVE.draw(6, generator())
    near(apply(images.cuda(), draws, **PLAIN).cpu(), apply(images, draws, **PLAIN), 1 / 256)
