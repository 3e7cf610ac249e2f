import numpy as np
import pytest

from bench.protocol.presets import derive, named
from bench.reporting.figures.gallery import photographs

BLURRED = ("cofe-100", "cofe-101", "cofe-110", "cofe-111")


def panels(*changes):
    return [picture for _, picture in photographs(derive(named("paper"), list(changes)))]


@pytest.mark.parametrize("blur_px", [96, 512])
def test_the_gallery_blurs_as_runs_do(blur_px):
    """Blur on a smaller square once left the figure as it was."""
    pairs = zip(panels(), panels(f"degradation.blur_px={blur_px}"), strict=True)
    changed = sum(not np.array_equal(usual, other) for usual, other in pairs)
    assert changed == (len(BLURRED) if blur_px != 512 else 0)
