"""The second person of a swap or a morph: somebody else of the same pool."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Partners(Generic[T]):
    """Pictures by subject. Who is drawn depends on the generator and the pool alone, not on the order of the pool.

    Args:
        pool: Subject and picture; pictures of one subject keep their order.
    """

    def __init__(self, pool: Iterable[tuple[str, T]]) -> None:
        by_subject: dict[str, list[T]] = defaultdict(list)
        for subject, picture in pool:
            by_subject[subject].append(picture)
        self._by_subject = dict(by_subject)
        self.subjects = sorted(by_subject)

    def drawn(self, subject: str, rng: np.random.Generator) -> T | None:
        """A picture of anybody but `subject`, people alike likely; None if there is nobody else."""
        own = bisect_left(self.subjects, subject)
        is_in_pool = self.subjects[own : own + 1] == [subject]
        others = len(self.subjects) - is_in_pool
        if others == 0:
            return None
        place = int(rng.integers(others))
        pictures = self._by_subject[self.subjects[place + (is_in_pool and place >= own)]]
        return pictures[int(rng.integers(len(pictures)))]
