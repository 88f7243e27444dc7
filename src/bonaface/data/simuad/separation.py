"""How well numbers tell two classes apart: the area under the ROC curve, and a fixed linear classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PENALTY = 10.0
"""Of the squared weights, against the summed squared error; features are standardised, classes count alike."""


def area(scores: npt.ArrayLike, is_attack: Flags) -> float | None:
    """The chance that an attack's score is above a bona fide one's, ties half; None where a class is missing.

    >>> area([0.1, 0.4, 0.4, 0.9], np.array([False, False, True, True]))
    0.875
    """
    values = np.asarray(scores, np.float64)
    attacks, bonafide = values[is_attack], np.sort(values[~is_attack])
    if not len(attacks) or not len(bonafide):
        return None
    below = np.searchsorted(bonafide, attacks, "left") + np.searchsorted(bonafide, attacks, "right")
    return float(below.mean() / 2 / len(bonafide))


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """A linear score of features, higher = attack.

    Attributes:
        mean: Of each feature where it was fitted, (features,).
        spread: Their standard deviations.
        weights: Of the standardised features.
    """

    mean: Values
    spread: Values
    weights: Values

    def scores(self, features: Values) -> Values:
        """Of (rows, features), one a row."""
        return np.asarray((features - self.mean) / self.spread @ self.weights, np.float64)


def fitted(features: Values, is_attack: Flags) -> Ridge:
    """Least squares to -1 for bona fide and 1 for attacks, both classes with the same weight.

    Args:
        features: (rows, features), finite.
        is_attack: (rows,); both classes must be there.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    share = np.where(is_attack, 1 / is_attack.sum(), 1 / (~is_attack).sum()) * len(is_attack) / 2
    plain = (features - mean) / spread
    target = np.where(is_attack, 1.0, -1.0)
    centre = (share[:, None] * plain).sum(axis=0) / len(is_attack)
    shifted = (plain - centre) * share[:, None]
    matrix = shifted.T @ (plain - centre) + PENALTY * np.eye(plain.shape[1])
    return Ridge(mean, spread, np.linalg.solve(matrix, shifted.T @ target))
