"""Windows of images: the same of an image and its masks, drawn anew, and nothing else cut."""

from typing import Any

import torch

from bench.training.crops import CroppedBatches

SIDE, CROP, COUNT = 12, 5, 16


class Numbered:
    """Images whose pixels are their places, masks ten times as bright, and labels."""

    foreign = ""

    def __len__(self):
        return 2

    def epoch(self, number):
        places = torch.arange(SIDE * SIDE).reshape(1, 1, SIDE, SIDE).expand(COUNT, 3, -1, -1)
        for _ in range(2):
            yield {"images": places, "masks": 10 * places[:, :1], "labels": torch.arange(COUNT)}


def cropped(purpose=(0, "first")) -> list[dict[str, Any]]:
    whole: Any = Numbered()
    return list(CroppedBatches(whole, CROP, purpose).epoch(1))


def test_an_image_and_its_masks_are_cut_alike_and_labels_are_kept():
    for batch in cropped():
        assert batch["images"].shape == (COUNT, 3, CROP, CROP)
        assert torch.equal(10 * batch["images"][:, :1], batch["masks"])
        assert torch.equal(batch["labels"], torch.arange(COUNT))
        assert (batch["images"].diff(dim=3) == 1).all()
        assert (batch["images"].diff(dim=2) == SIDE).all()


def test_windows_are_drawn_an_image_and_a_step_and_again_the_same():
    (first, second), again, other = cropped(), cropped(), cropped((1, "first"))
    corners = [batch["images"][:, 0, 0, 0] for batch in (first, second, other[0])]
    assert len(corners[0].unique()) > 8  # 64 places for 16 images
    assert not torch.equal(corners[0], corners[1])
    assert not torch.equal(corners[0], corners[2])
    assert torch.equal(first["images"], again[0]["images"])


def test_a_window_may_lie_at_any_edge():
    corners = torch.cat([b["images"][:, 0, 0, 0] for s in range(40) for b in cropped((s, "all"))])
    last = SIDE - CROP
    assert set((corners // SIDE).tolist()) == set((corners % SIDE).tolist()) == set(range(last + 1))
