"""Which file a label file means: by its name as written, else by the one that it must be.

Names are written without their ending, with another one, with `images/` or `./` before them, in
other letters' case, in another Unicode form, or with backslashes. Each is found; where two files
could be meant, neither is taken.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from bench.errors import RequestError

ENDINGS = (".jpeg", ".jpg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".dcm")
"""What ends a name; a dot before anything else is a part of the name."""
LONGEST = 255  # bytes of a file's name
DRIVE = re.compile(r"[A-Za-z]:[\\/]")


class ImageFolder:
    """The files of a folder by the names that people give them.

    Attributes:
        root: The folder.
    """

    def __init__(self, root: Path):
        self.root = root
        self._by_name: dict[str, list[str]] | None = None

    def find(self, text: str, where: str) -> Path:
        """The file that a name means; where there is none, the path that it would have.

        Raises:
            RequestError: for a name that leaves the folder, or that two files fit.
        """
        refuse_unsafe(text, where)
        exact = self.root / text
        if exact.is_file():
            return exact
        fitting = self._fitting(tidied(text))
        if len(fitting) > 1:
            raise RequestError(
                f"{where}: {text!r} could be {fitting[0]!r} or {fitting[1]!r} in "
                f"{self.root.name}/; write the whole name of the one that is meant"
            )
        return self.root / fitting[0] if fitting else exact

    def _fitting(self, name: str) -> list[str]:
        """Files of this name, else those that differ in their ending alone."""
        if self._by_name is None:
            self._by_name = {}
            for file in _below(self.root):
                self._by_name.setdefault(_without_ending(_key(file)), []).append(file)
        own = self._by_name.get(_without_ending(_key(name)), [])
        same = [file for file in own if _key(file) == _key(name)]
        return same or own


def refuse_unsafe(text: str, where: str) -> None:
    """Refuse what cannot be the name of an image below a folder.

    Raises:
        RequestError: for a blank, absolute or outward name, or one that no picture has.
    """
    if not text:
        raise RequestError(f"{where}: no image is named; write its name, or delete the line")
    if text.startswith(("/", "\\", "~/")) or DRIVE.match(text):
        raise RequestError(
            f"{where}: {text!r} is a path from the root of a disk; name images as they are below "
            "the folder of images"
        )
    parts = text.replace("\\", "/").split("/")
    if ".." in parts:
        raise RequestError(
            f"{where}: {text!r} leads out of the folder of images; put the file into it (a link "
            "does), and write its name there"
        )
    if any(unicodedata.category(letter) == "Cc" and letter != "\t" for letter in text):
        raise RequestError(
            f"{where}: {text!r} has a line break or another control character in it; a quotation "
            "mark is missing, or misplaced"
        )
    if any(len(os.fsencode(part)) > LONGEST for part in parts):
        raise RequestError(
            f"{where}: {text[:40]!r}... is longer than a file's name can be; a separator or a "
            "quotation mark is missing, or misplaced"
        )
    if parts[-1].startswith("._"):
        raise RequestError(
            f"{where}: {text!r} is a file that macOS keeps beside an image, and not the image; "
            "delete the line"
        )


def tidied(text: str) -> str:
    """A name without what is written before it, `./` or `images/`; folders are parted by `/`."""
    parts = [part for part in text.replace("\\", "/").split("/") if part not in ("", ".")]
    return "/".join(parts[1:] if len(parts) > 1 and parts[0] == "images" else parts)


def without_ending(name: str) -> str:
    """A name as images are told apart by it: in small letters, one Unicode form, no ending."""
    return _without_ending(_key(name))


def refuse_two_names(names: Iterable[str], paths: Iterable[Path], file: str) -> None:
    """Refuse a label file that names one file in two ways.

    Raises:
        RequestError: naming both.
    """
    seen: dict[str, str] = {}
    for name, path in zip(names, paths, strict=True):
        first = seen.setdefault(os.path.normpath(path), name)
        if first != name:
            raise RequestError(f"{file}: {first!r} and {name!r} are one image; keep one row")


def linked_outside(paths: Iterable[Path], root: Path) -> list[str]:
    """Names of the files that lie outside a folder, where a link in it leads."""
    inside = root.resolve()
    return [path.name for path in paths if not path.resolve().is_relative_to(inside)]


def _below(root: Path) -> Iterator[str]:
    """Files of images below a folder, as relative names; hidden ones are left aside."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(ENDINGS):
                yield Path(folder, name).relative_to(root).as_posix()


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _without_ending(key: str) -> str:
    ending = PurePosixPath(key).suffix
    return key.removesuffix(ending) if ending in ENDINGS else key
