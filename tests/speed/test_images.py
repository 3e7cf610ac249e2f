"""What images cost: decoded, degraded, read from the cache, cut into patches."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from timed import Row, in_turn, number

from bench.checksums import row_checksum
from bench.data import cache, pixel_store
from bench.data.decode import photograph, read_image
from bench.data.degradations.chain import draw_kind
from bench.data.pixel_store import PixelStore
from bench.data.pixels import Pixels, open_images
from bench.data.records import Record
from bench.errors import Interrupted
from bench.pipeline.resolve import Request, prepare

PART = "Images"
CAMERA = (3500, 2300)  # width and height in pixels


def eye(width: int, height: int) -> np.ndarray:
    """A round field with some texture, as a JPEG of a camera has it."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(60, 200, (height // 50 + 1, width // 50 + 1, 3)).astype(np.float32)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
    mask = np.zeros((height, width, 1), np.uint8)
    cv2.circle(mask, (width // 2, height // 2), height * 12 // 25, (1,), -1)
    return picture * mask


@pytest.fixture
def camera(benchmark, tmp_path):
    """Some photographs, each a file of its own content."""
    width, height = CAMERA if benchmark.enabled else (350, 230)
    content = cv2.imencode(".jpg", eye(width, height), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    return written(tmp_path / "camera", content, 12 if benchmark.enabled else 3)


def written(folder: Path, content: bytes, count: int) -> list[Path]:
    folder.mkdir(parents=True)
    paths = [folder / f"{place:05d}.jpg" for place in range(count)]
    for place, path in enumerate(paths):
        path.write_bytes(content + place.to_bytes(4, "big"))  # behind the picture's end
    return paths


def record(path: Path) -> Record:
    return Record(path.stem, path, path.stem, (0,), 0, "train")


def make_clean(paths: list[Path], folder: Path, tick=lambda *_: None, size_px=512):
    records = [record(path) for path in paths]
    digests = cache.content_digests(records, folder, tick)
    return cache.clean(records, digests, size_px=size_px, cache=folder, tick=tick)


def test_decoding_beside_the_whole_file(benchmark, camera):
    theirs = cv2.imread(str(camera[0]))
    assert theirs is not None
    assert np.abs(read_image(camera[0]).astype(int) - theirs[:, :, ::-1]).mean() < 2
    name = "{} x {}".format(*CAMERA)
    what = f"a photograph of {name} px decoded and cropped to its field at 512 px"
    row = Row(PART, what, "the whole file decoded by OpenCV, no more", len(camera), item="image")
    in_turn(
        benchmark,
        row,
        lambda: [photograph(path, 512) for path in camera],
        lambda: [cv2.imread(str(path)) for path in camera],
        rounds=5,
    )


@pytest.mark.parametrize("kind", ["cofe-111", "cataract"])
def test_degrading_beside_decoding(benchmark, camera, kind):
    size = 512 if benchmark.enabled else 64
    square, field = photograph(camera[0], size)
    mask = field.mask(size)
    drawn = [draw_kind(np.random.default_rng(seed), kind) for seed in range(len(camera))]
    row = Row(
        PART,
        f"an image of {size} px degraded ({kind})",
        "its file read as above",
        len(camera),
        item="image",
    )
    in_turn(
        benchmark,
        row,
        lambda: [each.apply(square, mask) for each in drawn],
        lambda: [photograph(path, size) for path in camera],
        rounds=5,
    )


def stored(benchmark, folder: Path) -> tuple[Pixels, np.ndarray]:
    """Images in a store, a third of them with a degraded copy, and the same as an array."""
    count, px = (300, 512) if benchmark.enabled else (6, 32)
    whole = np.random.default_rng(0).integers(0, 256, (count, px, px, 3), dtype=np.uint8)
    keys = [str(number) for number in range(count)]

    def made(which: np.ndarray, name: str):
        store = PixelStore(folder / name, {"size_px": px})

        def make(i: int):
            return whole[which[i]], {}

        store.fill([keys[i] for i in which], make, lambda _: None)
        return store.images([keys[i] for i in which], make, lambda _: None)

    third = np.arange(0, count, 3)
    copies = np.full(count, -1)
    copies[third] = np.arange(len(third))
    pixels = Pixels(made(np.arange(count), "clean"), made(third, "copies"), copies)
    pixels.images(np.arange(count))  # each row's checksum, once a process
    return pixels, whole


def test_batches_beside_an_array(benchmark, tmp_path):
    pixels, whole = stored(benchmark, tmp_path)
    order = np.random.default_rng(1).permutation(len(whole))
    batches = np.array_split(order, max(1, len(order) // 16))
    row = Row(
        PART,
        "a batch of 16 gathered from the cache, a third of it degraded copies",
        "the same from an array in memory",
        len(order),
        item="image",
    )
    in_turn(
        benchmark,
        row,
        lambda: [pixels.images(batch) for batch in batches],
        lambda: [whole[batch] for batch in batches],
    )


def test_cuts_beside_whole_images(benchmark, tmp_path):
    pixels, whole = stored(benchmark, tmp_path)
    side = whole.shape[1] // 4
    rng = np.random.default_rng(1)
    indices = rng.permutation(len(whole))
    where = rng.integers(0, whole.shape[1] - side, (len(indices), 2))
    clean = np.zeros(len(indices), dtype=bool)
    row = Row(
        PART,
        "a patch of a quarter of the side cut from the cache",
        "a whole image gathered from it",
        len(indices),
        item="patch",
    )
    in_turn(
        benchmark,
        row,
        lambda: pixels.patches(indices, where, patch_px=side, undegraded=clean),
        lambda: [pixels.images(part) for part in np.array_split(indices, 8)],
    )


def test_checksums_beside_copies(benchmark, tmp_path):
    _, whole = stored(benchmark, tmp_path)
    what = "the checksum of an image as it is first read"
    row = Row(PART, what, "a copy of its bytes", len(whole), item="image")
    in_turn(
        benchmark,
        row,
        lambda: [row_checksum(image) for image in whole],
        lambda: [image.copy() for image in whole],
    )


def test_a_start_at_the_size_of_eyeq(benchmark, tmp_path):
    """All is in the cache: labels and notes are read, and no picture."""
    count = 28_792 if benchmark.enabled else 60
    content = cv2.imencode(".jpg", eye(96, 96))[1].tobytes()
    paths = written(tmp_path / "data" / "images", content, count)
    rows = [f"{path.name},{number % 5}" for number, path in enumerate(paths)]
    (tmp_path / "data" / "labels.csv").write_text("\n".join(["image,label", *rows]))

    def start(folder: str):
        request = Request(
            "resnet50",
            "folder",
            protocol="laptop",
            data=tmp_path / "data",
            results=tmp_path / "runs",
            cache=tmp_path / folder,
            device="cpu",
        )
        prepared = prepare(request, lambda *_: None)
        images = open_images(
            prepared.dataset,
            prepared.digests,
            prepared.degraded,
            prepared.protocol,
            folder=prepared.cache,
            tick=lambda *_: None,
        )
        assert len(images.whole.clean) == count

    start("known")
    fresh = iter(range(100))
    row = Row(
        PART,
        f"a run's start with {count:,} images that the cache holds, up to its first batch",
        "its first start, which decodes them (of 96 px)",
        count,
        item="image",
    )
    in_turn(benchmark, row, lambda: start("known"), lambda: start(f"fresh{next(fresh)}"), rounds=1)


def test_all_cores_beside_one(benchmark, camera, tmp_path, monkeypatch):
    many = pixel_store.cores()
    fresh = iter(range(1000))

    def decoded(workers: int):
        monkeypatch.setattr(pixel_store, "cores", lambda: workers)
        make_clean(camera, tmp_path / f"{next(fresh)}")

    row = Row(
        PART,
        f"photographs of {CAMERA[0]} x {CAMERA[1]} px decoded into the cache, on {many} cores",
        "on one core, by the clock on the wall",
        len(camera),
        item="image",
    )
    in_turn(
        benchmark,
        row,
        lambda: decoded(many),
        lambda: decoded(1),
        rounds=5,
        clock=time.perf_counter,
    )


def test_a_start_stops_at_once(benchmark, camera, tmp_path):
    asked: list[float] = []

    def tick(what: str, *_):
        if what == "reading images" and not asked:
            asked.append(time.perf_counter())
            raise Interrupted("asked to stop")

    with pytest.raises(Interrupted):
        make_clean(camera, tmp_path / "cache", tick)
    waited = time.perf_counter() - asked[0]
    row = Row(PART, f"wait until decoding stops, asked to, with photographs of {CAMERA[0]} px")
    number(benchmark, row, waited, "s")
    assert waited < 2  # whoever presses Ctrl-C is not kept waiting
