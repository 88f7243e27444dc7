"""Two systems on the same samples, statistic by statistic, and whether each difference is more than noise."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pydantic

from bonaface.errors import ScoreError
from bonaface.evaluation.bootstrap import REPLICATES, BootstrapInterval
from bonaface.evaluation.comparison import McNemar, bootstrap_difference, mcnemar
from bonaface.evaluation.measured import Number
from bonaface.evaluation.remarks import shared_notes, shared_subjects, split_notes
from bonaface.evaluation.replicates import Measurement, Statistic
from bonaface.evaluation.resampling import clusters
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import Threshold, threshold_by_rule
from bonaface.vocabulary import Split

SCHEMA_VERSION = 1
COMPARED: tuple[Statistic, ...] = (
    "apcer", "apcer_worst", "apcer_pooled", "bpcer", "acer_worst", "acer_pooled", "eer", "auc",
)  # fmt: skip
HIGHER_IS_BETTER = ("auc",)


@dataclass(frozen=True, slots=True)
class Difference:
    """One statistic of both systems.

    Attributes:
        first: Of the first system.
        second: Of the second.
        difference: First minus second, with its interval by subjects drawn again, the same for both.
        better: 'first' or 'second'; None where the interval holds 0, or is not known.
    """

    first: Number
    second: Number
    difference: BootstrapInterval
    better: str | None

    @property
    def is_within_noise(self) -> bool | None:
        """Whether the difference is no more than noise; None where no draw differs from another and the systems do."""
        if not math.isnan(self.difference.low):
            return self.better is None
        return True if self.difference.value == 0 else None


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two systems, each at its own threshold, on the same test rows.

    Attributes:
        names: Of the first and the second.
        thresholds: Each chosen on the system's own dev scores.
        differences: By statistic.
        mcnemar: Samples that one alone gets wrong.
        notes: Why the thresholds may not be taken at their word.
    """

    names: tuple[str, str]
    thresholds: tuple[Threshold, Threshold]
    differences: dict[str, Difference]
    mcnemar: McNemar
    notes: list[str] = field(default_factory=list)

    @property
    def is_within_noise(self) -> bool:
        """Whether no statistic tells the two apart, and of none it is unknown."""
        return all(one.is_within_noise for one in self.differences.values())


def side_by_side(
    first: ScoreTable,
    second: ScoreTable,
    *,
    names: tuple[str, str] = ("first", "second"),
    rule: str = "eer",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> SideBySide:
    """Choose each system's threshold on its dev rows, and compare both on the test rows.

    Args:
        first: Rows of dev and test.
        second: Of the same samples, in any order.
        names: For people.
        rule: As `threshold_by_rule` takes it, the same for both.
        replicates: Of the paired subject bootstrap.
        seed: Of the bootstrap.

    Raises:
        ScoreError: If the samples are not the same, dev can not choose a threshold, or test lacks a class.
        MissingExtraError: If scipy is not installed.
    """
    dev = first.of_split(Split.DEV)
    thresholds = (
        threshold_by_rule(dev, rule),
        threshold_by_rule(second.of_split(Split.DEV), rule),
    )
    tests = first.of_split(Split.TEST), second.of_split(Split.TEST)
    if not len(tests[0]):
        raise ScoreError("scores must have rows of test to be compared on; got none; add test rows")
    at = thresholds[0].value, thresholds[1].value
    found = bootstrap_difference(*tests, at, statistics=COMPARED, replicates=replicates, seed=seed)
    values = [_values(*pair) for pair in zip(tests, at, strict=True)]
    differences = {
        name: Difference(values[0][name], values[1][name], interval, _better(name, interval))
        for name, interval in found.items()
    }
    notes = [
        *split_notes(dev, tests[0]),
        *shared_notes(shared_subjects(dev, tests[0])),
        *_silence_notes(names, tests),
    ]
    return SideBySide(names, thresholds, differences, mcnemar(*tests, at), notes)


def _silence_notes(names: tuple[str, str], tests: tuple[ScoreTable, ScoreTable]) -> list[str]:
    """Of a system that leaves rows without an answer: who is silent where it is hard has the better rates."""
    silent = [int(np.count_nonzero(~table.has_score)) for table in tests]
    return [
        f"{name}: {count} of {len(table)} answers on test are missing; its rates are of the others"
        for name, count, table in zip(names, silent, tests, strict=True)
        if count
    ]


def _values(table: ScoreTable, threshold: float) -> dict[str, float]:
    """Every compared statistic of one system."""
    groups = clusters(table)
    measurement = Measurement(table, groups, threshold, COMPARED)
    once = np.ones((1, groups.count), dtype=np.int32)
    return dict(zip(measurement.names, measurement(once)[0].tolist(), strict=True))


def _better(name: str, interval: BootstrapInterval) -> str | None:
    """Whose statistic is better, where the whole interval is on one side of 0."""
    if interval.low > 0:
        is_first = name in HIGHER_IS_BETTER
    elif interval.high < 0:
        is_first = name not in HIGHER_IS_BETTER
    else:
        return None
    return "first" if is_first else "second"


def to_json(comparison: SideBySide) -> dict[str, Any]:
    """Plain values for JSON, with their `schema_version`; what is not known is None."""
    plain: dict[str, Any] = json.loads(pydantic.TypeAdapter(SideBySide).dump_json(comparison))
    return {"schema_version": SCHEMA_VERSION, **plain}
