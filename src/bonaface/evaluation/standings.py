"""From the scores of many runs to a leaderboard: means over seeds and parts, measured on the same drawn subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation.bootstrap import REPLICATES, BootstrapInterval, interval_of
from bonaface.evaluation.columns import Scores, text_column
from bonaface.evaluation.leaderboard import (
    Board,
    Failure,
    Figure,
    Leaderboard,
    RunFigures,
    Standing,
    Versus,
)
from bonaface.evaluation.remarks import shared_notes, shared_subjects, split_notes
from bonaface.evaluation.replicates import Measurement, Statistic
from bonaface.evaluation.resampling import Clusters, Weights, clusters
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.side_by_side import HIGHER_IS_BETTER
from bonaface.evaluation.thresholds import parse_rule, threshold_by_rule
from bonaface.vocabulary import Split

COMPARED: tuple[Statistic, ...] = ("acer_pooled", "apcer_worst", "bpcer", "auc", "eer")
"""What a leaderboard shows, in its order."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The scores of one run.

    Attributes:
        recipe: Its name.
        protocol: Its name.
        part: Of a protocol of several manifests, e.g. the species that is left out; empty where there is one.
        seed: Of the run.
        table: Rows of dev and test.
    """

    recipe: str
    protocol: str
    part: str
    seed: int
    table: ScoreTable

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.recipe} on {self.protocol}{f' ({self.part})' if self.part else ''}, seed {self.seed}"


def leaderboard(
    scored: Sequence[Scored],
    *,
    recipes: Sequence[str],
    protocols: Mapping[str, Sequence[str]],
    rule: str = "eer",
    replicates: int = REPLICATES,
    seed: int = 0,
    failures: Sequence[Failure] = (),
    notes: Sequence[str] = (),
) -> Leaderboard:
    """Measure every run at its own dev threshold, and every recipe against the first one.

    Args:
        scored: Of each run. Runs of one protocol and part have scored the same samples.
        recipes: Names, in order; the first is the baseline.
        protocols: The names of each one's parts, one empty name where it has none.
        rule: As `threshold_by_rule` takes it, the same for all.
        replicates: Of the subject bootstrap, at least 2. A protocol's subjects are drawn once for all its runs.
        seed: Of the bootstrap.
        failures: Runs that have no scores.
        notes: What a reader must know of all protocols.

    Returns:
        A run whose scores can not be measured is one of the failures.

    Raises:
        ScoreError: If runs of one protocol and part have scored other samples, or the rule is unknown.
    """
    parse_rule(rule)  # an unknown one is no failure of a run
    measured, failed = _measured(scored, rule)
    boards = [
        _board(
            name, parts, [one for one in measured if one.scored.protocol == name], recipes, replicates, seed
        )
        for name, parts in protocols.items()
    ]
    return Leaderboard(
        baseline=recipes[0],
        rule=rule,
        replicates=replicates,
        seed=seed,
        boards=boards,
        runs=[one.figures for one in measured],
        failures=[*failures, *failed],
        notes=list(notes),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """A run, its test rows in the order of their samples, and its figures there."""

    scored: Scored
    test: ScoreTable
    figures: RunFigures


def _measured(scored: Sequence[Scored], rule: str) -> tuple[list[_Measured], list[Failure]]:
    """Every run at its threshold; those that have none, or no class on test, and why."""
    measured, failed = [], []
    for one in scored:
        test = one.table.of_split(Split.TEST)
        test = test.take(np.argsort(test.sample))
        try:
            threshold = threshold_by_rule(one.table.of_split(Split.DEV), rule)
            groups = clusters(test)
            values = Measurement(test, groups, threshold.value, COMPARED)(_once(groups))[0].tolist()
        except ScoreError as error:
            failed.append(Failure(one.name, str(error)))
            continue
        named = dict(zip(COMPARED, values, strict=True))
        figures = RunFigures(one.recipe, one.protocol, one.part, one.seed, threshold, named)
        measured.append(_Measured(one, test, figures))
    return measured, failed


def _board(
    protocol: str,
    parts: Sequence[str],
    measured: Sequence[_Measured],
    recipes: Sequence[str],
    replicates: int,
    seed: int,
) -> Board:
    tables = {part: _shared_rows([one for one in measured if one.scored.part == part]) for part in parts}
    if any(table is None for table in tables.values()):
        missing = [Standing(recipe, {}) for recipe in recipes]
        return Board(protocol, tuple(parts), 0, 0, missing, ["no run has scores for every part of it"])
    groups = _joint({part: table for part, table in tables.items() if table is not None})
    whole = {recipe: _whole_seeds(measured, recipe, parts) for recipe in recipes}
    means = {
        recipe: _Mean([_measurement(run, groups) for runs in seeds.values() for run in runs])
        for recipe, seeds in whole.items()
        if seeds
    }
    by_seed = {
        recipe: {
            number: _rounded(np.mean([list(run.figures.values.values()) for run in runs], axis=0))
            for number, runs in whole[recipe].items()
        }
        for recipe in means
    }
    drawn = _drawn(means, groups[parts[0]], replicates, seed)
    base = recipes[0] if recipes[0] in means else None
    standings = [
        Standing(recipe, _figures(recipe, base, drawn, by_seed) if recipe in means else {})
        for recipe in recipes
    ]
    return Board(
        protocol=protocol,
        parts=tuple(parts),
        rows=sum(len(table) for table in tables.values() if table is not None),
        subjects=groups[parts[0]].count,
        standings=standings,
        notes=_notes(measured, whole, base),
    )


def _shared_rows(runs: Sequence[_Measured]) -> ScoreTable | None:
    """The test rows that all these runs have scored; None of no run."""
    for one in runs[1:]:
        first = runs[0].test
        for name in ("sample", "label", "species", "subject"):
            if not np.array_equal(getattr(first, name), getattr(one.test, name)):
                raise ScoreError(
                    f"runs of one protocol must have scored the same samples; {runs[0].scored.name} and "
                    f"{one.scored.name} differ in column {name}; score one again"
                )
    return runs[0].test if runs else None


def _joint(tables: Mapping[str, ScoreTable]) -> dict[str, Clusters]:
    """The clusters of every part's rows, where a subject of several parts is one cluster."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(table, name) for table in tables.values()])
        for name in ("label", "species", "subject", "split", "attack_score", "reason")
    }
    names = [f"{part}/{sample}" for part, table in tables.items() for sample in table.sample.tolist()]
    every = ScoreTable(sample=text_column("sample", names), **columns)
    found, start, groups = clusters(every), 0, {}
    for part, table in tables.items():
        groups[part] = Clusters(found.of_row[start : start + len(table)], found.strata)
        start += len(table)
    return groups


def _whole_seeds(
    measured: Sequence[_Measured], recipe: str, parts: Sequence[str]
) -> dict[int, list[_Measured]]:
    """The runs of each seed that has every part."""
    runs: dict[int, list[_Measured]] = {}
    for one in measured:
        if one.scored.recipe == recipe:
            runs.setdefault(one.scored.seed, []).append(one)
    return {seed: found for seed, found in sorted(runs.items()) if len(found) == len(parts)}


def _measurement(run: _Measured, groups: Mapping[str, Clusters]) -> Measurement:
    return Measurement(run.test, groups[run.scored.part], run.figures.threshold.value, COMPARED)


class _Mean:
    """The mean of the statistics of several runs under the same weights. Final."""

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        self._measurements = measurements

    def __call__(self, weights: Weights) -> Scores:
        total = np.zeros((len(weights), len(COMPARED)))
        for measurement in self._measurements:
            total += measurement(weights)
        return total / len(self._measurements)


def _drawn(means: Mapping[str, _Mean], groups: Clusters, replicates: int, seed: int) -> dict[str, Scores]:
    """Every recipe's statistics, (1 + replicates, statistics): on the rows as they are, then on the same draws for all."""
    generator = np.random.default_rng(seed)
    found: dict[str, list[Scores]] = {recipe: [mean(_once(groups))] for recipe, mean in means.items()}
    for weights in groups.draws(replicates, generator):
        for recipe, mean in means.items():
            found[recipe].append(mean(weights))
    return {recipe: _rounded(np.concatenate(batches)) for recipe, batches in found.items()}


def _rounded(values: Scores) -> Scores:
    """Without the last digits, which the order of a sum decides: equal means must differ by exactly 0."""
    return np.round(values, 12)


def _once(groups: Clusters) -> Weights:
    return np.ones((1, groups.count), dtype=np.int32)


def _figures(
    recipe: str,
    base: str | None,
    drawn: Mapping[str, Scores],
    by_seed: Mapping[str, Mapping[int, Scores]],
) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for column, name in enumerate(COMPARED):
        values = {seed: float(found[column]) for seed, found in by_seed[recipe].items()}
        spread = float(np.std(list(values.values()), ddof=1)) if len(values) > 1 else float("nan")
        versus = None
        if base not in (None, recipe):
            others = {seed: float(found[column]) for seed, found in by_seed[base].items()}
            versus = _versus(name, drawn[recipe][:, column] - drawn[base][:, column], values, others)
        figures[name] = Figure(_percentiles(drawn[recipe][:, column]), values, spread, versus)
    return figures


def _versus(name: str, drawn: Scores, values: Mapping[int, float], others: Mapping[int, float]) -> Versus:
    difference = _percentiles(drawn)
    both = [seed for seed in values if seed in others]
    signs = [np.sign(values[seed] - others[seed]) for seed in both]
    is_better = None
    if difference.low > 0 or difference.high < 0:
        is_better = (difference.low > 0) == (name in HIGHER_IS_BETTER)
    agreeing = sum(sign == np.sign(difference.value) for sign in signs)
    return Versus(difference, is_better, int(agreeing), len(both))


def _percentiles(drawn: Scores) -> BootstrapInterval:
    """The interval of a statistic that stands first, by its replicates behind it."""
    return interval_of(float(drawn[0]), drawn[1:], 0.0, "percentile", 0.95)


def _notes(
    measured: Sequence[_Measured], whole: Mapping[str, Mapping[int, Sequence[_Measured]]], base: str | None
) -> list[str]:
    """What a reader must know of a protocol's rows and runs."""
    notes: dict[str, None] = {}
    for one in measured:
        notes |= dict.fromkeys(_split_notes(one))
    for recipe, seeds in whole.items():
        runs = [run for found in seeds.values() for run in found]
        silent = sum(int(np.count_nonzero(~run.test.has_score)) for run in runs)
        if silent:
            total = sum(len(run.test) for run in runs)
            note = f"{recipe}: {silent} of {total} answers on test are missing; the rates are of the others"
            notes[note] = None
    seeds_of = {recipe: tuple(seeds) for recipe, seeds in whole.items() if seeds}
    if len(set(seeds_of.values())) > 1:
        words = ", ".join(f"{recipe} {' '.join(map(str, seeds))}" for recipe, seeds in seeds_of.items())
        notes[f"recipes have other seeds ({words}): their means are not of equally many runs"] = None
    if any(len(seeds) == 1 for seeds in seeds_of.values()):
        notes["one seed: how much training itself varies is not known, and no interval here holds it"] = None
    if base is None:
        notes["the baseline has no figures: nothing is compared with it"] = None
    return list(notes)


def _split_notes(run: _Measured) -> list[str]:
    """Where the dev rows of a run can not speak for its test rows."""
    dev, part = run.scored.table.of_split(Split.DEV), run.scored.part
    notes = [*split_notes(dev, run.test), *shared_notes(shared_subjects(dev, run.test))]
    return [f"{part}: {note}" if part else note for note in notes]
