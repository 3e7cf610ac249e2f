"""The four levels of patches, and which level is set against which.

Paper: Hou et al., MICCAI 2024, section 2.1 and Fig. 1; ablations of section 3.3.
Authors' code (IntelliDAL/Image at 3913b63): one level, no quality labels.
A tilde is low quality; the extracted text lost the tildes, they are recovered from the order of
the sentences.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from baselines.options import pick

LEVELS = ("L", "L~", "H", "H~")  # lesion, low-quality lesion, healthy, low-quality healthy


def level_codes(lesion: NDArray[np.bool_], low_quality: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The place in `LEVELS` of each image or patch.  (N,), (N,) -> (N,) in 0..3."""
    return 2 * (~lesion).astype(np.int64) + low_quality.astype(np.int64)


@dataclass(frozen=True)
class Pair:
    """One contrastive loss: anchors of some levels against negatives of others.

    Attributes:
        anchors: levels of the anchors, each with the other view of its patch as the positive.
        negatives: levels of the negatives, none of them among the anchors'.
        positives: when given, the keys of these levels are the positives instead (D55).
        weight: of this loss in the total (D9).
    """

    anchors: tuple[str, ...]
    negatives: tuple[str, ...]
    positives: tuple[str, ...] = ()
    weight: float = 1.0

    @property
    def name(self) -> str:
        """Short name in logs: "L|L~", or "L=L~|H" with positives of another level."""
        anchors, positives, negatives = map(
            "+".join, (self.anchors, self.positives, self.negatives)
        )
        return f"{anchors}={positives}|{negatives}" if positives else f"{anchors}|{negatives}"

    @property
    def roles(self) -> tuple[tuple[str, ...], ...]:
        """The groups of levels of which none may be empty."""
        return tuple(filter(None, (self.anchors, self.positives, self.negatives)))


# L^{L,L~}, what 2.1 sets against the quality factors. The text pushes high-quality lesions away
# from low-quality ones, against its own aim that like meanings stay close: hence the roles (D55).
LA_ROLES = {
    "negative": (Pair(("L",), ("L~",)),),
    "positive": (Pair(("L",), ("H",), positives=("L~",)),),
    "reversed": (Pair(("L~",), ("L",)),),
    "off": (),
}
LB = Pair(("L",), ("H",))  # L^{L,H}: lesion against healthy
LC = Pair(("L~",), ("H~",))  # L^{L~,H~}: the same in low quality

# "w/o Multi-level" of Table 2: lesion against healthy, quality ignored or low quality left out.
WITHOUT_LEVELS = {  # D40
    "all": (Pair(("L", "L~"), ("H", "H~")),),
    "high_quality": (LB,),
}

VARIANTS = {  # rows of Tables 2 and 3 (D38)
    "comcl": ("La", "Lb", "Lc"),
    "comcl-no-multilevel": ("one",),
    "comcl-no-spl": ("La", "Lb", "Lc"),
    "comcl-v1": ("Lb",),
    "comcl-v2": ("Lb", "La"),
}


def pairs_for(
    variant: str = "comcl",
    *,
    la_role: str = "negative",
    without_levels: str = "all",
    loss_weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> tuple[Pair, ...]:
    """The losses of a variant, in the order of `VARIANTS`.

    Args:
        variant: a key of `VARIANTS`.
        la_role: a key of `LA_ROLES`; without meaning for variants that have no La.
        without_levels: a key of `WITHOUT_LEVELS`; of meaning for "comcl-no-multilevel" alone.
        loss_weights: of La, Lb, Lc.

    Raises:
        ValueError: an unknown name.
    """
    weight_a, weight_b, weight_c = loss_weights
    terms = {
        "La": tuple(replace(p, weight=weight_a) for p in pick(LA_ROLES, la_role, "la_role")),
        "Lb": (replace(LB, weight=weight_b),),
        "Lc": (replace(LC, weight=weight_c),),
        "one": pick(WITHOUT_LEVELS, without_levels, "without_levels"),
    }
    return tuple(pair for term in pick(VARIANTS, variant, "variant") for pair in terms[term])


def drop_empty(
    pairs: Collection[Pair], available: Collection[str]
) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """The pairs that have patches for each of their roles, and the rest (D31, `drop_loss`)."""
    kept = tuple(p for p in pairs if all(set(role) & set(available) for role in p.roles))
    return kept, tuple(p for p in pairs if p not in kept)


def levels_needed(pairs: Collection[Pair]) -> tuple[str, ...]:
    """The levels that some pair draws from, in the order of `LEVELS`."""
    used = {level for pair in pairs for role in pair.roles for level in role}
    return tuple(level for level in LEVELS if level in used)
