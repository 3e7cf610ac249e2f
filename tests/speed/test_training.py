"""What training costs beside the least that it could cost."""

from typing import Any

import numpy as np
import pytest
import torch
from own_process import peak_mib_from_here
from timed import Row, in_turn, number
from torch import nn
from torchvision.transforms import v2

from baselines.classifier import Classifier
from bench.protocol.presets import named
from bench.training.augment import apply
from bench.training.augmentations import CONTRASTIVE
from bench.training.loop import fit
from bench.training.optim import build_optimizer, build_schedule
from bench.training.precision import channels_last

PART = "Training"
LAPTOP = named("laptop")
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Fixed:
    """The same batches each epoch, there before it begins."""

    indices = np.empty(0, dtype=np.int64)
    foreign = "random pictures"

    def __init__(self, steps, batch, px):
        torch.manual_seed(0)
        self.batches = [
            {
                "images": channels_last(torch.rand(batch, 3, px, px)),
                "labels": torch.randint(5, (batch,)),
            }
            for _ in range(steps)
        ]

    def __len__(self):
        return len(self.batches)

    def epoch(self, number):
        yield from self.batches


def small_network() -> Any:
    torch.manual_seed(0)
    options = {"channels": LAPTOP.backbone.channels, "stem_width": LAPTOP.backbone.stem_width}
    network = Classifier(
        5, backbone="resnet10t", weights="random", backbone_options=options, task="grading"
    )
    return channels_last(network).train()


def optimizer_of(network) -> Any:
    return build_optimizer(network.parameters(), name="adamw", lr=1e-3)


def test_the_engine_beside_a_bare_loop(benchmark, tmp_path):
    steps, batch, px = (40, 16, 96) if benchmark.enabled else (2, 2, 32)
    batches, network, bare = Fixed(steps, batch, px), small_network(), small_network()
    optimizer, plain = optimizer_of(network), optimizer_of(bare)
    schedule = build_schedule(optimizer, kind="constant", total_steps=steps)
    rounds = iter(range(1000))

    def engine():
        path = tmp_path / f"{next(rounds)}.pt"
        how: dict[str, Any] = {"precision": "fp32", "device": CPU, "path": path}
        return fit(network, optimizer, schedule, batches, epochs=1, **how)

    def loop():
        for given in batches.epoch(1):
            plain.zero_grad()
            loss = nn.functional.cross_entropy(bare(given["images"]), given["labels"])
            loss.backward()
            plain.step()

    what = f"an epoch by the engine, its checkpoint with it: laptop's network, {px} px"
    row = Row(PART, what, "the same steps in a bare loop", steps * batch, item="image", least=0.94)
    in_turn(benchmark, row, engine, loop)


def test_augmentation_beside_torchvision(benchmark):
    count, px = (64, 128) if benchmark.enabled else (2, 8)
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(256, (count, 3, px, px), dtype=torch.uint8)
    mean, std = (0.5,) * 3, (0.2,) * 3
    theirs = v2.Compose(
        [
            v2.RandomResizedCrop(px, scale=(0.8, 1.2), ratio=(0.8, 1.2)),
            v2.RandomHorizontalFlip(),
            v2.RandomVerticalFlip(),
            v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
            v2.RandomGrayscale(0.2),
            v2.RandomRotation((-180, 180)),
            v2.RandomAffine((0, 0), translate=(0.2, 0.2)),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean, std),
        ]
    )

    def ours():
        for _ in range(2):
            draws = CONTRASTIVE.draw(count, generator)
            apply(pictures, draws, size_px=px, mean=mean, std=std)

    def beside():
        for _ in range(2):
            torch.stack([theirs(picture) for picture in pictures])

    what = f"two views of a patch of {px} px, a batch at once"
    row = Row(PART, what, "torchvision's v2, one by one", count, item="patch", least=3)
    in_turn(benchmark, row, ours, beside, rounds=9)


def test_memory_over_fifty_epochs(benchmark, tmp_path):
    steps, batch, px = (10, 16, 48) if benchmark.enabled else (1, 2, 32)
    epochs = 50
    batches, network = Fixed(steps, batch, px), small_network()
    optimizer = optimizer_of(network)
    schedule = build_schedule(optimizer, kind="constant", total_steps=epochs * steps)
    peaks: list[float] = []
    fit(
        network,
        optimizer,
        schedule,
        batches,
        epochs=epochs,
        path=tmp_path / "c.pt",
        precision="fp32",
        device=CPU,
        record=lambda _: peaks.append(peak_mib_from_here()),
    )
    added = max(peaks[10:]) - max(peaks[:10])
    row = Row(PART, "memory that epochs 11 to 50 of a training add to the first ten")
    number(benchmark, row, added, "MiB")
    weights = sum(each.numel() * each.element_size() for each in network.parameters()) / 2**20
    assert added < (epochs - 10) * weights / 2  # half of what a copy an epoch would add
