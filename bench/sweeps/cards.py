"""The graphics cards of this machine, without loading torch."""

import shutil
import subprocess
from collections.abc import Mapping


def visible(environment: Mapping[str, str]) -> list[str]:
    """Their names for CUDA_VISIBLE_DEVICES, as far as it allows them."""
    if "CUDA_VISIBLE_DEVICES" in environment:
        return [name for name in environment["CUDA_VISIBLE_DEVICES"].split(",") if name]
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    count = sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
    return [str(number) for number in range(count)]


def to_share_out(environment: Mapping[str, str]) -> list[str]:
    """The same where there are several, one for each run at a time; [] for none or one."""
    names = visible(environment)
    return names if len(names) > 1 else []
