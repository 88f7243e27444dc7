"""What a run's routers did, epoch by epoch, read from its events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic

from bonaface.errors import CheckpointError
from bonaface.evaluation.wording import NOT_KNOWN, percent

EVENT = "routers"
"""What the line of an epoch is called."""
FINDINGS: Mapping[str, str] = {
    "combine_alike": "all tokens read the slots alike",
    "dispatch_alike": "all slots average the tokens alike",
    "collapsed": "one expert gets more than 90 % of the weight",
}
"""Why a router is dead, in words."""


@dataclass(frozen=True, slots=True)
class RouterState:
    """One router after one epoch; quantities as in `models.router_health.RouterHealth`."""

    name: str
    num_tokens: int
    num_slots: int
    slots_per_token: float
    tokens_per_slot: float
    combine_nats: float
    dispatch_nats: float
    load: tuple[float, ...]
    species_load: Mapping[str, tuple[float, ...]]
    findings: tuple[str, ...]

    @property
    def block(self) -> str:
        """Which block it is in, from 0: the number in its name, or the name where there is none."""
        number = re.search(r"\.(\d+)\.", f".{self.name}.")
        return f"block {number[1]}" if number else self.name

    @property
    def species_spread(self) -> float | None:
        """The largest difference of an expert's load between two species; None where fewer than two were seen."""
        columns = list(zip(*self.species_load.values(), strict=True))
        return max(max(column) - min(column) for column in columns) if len(self.species_load) > 1 else None

    @property
    def reasons(self) -> str:
        """Why it is dead; empty where it lives."""
        return ", ".join(FINDINGS.get(one, one) for one in self.findings)


@dataclass(frozen=True, slots=True)
class RouterEpoch:
    """All routers after an epoch, counted from 0, from the first block to the last."""

    epoch: int
    routers: tuple[RouterState, ...]


def router_epochs(events: Iterable[Mapping[str, Any]]) -> tuple[RouterEpoch, ...]:
    """The epochs whose routers were recorded, the last line of each.

    Raises:
        CheckpointError: If there is none, or a line is not what training writes.
    """
    adapter = pydantic.TypeAdapter(RouterEpoch)
    try:
        found = [adapter.validate_python(event) for event in events if event.get("event") == EVENT]
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CheckpointError(
            f"the routers in a run's events must be as training writes them; {where}: {first['msg']}; delete the line"
        ) from None
    if not found:
        raise CheckpointError(
            "a run must have recorded its routers; its events have none; train a model with experts by this version"
        )
    last = {one.epoch: one for one in found}
    return tuple(last[epoch] for epoch in sorted(last))


def remarks(routers: Sequence[RouterState]) -> list[str]:
    """A sentence for each dead router."""
    return [f"the router of {one.block} is dead: {one.reasons}" for one in routers if one.findings]


def cells(state: RouterState) -> tuple[str, ...]:
    """A router as a row of a table, see `COLUMNS`."""
    spread = state.species_spread
    return (
        state.block,
        f"{state.slots_per_token:.1f} of {state.num_slots}",
        f"{state.tokens_per_slot:.1f} of {state.num_tokens}",
        percent(max(state.load)),
        NOT_KNOWN if spread is None else percent(spread),
        "dead" if state.findings else "alive",
    )


COLUMNS = (
    "router",
    "effective slots a token",
    "effective tokens a slot",
    "largest expert",
    "species differ by",
    "verdict",
)
