"""The committed first study, and beside it a method whose name is a script."""

import json
import shutil
from pathlib import Path

from bench.store import finish, write_json

FIRST = Path(__file__).parents[2] / "results" / "studies" / "first"
HOSTILE = "<script>alert(1)</script>.py:Net"


def hostile_study(root: Path) -> Path:
    """A copy of the first study with one more method, whose name would run if it were not text."""
    shutil.copytree(FIRST, root)
    source = next(iter(sorted((root / "eyeq-twin" / "resnet50").iterdir())))
    folder = root / "eyeq-twin" / "own" / "0123456789ab"
    shutil.copytree(source, folder)
    saved = json.loads((folder / "spec.json").read_text())
    saved["id"], saved["spec"]["method"] = folder.name, HOSTILE
    saved["spec"]["method_digest"] = "0" * 64
    saved["about"]["command"] = "bench run --method '<script>alert(2)</script>'"
    write_json(folder / "spec.json", saved)
    finish(folder)
    return root
