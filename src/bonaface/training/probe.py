"""The linear probe: a logistic regression for each family on embeddings that do not move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from bonaface.models.linear_head import LinearHead
from bonaface.training.convex import minimise, standardisation

PENALTIES = (1e1, 1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Strengths of the penalty on weights that dev chooses from, the strongest first."""


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What there is to learn from embeddings.

    Attributes:
        embedding: (samples, width); only directions count.
        targets: (samples, families), 1 = attack of that family.
        known: (samples, families), 0 where a sample says nothing about a family.
    """

    embedding: Float[Tensor, "samples width"]
    targets: Float[Tensor, "samples families"]
    known: Float[Tensor, "samples families"]


@dataclass(frozen=True, slots=True)
class Solution:
    """A head that was solved for.

    Attributes:
        head: Evidence of each family.
        penalty: The strength that it was solved with.
        untaught: Families of which the samples show one class only: their evidence is constant.
    """

    head: LinearHead
    penalty: float
    untaught: tuple[int, ...]


def solutions(lessons: Lessons) -> Iterator[Solution]:
    """A head for each of `PENALTIES`."""
    unit = F.normalize(lessons.embedding.double(), dim=-1)
    mean, inverse = standardisation(unit)
    standard = (unit - mean) * inverse
    taught = [_is_taught(lessons, family) for family in range(lessons.targets.shape[1])]
    for penalty in PENALTIES:
        head = LinearHead(lessons.targets.shape[1], unit.shape[1])
        for family, is_taught in enumerate(taught):
            rows = lessons.known[:, family] > 0
            target = lessons.targets[rows, family].double()
            if is_taught:
                weight, offset = solved(standard[rows], target, penalty=penalty)
            else:
                weight, offset = torch.zeros_like(mean), _constant(target)
            raw = weight * inverse
            with torch.no_grad():
                head.weight[family] = raw
                head.offset[family] = offset - raw @ mean
        yield Solution(head, penalty, tuple(f for f, is_taught in enumerate(taught) if not is_taught))


def solved(
    inputs: Float[Tensor, "samples width"], target: Float[Tensor, " samples"], *, penalty: float
) -> tuple[Float[Tensor, " width"], Float[Tensor, ""]]:
    """Weight and offset that minimise mean cross-entropy + penalty / 2 |weight|^2; the offset is free.

    Convex, by L-BFGS; in the precision of the inputs, which had best be float64.
    """
    weight = inputs.new_zeros(inputs.shape[1], requires_grad=True)
    offset = inputs.new_zeros((), requires_grad=True)

    def loss() -> Tensor:
        value = F.binary_cross_entropy_with_logits(inputs @ weight + offset, target)
        return value + penalty / 2 * weight.square().sum()

    minimise(loss, weight, offset)
    return weight.detach(), offset.detach()


def _is_taught(lessons: Lessons, family: int) -> bool:
    known = lessons.targets[lessons.known[:, family] > 0, family]
    return bool((known > 0).any() and (known == 0).any())


def _constant(target: Float[Tensor, " samples"]) -> Tensor:
    """The log-odds of attack where nothing tells the classes apart, one imagined sample of each added."""
    attacks = target.sum()
    return torch.log((attacks + 1) / (len(target) - attacks + 1))
