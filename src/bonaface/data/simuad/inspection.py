"""The audit of a benchmark: who or what is on two sides, what tells the class by itself, and how plain each species is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from bonaface.data.manifest import Manifest
from bonaface.data.protocols.audit import identity_overlaps, repeats
from bonaface.data.simuad.crops import Crop, Crops, chosen, crops
from bonaface.data.simuad.protocol_lists import SOURCE_HASH
from bonaface.data.simuad.separation import area, fitted
from bonaface.faces.finder import Finder
from bonaface.vocabulary import Split

TitledBar = Callable[[str, int], AbstractContextManager[Callable[[], None]]]
"""A title and how many are to come -> a context with a function to call after each."""

FAIR = (0.40, 0.60)
"""Within these the AUC of a shortcut is chance."""

POOLED = "all attacks"


@dataclass(frozen=True, slots=True)
class Leaks:
    """What is in several splits; all of it must be 0.

    Attributes:
        subjects: People who were attacked or are bona fide.
        people: The same, with second persons of swaps, morphs and masks counted in.
        pictures: Files with the same bytes.
        sources: Source pictures with the same bytes.
    """

    subjects: int
    people: int
    pictures: int
    sources: int


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A number of the test rows that must not tell the class.

    Attributes:
        auc: Of attacks over bona fide rows; None where a class is missing.
        is_fair: Whether it is within `FAIR`.
        attacks: How many.
        bonafide: How many.
        species: The AUC of each species; an attack itself may move some of these numbers.
    """

    auc: float | None
    is_fair: bool
    attacks: int
    bonafide: int
    species: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Detectability:
    """How well a linear score of fixed statistics finds a species, fitted on train rows, measured on test rows.

    Attributes:
        auc: Of the test rows; None where a class is missing in train or test.
        train: Attacks that it was fitted on.
        test: Attacks that it was measured on.
        bonafide: Bona fide test rows.
        missed: Of the attacks that were looked at in test, those without a face that the finder found.
    """

    auc: float | None
    train: int
    test: int
    bonafide: int
    missed: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """The audit; `dataclasses.asdict` of it is JSON.

    Attributes:
        leaks: What is in several splits.
        shortcuts: By name of the number.
        detectability: By species, and of all attacks by one score.
        bonafide_missed: Of the bona fide test rows that were looked at, those without a face that the finder found.
        warnings: What to know before measuring on it, a sentence each.
    """

    leaks: Leaks
    shortcuts: dict[str, Shortcut]
    detectability: dict[str, Detectability]
    bonafide_missed: int
    warnings: tuple[str, ...]


def inspected(
    manifest: Manifest,
    sums: Mapping[str, str],
    finder: Finder,
    *,
    bar: TitledBar,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Inspection | None:
    """Audit a benchmark; None if stopped.

    Args:
        manifest: All of its rows.
        sums: The sha256 of its pictures, by path.
        finder: Finds the faces in the made pictures, as a detector's does.
        bar: Shows how many pictures were looked at.
        is_stopped: Asked before each.
    """
    rows = chosen(manifest.rows)
    with bar("auditing", len(rows)) as advance:
        seen = crops(replace(manifest, rows=tuple(rows)), finder, on_row=advance, is_stopped=is_stopped)
    if seen is None:
        return None
    found, told = leaks(manifest, sums), shortcuts(seen.found)
    missed = seen.missed["bonafide"]
    return Inspection(found, told, detectability(seen), missed, _warnings(found, told))


def leaks(manifest: Manifest, sums: Mapping[str, str]) -> Leaks:
    """What several splits share, by the manifest's columns and the files' hashes."""
    overlaps = identity_overlaps(manifest)
    rows = manifest.rows
    return Leaks(
        subjects=sum(one.subjects for one in overlaps),
        people=sum(one.people for one in overlaps),
        pictures=repeats(rows, [sums.get(row.path, "") for row in rows]).across_splits,
        sources=repeats(rows, [row.groups.get(SOURCE_HASH, "") for row in rows]).across_splits,
    )


def shortcuts(seen: Sequence[Crop]) -> dict[str, Shortcut]:
    """The AUC of every number that must not tell the class, on test rows."""
    test = [one for one in seen if one.row.split is Split.TEST]
    num_attacks = int(_is_attack(test).sum())
    found = {}
    for name in test[0].shortcuts if test else ():
        of_species = {
            species: _area([one.shortcuts[name] for one in kept], kept)
            for species, kept in _with_bonafide(test).items()
        }
        auc = _area([one.shortcuts[name] for one in test], test)
        is_fair = auc is not None and FAIR[0] <= auc <= FAIR[1]
        found[name] = Shortcut(auc, is_fair, num_attacks, len(test) - num_attacks, of_species)
    return found


def detectability(seen: Crops) -> dict[str, Detectability]:
    """For each species, and for all by one score, the AUC on test of a fixed classifier fitted on train."""
    sides = {
        split: [one for one in seen.found if one.row.split is split] for split in (Split.TRAIN, Split.TEST)
    }
    train, test = (
        {**_with_bonafide(sides[split]), POOLED: sides[split]} for split in (Split.TRAIN, Split.TEST)
    )
    attacks = {species: count for species, count in seen.missed.items() if species != "bonafide"}
    bonafide = [one for one in sides[Split.TEST] if one.row.is_bonafide]
    test = {
        **{species: bonafide for species, count in attacks.items() if count},
        **test,
    }  # of some every face was missed
    missed = {**attacks, POOLED: sum(attacks.values())}
    return {
        species: Detectability(
            auc=_detected(train.get(species, []), kept),
            train=int(_is_attack(train.get(species, [])).sum()),
            test=int(_is_attack(kept).sum()),
            bonafide=int((~_is_attack(kept)).sum()),
            missed=missed.get(species, 0),
        )
        for species, kept in test.items()
    }


def _detected(train: Sequence[Crop], test: Sequence[Crop]) -> float | None:
    is_attack = _is_attack(train)
    if is_attack.all() or not is_attack.any() or not test:
        return None
    ridge = fitted(np.array([one.traces for one in train]), is_attack)
    return _area(ridge.scores(np.array([one.traces for one in test])), test)


def _with_bonafide(seen: Sequence[Crop]) -> dict[str, list[Crop]]:
    """By species, its rows and all bona fide ones."""
    species = dict.fromkeys(one.row.species.name for one in seen if not one.row.is_bonafide)
    return {
        name: [one for one in seen if one.row.is_bonafide or one.row.species.name == name] for name in species
    }


def _is_attack(seen: Sequence[Crop]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([not one.row.is_bonafide for one in seen], np.bool_)


def _area(scores: object, seen: Sequence[Crop]) -> float | None:
    found = area(np.asarray(scores, np.float64), _is_attack(seen))
    return None if found is None else round(found, 4)


def _warnings(found: Leaks, told: Mapping[str, Shortcut]) -> tuple[str, ...]:
    words = {
        "subjects": "people", "people": "people, second persons counted in,",
        "pictures": "pictures", "sources": "source pictures",
    }  # fmt: skip
    leaking = [
        f"{count} {words[name]} are in several splits: faces or pictures may be recognised instead of attacks"
        for name in words
        if (count := getattr(found, name))
    ]
    unfair = [
        f"{name} is not known on test: too few faces were found"
        if one.auc is None
        else f"{name} tells {one.attacks} attacks from {one.bonafide} bona fide pictures with an AUC of {one.auc:.2f}, "
        f"outside {FAIR[0]:.2f} to {FAIR[1]:.2f}: a detector may learn it"
        for name, one in told.items()
        if not one.is_fair
    ]
    return (*leaking, *unfair)
