"""Augmentation of a whole batch on its device: drawn as values first, then applied.

Every image gets its own draw. Flips, crop, rotation and translation are one affine map and one
resampling; brightness, contrast, saturation, hue and grayscale are one colour matrix.

Not identical to torchvision's transforms of the same names, on purpose:
- one resampling instead of two, so that beyond a crop's edge tissue shows, not black;
- colour operations in one fixed order, with one clamp at the end;
- hue turns the chroma plane of YIQ, which is linear and keeps luma; torchvision's turns HSV;
- the whole batch at once, and on any device from the same numbers, which are drawn on the CPU.

Shapes: N images, H pixels of the square source, S pixels of the square result.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from baselines.host import sent

Range = tuple[float, float]

# Luma weights and chroma axes of NTSC's YIQ (ITU-R BT.601 luma).
RGB_TO_YIQ = torch.tensor(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]],
    dtype=torch.float64,
)
LUMA = RGB_TO_YIQ[0]
CROP_TRIALS = 10  # as torchvision's RandomResizedCrop, before it takes the whole image


@dataclass(frozen=True)
class Draws:
    """One draw an image: a value to print, store and apply again."""

    geometry: Tensor  # (N, 2, 3) from x, y, 1 of the result to x, y of the source, all in [-1, 1]
    colour: Tensor  # (N, 3, 4) from r, g, b and the image's mean luma to r, g, b

    def __len__(self) -> int:
        return len(self.geometry)

    def to(self, device: torch.device) -> "Draws":
        """The same on a device, in one copy."""
        packed = torch.cat([self.geometry.flatten(1), self.colour.flatten(1)], 1)
        geometry, colour = sent(packed, device).tensor_split([6], 1)
        return Draws(geometry.unflatten(1, (2, 3)), colour.unflatten(1, (3, 4)))


@dataclass(frozen=True)
class Augmentation:
    """Ranges to draw from; the defaults change nothing.

    Attributes:
        flip_horizontal: probability of a left-right flip.
        flip_vertical: probability of an up-down flip.
        rotation_deg: rotation by up to this many degrees either way.
        scale: fraction of the image's area that is cropped out. A crop that does not fit is drawn
            again; after ten such the whole image is taken.
        aspect_ratio: width by height of the crop, drawn uniformly in its logarithm.
        translate: shift by up to this fraction of the side either way, along each axis.
        brightness: factor between 1 - b and 1 + b, not below 0.
        contrast: likewise, about the image's mean luma.
        saturation: likewise, about each pixel's luma.
        hue: turn of the colour circle by up to this fraction of it either way, at most 0.5.
        grayscale: probability of a gray image.
    """

    flip_horizontal: float = 0.0
    flip_vertical: float = 0.0
    rotation_deg: float = 0.0
    scale: Range = (1.0, 1.0)
    aspect_ratio: Range = (1.0, 1.0)
    translate: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    grayscale: float = 0.0

    def draw(self, n: int, generator: torch.Generator) -> Draws:
        """Parameters for `n` images from a generator on the CPU, each image its own.

        Takes the same random numbers whatever the ranges, so that two augmentations under one
        seed differ in nothing but the ranges that differ.
        """
        uniform = torch.rand(n, 12 + 2 * CROP_TRIALS, dtype=torch.float64, generator=generator)
        geometry = self._draw_geometry(uniform[:, :7], uniform[:, 12:])
        return Draws(geometry.float(), self._draw_colour(uniform[:, 7:12]).float())

    def _draw_geometry(self, uniform: Tensor, trials: Tensor) -> Tensor:
        horizontal, vertical, turn = uniform[:, :3].unbind(1)
        shift, position = uniform[:, 3:5], uniform[:, 5:7]
        crop_size = self._draw_crop(*trials.chunk(2, dim=1))
        return geometry_matrices(
            mirror_x=horizontal < self.flip_horizontal,
            mirror_y=vertical < self.flip_vertical,
            angle_rad=_between(turn, *_around(0, math.radians(self.rotation_deg))),
            crop_size=crop_size,
            # Sides are 2 long in [-1, 1]: a crop of width w leaves its centre 1 - w either way.
            crop_centre=_between(position, crop_size - 1, 1 - crop_size),
            shift=_between(shift, *_around(0, 2 * self.translate)),
        )

    def _draw_crop(self, scales: Tensor, ratios: Tensor) -> Tensor:
        """Width and height (N, 2) of the first trial that fits, as fractions of the side."""
        area = _between(scales, *self.scale)  # (N, trials)
        ratio = _between(ratios, *map(math.log, self.aspect_ratio)).exp()
        width, height = (area * ratio).sqrt(), (area / ratio).sqrt()
        fits = (width <= 1) & (height <= 1)
        first = fits.int().argmax(1, keepdim=True)
        sizes = torch.stack([width, height], 2).take_along_dim(first[:, :, None], 1)[:, 0]
        return sizes.masked_fill(~fits.any(1, keepdim=True), 1.0)

    def _draw_colour(self, uniform: Tensor) -> Tensor:
        brightness, contrast, saturation, hue, gray = uniform.unbind(1)
        return colour_matrices(
            brightness=_between(brightness, *_factors(self.brightness)),
            contrast=_between(contrast, *_factors(self.contrast)),
            saturation=_between(saturation, *_factors(self.saturation)),
            hue=_between(hue, *_around(0, self.hue)),
            gray=gray < self.grayscale,
        )


def geometry_matrices(
    *,
    mirror_x: Tensor,
    mirror_y: Tensor,
    angle_rad: Tensor,
    crop_size: Tensor,
    crop_centre: Tensor,
    shift: Tensor,
) -> Tensor:
    """Mirror, then crop, then turn and shift, as one map from the result back to the source.

    Args:
        mirror_x: (N,) bool, left and right change places.
        mirror_y: (N,) bool, up and down change places.
        angle_rad: (N,), positive is clockwise on the screen.
        crop_size: (N, 2) width and height in (0, 1], 1 the whole side.
        crop_centre: (N, 2) x, y in [-1, 1].
        shift: (N, 2) x, y of the result, 2 a whole side.

    Returns:
        (N, 2, 3), as `torch.nn.functional.affine_grid` takes it.
    """
    cos, sin = angle_rad.cos(), angle_rad.sin()
    turn_back = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    to_crop = crop_size[:, :, None] * turn_back  # (N, 2, 2)
    offset = crop_centre[:, :, None] - to_crop @ shift[:, :, None]  # (N, 2, 1)
    mirror = 1 - 2 * torch.stack([mirror_x, mirror_y], 1).to(cos.dtype)
    return mirror[:, :, None] * torch.cat([to_crop, offset], 2)


def colour_matrices(
    *, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor, gray: Tensor
) -> Tensor:
    """Brightness, contrast, saturation, hue and gray, in this order, as one affine map of r, g, b.

    Args:
        brightness: (N,) factor >= 0 on every channel.
        contrast: (N,) factor >= 0 on the distance from the image's mean luma.
        saturation: (N,) factor >= 0 on the distance from the pixel's luma.
        hue: (N,) turn of the chroma plane, as a fraction of the full circle.
        gray: (N,) bool, luma in all three channels.

    Returns:
        (N, 3, 4): the last column is multiplied by the mean luma of the image before all this.
    """
    eye = torch.eye(3, dtype=torch.float64)
    to_luma = LUMA.expand(3, 3)
    saturate = to_luma + saturation[:, None, None] * (eye - to_luma)
    matrix = _hue_matrices(hue) @ saturate
    matrix = torch.where(gray[:, None, None], to_luma, matrix)  # luma outlasts hue and saturation
    matrix = matrix * (brightness * contrast)[:, None, None]
    # A gray offset passes through hue, saturation and gray unchanged.
    offset = (brightness * (1 - contrast))[:, None, None].expand(-1, 3, 1)
    return torch.cat([matrix, offset], 2)


def apply(
    images: Tensor, draws: Draws, *, size_px: int, mean: Sequence[float], std: Sequence[float]
) -> Tensor:
    """The images as drawn, ready for a network, on the device that they are on.

    A source larger than the result is first averaged down to it over areas, so that resampling
    does not alias; what a crop then magnifies is a little soft. Outside the source is black, and
    treated by contrast as the black around the field of view is.

    Args:
        images: (N, 3, H, H) uint8, or float in [0, 1].
        draws: of the same N.
        size_px: S, side of the result.
        mean: of each channel, in [0, 1].
        std: of each channel.

    Returns:
        (N, 3, S, S) float: clamped to [0, 1], then normalised by mean and std.

    Raises:
        ValueError: images that are not square, or another number of draws.
    """
    if len(draws) != len(images):
        raise ValueError(f"{len(draws)} draws for {len(images)} images: must be one each")
    source = _shrunk(images, size_px)
    draws = draws if draws.geometry.device == source.device else draws.to(source.device)
    grid = _sampling_grid(draws.geometry.to(source.dtype), size_px)
    moved = functional.grid_sample(source, grid, padding_mode="zeros", align_corners=False)
    coloured = _recoloured(moved, draws.colour.to(source.dtype))
    return _normalise(coloured.clamp_(0, 1), mean, std)


def to_input(
    images: Tensor, *, size_px: int, mean: Sequence[float], std: Sequence[float]
) -> Tensor:
    """The images as they are, ready for a network: as `apply` with draws that change nothing."""
    source = _shrunk(images, size_px)
    if source.shape[-1] < size_px:
        source = functional.interpolate(source, size=size_px, mode="bilinear", align_corners=False)
    return _normalise(source, mean, std)


def _around(centre: float, radius: float) -> Range:
    return centre - radius, centre + radius


def _factors(radius: float) -> Range:
    return max(0.0, 1 - radius), 1 + radius


def _between(uniform: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    return low + (high - low) * uniform


def _hue_matrices(hue: Tensor) -> Tensor:
    turn = torch.eye(3, dtype=torch.float64).repeat(len(hue), 1, 1)
    angle = 2 * math.pi * hue
    turn[:, 1, 1] = turn[:, 2, 2] = angle.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -angle.sin(), angle.sin()
    return torch.linalg.inv(RGB_TO_YIQ) @ turn @ RGB_TO_YIQ


def _shrunk(images: Tensor, size_px: int) -> Tensor:
    """A float copy of side `size_px` at most, larger images averaged over areas."""
    if images.shape[-1] != images.shape[-2]:
        raise ValueError(f"images of shape {tuple(images.shape)}: must be square; pad or crop them")
    source = images.clone() if images.is_floating_point() else images.float().div_(255)
    if source.shape[-1] <= size_px:
        return source
    return functional.interpolate(source, size=size_px, mode="area")


def _sampling_grid(geometry: Tensor, size_px: int) -> Tensor:
    """Where each pixel centre of the result lies in the source: (N, S, S, 2), x before y.

    As `functional.affine_grid`, whose matrix product over (S * S, 3) takes three times as long.
    """
    places = torch.arange(size_px, device=geometry.device, dtype=geometry.dtype)
    centres = (places + 0.5) * (2 / size_px) - 1  # (S,)
    along_x, along_y, origin = geometry[:, None, None].unbind(-1)  # (N, 1, 1, 2) each
    rows = along_y * centres[:, None, None] + origin  # (N, S, 1, 2)
    return rows + along_x * centres[:, None]


def _recoloured(images: Tensor, colour: Tensor) -> Tensor:
    pixels = images.flatten(2)  # (N, 3, S * S)
    mean_luma = pixels.mean(2) @ constant(tuple(LUMA.tolist()), pixels.device, pixels.dtype)  # (N,)
    offset = colour[:, :, 3] * mean_luma[:, None]
    return (colour[:, :, :3] @ pixels).add_(offset[:, :, None]).view_as(images)


def _normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    centre, spread = (
        constant(tuple(value), images.device, images.dtype)[:, None, None] for value in (mean, std)
    )
    return images.sub_(centre).div_(spread)  # in place: a fresh batch costs more than the sum


@cache
def constant(values: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """A vector that is copied to a device once."""
    with torch.inference_mode(False):  # so that training may use what a prediction has made
        return torch.tensor(values, device=device, dtype=dtype)
