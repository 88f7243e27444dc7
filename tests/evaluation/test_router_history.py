from __future__ import annotations

import json

import pytest

from bonaface.errors import CheckpointError
from bonaface.evaluation.router_history import COLUMNS, cells, remarks, router_epochs

from .routers import event, router


def test_epochs_are_read_in_order_and_the_last_line_of_each_counts() -> None:
    events = [
        {"event": "epoch", "epoch": 0, "loss": 1.0},
        event(1, router(slots=3.0)),
        event(0, router(slots=1.0)),
        event(1, router(slots=2.0), router(1)),
    ]
    found = router_epochs(json.loads(json.dumps(events)))
    assert [one.epoch for one in found] == [0, 1]
    assert [one.slots_per_token for one in found[1].routers] == [2.0, 12.0]


def test_a_run_without_routers_is_refused() -> None:
    with pytest.raises(
        CheckpointError, match="a run must have recorded its routers; its events have none; train a"
    ):
        router_epochs([{"event": "epoch", "epoch": 0}])


def test_a_line_that_was_altered_is_refused() -> None:
    with pytest.raises(
        CheckpointError, match=r"as training writes them; routers\.0\.load\.1: .*; delete the line"
    ):
        router_epochs([event(0, router(load=[0.5, "half"]))])


def test_a_router_in_words() -> None:
    (one,) = router_epochs([event(0, router(2))])
    assert dict(zip(COLUMNS, cells(one.routers[0]), strict=True)) == {
        "router": "block 2",
        "effective slots a token": "12.0 of 16",
        "effective tokens a slot": "70.2 of 101",
        "largest expert": "62.50 %",
        "species differ by": "50.00 %",
        "verdict": "alive",
    }
    assert remarks(one.routers) == []


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        (["combine_alike"], "all tokens read the slots alike"),
        (["dispatch_alike", "collapsed"], "all slots average the tokens alike, one expert gets more than 90 % of the weight"),
        (["something_new"], "something_new"),
    ],
)  # fmt: skip
def test_a_dead_router_says_why(findings: list[str], words: str) -> None:
    (one,) = router_epochs([event(0, router(), router(1, findings=findings))])
    assert cells(one.routers[1])[-1] == "dead"
    assert remarks(one.routers) == [f"the router of block 1 is dead: {words}"]


@pytest.mark.parametrize("species", [{}, {"print": [0.5, 0.5]}])
def test_one_species_differs_from_nothing(species: dict[str, list[float]]) -> None:
    (one,) = router_epochs([event(0, router(species_load=species))])
    assert one.routers[0].species_spread is None
    assert cells(one.routers[0])[4] == "not known"


def test_a_router_outside_of_blocks_keeps_its_name() -> None:
    (one,) = router_epochs([event(0, router(name="mixture"))])
    assert one.routers[0].block == "mixture"
