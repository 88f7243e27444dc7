"""Scores that mean what they say: changed by a rising function that is fitted on dev rows, so that their order stays."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pydantic

from bonaface.errors import ScoreError, did_you_mean
from bonaface.evaluation.columns import Scores, number_column
from bonaface.evaluation.json_file import write_object
from bonaface.evaluation.likelihood import pooled
from bonaface.evaluation.scores import ScoreTable
from bonaface.log_odds import LARGEST_LOG_ODDS, LogOdds
from bonaface.vocabulary import Split

SCHEMA_VERSION = 1
FEW_ROWS = 30
SMALLEST = 1 / (1 + math.exp(LARGEST_LOG_ODDS))
"""Scores are kept so far from 0 and from 1, about 2e-9: none is certain."""
SMALLEST_GAIN = 1e-12
"""Of the loss, from one more step of Newton's: below it that step is the last."""
PIECE = 1 << 13
"""Rows looked at together: they stay in the cache, and are too few for BLAS to wake threads that others need."""


@dataclass(frozen=True, slots=True)
class LogOddsLine:
    """log-odds -> scale * log-odds + offset, both kept within 20 of 0: no score is certain.

    Attributes:
        scale: Above 0; the inverse of a temperature.
        offset: Finite; 0 for a temperature alone.
    """

    scale: float
    offset: float

    def __post_init__(self) -> None:
        if not (0 < self.scale < math.inf and math.isfinite(self.offset)):
            raise ScoreError(
                "a calibration must have a scale above 0 and a finite offset; "
                f"got {self.scale} and {self.offset}; fit it again"
            )

    def applied(self, scores: Scores) -> Scores:
        """Calibrated scores, in (0, 1)."""
        moved = self.scale * _log_odds(scores) + self.offset
        return np.asarray(1 / (1 + np.exp(-np.clip(moved, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS))))


@dataclass(frozen=True, slots=True)
class RisingCurve:
    """Straight between knots, flat before the first and behind the last.

    Attributes:
        scores: Of the knots, rising, in [0, 1].
        values: Calibrated scores there, never falling, in [0, 1].
    """

    scores: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        scores, values = np.array(self.scores), np.array(self.values)
        is_whole = len(scores) == len(values) > 0 and _is_share(np.append(scores, values))
        if not (is_whole and (np.diff(scores) > 0).all() and (np.diff(values) >= 0).all()):
            raise ScoreError(
                "a calibration curve must have knots in [0, 1], scores that rise and values that never fall; "
                f"got {len(scores)} scores and {len(values)} values that do not; fit it again"
            )

    def applied(self, scores: Scores) -> Scores:
        """Calibrated scores, in [0, 1]."""
        values = np.array(self.values)
        straight = np.interp(scores, self.scores, values)
        # Just before a knot, rounding can bring the line above it: the order of scores must not change.
        at = np.minimum(np.searchsorted(self.scores, scores), len(values) - 1)
        return np.asarray(np.minimum(straight, values[at]))


@dataclass(frozen=True, slots=True)
class ScoreCalibration:
    """A rising function of the attack score, and what it was fitted on.

    Attributes:
        method: A name of `METHODS`.
        curve: The function.
        num_bonafide: Bona fide dev rows with a score.
        num_attacks: Attacks of dev with a score.
        notes: What a reader must know of it.
    """

    method: str
    curve: LogOddsLine | RisingCurve
    num_bonafide: int
    num_attacks: int
    notes: tuple[str, ...] = ()

    def applied(self, scores: npt.ArrayLike) -> Scores:
        """Calibrated scores.

        Args:
            scores: In [0, 1], higher = attack; NaN stays NaN.

        Returns:
            Posteriors of attack where both classes are equally likely. No two scores change their order, but some
            can become equal.

        Raises:
            ScoreError: If a score is not as above.
        """
        numbers = number_column("attack_score", scores)
        if not _is_share(numbers[~np.isnan(numbers)]):
            raise ScoreError(
                "scores must be in [0, 1] to be calibrated; "
                f"got {np.nanmin(numbers)} to {np.nanmax(numbers)}; write probabilities, not logits"
            )
        return self.curve.applied(numbers)


def fit_temperature(dev: ScoreTable) -> ScoreCalibration:
    """Log-odds divided by a temperature: cures scores that are too sure, or not sure enough. 0.5 stays 0.5.

    Least cross-entropy, bona fide rows and attacks weighing alike, against targets that are short of 0 and 1 as if one
    row more of each class had been seen (Platt's). After n rows of a class without an error no score gets surer than
    n + 1 to 1 on average: a dev set that parts the classes gives a finite scale, too.

    Args:
        dev: Rows of the dev split only. Rows without a score are passed over.

    Returns:
        A `LogOddsLine`. Scores nearer to 0 or 1 than 2e-9 become equal; all others keep their order, so that AUC and
        EER stay.

    Raises:
        ScoreError: If a row is not of dev, a class has no score, all scores are equal, or attacks score no higher than
            bona fide rows.

    Reference:
        Guo et al. 2017, On calibration of modern neural networks; Platt 1999 for the targets.
    """
    return _fitted(dev, "temperature", lambda *classes: _line(*classes, has_offset=False))


def fit_platt(dev: ScoreTable) -> ScoreCalibration:
    """Log-odds stretched and shifted: cures scores that are too sure, and scores that lean to one class.

    Args:
        dev: As for `fit_temperature`.

    Returns:
        As for `fit_temperature`, of which it is the same with an offset.

    Raises:
        ScoreError: As for `fit_temperature`.

    Reference:
        Platt 1999, Probabilistic outputs for support vector machines; Lin, Lin and Weng 2007 for Newton's method.
    """
    return _fitted(dev, "platt", lambda *classes: _line(*classes, has_offset=True))


def fit_isotonic(dev: ScoreTable) -> ScoreCalibration:
    """The best rising curve of any form. It wants many rows: with fewer than a thousand it follows their noise.

    Args:
        dev: As for `fit_temperature`.

    Returns:
        A `RisingCurve` through the ends of pooled blocks. It is flat within them: scores that differed become equal,
        which moves AUC, EER and thresholds a little.

    Raises:
        ScoreError: As for `fit_temperature`.

    Reference:
        Zadrozny and Elkan 2002; targets as for `fit_temperature`.
    """
    return _fitted(dev, "isotonic", _rising)


METHODS: dict[str, Callable[[ScoreTable], ScoreCalibration]] = {
    "temperature": fit_temperature,
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}
"""The ways in which scores can be calibrated on dev rows."""


def calibration_by_method(dev: ScoreTable, method: str) -> ScoreCalibration:
    """The calibration of that name, fitted.

    Args:
        dev: Rows of the dev split only.
        method: A name of `METHODS`.

    Raises:
        ScoreError: If there is no such method, or it can not be fitted on these rows.
    """
    if method not in METHODS:
        tail = did_you_mean(method, METHODS) or "; choose one of them"
        raise ScoreError(f"a calibration method must be one of {', '.join(METHODS)}; got '{method}'{tail}")
    return METHODS[method](dev)


def calibrated(table: ScoreTable, calibration: ScoreCalibration) -> ScoreTable:
    """The table with calibrated attack scores.

    Args:
        table: Rows of any split; those without a score stay as they are.
        calibration: Fitted on dev rows of the same detector.

    Returns:
        All else is unchanged, family scores too: they are evidence of a family, on the scale they were given in, and
        their union is no longer the attack score. A threshold chosen on the old scores does not hold for the new.
    """
    return replace(table, attack_score=calibration.applied(table.attack_score))


def to_json(calibration: ScoreCalibration) -> dict[str, Any]:
    """The calibration as plain values for JSON, with its `schema_version`."""
    plain: dict[str, Any] = json.loads(pydantic.TypeAdapter(ScoreCalibration).dump_json(calibration))
    return {"schema_version": SCHEMA_VERSION, **plain}


def from_json(plain: Mapping[str, Any]) -> ScoreCalibration:
    """The calibration that `to_json` made plain.

    Raises:
        ScoreError: If it is of another schema version, or a value is missing, unknown or of another kind.
    """
    version = plain.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ScoreError(
            f"a calibration must have schema_version {SCHEMA_VERSION}; got {version}; fit it again with this release"
        )
    values = {name: value for name, value in plain.items() if name != "schema_version"}
    try:
        return pydantic.TypeAdapter(ScoreCalibration).validate_json(json.dumps(values), strict=True)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ScoreError(
            f"a calibration must have the fields that to_json writes; {where}: {first['msg']}; fit it again"
        ) from None


def write_calibration(path: str | os.PathLike[str], calibration: ScoreCalibration) -> None:
    """Write the calibration as JSON.

    Args:
        path: Replaced at once when the new file is complete.
        calibration: Any.
    """
    write_object(path, to_json(calibration))


def _fitted(
    dev: ScoreTable, method: str, fit: Callable[[Scores, Scores], LogOddsLine | RisingCurve]
) -> ScoreCalibration:
    bonafide, attacks = _dev_scores(dev)
    return ScoreCalibration(
        method, fit(bonafide, attacks), len(bonafide), len(attacks), _notes(bonafide, attacks)
    )


def _dev_scores(dev: ScoreTable) -> tuple[Scores, Scores]:
    """The scores of bona fide rows and of attacks, kept away from 0 and 1."""
    others = sorted(set(dev.split[dev.split != Split.DEV.value].tolist()))
    if others:
        raise ScoreError(
            f"a calibration must be fitted on dev rows only; got rows of {', '.join(others)}; "
            "select them with of_split(Split.DEV)"
        )
    scores = np.clip(dev.attack_score, SMALLEST, 1 - SMALLEST)
    bonafide, attacks = (scores[rows & dev.has_score] for rows in (dev.is_bonafide, dev.is_attack))
    if not len(bonafide) or not len(attacks):
        raise ScoreError(
            "dev must have both classes with a score to calibrate on; "
            f"got {len(bonafide)} bona fide and {len(attacks)} attack; add the missing class"
        )
    if bonafide.min() == bonafide.max() == attacks.min() == attacks.max():
        raise ScoreError(
            f"dev scores must differ to be calibrated; all are {bonafide[0]:.6g}; check the detector"
        )
    return bonafide, attacks


def _notes(bonafide: Scores, attacks: Scores) -> tuple[str, ...]:
    notes = [
        f"dev has {len(rows)} {name} with a score, fewer than {FEW_ROWS}: the calibration is a rough one"
        for name, rows in (("bona fide rows", bonafide), ("attacks", attacks))
        if len(rows) < FEW_ROWS
    ]
    if bonafide.max() < attacks.min():
        notes.append(
            "dev parts the classes without an error: how sure a score may be is taken from its number of rows alone"
        )
    return tuple(notes)


def _targets(num_bonafide: int, num_attacks: int) -> tuple[float, float]:
    """Platt's: what scores are to reach, as if one more row of each class had been seen on either side."""
    return 1 / (num_bonafide + 2), (num_attacks + 1) / (num_attacks + 2)


def _rising(bonafide: Scores, attacks: Scores) -> RisingCurve:
    blocks = pooled(bonafide, attacks)
    if len(blocks.first) == 1:
        raise _disorder()
    low, high = _targets(len(bonafide), len(attacks))
    shares = blocks.bonafide / len(bonafide), blocks.attacks / len(attacks)
    values = low + (high - low) * shares[1] / (shares[0] + shares[1])
    scores = np.stack([blocks.first, blocks.last], axis=1).ravel()
    kept = np.concatenate([[True], np.diff(scores) > 0])  # a block of one score has one knot
    return RisingCurve(tuple(scores[kept].tolist()), tuple(np.repeat(values, 2)[kept].tolist()))


def _line(bonafide: Scores, attacks: Scores, *, has_offset: bool) -> LogOddsLine:
    """Newton's method, with steps halved until the loss falls far enough: it is convex, so there is one end."""
    classes = _log_odds(bonafide), _log_odds(attacks)
    centre = (classes[0].mean() + classes[1].mean()) / 2 if has_offset else 0.0
    spread = math.sqrt(sum(np.square(one - centre).mean() for one in classes) / 2)
    pieces = [
        (piece, target, 0.5 / len(one))
        for one, target in zip(classes, _targets(len(bonafide), len(attacks)), strict=True)
        for piece in np.array_split((one - centre) / spread, len(one) // PIECE + 1)
    ]
    free = slice(2 if has_offset else 1)
    line = np.zeros(2)
    loss, slope, curvature = _cross_entropy(line, pieces)
    while True:
        step = np.zeros(2)
        step[free] = np.linalg.solve(curvature[free, free], slope[free])
        gain = slope @ step
        if gain < SMALLEST_GAIN:
            break
        size, before = 1.0, loss
        loss, slope, curvature = _cross_entropy(line - step, pieces)
        while loss > before - size * gain / 4:
            size /= 2
            loss, slope, curvature = _cross_entropy(line - size * step, pieces)
        line -= size * step
    scale, offset = line - step
    if scale <= 0:
        raise _disorder()
    return LogOddsLine(float(scale / spread), float(offset - scale * centre / spread))


def _cross_entropy(
    line: LogOdds, pieces: list[tuple[LogOdds, float, float]]
) -> tuple[float, LogOdds, LogOdds]:
    """Loss of a line (scale, offset) with its first (2,) and second (2, 2) derivatives.

    Args:
        line: Scale and offset.
        pieces: Log-odds, the target they share and the weight of each.
    """
    loss, slope, curvature = 0.0, np.zeros(2), np.zeros((2, 2))
    for log_odds, target, weight in pieces:
        moved = line[0] * log_odds + line[1]
        small = np.exp(-np.abs(moved))
        chance = np.where(moved < 0, small, 1) / (1 + small)
        loss += weight * float((np.log1p(small) + np.maximum(moved, 0) - target * moved).sum())
        error, width = chance - target, chance * (1 - chance)
        slope += weight * np.array([error @ log_odds, error.sum()])
        both = width @ log_odds
        curvature += weight * np.array([[(width * log_odds) @ log_odds, both], [both, width.sum()]])
    return loss, slope, curvature


def _disorder() -> ScoreError:
    return ScoreError(
        "dev attacks must score higher than dev bona fide rows to be calibrated; "
        "the best fit is flat or turns them round; check that 1 means attack"
    )


def _is_share(values: Scores) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())


def _log_odds(scores: Scores) -> LogOdds:
    kept = np.clip(scores, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(kept) - np.log1p(-kept))
