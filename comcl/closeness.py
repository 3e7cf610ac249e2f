"""How close the four levels lie, and the patches of each: whether an encoder has collapsed.

Paper: Hou et al., MICCAI 2024, shows its embeddings in Fig. 1 and measures nothing of this.
Authors' code (IntelliDAL/Image at 3913b63): nothing.
The three printed losses are least where all L and H~ are one point and all L~ and H the opposite
one (docs/reference/methods.md#the-collapsed-optimum); here is how far a batch is from there.
"""

import itertools

import torch.nn.functional as F
from torch import Tensor

from comcl.keys import Keys
from comcl.views import LEVELS


def closeness(embedded: Keys) -> dict[str, Tensor]:
    """Scalars to log, of the levels that the batch has.

    Args:
        embedded: of unit length, (B, D), with their levels.

    Returns:
        "centroid/L|H~": cosine of two levels' mean embeddings, in [-1, 1];
        "resultant/L": length of the mean of a level's embeddings, in [0, 1]: 1 if they are one
        point, about 1 / sqrt(n) if n of them point anywhere.
    """
    means = {n: found.mean(dim=0) for n in LEVELS if len(found := embedded.of(n))}
    lengths = {f"resultant/{level}": mean.norm() for level, mean in means.items()}
    return lengths | {
        f"centroid/{one}|{other}": F.cosine_similarity(means[one], means[other], dim=0)
        for one, other in itertools.combinations(means, 2)
    }
