"""Who is in the benchmark: bona fide pictures of people, two or more people in each split."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from bonaface.data.manifest import Manifest, Row, check_classes
from bonaface.data.randomness import generator
from bonaface.data.splits import assigned
from bonaface.errors import SimulationError
from bonaface.vocabulary import Split

ATTACKS = "attacks of the source"
PICTURES = "further pictures of a subject"
PEOPLE = "people beyond those asked for"
"""What is left out of a source before any picture is opened: attacks and pictures by rows, people by heads."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What a source holds that the benchmark is made of.

    Attributes:
        manifest: Bona fide rows, each with its split.
        left_out: How many of the source are not among them, by why.
    """

    manifest: Manifest
    left_out: dict[str, int]


def pooled(manifest: Manifest, *, pictures: int = 1, subjects: int | None = None) -> Pool:
    """The rows that samples are made of.

    Args:
        manifest: Of the source. Without splits, subjects are split by hash.
        pictures: Of each subject at most; the first by path.
        subjects: At most, in the splits' own proportion but two in each; by a draw that depends on their names alone.

    Raises:
        ManifestError: If there is no bona fide row, or the splits are not whole.
        SimulationError: If a split has fewer than two people, or so few people are asked for.
    """
    check_classes(manifest, what="the faces of a benchmark")
    bonafide = assigned(manifest.where(lambda row: row.is_bonafide))
    by_subject: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(bonafide.rows, key=lambda row: row.path):
        by_subject[row.subject].append(row)
    chosen = _chosen({subject: rows[0].split for subject, rows in by_subject.items()}, subjects)
    kept = {row.path for subject in chosen for row in by_subject[subject][:pictures]}
    rows = tuple(row for row in bonafide.rows if row.path in kept)
    of_people = sum(len(by_subject[subject]) for subject in chosen)
    left_out = {
        ATTACKS: len(manifest.rows) - len(bonafide.rows),
        PICTURES: of_people - len(rows),
        PEOPLE: len(by_subject) - len(chosen),
    }
    return Pool(replace(bonafide, rows=rows), {why: count for why, count in left_out.items() if count})


def _chosen(split_of: dict[str, Split | None], subjects: int | None) -> list[str]:
    """So many of the subjects, or all."""
    by_split = {split: [subject for subject, own in split_of.items() if own is split] for split in Split}
    if any(len(people) < 2 for people in by_split.values()):
        counts = ", ".join(f"{len(people)} in {split}" for split, people in by_split.items())
        raise SimulationError(
            f"a benchmark must have two people or more in each of {', '.join(Split)}; got {counts}; "
            f"give pictures of more people, or fill the column 'split'"
        )
    if subjects is None or subjects >= len(split_of):
        return list(split_of)
    if subjects < 2 * len(Split):
        raise SimulationError(
            f"at least {2 * len(Split)} people must be asked for, two a split; got {subjects}"
        )
    wanted = {
        split: max(2, round(subjects * len(people) / len(split_of))) for split, people in by_split.items()
    }
    while sum(wanted.values()) > subjects:  # two in each of the small splits, and what rounding adds
        wanted[max(wanted, key=lambda split: wanted[split])] -= 1
    chosen = []
    for split, people in by_split.items():
        drawn = sorted(people, key=lambda subject: generator("simuad", subject).random())
        chosen += drawn[: wanted[split]]
    return chosen
