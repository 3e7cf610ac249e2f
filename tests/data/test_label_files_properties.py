"""Readers of label files, by property: what was meant is read, or the file is named; nothing else.

A table is made up, written as some program would write it, damaged or not, and read again. The
reader gives back exactly what was meant, or a RequestError with the name of its file. Another
exception is a fault, and so is another content.
"""

import csv
import io
import os
import random
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data import eyeq, folder
from bench.data.chest import files as chest_files
from bench.data.published import FINDINGS
from bench.errors import RequestError

CASES = 10_000 if "BENCH_LONG" in os.environ else 100
MISSING = ("", " ", "nan", "NA", "-1", "-1.0", "None", "?", "\ufffd", "\u00a0")
READ = ("utf-8", "utf-8-sig", "utf-16", "utf-32")
ENCODINGS = (*READ, *READ, "cp1252", "latin-1", "utf-16-le", "mac_roman", "cp932")
STEMS = (*"aB", "b c", "d,e", "f;g", 'h"i', "\u00e9", "e\u0301", "1.2.840", "j\tk", "\u4e2d", "00")
SOUND = ("", "", "trailing", "blank")
LEGAL = ("quote", "bytes")
"""Damage after which a file may say something else, which nobody can tell."""
DAMAGE = (*SOUND, *LEGAL, "ragged", "nul", "cut", "header")
seeds = st.integers(0, 2**32)


class Written(NamedTuple):
    """A file, whether it must be read, and whether it says what was meant."""

    content: bytes
    sound: bool
    as_meant: bool


@contextmanager
def fresh():
    """A folder of one case."""
    root = Path(tempfile.mkdtemp())
    try:
        yield root
    finally:
        shutil.rmtree(root)


def written(rows, draw):
    """A table as some program writes it, in some encoding, perhaps damaged."""
    separator = draw.choice(",,,;\t")
    ending = draw.choice(("\n", "\r\n", "\r"))
    quoting = draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=ending, quoting=quoting).writerows(rows)
    text, damage, encoding = out.getvalue(), draw.choice(DAMAGE), draw.choice(ENCODINGS)
    lines = text.split(ending)
    if damage == "trailing":
        lines = [line + separator if line else line for line in lines]
    if damage == "ragged":
        lines[draw.randrange(len(lines))] += f"{separator}more"
    if damage == "header":
        lines = lines[:1]
    if damage == "blank":
        lines.insert(draw.randrange(len(lines)), draw.choice(("", " ", separator * 2)))
    text = ending.join(lines)
    place = draw.randrange(len(text) + 1)
    inserted = {"nul": "\0", "quote": '"', "cut": None}.get(damage, "")
    text = text[:place] if inserted is None else text[:place] + inserted + text[place:]
    try:
        content = text.encode(encoding)
    except UnicodeEncodeError:
        encoding, content = "utf-8", text.encode()
    if damage == "bytes":
        content = content[:place] + bytes([draw.randrange(256)]) + content[place:]
    plain = text.isascii() and encoding not in ("utf-16-le",)
    return Written(content, damage in SOUND and (encoding in READ or plain), damage not in LEGAL)


def gaps(rows, draw):
    """The rows, some of them with a cell that has no value, or a column twice."""
    rows = [list(row) for row in rows]
    while draw.random() < 0.3:
        row = rows[draw.randrange(1, len(rows))]
        row[draw.randrange(len(row))] = draw.choice(MISSING)
    if draw.random() < 0.1:
        place = draw.randrange(len(rows[0]))
        rows = [[*row, row[place]] for row in rows]
    return rows


def read(call, files):
    """What a reader gives; None where it refuses, naming one of its files."""
    try:
        return call()
    except RequestError as error:
        assert any(name in str(error) for name in files), str(error)
        return None


@settings(max_examples=CASES)
@given(seeds)
def test_a_folder_is_read_as_meant_or_refused(seed):
    draw = random.Random(seed)
    stems, graded = draw.sample(STEMS, draw.randrange(1, 7)), draw.random() < 0.5
    names = [f"{stem}.png" for stem in stems]
    meant = {
        name: (draw.randrange(5),) if graded else (draw.randrange(2), draw.randrange(2))
        for name in names
    }
    columns = ["image", "label"] if graded else ["image", "mass", "hernia"]
    rows = [[*columns, "patient_id", "split"]]
    rows += [
        [n, *v, f"p{i % 3}", ("train", "test")[i % 2]] for i, (n, v) in enumerate(meant.items())
    ]
    changed = gaps(rows, draw)
    content, whole, as_meant = written(changed, draw)
    with fresh() as root:
        (root / "labels.csv").write_bytes(content)
        for name in names:
            (root / "images").mkdir(exist_ok=True)
            (root / "images" / name).write_text(name)
        data = read(lambda: folder.load(root), ("labels.csv",))
    if data is None:
        assert not (whole and changed == rows), "a table without any fault is read"
        return
    if not as_meant:
        return
    kept = {r.image_id: r for r in data.records}
    by_row = {str(row[0]).strip(): row for row in changed[1:]}
    assert kept.keys() <= by_row.keys()
    for name, record in kept.items():
        assert record.labels == tuple(int(float(v)) for v in by_row[name][1 : len(columns)])
        patient = str(by_row[name][len(columns)]).strip()
        assert record.patient_id == (patient or f"no patient: {name}")
        assert record.split == by_row[name][len(columns) + 1]
    if whole:
        assert kept.keys() == by_row.keys()


@settings(max_examples=CASES)
@given(seeds)
def test_eyeqs_label_files_are_read_as_meant_or_refused(seed):
    draw = random.Random(seed)
    count, as_meant = draw.randrange(1, 7), True
    sound, changed = True, {}
    with fresh() as root:
        for split, start in (("train", 10), ("test", 50)):
            rows = [["", "image", "quality", "DR_grade"]]
            rows += [
                [i, f"{start + i // 2}_{('left', 'right')[i % 2]}.jpeg", draw.randrange(3), i % 5]
                for i in range(count)
            ]
            changed[split] = gaps(rows, draw)
            content, whole, said = written(changed[split], draw)
            sound, as_meant = sound and whole and changed[split] == rows, as_meant and said
            (root / f"Label_EyeQ_{split}.csv").write_bytes(content)
        records = read(lambda: eyeq.all_rows(root), ("Label_EyeQ_",))
    if records is None:
        assert not sound, "label files without any fault are read"
        return
    if not as_meant:
        return
    for record in records:
        of_name = [r for r in changed[record.split][1:] if Path(str(r[1])).stem == record.image_id]
        assert [int(float(of_name[0][3]))] == list(record.labels)
        assert int(float(of_name[0][2])) == record.quality
        assert record.patient_id == record.image_id.split("_")[0]
    if sound:
        assert len(records) == 2 * count


def listed(names, draw):
    """A list of images as bytes."""
    ending, encoding = (
        draw.choice(("\n", "\r\n", "\r")),
        draw.choice(("utf-8", "utf-8-sig", "utf-16")),
    )
    blank = [""] * draw.randrange(2)
    return ending.join([*blank, *(f"{name}.png" for name in names), *blank]).encode(encoding)


@settings(max_examples=CASES)
@given(seeds)
def test_nihs_label_file_and_lists_are_read_as_meant_or_refused(seed):
    draw = random.Random(seed)
    count = draw.randrange(1, 7)
    names = [f"{i:08d}_000" for i in range(count)]
    meant = {n: draw.sample(FINDINGS, draw.randrange(3)) for n in names}
    rows = [["Image Index", "Finding Labels", "Patient ID", "View Position"]]
    rows += [
        [f"{n}.png", "|".join(f) or "No Finding", int(n[:8]), draw.choice(("PA", "AP"))]
        for n, f in meant.items()
    ]
    changed = gaps(rows, draw)
    content, whole, as_meant = written(changed, draw)
    with fresh() as root:
        (root / "Data_Entry_2017_v2020.csv").write_bytes(content)
        (root / "train_val_list.txt").write_bytes(listed(names[::2], draw))
        (root / "test_list.txt").write_bytes(listed(names[1::2], draw))
        listing = read(lambda: chest_files.listing(root), ("Data_Entry_2017_v2020.csv",))
    if listing is None:
        assert not (whole and changed == rows), "label files without any fault are read"
        return
    if not as_meant:
        return
    for entry in listing.entries:
        of_name = [r for r in changed[1:] if Path(str(r[0])).stem == entry.image_id]
        found = {name for name, value in zip(FINDINGS, entry.labels, strict=True) if value}
        assert found == set(str(of_name[0][1]).split("|")) - {"No Finding"}
        assert entry.patient_id == f"{int(of_name[0][2]):08d}"
        assert entry.split == ("test" if names.index(entry.image_id) % 2 else "train")
    if whole and changed == rows:
        assert len(listing.entries) == count
        assert not (listing.unlisted or listing.unknown or listing.twice)


def test_the_cases_have_all_kinds():
    """Else the properties would hold of refusals, or of plain tables, alone."""
    drawn = random.Random(0)
    rows = [["image", "label"], ["a.png", 1]]
    outcomes = [written(gaps(rows, drawn), drawn) for _ in range(200)]
    assert 40 < sum(case.sound for case in outcomes) < 160
    assert 100 < sum(case.as_meant for case in outcomes) < 190
