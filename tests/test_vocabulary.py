from __future__ import annotations

import pytest

from bonaface.errors import BonafaceError, ManifestError, MissingExtraError, PictureError, did_you_mean
from bonaface.vocabulary import BONAFIDE, FAMILIES, SPECIES, Family, Label, Outcome, Reason, species_named


def test_species_have_their_names_and_their_label():
    assert all(name == species.name for name, species in SPECIES.items())
    assert [name for name, species in SPECIES.items() if species.label is Label.BONAFIDE] == ["bonafide"]
    assert all(species.family in FAMILIES for species in SPECIES.values() if species is not BONAFIDE)
    assert all(species.meaning for species in SPECIES.values())


def test_the_order_of_families_is_part_of_every_bundle():
    assert FAMILIES == (Family.PHYSICAL, Family.DIGITAL)
    assert set(FAMILIES) == set(Family)


def test_every_family_has_a_reason():
    assert {f"{family}_evidence" for family in Family} <= set(Reason)


def test_outcomes_are_three():
    assert list(Outcome) == ["bonafide", "attack", "no_decision"]


def test_a_species_by_name():
    assert species_named("print") is SPECIES["print"]
    with pytest.raises(ManifestError) as caught:
        species_named("prnt")
    assert str(caught.value) == (
        f"species must be one of {', '.join(SPECIES)}; got 'prnt'; did you mean 'print'?"
    )


def test_did_you_mean_says_nothing_of_what_is_far():
    assert did_you_mean("zebra", SPECIES) == ""
    assert did_you_mean("", []) == ""


def test_errors_carry_what_to_do():
    error = MissingExtraError("a thing", extra="train")
    assert isinstance(error, BonafaceError)
    assert (error.extra, str(error)) == (
        "train",
        "a thing needs packages outside the light install; install them with: pip install 'bonaface[train]'",
    )
    assert PictureError("dark", reason=Reason.NO_FACE).reason == "no_face"
