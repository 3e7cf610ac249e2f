"""Where the repository and what it commits lie, for tests in any folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STUDIES = ROOT / "results" / "studies"
FIRST = STUDIES / "first"
GOLDEN = ROOT / "tests" / "golden"
