"""Two rules for one model: Muon for the matrices of its blocks, AdamW for everything else.

Muon moves a matrix by its running gradient made orthogonal, so that no direction of it is left behind; it is meant for the matrices
inside a network alone. Its rate is scaled as in "Muon is Scalable for LLM Training" (arXiv 2502.16982), so that AdamW's fits both.
Reference: Keller Jordan et al. 2024, torch's `torch.optim.Muon`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Muon, Optimizer

MOMENTUM = 0.95


class MuonBesideAdamW(Optimizer):
    """One optimiser to whoever holds it: its groups are those of the two inside, and so is its state."""

    def __init__(self, groups: Iterable[dict[str, Any]], *, betas: tuple[float, float]) -> None:
        """Move each group by the rule that it names.

        Args:
            groups: As torch's optimisers take them, each with `is_inner`: whether Muon moves it.
            betas: Of AdamW.
        """
        groups = [dict(group) for group in groups]
        inner = [group for group in groups if group["is_inner"]]
        outer = [group for group in groups if not group["is_inner"]]
        self._rules: list[Optimizer] = []
        if inner:
            self._rules.append(Muon(inner, momentum=MOMENTUM, adjust_lr_fn="match_rms_adamw"))
        if outer:
            self._rules.append(AdamW(outer, betas=betas))
        super().__init__([group for rule in self._rules for group in rule.param_groups], {})
        self._share()

    def _share(self) -> None:
        """The same groups here and in the rules: a rate set on one is set on the other."""
        place = 0
        for rule in self._rules:
            rule.param_groups = self.param_groups[place : place + len(rule.param_groups)]
            place += len(rule.param_groups)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Move every parameter once by its rule; there is no closure to call."""
        for rule in self._rules:
            rule.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of both rules, in order."""
        return {"rules": [rule.state_dict() for rule in self._rules]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take both states back.

        Raises:
            ValueError: If it was of another number of rules, or of other groups.
        """
        for rule, saved in zip(self._rules, state_dict["rules"], strict=True):
            rule.load_state_dict(saved)
        self.param_groups = [group for rule in self._rules for group in rule.param_groups]


def is_inner(name: str, parameter: nn.Parameter) -> bool:
    """Whether it is a matrix of a block: no embedding, no head, no experts, which are several matrices in one."""
    return (
        parameter.ndim == 2
        and not {"layers", "layer"}.isdisjoint(name.split("."))
        and name.endswith(".weight")
    )
