"""Router health: how sharply tokens and slots choose each other, who serves which species, and whether a router is dead."""

# Dimensions: B batch, N tokens, E experts, S slots per expert, M = E S slots, P species.

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bonaface.models.combine import effective_slots
from bonaface.models.experts import Mixture
from bonaface.models.insertion import experts_of

ALIKE_NATS = 0.02
"""A router whose choices tell less than this is dead: exp(0.02) is 2 % fewer effective slots than a uniform one has."""
COLLAPSED_SHARE = 0.9

Finding = Literal["combine_alike", "dispatch_alike", "collapsed"]


@dataclass(frozen=True, slots=True)
class RouterHealth:
    """One router over a set of samples; plain values, ready for JSON.

    Attributes:
        name: Of its module.
        num_tokens: N, of a sample.
        num_slots: M; with routed experts each expert is one slot.
        slots_per_token: Effective slots that a token reads, exp(entropy of its combine row), the mean over tokens: from
            1 (one-hot) to M (uniform). Signed weights count by their size.
        tokens_per_slot: Effective tokens that a slot averages, likewise of dispatch columns: from 1 to N.
        slots_per_expert: Effective slots of each expert, exp(entropy of its slots' loads): from 1 to S.
        combine_entropy: Mean entropy of a row, nats.
        dispatch_entropy: Mean entropy of a column, nats.
        combine_nats: What a token tells about the slots it reads: the entropy of the mean row less `combine_entropy`.
            0 where all tokens read the slots alike.
        dispatch_nats: What a slot tells about the tokens it averages, within a sample, likewise.
        load: Share of the combine weight that each expert gets; sums to 1.
        species_load: The same by species, for those that were seen.
        findings: Why the router is dead; none where it lives. `combine_alike`: `combine_nats` below 0.02;
            `dispatch_alike`: `dispatch_nats` below 0.02; `collapsed`: an expert of several has a load above 0.9.
    """

    name: str
    num_tokens: int
    num_slots: int
    slots_per_token: float
    tokens_per_slot: float
    slots_per_expert: tuple[float, ...]
    combine_entropy: float
    dispatch_entropy: float
    combine_nats: float
    dispatch_nats: float
    load: tuple[float, ...]
    species_load: dict[str, tuple[float, ...]]
    findings: tuple[Finding, ...]

    @property
    def is_dead(self) -> bool:
        """Whether the router does not route."""
        return bool(self.findings)


class RouterRecorder:
    """What the routers of a model did, summed over batches; `recorded` feeds it."""

    def __init__(self, model: nn.Module, species_names: Sequence[str] = ()) -> None:
        """Nothing recorded yet.

        Args:
            model: With experts in any number of blocks.
            species_names: By index.
        """
        self.routers = dict(experts_of(model))
        self.species_names = tuple(species_names)
        self._sums: dict[str, _Sums] = {}
        self._species_B: Tensor | None = None

    def expect(self, species_B: Int[Tensor, " batch"]) -> None:
        """Say of which species the samples of the next forward passes are; indices outside of the names count as none."""
        self._species_B = species_B

    def following(self, batches: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The batches themselves; while each is used, its `species` are expected."""
        for batch in batches:
            self.expect(batch["species"])
            yield batch

    @torch.no_grad()
    def add(self, name: str, router: Mixture, inputs: tuple[Any, ...]) -> None:
        """Count one forward pass of a router."""
        routing = router.route(*inputs)
        combine_BNM = routing.combine.float().abs()
        combine_BNM = combine_BNM / combine_BNM.sum(dim=-1, keepdim=True).clamp(min=1e-12)
        batch, num_tokens, num_slots = combine_BNM.shape
        if name not in self._sums:
            species = torch.zeros(len(self.species_names), num_slots, dtype=torch.float64)
            self._sums[name] = _Sums(num_tokens, torch.zeros(num_slots, dtype=torch.float64), species)
        sums = self._sums[name]
        load_BM = combine_BNM.mean(dim=1).double().cpu()
        sums.samples += batch
        sums.load_M += load_BM.sum(dim=0)
        if self._species_B is not None:
            species_B = self._species_B.cpu()
            for index in range(len(self.species_names)):
                sums.species_PM[index] += load_BM[species_B == index].sum(dim=0)
        slots_BN = effective_slots(combine_BNM)
        sums.slots_per_token += slots_BN.mean(dim=1).sum().item()
        sums.combine_entropy += slots_BN.log().mean(dim=1).sum().item()
        dispatch_BNM = routing.dispatch.float()
        tokens_BM = effective_slots(dispatch_BNM.transpose(1, 2))
        sums.tokens_per_slot += tokens_BM.mean(dim=1).sum().item()
        sums.dispatch_entropy += tokens_BM.log().mean(dim=1).sum().item()
        mean_BN = dispatch_BNM.mean(dim=2)
        mean_BN = mean_BN / mean_BN.sum(dim=1, keepdim=True).clamp(min=1e-12)
        sums.mean_dispatch_entropy += effective_slots(mean_BN.unsqueeze(1)).log().sum().item()

    def health(self) -> tuple[RouterHealth, ...]:
        """Of every router that was used, from the first block to the last."""
        return tuple(
            self._sums[name].health(name, router.config.num_experts, self.species_names)
            for name, router in self.routers.items()
            if name in self._sums
        )


@dataclass(slots=True)
class _Sums:
    """Sums over samples, each sample counting 1 however many tokens it has."""

    num_tokens: int
    load_M: Tensor  # noqa: N815
    species_PM: Tensor  # noqa: N815
    samples: int = 0
    combine_entropy: float = 0.0
    dispatch_entropy: float = 0.0
    mean_dispatch_entropy: float = 0.0
    slots_per_token: float = 0.0
    tokens_per_slot: float = 0.0

    def health(self, name: str, num_experts: int, species_names: Sequence[str]) -> RouterHealth:
        load_M = self.load_M / self.samples
        combine_entropy = self.combine_entropy / self.samples
        dispatch_entropy = self.dispatch_entropy / self.samples
        combine_nats = math.log(_effective(load_M)) - combine_entropy
        dispatch_nats = self.mean_dispatch_entropy / self.samples - dispatch_entropy
        load = _by_expert(load_M, num_experts)
        return RouterHealth(
            name=name,
            num_tokens=self.num_tokens,
            num_slots=len(load_M),
            slots_per_token=self.slots_per_token / self.samples,
            tokens_per_slot=self.tokens_per_slot / self.samples,
            slots_per_expert=tuple(_effective(part) for part in load_M.reshape(num_experts, -1)),
            combine_entropy=combine_entropy,
            dispatch_entropy=dispatch_entropy,
            combine_nats=combine_nats,
            dispatch_nats=dispatch_nats,
            load=load,
            species_load={
                species: _by_expert(row, num_experts)
                for species, row in zip(species_names, self.species_PM, strict=True)
                if row.sum() > 0
            },
            findings=tuple(_findings(combine_nats, dispatch_nats, load)),
        )


def _findings(combine_nats: float, dispatch_nats: float, load: Sequence[float]) -> Iterator[Finding]:
    if combine_nats < ALIKE_NATS:
        yield "combine_alike"
    if dispatch_nats < ALIKE_NATS:
        yield "dispatch_alike"
    if len(load) > 1 and max(load) > COLLAPSED_SHARE:
        yield "collapsed"


def _by_expert(load_M: Float[Tensor, " slots"], num_experts: int) -> tuple[float, ...]:
    load_E = load_M.reshape(num_experts, -1).sum(dim=1)
    return tuple((load_E / load_E.sum()).tolist())


def _effective(load_S: Float[Tensor, " slots"]) -> float:
    share_S = load_S / load_S.sum().clamp(min=1e-12)
    return math.exp(
        torch.special.entr(share_S).sum().item()
    )  # in float64, where `effective_slots` is in float32


@contextmanager
def recorded(model: nn.Module, species_names: Sequence[str] = ()) -> Iterator[RouterRecorder]:
    """Record every router of a model while the block runs; the routing is formed once more for it.

    >>> with recorded(nn.Identity()) as recorder:  # a model without experts
    ...     recorder.health()
    ()
    """
    recorder = RouterRecorder(model, species_names)

    def hook(name: str) -> Any:
        def count(router: Any, inputs: tuple[Any, ...], _output: Any) -> None:
            recorder.add(name, router, inputs)

        return count

    handles = [router.register_forward_hook(hook(name)) for name, router in recorder.routers.items()]
    try:
        yield recorder
    finally:
        for handle in handles:
            handle.remove()
