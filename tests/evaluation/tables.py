"""Small score tables by hand and at random."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from bonaface.evaluation.scores import ScoreTable

Row = tuple[str, float | None]


def table_of(
    *rows: Row,
    split: str = "test",
    subjects: list[str] | None = None,
    groups: dict[str, list[str]] | None = None,
) -> ScoreTable:
    """A table of (species, attack_score) rows; None is a non-response."""
    return ScoreTable(
        sample=[f"{split}-{i}" for i in range(len(rows))],
        label=["bonafide" if species == "bonafide" else "attack" for species, _ in rows],
        species=[species for species, _ in rows],
        subject=subjects or [f"{split}-subject-{i}" for i in range(len(rows))],
        split=[split] * len(rows),
        attack_score=[score for _, score in rows],
        reason=["no_face" if score is None else "" for _, score in rows],
        groups=groups or {},
    )


def joined(*tables: ScoreTable) -> ScoreTable:
    names = ("sample", "label", "species", "subject", "split", "attack_score", "reason")
    return ScoreTable(**{n: np.concatenate([getattr(t, n) for t in tables]) for n in names})


SPECIES = ("bonafide", "print", "replay", "faceswap")
# Few values, so that ties are common; the ends and neighbours of a float are among them.
NUMBERS = st.sampled_from([0.0, 0.1, 0.25, 0.5, float(np.nextafter(0.5, 1)), 0.9, 1.0])
SCORES = st.one_of(st.none(), NUMBERS)
ROWS = st.lists(st.tuples(st.sampled_from(SPECIES), SCORES), min_size=0, max_size=14)
# The same with a scored row of each class at least: filtering for it would throw most tables away.
ROWS_OF_BOTH = st.tuples(ROWS, NUMBERS, st.sampled_from(SPECIES[1:]), NUMBERS).map(
    lambda drawn: [("bonafide", drawn[1]), *drawn[0][:12], (drawn[2], drawn[3])]
)
THRESHOLDS = st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 0.7, 0.9, 1.0, 1.1])


def both_classes(rows: list[Row]) -> bool:
    scored = [species == "bonafide" for species, score in rows if score is not None]
    return any(scored) and not all(scored)


def two_errors(rows: list[Row], threshold: float) -> tuple[float, float]:
    """Pooled APCER and BPCER as their definitions read."""
    attacks = [s for species, s in rows if species != "bonafide" and s is not None]
    bonafide = [s for species, s in rows if species == "bonafide" and s is not None]
    return (
        sum(1 for s in attacks if s < threshold) / len(attacks),
        sum(1 for s in bonafide if s >= threshold) / len(bonafide),
    )


def scored_by_species(rows: list[Row]) -> dict[str, list[float]]:
    """The scores of every species with any, bona fide among them."""
    by_species: dict[str, list[float]] = {}
    for species, score in rows:
        if score is not None:
            by_species.setdefault(species, []).append(score)
    return by_species


def candidates(rows: list[Row]) -> list[float]:
    """One threshold in [0, 1] for every way in which the rows can be told apart."""
    scores = [score for _, score in rows if score is not None]
    above = [float(np.nextafter(score, 2)) for score in scores]
    return sorted({0.0, *scores, *(score for score in above if score <= 1)})


def repeated(table: ScoreTable, times: np.ndarray) -> ScoreTable:
    """Every row as often as it says, under new names."""
    rows = np.repeat(np.arange(len(table)), times)
    names = ("label", "species", "subject", "split", "attack_score", "reason")
    columns = {name: getattr(table, name)[rows] for name in names}
    return ScoreTable(sample=[f"row-{i}" for i in range(len(rows))], **columns)
