from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from bonaface.attacks.simulations import SIMULATIONS
from bonaface.data.simuad.variants import CLUES, SIMULATED, STRENGTHS, variants_of
from bonaface.data.simulation_plan import STRONGEST
from bonaface.vocabulary import Split

GUIDE = Path(__file__).parents[2] / "docs/guides/simuad.md"

TRAIN, DEV, TEST = (variants_of(split) for split in Split)


def test_every_attack_is_there_and_no_clue():
    species = {SIMULATIONS[name].species.name for name in SIMULATED}
    assert species == {
        "print", "replay", "cutout", "paper_mask", "mask_3d",
        "faceswap", "reenactment", "attribute_edit", "morph", "generated", "injection",
    }  # fmt: skip
    assert {"faceswap", "swap"} < set(SIMULATED)
    assert set(SIMULATIONS) - set(SIMULATED) == set(CLUES)
    assert TRAIN.keys() == DEV.keys() == TEST.keys() == set(SIMULATED)


@pytest.mark.parametrize("name", SIMULATED)
def test_the_last_is_tests_and_the_one_before_it_devs(name):
    """Read from the simulation's own file, and dealt out one by one from the end."""
    left = list(importlib.import_module(f"bonaface.attacks.{name}").VARIANTS)
    if name == "injection":
        left.remove("stream_codec")
    assert TEST[name] == (left.pop(),)
    assert DEV[name] == (left.pop(),)
    assert TRAIN[name] == tuple(left)
    assert left


def test_by_hand():
    assert (TRAIN["injection"], DEV["injection"], TEST["injection"]) == (
        ("capture_card", "desktop", "virtual_camera"),
        ("frame_codec",),
        ("stale_frame",),
    )
    assert (TRAIN["cutout"], DEV["cutout"], TEST["cutout"]) == (
        ("eyes", "eyes_mouth"),
        ("slot",),
        ("second_print",),
    )


def test_no_variant_is_in_two_splits():
    for name in SIMULATED:
        every = [*TRAIN[name], *DEV[name], *TEST[name]]
        assert len(every) == len(set(every))
        assert "stream_codec" not in every


def test_tests_strengths_lie_outside_those_of_training():
    ((low, high),) = STRENGTHS[Split.TRAIN]
    assert STRENGTHS[Split.DEV] == STRENGTHS[Split.TRAIN] == ((0.6, 1.0),)
    assert STRENGTHS[Split.TEST] == ((0.45, 0.6), (1.0, 1.25))
    for one, other in STRENGTHS[Split.TEST]:
        assert 0 < one < other <= STRONGEST
        assert other <= low or one >= high


def test_the_guides_table_is_this_one():
    text = GUIDE.read_text(encoding="utf-8")
    for name in SIMULATED:
        cells = (", ".join(part[name]) for part in (TRAIN, DEV, TEST))
        assert f"| `{name}` | {' | '.join(cells)} |" in text
