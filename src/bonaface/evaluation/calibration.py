"""Families on one scale: each family's log-odds stretched and shifted, so that their union means something."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bonaface.errors import MissingExtraError, ScoreError
from bonaface.evaluation.scores import ScoreTable
from bonaface.log_odds import LogOdds, log_odds_of, union_log_odds
from bonaface.vocabulary import FAMILIES, Split, known_species

RIDGE = 1e-3
"""Weight of the squared distance from no change at all: dev rows are few."""

LEAST_SPECIES = 3
"""Attacks of fewer species tell how strong these are, not how sure their family's head is."""


@dataclass(frozen=True, slots=True)
class FamilyCalibration:
    """log-odds -> scale * log-odds + offset, one of each for every family in the order of `FAMILIES`."""

    scales: tuple[float, ...]
    offsets: tuple[float, ...]

    def applied(self, family_log_odds: LogOdds) -> LogOdds:
        """Calibrated log-odds, (rows, families)."""
        return np.asarray(family_log_odds * np.array(self.scales) + np.array(self.offsets), np.float64)


def fit_families(dev: ScoreTable) -> FamilyCalibration:
    """The calibration under which the union of the families fits the labels of dev rows best.

    Heads are trained at different base rates, and a recaptured picture teaches the digital one nothing: taken as they
    are, the surer head drowns the other. Least binary cross-entropy of 1 - prod(1 - p_family), bona fide rows and
    attacks weighing alike. Each family is shifted; each is stretched by a scale of its own where dev has `LEAST_SPECIES`
    of every family, and all by the same one otherwise: from one easy species of a family its head looks surer than it is.

    Args:
        dev: Rows of the dev split with both families' scores; rows without a score are left out.

    Raises:
        ScoreError: If a row is not of dev, a family's scores are missing, or a class has no score.
        MissingExtraError: If scipy is not installed.

    Reference: Platt 1999, Probabilistic outputs for support vector machines, for one score alone.
    """
    try:
        from scipy.optimize import minimize  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("calibration", extra="report") from None
    log_odds, is_attack = _fitted_rows(dev)
    weights = np.where(is_attack, 0.5 / is_attack.mean(), 0.5 / (~is_attack).mean())
    scale_of = _scale_of_families(dev)
    num = max(scale_of) + 1
    start = np.concatenate([np.ones(num), np.zeros(len(FAMILIES))])

    def loss(values: LogOdds) -> float:
        union = union_log_odds(log_odds * values[scale_of] + values[num:])
        entropy = np.logaddexp(0, union) - is_attack * union
        return float(np.mean(weights * entropy) + RIDGE * np.square(values - start).sum())

    bounds = [(0.1, 10.0)] * num + [(-10.0, 10.0)] * len(FAMILIES)
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    return FamilyCalibration(tuple(float(v) for v in found[scale_of]), tuple(float(v) for v in found[num:]))


def _scale_of_families(dev: ScoreTable) -> list[int]:
    """Which scale each family has: one of its own where every family has enough species, else the same."""
    species = [known_species(name) for name in np.unique(dev.species[dev.has_score])]
    seen = [sum(one is not None and family in one.families for one in species) for family in FAMILIES]
    return list(range(len(FAMILIES))) if min(seen) >= LEAST_SPECIES else [0] * len(FAMILIES)


def _fitted_rows(dev: ScoreTable) -> tuple[LogOdds, npt.NDArray[np.bool_]]:
    if len(dev) == 0 or not np.all(dev.split == Split.DEV.value):
        raise ScoreError("calibration must be fitted on dev rows; got others; pass the dev rows alone")
    lacking = [family.value for family in FAMILIES if family not in dev.family_scores]
    if lacking:
        raise ScoreError(f"calibration needs the scores of every family; {', '.join(lacking)} is missing")
    scored = dev.select(dev.has_score)
    if not (scored.is_attack.any() and scored.is_bonafide.any()):
        raise ScoreError("calibration needs dev rows of both classes with a score; one class has none")
    chances = np.stack([scored.family_scores[family] for family in FAMILIES], axis=1)
    return log_odds_of(chances), scored.is_attack
