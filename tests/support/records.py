"""What every made-up record of the laptop twin has."""

from typing import Any

from bench.protocol.presets import named


def record_of_twin(method: str, ratio: str, seed: int) -> dict[str, Any]:
    """A finished run without scores, as `bench.reporting.results.records.load` has it."""
    return {
        "id": f"{method}-{ratio}-{seed}",
        "key": "3f2a91c0",
        "dataset": "eyeq-twin",
        "method": method,
        "lq_ratio": ratio,
        "seed": seed,
        "protocol_name": "laptop",
        "of_todays_preset": True,
        "protocol": named("laptop").model_dump(),
        "settings": "common",
        "versions": {"method": 1, "engine": 1, "degradation": 1},
        "study": None,
        "state": "done",
        "partial": False,
        "real": False,
        "assumptions": (),
        "trained": True,
    }
