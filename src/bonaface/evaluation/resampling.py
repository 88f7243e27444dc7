"""Which subjects a replicate draws, and how often: whole subjects, within strata of the classes they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bonaface.evaluation.columns import coded
from bonaface.evaluation.scores import ScoreTable
from bonaface.vocabulary import Split

Weights = npt.NDArray[np.int32]
"""How often each cluster is drawn: (clusters,) for a replicate, (replicates, clusters) for a batch."""

BATCH_ENTRIES = 1 << 23
JACKKNIFE_PARTS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """The rows of a table, by subject.

    Attributes:
        of_row: The cluster of each row. A row without a subject is a cluster of its own.
        strata: Clusters by split and by the classes that they have (bona fide, attack, both). Each stratum is drawn from
            on its own, so that every replicate has both classes, and a subject's bona fide rows stay with its attacks.
    """

    of_row: npt.NDArray[np.int32]
    strata: tuple[npt.NDArray[np.intp], ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(len(members) for members in self.strata)

    def draw(self, generator: np.random.Generator) -> Weights:
        """As many clusters of each stratum as it has, with replacement."""
        weights = np.zeros(self.count, dtype=np.int32)
        for members in self.strata:
            drawn = generator.integers(len(members), size=len(members))
            weights[members] = np.bincount(drawn, minlength=len(members))
        return weights

    def draws(self, replicates: int, generator: np.random.Generator) -> Iterator[Weights]:
        """All replicates, in batches of bounded memory."""
        size = self._batch_size()
        for start in range(0, replicates, size):
            yield np.stack([self.draw(generator) for _ in range(min(size, replicates - start))])

    def left_out(self, parts: int = JACKKNIFE_PARTS) -> Iterator[tuple[int, Weights]]:
        """Every cluster once, with one of them left out at a time: the jackknife.

        Args:
            parts: A stratum of more clusters is left out in so many parts instead.

        Yields:
            The position of a stratum, and a batch of its weights. A stratum of one cluster is passed over.
        """
        size = self._batch_size()
        for position, members in enumerate(self.strata):
            count = min(parts, len(members))
            for start in range(0, count if count > 1 else 0, size):
                batch = np.ones((min(size, count - start), self.count), dtype=np.int32)
                for i, weights in enumerate(batch):
                    weights[members[start + i :: count]] = 0
                yield position, batch

    def _batch_size(self) -> int:
        return max(1, BATCH_ENTRIES // max(1, self.count))


def clusters(table: ScoreTable) -> Clusters:
    """The subjects of a table, with or without scores: the same for any detector's scores of the same rows.

    Args:
        table: Rows of one split or of several. A subject of two splits is two clusters.
    """
    keys, number = np.unique(
        _subjects(table).astype(np.int64) * len(Split) + coded(table.split)[1], return_inverse=True
    )
    kinds = np.zeros(len(keys), dtype=np.int64)
    for bit, rows in ((1, table.is_bonafide), (2, table.is_attack)):
        kinds[np.unique(number[rows])] += bit
    kinds += (keys % len(Split)) * 4
    strata = tuple(np.flatnonzero(kinds == kind) for kind in np.unique(kinds))
    return Clusters(number.astype(np.int32), strata)


def _subjects(table: ScoreTable) -> npt.NDArray[np.int32]:
    """A number for each row's subject; rows without one get numbers of their own."""
    names, of_row = coded(table.subject)
    if "" in names:
        nameless = np.flatnonzero(of_row == 0)  # the empty name is the first in the alphabet
        of_row[nameless] = len(names) + np.arange(len(nameless), dtype=np.int32)
    return of_row
