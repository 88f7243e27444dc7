from __future__ import annotations

import pytest

from bonaface.data.manifest import Manifest, Row
from bonaface.data.simulation_plan import Settings, planned
from bonaface.errors import ManifestError, SimulationError
from bonaface.vocabulary import BONAFIDE, SPECIES, Family, Label, Species, Split


def rows(folder, *people: tuple[str, str, Split | None], species: Species = BONAFIDE) -> Manifest:
    """A row and an empty file for each (path, subject, split)."""
    for path, _, _ in people:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return Manifest(
        tuple(Row(path, species.label, species, subject, split) for path, subject, split in people), folder
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"strength": (0.0, 1.0)},
            "the strength must be a range within (0, 1.5], the smaller number first; got 0 to 1",
        ),
        (
            {"strength": (1.0, 0.5)},
            "the strength must be a range within (0, 1.5], the smaller number first; got 1 to 0.5",
        ),
        (
            {"strength": (1.0, 1.6)},
            "the strength must be a range within (0, 1.5], the smaller number first; got 1 to 1.6",
        ),
        (
            {"face_px": (40.0, 80.0)},
            "faces must be from 48 to 512 pixels, the smaller number first; got 40 to 80",
        ),
        (
            {"face_px": (80.0, 60.0)},
            "faces must be from 48 to 512 pixels, the smaller number first; got 80 to 60",
        ),
        (
            {"face_px": (80.0, float("nan"))},
            "faces must be from 48 to 512 pixels, the smaller number first; got 80 to nan",
        ),
        ({"per_subject": 0}, "at least 1 attack must be made of each picture; got 0"),
        (
            {"variants": {"replay": ("moire",)}},
            "variants must be of the simulated attacks in use, print; got 'replay'",
        ),
    ],
)
def test_settings_that_can_not_be(settings, sentence):
    with pytest.raises(SimulationError) as e:
        Settings(("print",), **settings)
    assert str(e.value) == sentence


def test_a_name_that_is_none_and_one_that_comes_twice():
    assert Settings(("print", "swap", "print")).simulations == ("print", "swap")
    with pytest.raises(SimulationError, match="did you mean 'sdsc'"):
        Settings(("sdcs",))


def test_what_is_made_of_a_row(tmp_path):
    people = [("ann/1.png", "ann", Split.TRAIN), ("bob.png", "bob", Split.TRAIN)]
    manifest = rows(tmp_path, *people)
    attack = rows(tmp_path, ("fake.png", "fake", Split.DEV), species=SPECIES["diffusion"])
    both = Manifest(manifest.rows + attack.rows, tmp_path)
    plan = planned(both, Settings(("print", "swap+print"), per_subject=2))
    assert [sample.path for sample in plan.settings.samples_of(manifest.rows[0])] == [
        "bonafide/ann_1.jpg",
        "print/ann_1.jpg",
        "print/ann_1_1.jpg",
        "swap+print/ann_1.jpg",
        "swap+print/ann_1_1.jpg",
    ]
    assert [sample.path for sample in plan.settings.samples_of(attack.rows[0])] == ["diffusion/fake.jpg"]
    assert len(plan) == len(list(plan.samples())) == 11
    assert list(plan.samples())[1].mask_path == "masks/print/ann_1.png"


def test_the_fingerprint_follows_the_rows_alone(tmp_path):
    manifest = rows(tmp_path, ("a.png", "a", Split.TRAIN), ("b.png", "b", Split.TRAIN))
    settings = Settings(("print",))
    one = planned(manifest, settings).fingerprint()
    assert planned(Manifest(manifest.rows[::-1], tmp_path), settings).fingerprint() == one
    assert planned(manifest, Settings((), seed=3)).fingerprint() == one
    other = rows(tmp_path, ("a.png", "a", Split.TRAIN), ("b.png", "c", Split.TRAIN))
    assert planned(other, settings).fingerprint() != one


def test_two_people_must_be_in_one_split(tmp_path):
    alone = rows(
        tmp_path, ("a/1.png", "a", Split.TRAIN), ("a/2.png", "a", Split.TRAIN), ("b.png", "b", Split.DEV)
    )
    with pytest.raises(SimulationError) as e:
        planned(alone, Settings(("print", "swap+print")))
    assert str(e.value) == (
        "swap+print needs bona fide pictures of two people in one split; got 1 in train, 1 in dev; "
        "add pictures of others, or leave swap+print out"
    )
    assert len(planned(alone, Settings(("print",)))) == 6


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ("a.bmp", "a.png", "bonafide/a.jpg"),
        ("x/b.png", "x_b.png", "bonafide/x_b.jpg"),
        ("c.png", "c_1.png", "sdsc/c_1.jpg"),  # the second attack made of c
    ],
)
def test_two_samples_are_never_written_to_one_file(tmp_path, first, second, name):
    manifest = rows(tmp_path, (first, "a", Split.DEV), (second, "b", Split.DEV))
    with pytest.raises(ManifestError) as e:
        planned(manifest, Settings(("sdsc",), per_subject=2))
    assert str(e.value) == (
        f"every sample must be a file of its own; {first} and {second} would both be written to {name}; rename one"
    )


@pytest.mark.parametrize("word", ["..", "a/b"])
def test_a_species_that_is_no_folder(tmp_path, word):
    own = rows(tmp_path, ("f.png", "f", Split.DEV), species=Species(word, Family.DIGITAL, "own"))
    good = rows(tmp_path, ("a.png", "a", Split.DEV))
    with pytest.raises(ManifestError) as e:
        planned(Manifest(good.rows + own.rows, tmp_path), Settings(()))
    assert (
        str(e.value) == f"a species must be a word that a folder can have; got '{word}' for f.png; rename it"
    )


def test_pictures_that_are_not_there(tmp_path):
    manifest = rows(tmp_path, ("a.png", "a", Split.DEV))
    with pytest.raises(ManifestError, match="the pictures to simulate attacks of must have bonafide rows"):
        planned(manifest, Settings(("sdsc",), splits=()))
    (tmp_path / "a.png").unlink()
    with pytest.raises(ManifestError, match="1 of 1 are missing"):
        planned(manifest, Settings(("sdsc",)))
    assert manifest.rows[0].label is Label.BONAFIDE
