"""Small sets in every layout of label files, of which only the labels matter: no picture is one."""

from pathlib import Path

from small_nih import write_nih

GRADES = "image,label,patient_id,eye,quality,split"
NAMES = (
    "./a b.jpg",
    "sub/b.JPG",
    "\u00e9.png",
    "e\u0301.png",
    "C.png",
    "c.png",
    "nothing",
    "1.2.840.png",
)
"""Names that people give; the third in one letter, the fourth in two."""


def grades(root: Path) -> Path:
    """Everything stated, boxes too."""
    rows = [
        f"{i:03d}.png,{i % 5},p{i // 2},{'left' if i % 2 else 'right'},{i % 3},"
        f"{('train', 'test', 'validation')[i // 2 % 3]}"
        for i in range(60)
    ]
    boxes = [f"{i:03d}.png,{i},1.5,{i + 4},9" for i in range(0, 60, 4)]
    _write(root, [f"{i:03d}.png" for i in range(60)])
    (root / "labels.csv").write_text("\n".join([GRADES, *rows, ""]))
    (root / "boxes.csv").write_text("\n".join(["image,x0,y0,x1,y1", *boxes]))
    return root


def findings(root: Path) -> Path:
    """Three findings, one of them without a positive, and nothing else."""
    rows = [f"{i}.jpg,{i % 2},{int(i % 7 == 0)},0" for i in range(50)]
    _write(root, [f"{i}.jpg" for i in range(50)])
    (root / "labels.csv").write_text("\n".join(["image,mass,nodule,hernia", *rows]))
    return root


def names(root: Path) -> Path:
    """Odd names, a byte-order mark, lines of Windows, spaces around cells, patients by number."""
    rows = [f" {name} , {i % 5} ,{i:02d}" for i, name in enumerate(NAMES)]
    more = [f"{i}.png,{i % 5},{i}" for i in range(100, 130)]
    _write(root, [*NAMES, *(f"{i}.png" for i in range(100, 130))])
    lines = ["image,label,patient_id", *rows, "", *more]
    (root / "labels.csv").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    return root


def eyeq(root: Path) -> Path:
    """EyeQ's two label files, images in all folders that are searched, a box file."""
    for split, start in (("train", 0), ("test", 100)):
        rows = [
            f"{i},{start + i // 2}_{'left' if i % 2 else 'right'}.jpeg,{i % 3},{i % 5}"
            for i in range(40)
        ]
        (root / split).mkdir(parents=True)
        text = "\n".join([",image,quality,DR_grade", *rows, ""])
        (root / f"Label_EyeQ_{split}.csv").write_text(text)
        for i, row in enumerate(rows):
            stem = row.split(",")[1].partition(".")[0]
            ending = (".jpeg", ".jpg", ".JPEG", ".png")[i % 4]
            folder = root / ("images" if i % 5 == 4 else split)
            folder.mkdir(exist_ok=True)
            (folder / f"{stem}{ending}").write_text(stem)
    (root / "boxes.csv").write_text("image,x0,y0,x1,y1\n0_left.jpeg,1,2,3,4\n101_right,0,0,5,5\n")
    return root


def nih(root: Path) -> Path:
    """ChestX-ray14's files."""
    rows = [
        (f"{patient:08d}_{visit:03d}", ("Mass", "No Finding", "Effusion|Hernia")[visit % 3], view)
        for patient in range(1, 9)
        for visit in range(6)
        for view in ("PA AP".split()[visit // 3],)
    ]
    return write_nih(root, rows=rows)


SETS = {
    "grades": ("folder", grades),
    "findings": ("folder", findings),
    "names": ("folder", names),
    "eyeq": ("eyeq", eyeq),
    "nih": ("chestxray", nih),
}
"""What is written, and the data set that reads it."""


def _write(root: Path, images: list[str]) -> None:
    for name in images:
        path = root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
