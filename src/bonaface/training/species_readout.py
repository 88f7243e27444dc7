"""Which species an attack looks like: a multinomial regression on the embeddings of dev's attacks, tried on people apart.

The detector has learned to tell attacks from bona fide faces, and what it sees in them is in its embedding. The regression is
convex and small. How well it does is measured by cross-validation in which no person is on both sides, and goes into
the card; the head that ships is solved for on all rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from bonaface.bundle import ToldSpecies
from bonaface.errors import BundleError
from bonaface.models.species_head import SpeciesHead
from bonaface.training.convex import minimise, standardisation

PENALTIES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4)
"""Strengths of the penalty on weights that cross-validation chooses from, the strongest first."""

NUM_FOLDS = 5
LEAST_PEOPLE = 10
"""A species of fewer people is left out: nothing could be said of how well it is told."""


@dataclass(frozen=True, slots=True)
class SpeciesReadout:
    """A head that was solved for, and how it did on people that it was not solved with."""

    head: SpeciesHead
    told: ToldSpecies


def species_readout(
    embedding: Float[Tensor, "rows width"], species: Sequence[str], subjects: Sequence[str]
) -> SpeciesReadout | None:
    """The head for the species that have enough people; None where fewer than two have.

    Args:
        embedding: Of attacks; only directions count.
        species: Of each row.
        subjects: Of each row.

    Raises:
        BundleError: If a row has no species or no subject.
    """
    if not len(embedding) == len(species) == len(subjects):
        raise BundleError(
            f"species are read off rows that have an embedding, a species and a subject each; "
            f"got {len(embedding)}, {len(species)} and {len(subjects)}"
        )
    names = _names(species, subjects)
    if len(names) < 2:
        return None
    rows = [row for row, name in enumerate(species) if name in names]
    unit = F.normalize(embedding[rows].double(), dim=-1)
    target = torch.tensor([names.index(species[row]) for row in rows])
    folds = _folds([subjects[row] for row in rows])
    trials = [_tried(unit, target, folds, penalty, len(names)) for penalty in PENALTIES]
    losses = [float(F.nll_loss(trial.log(), target)) for trial in trials]
    best = min(range(len(PENALTIES)), key=lambda number: losses[number])
    weight, offset = solved(unit, target, num_species=len(names), penalty=PENALTIES[best])
    shares = torch.bincount(target, minlength=len(names)).double() / len(rows)
    told = ToldSpecies(
        names=tuple(names),
        rows=len(rows),
        people=len({subjects[row] for row in rows}),
        accuracy=float((trials[best].argmax(dim=1) == target).double().mean()),
        chance=float(shares.max()),
        log_loss=losses[best],
        log_loss_of_shares=float(-(shares * shares.log()).sum()),
        penalty=PENALTIES[best],
    )
    return SpeciesReadout(SpeciesHead(names, weight, offset), told)


def solved(
    unit: Float[Tensor, "rows width"], target: Int[Tensor, " rows"], *, num_species: int, penalty: float
) -> tuple[Float[Tensor, "species width"], Float[Tensor, " species"]]:
    """Weights and offsets that minimise mean cross-entropy + penalty / 2 |weights|^2, on standardised inputs.

    Convex, by L-BFGS in float64; what comes back is for the inputs as they are.
    """
    mean, inverse = standardisation(unit)
    standard = (unit - mean) * inverse
    weight = unit.new_zeros(num_species, unit.shape[1], requires_grad=True)
    offset = unit.new_zeros(num_species, requires_grad=True)

    def loss() -> Tensor:
        value = F.cross_entropy(standard @ weight.T + offset, target)
        return value + penalty / 2 * weight.square().sum()

    minimise(loss, weight, offset)
    raw = weight.detach() * inverse
    return raw, offset.detach() - raw @ mean


def _names(species: Sequence[str], subjects: Sequence[str]) -> list[str]:
    """Species with enough people, by name."""
    people = Counter(name for name, _ in set(zip(species, subjects, strict=True)))
    return sorted(name for name, count in people.items() if count >= LEAST_PEOPLE)


def _folds(subjects: Sequence[str]) -> list[int]:
    """A fold for each row, the same for all rows of a person."""
    order = {subject: number % NUM_FOLDS for number, subject in enumerate(sorted(set(subjects)))}
    return [order[subject] for subject in subjects]


def _tried(
    unit: Tensor, target: Tensor, folds: Sequence[int], penalty: float, num_species: int
) -> Float[Tensor, "rows species"]:
    """Chances of every row's species, each by a head that has not seen its person."""
    chances = unit.new_zeros(len(unit), num_species)
    for inside, outside in _splits(folds):
        weight, offset = solved(unit[inside], target[inside], num_species=num_species, penalty=penalty)
        chances[outside] = torch.softmax(unit[outside] @ weight.T + offset, dim=1)
    return chances.clamp(min=1e-12)


def _splits(folds: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
    number = torch.tensor(folds)
    for fold in range(NUM_FOLDS):
        is_outside = number == fold
        if is_outside.any() and not is_outside.all():
            yield torch.nonzero(~is_outside)[:, 0], torch.nonzero(is_outside)[:, 0]
