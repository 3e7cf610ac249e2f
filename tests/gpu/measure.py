"""Measurements of `make gpu-check`: what the card can do, and how much of it a training uses.

    python tests/gpu/measure.py ceiling OUT.json
    python tests/gpu/measure.py throughput CEILING.json OUT.json

Without a card both are a rehearsal at toy sizes, and say so.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import timm
import torch

from bench.training.precision import set_numerics

CARD = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CARD else "cpu")
KIND = "measured" if CARD else "rehearsal"
# Network, precision, side in pixels, batches; of the trainings: images drawn, patches.
SIZES: dict[str, Any] = (
    {"network": "resnet50", "precision": "bf16", "px": 512, "batches": (16, 64), "steps": 40}
    if CARD
    else {"network": "resnet10t", "precision": "fp32", "px": 32, "batches": (4, 8), "steps": 3}
)
PATCHES = (128, 64) if CARD else (16, 16)  # side in pixels, a batch
BARE = 16 if CARD else 4


def bare(px: int, batch: int, *, views: int = 1) -> float:
    """Images a second of the bare network's training step on resident tensors.

    Args:
        px: Side of an image.
        batch: Images a step.
        views: 2 for a momentum encoder's step: one half with gradients, one without.
    """
    set_numerics()
    torch.manual_seed(0)
    network = timm.create_model(SIZES["network"], num_classes=5).to(DEVICE)
    network = network.to(memory_format=torch.channels_last)  # pyright: ignore
    images = torch.rand(batch, 3, px, px, device=DEVICE).to(memory_format=torch.channels_last)
    labels = torch.randint(5, (batch,), device=DEVICE)
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9, fused=CARD or None)
    began = 0.0
    for step in range(SIZES["steps"] + 5):
        if step == 5:
            _wait()
            began = time.perf_counter()
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=SIZES["precision"] == "bf16"):
            if views == 2:
                with torch.no_grad():
                    network(images)
            loss = torch.nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    _wait()
    return SIZES["steps"] * batch / (time.perf_counter() - began)


def _wait() -> None:
    if CARD:
        torch.cuda.synchronize()


def ceiling() -> dict[str, Any]:
    """The bare steps that trainings are compared with, and how much memory they took."""
    found: dict[str, Any] = {"kind": KIND, **SIZES}
    for batch in SIZES["batches"]:
        found[f"images/s, batch {batch}"] = bare(SIZES["px"], batch)
    found["patches/s, two views"] = bare(*PATCHES, views=2)
    if CARD:
        found["peak bytes"] = torch.cuda.max_memory_allocated()
    return found


def throughput(known: dict[str, Any]) -> dict[str, Any]:
    """Images a second of whole trainings, of the fastest epoch but the first, and of the bare's."""
    found: dict[str, Any] = {"kind": KIND}
    pairs = {"resnet50": f"images/s, batch {BARE}", "comcl": "patches/s, two views"}
    for method, beside in pairs.items():
        stage = "pretrain" if method == "comcl" else "finetune"
        events = [event for event in _events(method) if event["stage"] == stage]
        epochs = [event for event in events if "epoch" in event]
        speed = max(event["images_per_second"] for event in epochs[1:])
        peak = [event["compute"] for event in events if "compute" in event]
        found[method] = {
            "images/s": speed,
            "of the bare step": speed / known[beside],
            "peak bytes": peak[0].get("peak_bytes") if peak else None,
        }
    return found


def _events(method: str) -> list[dict[str, Any]]:
    """Of a short run on drawn photographs, at the paper's sizes where there is a card."""
    px, (patch_px, patches) = SIZES["px"], PATCHES
    changes = {
        "backbone.name": SIZES["network"],
        "engine.precision": SIZES["precision"],
        "data.image_px": px,
        "data.patch_image_px": px,
        "data.twin_px": max(px, 64),
        "data.twin_train": 800 if CARD else 60,
        "data.twin_test": 60,
        "data.validation_share": 0.2,
        "patches.size_px": patch_px,
        "patches.minimum": 1,
        "patches.boxes": "oracle" if CARD else "random_lesion_crops",
        "pretraining.batch": patches,
        "pretraining.epochs": 4,
        "finetuning.batch": BARE,
        "finetuning.epochs": 4 if method == "resnet50" else 1,
        "init.weights": "random",
        "data.limit": "null",
    }
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "bench", "run", "--method", method, "--lq-ratio", "0.7"]
        words += ["--dataset", "eyeq-twin", "--protocol", "paper" if CARD else "smoke"]
        words += ["--results", folder, "--cache", f"{folder}/cache", "--device", DEVICE.type]
        for name, value in changes.items():
            words += ["--set", f"{name}={value}"]
        subprocess.run(words, check=True)
        logs = sorted(Path(folder).glob("*/*/*/events.jsonl"))
        lines = [line for log in logs for line in log.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def main(what: str, *paths: str) -> None:
    """Measure, print, and write the last of the paths."""
    *read, out = map(Path, paths)
    found = ceiling() if what == "ceiling" else throughput(json.loads(read[0].read_text()))
    text = json.dumps(found, indent=1)
    print(text, flush=True)
    out.write_text(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
