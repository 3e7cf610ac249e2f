"""A small set in NIH's layout, drawn as noise: eight patients, two lists, boxes, images."""

from pathlib import Path

import numpy as np
from PIL import Image

HEADERS = {
    "Data_Entry_2017.csv": "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,"
    "Patient Gender,View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],",
    "Data_Entry_2017_v2020.csv": "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,"
    "Patient Sex,View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]",
}
NEW = "Data_Entry_2017_v2020.csv"

# Image, findings, view; the first number is the patient, of whom 5 to 8 are in the test list.
ROWS = (
    ("00000001_000", "Mass", "PA"),
    ("00000001_001", "No Finding", "AP"),
    ("00000002_000", "No Finding", "PA"),
    ("00000002_001", "Effusion|Hernia", "AP"),
    ("00000003_000", "Hernia", "PA"),
    ("00000003_001", "No Finding", "PA"),
    ("00000004_000", "Nodule|Infiltration", "PA"),
    ("00000005_000", "Pneumonia", "AP"),
    ("00000005_001", "No Finding", "AP"),
    ("00000006_000", "Infiltration", "PA"),
    ("00000006_001", "Mass", "PA"),
    ("00000007_000", "No Finding", "PA"),
    ("00000008_000", "No Finding", "PA"),
)
BOX_LINES = ("00000006_000.png,Infiltrate,512.0,256.0,128.0,64.0",)


def write_nih(root, *, rows=ROWS, entries=NEW, boxes=BOX_LINES, images="images", side=64):
    """All files below a folder, as NIH ends their lines."""
    root = Path(root)
    (root / images).mkdir(parents=True)
    comma = "," if HEADERS[entries].endswith(",") else ""
    lines = [HEADERS[entries]]
    for number, (name, labels, view) in enumerate(rows):
        patient = int(name[:8])
        lines.append(f"{name}.png,{labels},0,{patient},57,M,{view},2682,2749,0.143,0.143{comma}")
        grey = np.random.default_rng(number).integers(0, 256, (side, side), dtype=np.uint8)
        Image.fromarray(grey).save(root / images / f"{name}.png")
    (root / entries).write_text("\n".join([*lines, ""]))
    for name, test in (("train_val_list.txt", False), ("test_list.txt", True)):
        own = [f"{row[0]}.png" for row in rows if (int(row[0][:8]) > 4) == test]
        (root / name).write_text("\n".join(own))
    text = "\r\n".join(["Image Index,Finding Label,Bbox [x,y,w,h],,,", *boxes, ""])
    (root / "BBox_List_2017.csv").write_bytes(text.encode())
    return root
