"""What a manifest is made of, and what in it would make a measurement easier than it looks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from bonaface.data.manifest import Manifest, Row
from bonaface.data.protocols.picture_files import PictureFiles, sampled
from bonaface.digest import sha256_of
from bonaface.vocabulary import FAMILIES, Family, Split

PARTNER = "partner"
"""The group column that names a second person in a picture."""

NO_SPLIT = "no split"
FEW = 3
"""So many sizes, each of one picture, say nothing of how the others are."""


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """The rows of a split.

    Attributes:
        split: train, dev, test, or 'no split'.
        rows: How many.
        subjects: Of how many subjects.
        labels: Rows by label.
        families: Attacks by family.
        species: Rows by species.
    """

    split: str
    rows: int
    subjects: int
    labels: dict[str, int]
    families: dict[str, int]
    species: dict[str, int]


@dataclass(frozen=True, slots=True)
class Overlap:
    """People that two splits share.

    Attributes:
        one: A split.
        other: Another.
        subjects: Subjects of rows of both.
        bonafide: Subjects of bona fide rows of both.
        attacks: Subjects of attacks of both.
        bonafide_then_attack: Subjects of bona fide rows of `one` and of attacks of `other`.
        attack_then_bonafide: Subjects of attacks of `one` and of bona fide rows of `other`.
        people: The same as `subjects`, with the second person of a picture counted in.
        examples: Up to three of `people`.
    """

    one: str
    other: str
    subjects: int
    bonafide: int
    attacks: int
    bonafide_then_attack: int
    attack_then_bonafide: int
    people: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Pictures that are there more than once.

    Attributes:
        rows: Rows beyond each picture's first.
        across_splits: Pictures that several splits have.
        across_labels: Pictures that are bona fide in one row and an attack in another.
        examples: Up to ten paths, the first of each.
    """

    rows: int
    across_splits: int
    across_labels: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found; `dataclasses.asdict` of it is JSON.

    Attributes:
        rows: All.
        splits: Counts of each split that has rows.
        overlaps: Of each pair of splits that share somebody.
        paths: Rows that name the same path.
        contents: Files with the same bytes; None where it was not asked for.
        pictures: Sizes and formats by species, of a sample; empty where it was not asked for.
        unreadable: Pictures of the sample, or files to compare, that could not be read.
        notes: What to know before measuring on it, a sentence each.
    """

    rows: int
    splits: tuple[SplitCounts, ...]
    overlaps: tuple[Overlap, ...]
    paths: Repeats
    contents: Repeats | None
    pictures: tuple[PictureFiles, ...]
    unreadable: int
    notes: tuple[str, ...]


def audit(manifest: Manifest, *, has_contents: bool = False, num_pictures: int = 0) -> Audit:
    """Count, compare and note.

    Args:
        manifest: Rows; a group column `partner` names the second person of a picture.
        has_contents: Whether files are compared by their bytes, which reads all of them.
        num_pictures: Pictures of each species that are opened for their size and format, by the same draw each time.
    """
    counts, overlaps = split_counts(manifest), identity_overlaps(manifest)
    paths = repeats(manifest.rows, [row.path for row in manifest.rows])
    digests = _digests(manifest) if has_contents else []
    contents = repeats(manifest.rows, digests) if has_contents else None
    lost = {row.path for row, digest in zip(manifest.rows, digests, strict=False) if not digest}
    pictures = sampled(manifest.where(lambda row: row.path not in lost), num_pictures)
    notes = (
        *_family_notes(counts),
        *_overlap_notes(overlaps),
        *_repeat_notes(paths, contents),
        *_size_notes(pictures),
    )
    unreadable = sum(one.unreadable for one in pictures) + len(lost)
    return Audit(len(manifest.rows), counts, overlaps, paths, contents, pictures, unreadable, notes)


def split_counts(manifest: Manifest) -> tuple[SplitCounts, ...]:
    """Rows of each split by label, family and species, in the order of splits."""
    by_split: dict[str, list[Row]] = {name: [] for name in (*map(str, Split), NO_SPLIT)}
    for row in manifest.rows:
        by_split[str(row.split or NO_SPLIT)].append(row)
    return tuple(
        SplitCounts(
            split=split,
            rows=len(rows),
            subjects=len({row.subject for row in rows}),
            labels=_counted(str(row.label) for row in rows),
            families=_counted(str(row.species.family) for row in rows if row.species.family),
            species=_counted(row.species.name for row in rows),
        )
        for split, rows in by_split.items()
        if rows
    )


def identity_overlaps(manifest: Manifest) -> tuple[Overlap, ...]:
    """Who is in two splits, for each pair of splits that share somebody."""
    genuine: dict[Split, set[str]] = defaultdict(set)
    attacked: dict[Split, set[str]] = defaultdict(set)
    partners: dict[Split, set[str]] = defaultdict(set)
    for row in manifest.rows:
        if row.split is not None:
            (genuine if row.is_bonafide else attacked)[row.split].add(row.subject)
            partners[row.split].update(filter(None, [row.groups.get(PARTNER)]))
    found = []
    for one, other in combinations(Split, 2):
        subjects = [genuine[split] | attacked[split] for split in (one, other)]
        people = (subjects[0] | partners[one]) & (subjects[1] | partners[other])
        if people:
            overlap = Overlap(
                one=str(one),
                other=str(other),
                subjects=len(subjects[0] & subjects[1]),
                bonafide=len(genuine[one] & genuine[other]),
                attacks=len(attacked[one] & attacked[other]),
                bonafide_then_attack=len(genuine[one] & attacked[other]),
                attack_then_bonafide=len(attacked[one] & genuine[other]),
                people=len(people),
                examples=tuple(sorted(people)[:3]),
            )
            found.append(overlap)
    return tuple(found)


def repeats(rows: Sequence[Row], names: Sequence[str]) -> Repeats:
    """Rows of one name, a name for each row; rows without a name repeat nothing."""
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row, name in zip(rows, names, strict=True):
        if name:
            by_name[name].append(row)
    several = [group for group in by_name.values() if len(group) > 1]
    return Repeats(
        rows=sum(len(group) - 1 for group in several),
        across_splits=sum(len({row.split for row in group}) > 1 for group in several),
        across_labels=sum(len({row.label for row in group}) > 1 for group in several),
        examples=tuple(group[0].path for group in several[:10]),
    )


def _digests(manifest: Manifest) -> list[str]:
    """The sha256 of each row's file; empty where it can not be read."""
    known: dict[str, str] = {}
    for row in manifest.rows:
        if row.path not in known:
            try:
                known[row.path] = sha256_of(manifest.picture_path(row))
            except OSError:
                known[row.path] = ""
    return [known[row.path] for row in manifest.rows]


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _family_notes(counts: Sequence[SplitCounts]) -> list[str]:
    """Splits that lack a class or a family that the test split has, or any where there is no test split."""
    families: Mapping[str, set[str]] = {one.split: set(one.families) for one in counts}
    every = set().union(*families.values())
    wanted = families.get(Split.TEST, every)
    notes = []
    for one in counts:
        if "bonafide" not in one.labels:
            notes.append(f"{one.split} has no bonafide rows: no error rate of them can be told")
        for family in FAMILIES:
            if family in wanted and family not in families[one.split]:
                notes.append(f"{one.split} has no {family} attacks: {_meaning(one.split, family)}")
    return notes


def _meaning(split: str, family: Family) -> str:
    if split == Split.DEV:
        return f"a threshold chosen on it says nothing about {family} ones"
    return f"{family} ones are unseen" if split == Split.TRAIN else "the other rows have"


def _overlap_notes(overlaps: Sequence[Overlap]) -> list[str]:
    return [
        f"{one.people} people are in both {one.one} and {one.other}, e.g. {one.examples[0]}: "
        "faces may be recognised instead of attacks"
        for one in overlaps
    ]


def _repeat_notes(paths: Repeats, contents: Repeats | None) -> list[str]:
    notes = []
    if paths.rows:
        notes.append(
            f"{paths.rows} rows repeat a path, e.g. {paths.examples[0]}: scoring wants each picture once"
        )
    if contents is not None and contents.rows > paths.rows:
        notes.append(
            f"{contents.rows} rows repeat another's bytes, {contents.across_splits} pictures across splits and "
            f"{contents.across_labels} across labels, e.g. {contents.examples[0]}"
        )
    return notes


def _are_drawn(sizes: Mapping[str, int]) -> bool:
    """Whether most of several pictures have a size that no other has."""
    count = sum(sizes.values())
    return count > FEW and 2 * len(sizes) > count


def _size_notes(pictures: Sequence[PictureFiles]) -> list[str]:
    """Species whose sampled sizes no bona fide picture has, where sizes come again: a size tells the class. Where nearly every
    picture has a size of its own, as in simulated sets, that says nothing.
    """
    genuine = {size for one in pictures if one.family == "" for size in one.sizes}
    return [
        f"no bonafide picture of the sample has a size of {one.species} ({', '.join(list(one.sizes)[:3])}): "
        "size or sharpness alone may tell it"
        for one in pictures
        if genuine
        and one.family
        and one.sizes
        and not _are_drawn(one.sizes)
        and genuine.isdisjoint(one.sizes)
    ]
