"""What a run teaches, apart from how the loop turns: its model, its loss, and the figure by which dev judges it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from accelerate import Accelerator
from torch import Tensor, nn

from bonaface.models.router_health import RouterHealth


class Figures(Protocol):
    """What dev says of an epoch; a dataclass, so that the record can have it."""

    @property
    def value(self) -> float:
        """By which the best epoch is chosen, higher = better."""

    @property
    def line(self) -> str:
        """The same for people."""


class Judged(NamedTuple):
    """Figures of an epoch, and how the routers do, where there are any."""

    figures: Figures
    routers: tuple[RouterHealth, ...] = ()


class Learning(NamedTuple):
    """The model that learns, as accelerate has wrapped it, and that of its averaged weights."""

    model: nn.Module
    average: nn.Module


class Task(ABC):
    """One way of learning.

    Attributes:
        model: What learns, on the CPU and not wrapped.
        beside: What has a state that resuming needs and belongs to the run, not to the model.
    """

    model: nn.Module
    beside: nn.Module

    @abstractmethod
    def loss(self, learning: Learning, pixels: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """What is minimised, a scalar.

        Args:
            learning: `model`, in both of its shapes.
            pixels: The batch's crops, normalised, (batch, 3, size, size).
            batch: Of the samples that the recipe draws.
        """

    @abstractmethod
    def judge(
        self, average: nn.Module, loader: Iterable[Mapping[str, Any]], accelerator: Accelerator
    ) -> Judged:
        """What dev says of the averaged weights, by all processes together; of routers, on this one's share."""
