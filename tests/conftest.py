import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import settings
from PIL import Image

# Torch's first call is slow, so no deadline; a fixed search, so a red build is red for everyone.
settings.register_profile("bench", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("bench")


def pytest_configure(config):
    """Speed is measured by `make bench` alone; elsewhere each piece of work is done once."""
    if config.pluginmanager.hasplugin("benchmark"):
        config.option.benchmark_disable = True


def pytest_collection_modifyitems(items):
    """Slow tests are not traced for coverage, which lengthens them by up to a half.

    What they run, quick tests run as well: the bound on coverage is kept by those alone.
    """
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tiny networks gain nothing from a second thread, and wait for it when the machine is busy."""
    import torch

    torch.set_num_threads(1)


# A whole run in a second or two: what the wiring needs and nothing more.
TINY = (
    "data.image_px=32",
    "data.patch_image_px=64",
    "patches.size_px=16",
    "patches.minimum=2",
    "backbone.channels=[8,8,16,16]",
    "pretraining.epochs=2",
    "pretraining.batch=16",
    "pretraining.queue=16",
    "finetuning.epochs=2",
    "finetuning.batch=8",
    "engine.threads=1",
)


def draw_folder(root: Path, *, patients: int = 40, size_px: int = 64) -> Path:
    """A small set in the layout of `folder`: drawn photographs, grades, qualities and boxes."""
    from bench.data.twin.draw import photograph

    rows, boxes = [], []
    (root / "images").mkdir(parents=True)
    for patient in range(patients):
        grade, quality = patient % 5 if patient % 2 else 0, int(patient % 7 < 2)
        taken = photograph(str(patient), 1, grade=grade, quality=quality, size_px=size_px, seed=0)
        name = f"{patient:03d}.png"
        Image.fromarray(taken.image).save(root / "images" / name)
        split = "test" if patient % 3 == 0 else "train"
        rows.append((name, grade, str(patient), quality, split))
        boxes += [(name, *box[1:]) for box in taken.boxes[:6]]
    columns = ["image", "label", "patient_id", "quality", "split"]
    pd.DataFrame(rows, columns=columns).to_csv(root / "labels.csv", index=False)
    pd.DataFrame(boxes, columns=["image", "x0", "y0", "x1", "y1"]).to_csv(
        root / "boxes.csv", index=False
    )
    return root


@pytest.fixture(scope="session")
def real_data():
    """The folder of real samples; tests that need it are skipped without."""
    root = os.environ.get("BENCH_REAL_DATA")
    if not root:
        pytest.skip("BENCH_REAL_DATA is not set: no real samples here")
    return Path(root)


@pytest.fixture(scope="session")
def small_set(tmp_path_factory):
    """The small set, to read from; copy it to change it."""
    return draw_folder(tmp_path_factory.mktemp("data") / "folder")


@pytest.fixture
def tiny():
    """Changes that make a smoke run tiny."""
    return TINY


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache folder that the session shares."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def masked(tmp_path_factory):
    """A folder of data sets that holds photographs with lesion masks."""
    from drawn_idrid import draw_idrid

    root = tmp_path_factory.mktemp("published")
    draw_idrid(root / "idrid")
    return root
