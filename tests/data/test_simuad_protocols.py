from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonaface.data.manifest import Row, read_manifest
from bonaface.data.simuad.protocol_lists import PROTOCOLS, listed, write_lists
from bonaface.vocabulary import SPECIES, Label, Split

PHYSICAL = ("print", "replay", "cutout", "paper_mask", "mask_3d")
DIGITAL = ("faceswap", "reenactment", "attribute_edit", "morph", "generated", "injection")

IN_TRAINING = {
    "S1": PHYSICAL + DIGITAL,
    "S2.1": DIGITAL,
    "S2.2": PHYSICAL,
    **{f"LOSO-{one}": tuple(other for other in PHYSICAL + DIGITAL if other != one) for one in PHYSICAL + DIGITAL},
}  # fmt: skip
IN_TEST = {
    "S1": PHYSICAL + DIGITAL,
    "S2.1": PHYSICAL,
    "S2.2": DIGITAL,
    **{f"LOSO-{one}": (one,) for one in PHYSICAL + DIGITAL},
}
"""The definitions once more, written out."""


def row(species: str, split: Split, number: int = 0) -> Row:
    label = Label.BONAFIDE if species == "bonafide" else Label.ATTACK
    groups = {"simulation": species, "variant": "v", "strength": "0.7000", "partner": "", "sample_id": f"{species}/{number}",
              "source_sha256": "ab"}  # fmt: skip
    return Row(
        f"{species}/{split}{number}.jpg", label, SPECIES[species], f"{split} {number}", split, "made", "CC0-1.0",
        "{}", groups,
    )  # fmt: skip


EVERY = [row(*one) for one in product(("bonafide", *PHYSICAL, *DIGITAL), Split, range(2))]


def test_there_are_fourteen():
    assert [one.name for one in PROTOCOLS][:3] == ["S1", "S2.1", "S2.2"]
    assert {one.name for one in PROTOCOLS} == IN_TRAINING.keys() == IN_TEST.keys()
    assert len(PROTOCOLS) == 14
    assert all(one.meaning for one in PROTOCOLS)


@pytest.mark.parametrize("definition", PROTOCOLS, ids=lambda one: one.name)
def test_each_holds_what_it_says(definition):
    held = [one.path for one in EVERY if definition.holds(one)]
    wanted = [
        one.path
        for one in EVERY
        if one.is_bonafide
        or one.species.name in (IN_TEST if one.split is Split.TEST else IN_TRAINING)[definition.name]
    ]
    assert held == wanted


@given(st.lists(st.sampled_from(EVERY), unique_by=lambda one: one.path), st.sampled_from(PROTOCOLS[1:]))
def test_what_is_unseen_is_in_test_alone(rows, definition):
    held = [one for one in rows if definition.holds(one)]
    seen = {one.species.name for one in held if one.split is not Split.TEST} - {"bonafide"}
    tested = {one.species.name for one in held if one.split is Split.TEST} - {"bonafide"}
    assert not seen & tested
    assert [one for one in rows if one.is_bonafide] == [one for one in held if one.is_bonafide]


def test_lists_are_manifests_over_the_same_pictures(tmp_path):
    write_lists(tmp_path, EVERY)
    assert {path.stem for path in (tmp_path / "protocols").iterdir()} == set(IN_TEST)
    for definition in PROTOCOLS:
        read = read_manifest(tmp_path / definition.path)
        assert [read.picture_path(one).resolve() for one in read.rows] == [
            (tmp_path / one.path).resolve() for one in EVERY if definition.holds(one)
        ]
        assert not any(one.parameters for one in read.rows)
    assert set(read.rows[0].groups) == {
        "sample_id",
        "simulation",
        "strength",
        "variant",
    }  # nobody has a partner here
    one = listed(PROTOCOLS[0], EVERY)[-1]
    assert (one.path, one.licence, one.groups["sample_id"]) == (
        f"../{EVERY[-1].path}",
        "CC0-1.0",
        EVERY[-1].groups["sample_id"],
    )
