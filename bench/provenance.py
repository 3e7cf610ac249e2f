"""Where a record comes from: commit, versions, machine. Recorded and audited, never hashed.

No path of a machine is stored, so that records can be committed.
"""

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "pillow",
    "opencv-python-headless",
    "pyarrow",
)

SUMMING = ("avx", "fma", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16")
LIMITING = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_CBWR")


def origin(*, device: str, device_name: str, seconds: float) -> dict[str, Any]:
    """Where, when and with what something was trained, as plain JSON values.

    Args:
        device: "cpu" or "cuda".
        device_name: The model of the device.
        seconds: Wall-clock time that it took, resumed parts included.
    """
    return {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device,
        "device_name": device_name,
        "instructions": instructions(),
        "cpus": os.cpu_count(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "codecs": codecs(),
        "seconds": round(seconds, 1),
        **({"gpu": gpu_libraries()} if device == "cuda" else {}),
    }


def commit() -> str:
    """The commit of this checkout, "+changes" appended when files differ, or "unknown"."""
    here = Path(__file__).resolve().parent
    try:
        head = _git("rev-parse", "HEAD", cwd=here)
        return head + ("+changes" if _git("status", "--porcelain", "-uno", cwd=here) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # an installed copy without git is a fact to record, not a failure


def codecs() -> dict[str, str]:
    """Versions of the image libraries that decide pixel values."""
    from PIL import features

    return {name: features.version(name) or "none" for name in ("jpg", "libjpeg_turbo", "zlib")}


def gpu_libraries() -> dict[str, str]:
    """Versions of the driver and of the installed cuDNN; "none" where there is none."""
    driver = "none"
    loaded = Path("/proc/driver/nvidia/version")
    if loaded.is_file():
        driver = loaded.read_text().splitlines()[0].partition(":")[2].strip()
    installed = ((d.name, d.version) for d in importlib.metadata.distributions())
    cudnn = sorted(version for name, version in installed if name.startswith("nvidia-cudnn"))
    return {"driver": driver, "cudnn": ", ".join(cudnn) or "none"}


def instructions() -> str:
    """The processor's instructions that decide how sums are split, and so their last bits.

    With what the environment says of which of them the libraries may use; "" where the system does
    not tell.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    flags = next((line.partition(":")[2].split() for line in lines if line[:5] == "flags"), [])
    there = [name for name in SUMMING if name in flags]
    limits = [f"{name}={os.environ[name]}" for name in LIMITING if name in os.environ]
    return " ".join([*there, *limits])


def cpu_name() -> str:
    """The processor's model, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _git(*words: str, cwd: Path) -> str:
    done = subprocess.run(["git", *words], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()
