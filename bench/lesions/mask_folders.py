"""IDRiD's folders of masks, one per kind of lesion, and the picture files in a folder."""

from pathlib import Path

from bench.data.picture_files import printable, refuse_special
from bench.errors import RequestError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
MASK_EXTENSIONS = (".tif", ".tiff", ".png", ".bmp", ".gif")
"""In small letters; of a mask in several formats the first is read."""

FOLDERS = {  # a kind of lesion: its folder and the end of its masks' names
    "microaneurysms": ("1. Microaneurysms", "MA"),
    "haemorrhages": ("2. Haemorrhages", "HE"),
    "hard exudates": ("3. Hard Exudates", "EX"),
    "soft exudates": ("4. Soft Exudates", "SE"),
}


def masks_by_name(kind: str, folder: Path) -> dict[str, Path]:
    """The masks of a kind by their names without ending, in small letters.

    Raises:
        RequestError: for a mask that its name says to be of another kind.
    """
    ends = {f"_{suffix.lower()}": (other, belongs) for other, (belongs, suffix) in FOLDERS.items()}
    found: dict[str, Path] = {}
    paths = pictures(folder, MASK_EXTENSIONS)
    for path in sorted(paths, key=lambda p: MASK_EXTENSIONS.index(p.suffix.lower())):
        refuse_special(path, "mask")
        other, belongs = ends.get(path.stem[-3:].lower(), (kind, folder.name))
        if other != kind:
            raise RequestError(
                f"mask {printable(path.name)} of {other} lies in {folder.name}; move it to "
                f"{belongs}"
            )
        found.setdefault(path.stem.lower(), path)
    return found


def pictures(folder: Path, extensions: tuple[str, ...]) -> list[Path]:
    """Files of a folder with these endings, in the order of their names; none if it is not there.

    Raises:
        RequestError: when the folder may not be looked into.
    """
    if not folder.is_dir():
        return []
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise RequestError(f"{folder} cannot be looked into ({error.strerror})") from error
    return [p for p in paths if p.suffix.lower() in extensions and not p.name.startswith("._")]
