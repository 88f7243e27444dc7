from __future__ import annotations

import pytest

from bonaface.errors import BonafaceError, ManifestError, MissingExtraError, PictureError, did_you_mean
from bonaface.vocabulary import (
    BONAFIDE,
    FAMILIES,
    SPECIES,
    Family,
    Label,
    Outcome,
    Reason,
    known_species,
    species_named,
)


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


@pytest.mark.parametrize(
    ("name", "family", "families"),
    [
        ("faceswap+print", Family.PHYSICAL, {Family.PHYSICAL, Family.DIGITAL}),
        ("print+faceswap", Family.DIGITAL, {Family.PHYSICAL, Family.DIGITAL}),
        ("diffusion+print+replay", Family.PHYSICAL, {Family.PHYSICAL, Family.DIGITAL}),
        ("print+replay", Family.PHYSICAL, {Family.PHYSICAL}),
        ("faceswap+sdsc", Family.DIGITAL, {Family.DIGITAL}),
    ],
)
def test_the_last_attack_of_a_chain_says_where_it_enters(name, family, families):
    species = species_named(name)
    assert species == known_species(name)
    assert (species.name, species.family, species.label) == (name, family, Label.ATTACK)
    assert species.families == families
    assert [step.name for step in species.steps] == name.split("+")
    assert species.meaning == ", then ".join(SPECIES[word].meaning for word in name.split("+"))


def test_a_single_species_has_its_own_family_alone():
    for species in SPECIES.values():
        assert species.families == ({species.family} if species.family else set())
        assert species.steps == ()


@pytest.mark.parametrize(
    ("name", "wrong", "near"),
    [
        ("faceswap+prnt", "prnt", "; did you mean 'print'?"),
        ("bonafide+print", "bonafide", ""),
        ("print+", "", ""),
        ("+", "", ""),
    ],
)
def test_a_chain_with_a_word_that_is_no_attack(name, wrong, near):
    assert known_species(name) is None
    attacks = ", ".join(word for word in SPECIES if word != "bonafide")
    with pytest.raises(ManifestError) as caught:
        species_named(name)
    assert str(caught.value) == (
        f"every attack of the chain '{name}' must be one of {attacks}; got '{wrong}'{near}"
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
