"""What a reader must know of a report's numbers: what is missing, what is weak, what can not be claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bonaface.evaluation import rates
from bonaface.evaluation.intervals import smallest_claim
from bonaface.evaluation.polarity import polarity_note
from bonaface.evaluation.rates import Rate
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import Threshold
from bonaface.vocabulary import FAMILIES, Family, Split, known_species

FEW_BONAFIDE = 30
WIDE_INTERVAL = 0.2


def family_of(species: str) -> Family | None:
    """Where the species enters; None outside the vocabulary."""
    known = known_species(species)
    return None if known is None else known.family


def table_notes(table: ScoreTable, split: Split) -> list[str]:
    """What the rows of one split can not tell, whatever the threshold."""
    bonafide = int(np.count_nonzero(table.is_bonafide & table.has_score))
    attacks = int(np.count_nonzero(table.is_attack & table.has_score))
    silence, notes = rates.apnrr_by_species(table), []
    if not attacks:
        notes.append(f"{split} has no attack with a score: APCER, ACER, AUC and EER are not known")
    if not bonafide:
        notes.append(f"{split} has no bona fide row with a score: BPCER, ACER, AUC and EER are not known")
    elif bonafide < FEW_BONAFIDE:
        notes.append(
            f"{split} has {bonafide} bona fide rows with a score, fewer than {FEW_BONAFIDE}: "
            "BPCER is a rough number"
        )
    if attacks:
        silent = [name for name, rate in silence.items() if rate.errors == rate.total]
        notes += [f"no {name} row has a score: its APCER is not known" for name in silent]
    turned = polarity_note(table)
    notes += [turned] if turned else []
    unknown = [name for name in silence if known_species(name) is None]
    if unknown:
        which = (
            f"species {unknown[0]} is"
            if len(unknown) == 1
            else f"{len(unknown)} species ({', '.join(unknown)}) are"
        )
        notes.append(f"{which} outside the vocabulary: the family is not known")
    return notes


def threshold_notes(threshold: Threshold, split: Split) -> list[str]:
    """What the way in which a threshold was chosen means for rates on `split`."""
    notes = []
    if threshold.high - threshold.low > WIDE_INTERVAL:
        notes.append(
            f"every threshold from {threshold.low:.3f} to {threshold.high:.3f} makes the same errors on the rows "
            f"it was chosen on: the place of {threshold.value:.3f} between them is a guess"
        )
    if threshold.split is split:
        notes.append(f"the threshold was chosen on {split}, where it is measured: the rates may be too good")
    return notes


def claim_notes(bpcer: Rate, apcer: Mapping[str, Rate]) -> list[str]:
    """What may be claimed where no error was seen: a rate of 0 is no proof of 0."""
    faultless = {"BPCER": bpcer, **{f"{name} APCER": rate for name, rate in apcer.items()}}
    return [
        f"no error in {rate.total} presentations: no {name} below {_limit(rate.total)} % can be claimed"
        for name, rate in faultless.items()
        if rate.total and not rate.errors
    ]


def _limit(total: int) -> str:
    value = 100 * smallest_claim(total)
    return f"{value:.1f}" if value >= 0.1 else f"{value:.1g}"  # 0.0 % can not be claimed by anybody


def split_notes(dev: ScoreTable, test: ScoreTable) -> list[str]:
    """Where dev rows can not speak for test rows."""
    notes = []
    unnamed = int((dev.subject == "").sum() + (test.subject == "").sum())
    if unnamed:
        notes.append(f"{unnamed} rows have no subject: whether dev and test share one is not known")
    for family in FAMILIES:
        if _has_scored(test, family) and not _has_scored(dev, family):
            notes.append(
                f"dev has no {family} attack with a score: the dev threshold says nothing about {family} attacks"
            )
    return notes


def shared_subjects(dev: ScoreTable, test: ScoreTable) -> list[str]:
    """The subjects that both have rows of, in alphabetical order."""
    shared: list[str] = np.intersect1d(dev.subject[dev.subject != ""], test.subject).tolist()
    return shared


def shared_notes(shared: Sequence[str]) -> list[str]:
    """That rates may be too good where dev, which chooses the threshold, has people of test: those of `shared_subjects`."""
    return [f"{len(shared)} subjects are in both dev and test: the rates may be too good"] if shared else []


def _has_scored(table: ScoreTable, family: Family) -> bool:
    names, codes = table.coded_species
    scored = np.bincount(codes[table.has_score], minlength=1 + len(names))
    return any(scored[i] and family_of(name) is family for i, name in enumerate(names, 1))
