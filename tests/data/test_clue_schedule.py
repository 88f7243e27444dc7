from __future__ import annotations

from pathlib import Path

import pytest

from bonaface.attacks.schedule import SCHEDULES
from bonaface.data.clue_schedule import LOSS_WEIGHTS, Clues, scheduled
from bonaface.data.manifest import Manifest, Row
from bonaface.errors import RecipeError
from bonaface.vocabulary import BONAFIDE, SPECIES, Label


def manifest(*protocols: str) -> Manifest:
    rows = (
        Row("a.jpg", Label.BONAFIDE, BONAFIDE, "a", groups={"protocol": one} if one else {})
        for one in protocols
    )
    return Manifest(tuple(rows), Path())


def test_every_protocol_of_the_paper_and_no_other_has_a_schedule_and_weights():
    assert SCHEDULES == {
        "P1": (("both", 0.1), ("sdsc", 0.1)),
        "P2.1": (("moire", 0.3), ("jitter", 0.3)),
        "P2.2": (("sdsc", 0.5),),
    }
    assert LOSS_WEIGHTS == {
        "paper": {"P1": (1, 1), "P2.1": (5, 1), "P2.2": (2, 1)},
        "scripts": {"P1": (1, 1), "P2.1": (1, 1), "P2.2": (1, 1)},
    }


@pytest.mark.parametrize(
    ("schedule", "loss_weights", "weights"),
    [
        ("P2.1", "paper", (5, 1)),
        ("P2.1", "scripts", (1, 1)),
        ("P2.2", "paper", (2, 1)),
        ("P1", "paper", (1, 1)),
        ("none", "paper", (1, 1)),
    ],
)
def test_classes_weigh_by_schedule_and_preset(schedule, loss_weights, weights):
    assert Clues(schedule=schedule, loss_weights=loss_weights).class_weights == weights


@pytest.mark.parametrize(("protocol", "schedule"), [("p1", "P1"), ("p2.1", "P2.1"), ("p2.2", "P2.2")])
def test_the_manifest_names_the_schedule(protocol, schedule):
    assert scheduled(Clues(flip=0.25), manifest(protocol, protocol)) == Clues(schedule=schedule, flip=0.25)


@pytest.mark.parametrize("schedule", ["none", "P2.2"])
def test_a_schedule_of_its_own_stands_whatever_the_manifest_names(schedule):
    assert scheduled(Clues(schedule=schedule), manifest("p1", "")) == Clues(schedule=schedule)


@pytest.mark.parametrize(
    ("protocols", "found"),
    [
        (("p1.1",), "p1.1"),
        (("p2.1", "p1"), "p1, p2.1"),
        (("p1", ""), "rows without one, p1"),
        ((), "no rows"),
    ],
)
def test_a_manifest_without_one_protocol_of_the_paper_is_refused(protocols, found):
    with pytest.raises(RecipeError) as caught:
        scheduled(Clues(), manifest(*protocols))
    assert str(caught.value) == (
        "the manifest's rows must all name one of the protocols P1, P2.1, P2.2, or data.schedule must; "
        f"got {found}; add --set data.schedule=P1, another of them, or none"
    )


def test_dev_is_learned_from_as_the_challenge_allowed_and_else_not_at_all():
    wanted = {"P1": (True, True), "P2.1": (True, False), "P2.2": (True, False)}
    for schedule, taken in wanted.items():
        merged = Clues(schedule=schedule, is_dev_merged=True)
        assert (merged.learns_from_dev(BONAFIDE), merged.learns_from_dev(SPECIES["print"])) == taken
        for species in (BONAFIDE, SPECIES["print"]):
            assert not Clues(schedule=schedule).learns_from_dev(species)
