"""What a report holds: every rate with its count and its interval, at a threshold chosen elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pydantic

from bonaface.evaluation.bootstrap import BootstrapInterval
from bonaface.evaluation.curves import EqualErrorRate
from bonaface.evaluation.detection import Accuracy
from bonaface.evaluation.fairness import Fairness
from bonaface.evaluation.measured import MeasuredRate, Number
from bonaface.evaluation.reliability import Reliability
from bonaface.evaluation.thresholds import Threshold
from bonaface.vocabulary import Family, Split


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of the split, and how many of them have a score."""

    rows: int
    bonafide: int
    attack: int
    scored_bonafide: int
    scored_attack: int


@dataclass(frozen=True, slots=True)
class SpeciesReport:
    """One species of attack.

    Attributes:
        family: Where it enters; None for a species outside the vocabulary.
        rows: Its rows, with and without a score.
        apcer: Share of its scored rows that is accepted.
        apnrr: Share of its rows without a score.
        auc: Of its rows against all bona fide rows; NaN when either has no score.
        iapar: Share of its rows that passes the gate and the recogniser behind it; None without a recogniser's answers.
    """

    family: Family | None
    rows: int
    apcer: MeasuredRate
    apnrr: MeasuredRate
    auc: Number
    iapar: MeasuredRate | None = None


@dataclass(frozen=True, slots=True)
class LimitReport:
    """One error where another is held within a limit, on the rows it is computed on: no threshold to deploy.

    Attributes:
        limited: The rate that is held: apcer_worst, apcer_pooled or bpcer.
        limit: What it may be at most.
        apcer_worst: Achieved; of nothing where no threshold keeps the limit.
        apcer_pooled: Achieved, likewise.
        bpcer: Achieved, likewise.
        is_resolvable: Whether every sample that is held is large enough for one error to be within the limit.
    """

    limited: str
    limit: float
    apcer_worst: MeasuredRate
    apcer_pooled: MeasuredRate
    bpcer: MeasuredRate
    is_resolvable: bool


@dataclass(frozen=True, slots=True)
class ThresholdFree:
    """What does not depend on the threshold. The EER is that of this split: no operating point.

    Attributes:
        split: The rows it was computed on.
        auc: All attacks against all bona fide rows; NaN when a class has no score.
        eer: Likewise; detection's EER (D-EER).
        limits: bpcer10, bpcer20, bpcer100, apcer_at_bpcer1, tpr_at_fpr1; empty when a class has no score.
    """

    split: Split
    auc: Number
    eer: EqualErrorRate
    limits: Mapping[str, LimitReport] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PointReport:
    """A named operating point: chosen on dev, measured here.

    Attributes:
        threshold: As chosen.
        worst_species: The species with the highest APCER there; None without a scored attack.
        apcer_worst: Its APCER.
        apcer_pooled: Over all attacks.
        bpcer: Over bona fide rows.
    """

    threshold: Threshold
    worst_species: str | None
    apcer_worst: MeasuredRate
    apcer_pooled: MeasuredRate
    bpcer: MeasuredRate


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Whether scores mean what they say, both classes weighing alike.

    Attributes:
        reliability: Shares of attacks by score, calibration error and Brier score.
        cllr: Cost of the scores as log-likelihood ratios, in bits; NaN where a certain error makes it infinite.
        min_cllr: What the best rising change of the scores would leave of it.
        certain_errors: Attacks that score 0 and bona fide rows that score 1.
    """

    reliability: Reliability
    cllr: Number
    min_cllr: Number
    certain_errors: int


@dataclass(frozen=True, slots=True)
class Level:
    """What a row is.

    Attributes:
        unit: 'row', 'presentation' or 'frame'.
        column: The group column that names the presentation; None where every row is one.
        how: How frames became a presentation's score; None likewise.
    """

    unit: str = "row"
    column: str | None = None
    how: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a detector does on one split at one threshold.

    Attributes:
        bundle: Name and version of the bundle that gave the scores; None when it was none.
        split: The rows the rates were computed on.
        level: What a row is.
        threshold: With its interval, its rule and the split it was chosen on; None when none could be chosen, and all
            rates at a threshold are of nothing.
        counts: Rows of the split.
        species: Every species of attack, in alphabetical order.
        worst_species: The one with the highest APCER; None without a scored attack.
        apcer_worst: Its APCER, the standard's; the interval is that of the species alone.
        apcer_pooled: Over all attacks.
        bpcer: Over bona fide rows with a score.
        bpcer_with_non_responses: Over all bona fide rows; no answer counts as an error.
        acer_worst: Mean of apcer_worst and bpcer.
        acer_pooled: Mean of apcer_pooled and bpcer; HTER at a threshold from other rows.
        acer_with_non_responses: Mean of the worst species' APCER and of BPCER, no answer counted as an error in both.
        accuracy: Beside that of the constant answer.
        apnrr: Attacks without a score.
        bpnrr: Bona fide rows without a score.
        threshold_free: AUC, EER, and one error where the other is held.
        operating_points: The named ones, chosen on dev and measured on this split; empty without dev rows.
        calibration: Of the scores; None when a class has no score.
        fairness: By group; None without a threshold or group columns.
        intervals: By subject bootstrap at this threshold, per statistic; empty where it was not asked for.
        intervals_anew: The same with the threshold chosen anew on every replicate's dev rows; also empty where no dev
            rows chose it.
        frames: The same at the level of frames, where rows are presentations made of frames.
        notes: What could not be computed, and what a reader must know of these numbers.
        scores: File of the score table, relative to the report's folder; None where there is none beside it.
    """

    __pydantic_config__: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(extra="forbid")

    bundle: str | None
    split: Split
    level: Level
    threshold: Threshold | None
    counts: Counts
    species: dict[str, SpeciesReport]
    worst_species: str | None
    apcer_worst: MeasuredRate
    apcer_pooled: MeasuredRate
    bpcer: MeasuredRate
    bpcer_with_non_responses: MeasuredRate
    acer_worst: Number
    acer_pooled: Number
    acer_with_non_responses: Number
    accuracy: Accuracy
    apnrr: MeasuredRate
    bpnrr: MeasuredRate
    threshold_free: ThresholdFree
    notes: list[str]
    operating_points: dict[str, PointReport] = field(default_factory=dict)
    calibration: CalibrationReport | None = None
    fairness: Fairness | None = None
    intervals: dict[str, BootstrapInterval] = field(default_factory=dict)
    intervals_anew: dict[str, BootstrapInterval] = field(default_factory=dict)
    frames: Report | None = None
    scores: str | None = None
