"""What a method is called where it is shown: by the paper's title, or by the backbone in force.

The paper's plain row is a ResNet50. On a shared backbone of another family that title would be
wrong, so the row is called a plain classifier on that network. Small ResNets keep the title.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.roster import METHODS

PAPERS = "ResNet50"
NETWORKS = {"tf_efficientnet_lite0": "EfficientNet-Lite0"}
"""timm's names of networks, and their authors'."""


def on_backbone(title: str, backbone: str) -> str:
    """A row's title where the shared backbone is timm's network of this name.

    "ResNet50, compute-matched" becomes "plain classifier (X), compute-matched", and "Baseline
    (ResNet50)" becomes "Baseline (X)"; a title without ResNet50 stays.
    """
    if backbone.startswith("resnet"):
        return title
    network = NETWORKS.get(backbone, backbone)
    bracketed = title.replace(f"({PAPERS})", f"({network})")
    return bracketed.replace(PAPERS, f"plain classifier ({network})")


def of_protocol(title: str, protocol: Mapping[str, Any]) -> str:
    """A row's title under a protocol, as a spec or a record holds it.

    Args:
        protocol: Groups of settings; without a group "backbone" the title is the paper's.
    """
    return on_backbone(title, protocol["backbone"]["name"]) if "backbone" in protocol else title


def of_row(title: str, method: str, records: pd.DataFrame) -> str:
    """A row's title as the runs of its method have it; without any, as those of the others.

    Args:
        title: The paper's.
        method: As records name it.
        records: Runs that share a table.
    """
    own = records.loc[records["method"] == method]
    runs = own if len(own) else records
    return of_protocol(title, runs.iloc[0]["protocol"]) if len(runs) else title


def of_method(method: str, records: pd.DataFrame) -> str:
    """The roster's title of a method, likewise; of a user's own class, its name."""
    known = METHODS[method].title if method in METHODS else method
    return of_row(known, method, records)
