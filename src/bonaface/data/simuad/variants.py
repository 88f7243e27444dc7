"""Which mechanisms and which strengths each split of SimUAD holds: one fixed rule for every simulation.

In the order in which a simulation lists its variants the last is test's, the one before it dev's, all others train's.
A recipe that shall be measured on SimUAD trains with `Mixture.variants` set to `variants_of(Split.TRAIN)`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bonaface.attacks.simulations import SIMULATIONS
from bonaface.vocabulary import Split

RULE = (
    "in the order in which a simulation lists its variants the last is test's, the one before it dev's, "
    "all others train's"
)

CLUES = ("spsc", "rendition", "sdsc", "patchwork")
"""Simulated clues that a detector is trained with, and no attacks: not in the benchmark."""

SIMULATED = tuple(name for name in SIMULATIONS if name not in CLUES)
"""The simulations of the benchmark; `faceswap` and `swap` make one species."""

NOT_USED: Mapping[str, tuple[str, ...]] = {"injection": ("stream_codec",)}
"""Variants that no split has: their bytes depend on what OpenCV was built with."""

STRENGTHS: Mapping[Split, tuple[tuple[float, float], ...]] = {
    Split.TRAIN: ((0.6, 1.0),),
    Split.DEV: ((0.6, 1.0),),
    Split.TEST: ((0.45, 0.6), (1.0, 1.25)),
}
"""A sample of each variant is made within each of these ranges (low, high): test lies below and above training."""


def variants_of(split: Split) -> dict[str, tuple[str, ...]]:
    """The variants that a split holds, by simulation.

    >>> variants_of(Split.TRAIN)["print"], variants_of(Split.DEV)["print"], variants_of(Split.TEST)["print"]
    (('copier', 'canvas', 'laser', 'mixed'), ('inkjet',), ('photo',))
    """
    part = {Split.TRAIN: slice(None, -2), Split.DEV: slice(-2, -1), Split.TEST: slice(-1, None)}[split]
    return {name: _used(name)[part] for name in SIMULATED}


def _used(name: str) -> tuple[str, ...]:
    return tuple(one for one in SIMULATIONS[name].variants if one not in NOT_USED.get(name, ()))
