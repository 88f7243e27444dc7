from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS
from bonaface.contract import InputContract
from bonaface.data.augmentation import Augmentation
from bonaface.data.dataset import FixedCrops, LabelledScene, Mixture, SimulatedFaces
from bonaface.data.samples import attacked
from bonaface.errors import ManifestError, SimulationError
from bonaface.types import Box
from bonaface.vocabulary import BONAFIDE, SPECIES, Family

STILL = Augmentation(
    flip=0, background=0, grey=0, rendering=0, lighting=0, turn_deg=0, shift_ratio=0, zoom_ratio=0
)
CLEAN = (0.0, 1e-9)
"""Strengths of a capture that changes next to nothing, so that a picture's own colour shows through."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """OpenCV's threads do not survive the fork of a loader's workers."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def labelled(species: str = "bonafide", seed: int = 0, colour: int | None = None) -> LabelledScene:
    noise = np.random.default_rng(seed).integers(0, 256, (48, 40, 3), np.uint8)
    pixels = noise if colour is None else np.full((48, 40, 3), colour, np.uint8)
    return LabelledScene(Scene(pixels, Box(10, 14, 30, 34)), SPECIES[species], f"subject {seed}")


SCENES = [labelled(seed=0), labelled(seed=1), labelled("diffusion", seed=2)]


def faces(scenes=SCENES, **changes) -> SimulatedFaces:
    how = {
        "contract": InputContract(size=24),
        "mixture": Mixture(),
        "augmentation": Augmentation(),
        "length": 12,
        "seed": 3,
        **changes,
    }
    return SimulatedFaces(scenes, **how)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.allclose(a[key], b[key], 0, 0, equal_nan=True) for key in a)


def test_an_item_says_what_it_is():
    dataset = faces()
    assert len(dataset) == 12
    for item in (dataset[index] for index in range(12)):
        assert {key: (value.dtype, tuple(value.shape)) for key, value in item.items()} == {
            "crop": (torch.uint8, (24, 24, 3)),
            "label": (torch.float32, ()),
            "targets": (torch.float32, (2,)),
            "known": (torch.float32, (2,)),
            "compared": (torch.float32, (2,)),
            "species": (torch.int64, ()),
        }
        species = SPECIES[dataset.species_names[int(item["species"])]]
        assert bool(item["label"]) == (species.family is not None)
        assert item["targets"].tolist() == [
            species.family is Family.PHYSICAL,
            species.family is Family.DIGITAL,
        ]
        assert item["known"].tolist() == [1, species.family is not Family.PHYSICAL]


def test_the_same_seed_epoch_and_index_give_the_same_bytes_in_any_order():
    forward, backward = faces(), faces()
    items = [forward[index] for index in range(12)]
    again = [backward[index] for index in reversed(range(12))][::-1]
    assert all(same(a, b) for a, b in zip(items, again, strict=True))
    assert same(forward[5], items[5])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_give_the_same_bytes():
    dataset = faces()
    dataset.set_epoch(2)
    alone = [dataset[index] for index in range(12)]
    (batch,) = DataLoader(dataset, batch_size=12, num_workers=2, multiprocessing_context="fork")
    assert same(batch, {key: torch.stack([item[key] for item in alone]) for key in batch})


def test_another_epoch_or_seed_is_another_sample():
    dataset = faces()
    first = [dataset[index] for index in range(6)]
    dataset.set_epoch(1)
    second = [dataset[index] for index in range(6)]
    reseeded = [faces(seed=4)[index] for index in range(6)]
    assert not any(torch.equal(a["crop"], b["crop"]) for a, b in zip(first, second, strict=True))
    assert not any(torch.equal(a["crop"], b["crop"]) for a, b in zip(first, reseeded, strict=True))
    dataset.set_epoch(0)
    assert all(same(dataset[index], first[index]) for index in range(6))


def test_samples_of_one_epoch_differ():
    dataset = faces()
    assert len({dataset[index]["crop"].numpy().tobytes() for index in range(12)}) == 12


def test_the_scenes_stay_as_they_are():
    scenes = [labelled(seed=0), labelled("diffusion", seed=2)]
    dataset = faces(scenes)
    for index in range(12):
        dataset[index]["crop"].zero_()
    np.testing.assert_array_equal(scenes[0].scene.pixels, labelled(seed=0).scene.pixels)
    np.testing.assert_array_equal(scenes[1].scene.pixels, labelled("diffusion", seed=2).scene.pixels)


def test_even_samples_are_bonafide_and_odd_ones_attacks():
    dataset = faces()
    assert dataset.species_names == ("bonafide", "print", "replay", "spsc", "faceswap", "sdsc", "diffusion")
    labels = [dataset[index]["label"].item() for index in range(12)]
    assert labels == [0, 1] * 6
    assert all(dataset[index]["species"].item() == 0 for index in range(0, 12, 2))


def test_twins_share_their_augmentation_their_capture_and_their_jitter():
    scenes = [labelled(seed=0), labelled("diffusion", seed=0)]  # one picture under two names
    strong = Mixture(shares={"diffusion": 1}, capture=(1.0, 1.2))
    shaken = Augmentation(flip=0.5, background=0.5, grey=0.5, shift_ratio=0.2, zoom_ratio=0.2)
    dataset = faces(scenes, mixture=strong, augmentation=shaken, length=20)
    for first in range(0, 20, 2):
        assert torch.equal(dataset[first]["crop"], dataset[first + 1]["crop"])


def test_twins_share_the_picture_that_the_attack_is_made_from():
    scenes = [labelled(colour=20), labelled(colour=230)]
    mixture = Mixture(shares={"sdsc": 1}, capture=CLEAN)
    dataset = faces(scenes, mixture=mixture, augmentation=STILL, length=16)
    bright = [dataset[index]["crop"].float().mean().item() > 125 for index in range(16)]
    assert bright[::2] == bright[1::2]
    assert set(bright) == {False, True}


def test_shares_of_the_mixture_are_kept_among_the_attacks():
    shares = {"spsc": 1.0, "diffusion": 2.0, "sdsc": 1.0}
    dataset = faces(mixture=Mixture(shares=shares), length=800)
    attacks = [dataset.species_names[int(dataset[index]["species"])] for index in range(1, 800, 2)]
    counts = Counter(attacks)
    for name, share in shares.items():
        assert counts[name] / 400 == pytest.approx(share / 4, abs=0.1)  # 4 standard errors of the largest


def test_each_species_comes_from_its_own_pictures():
    scenes = [labelled(colour=40), labelled("diffusion", colour=200)]
    dataset = faces(scenes, mixture=Mixture(shares={"diffusion": 1}, capture=CLEAN), augmentation=STILL)
    for item in (dataset[index] for index in range(12)):
        expected = 200 if item["label"] else 40
        assert item["crop"].float().mean().item() == pytest.approx(expected, abs=4)


@pytest.mark.parametrize(("chance", "bright"), [(0.0, {False}), (1.0, {True})])
def test_a_recaptured_attack_starts_from_a_digital_attacks_picture(chance, bright):
    scenes = [labelled(colour=20), labelled("diffusion", colour=230)]
    shares = {"spsc": 1.0, "diffusion": 0.0}
    mixture = Mixture(shares=shares, recaptured_digital=chance, capture=CLEAN, strength=(0.1, 0.2))
    dataset = faces(scenes, mixture=mixture, augmentation=STILL, length=16)
    assert {dataset[index]["crop"].float().mean().item() > 125 for index in range(16)} == bright


def test_the_digital_attacks_own_picture_teaches_only_that_it_is_no_physical_one():
    scenes = [labelled(colour=20), labelled("diffusion", colour=230)]
    dataset = faces(scenes, mixture=Mixture(shares={"spsc": 1.0, "diffusion": 0.0}, recaptured_digital=1.0))
    for index in range(0, 12, 2):
        twin = dataset[index]
        assert twin["label"].isnan()
        assert twin["known"].tolist() == [1.0, 0.0]
        assert twin["targets"].tolist() == [0.0, 0.0]
        assert dataset[index + 1]["label"] == 1


OVER_PORTRAITS = Mixture(shares={"faceswap": 1.0, "diffusion": 0.0}, compared_digital=1.0, capture=CLEAN)


def test_a_forgery_over_a_generated_portrait_is_only_compared():
    """Of both it is known that they are no physical attacks, and which of them shows more; nothing else."""
    scenes = [labelled(seed=0, colour=20), labelled(seed=1, colour=30), labelled("diffusion", colour=230)]
    dataset = faces(scenes, mixture=OVER_PORTRAITS, augmentation=STILL, length=12)
    for twin, attack in ((dataset[2 * pair], dataset[2 * pair + 1]) for pair in range(6)):
        assert twin["crop"].float().mean() > 200  # the portrait as it is
        for one in (twin, attack):
            assert one["label"].isnan()
            assert (one["known"].tolist(), one["compared"].tolist()) == ([1.0, 0.0], [1.0, 1.0])
        assert (twin["targets"].tolist(), attack["targets"].tolist()) == ([0.0, 0.0], [0.0, 1.0])
        assert (twin["species"].item(), attack["species"].item()) == (0, 1)


def test_what_is_compared_moves_no_other_draw():
    """Physical pairs are the same with the chance, and all pairs without it and without portraits."""
    shares = {"print": 1.0, "faceswap": 1.0, "diffusion": 0.0}
    plain, compared = (
        faces(mixture=Mixture(shares=shares, compared_digital=chance), length=24) for chance in (0.0, 1.0)
    )
    for index in range(1, 24, 2):
        is_physical = plain[index]["species"].item() == 1
        assert torch.equal(plain[index]["crop"], compared[index]["crop"]) == is_physical
        assert compared[index]["label"].isnan() != is_physical


def test_development_comes_after_the_camera_and_is_shared_by_a_pair():
    still = replace(STILL, development=1.0)
    mixture = Mixture(shares={"adversarial": 1.0}, capture=CLEAN)
    scenes = [labelled(colour=90), labelled("adversarial", colour=90)]
    dataset = faces(scenes, mixture=mixture, augmentation=still, length=12)
    means = [dataset[index]["crop"].float().mean((0, 1)) for index in range(12)]
    for bonafide, attack in zip(means[::2], means[1::2], strict=True):
        torch.testing.assert_close(bonafide, attack, atol=2.0, rtol=0)
    assert torch.stack(means).std(dim=0).min() > 3


@pytest.mark.parametrize("shares", [{"print": 1}, {"print": 1, "diffusion": 0}])
def test_without_digital_pictures_nothing_is_recaptured(shares):
    dataset = faces([labelled()], mixture=Mixture(shares=shares, recaptured_digital=1.0))
    assert [dataset[index]["species"].item() for index in range(12)] == [0, 1] * 6


def test_pictures_of_real_attacks_are_never_exchanged_for_digital_ones():
    scenes = [labelled(colour=20), labelled("adversarial", colour=20), labelled("diffusion", colour=230)]
    mixture = Mixture(shares={"adversarial": 1, "diffusion": 0}, recaptured_digital=1.0, capture=CLEAN)
    dataset = faces(scenes, mixture=mixture, augmentation=STILL)
    assert all(dataset[index]["crop"].float().mean().item() < 30 for index in range(12))


def test_a_face_smaller_than_the_contracts_least_is_still_learnt_from():
    dataset = faces(contract=InputContract(size=24, min_face_px=48))
    assert dataset[0]["crop"].shape == (24, 24, 3)


@pytest.mark.parametrize(
    ("shares", "scenes", "says"),
    [
        (
            {"print": 1, "diffusion": 1},
            [labelled()],
            "training needs diffusion pictures for the mixture's 'diffusion'; the train split has none; "
            "add some or set its share to 0",
        ),
        (
            {"print": 1},
            [labelled("diffusion")],
            "training needs bonafide pictures for the mixture's 'print'; the train split has none; "
            "add some or set its share to 0",
        ),
        (
            {"prnt": 1},
            [labelled()],
            "the mixture's shares must name simulations or species of attack; got 'prnt'; did you mean 'print'?",
        ),
        (
            {"bonafide": 1},
            [labelled()],
            "the mixture's shares must name simulations or species of attack; got 'bonafide'",
        ),
        (
            {"faceswap+prnt": 1},
            [labelled()],
            "the mixture's shares must name simulations or species of attack; got 'faceswap+prnt'; "
            "did you mean 'print'?",
        ),
        (
            {"swap+print": 1},
            [labelled(), labelled()],
            "training needs bonafide pictures of two people for the mixture's 'swap+print'; the train split has one; "
            "add some or set its share to 0",
        ),
        (
            {"diffusion": 1},
            [labelled("diffusion")],
            "training needs bonafide pictures; the train split has none; add some",
        ),
        ({}, [labelled()], "the mixture's shares must be at least 0 and not all 0; got {}; raise one"),
        (
            {"print": 0, "sdsc": 0.0},
            [labelled()],
            "the mixture's shares must be at least 0 and not all 0; got {'print': 0, 'sdsc': 0.0}; raise one",
        ),
        (
            {"print": 2, "sdsc": -1},
            [labelled()],
            "the mixture's shares must be at least 0 and not all 0; got {'print': 2, 'sdsc': -1}; raise one",
        ),
    ],
)
def test_a_mixture_that_can_not_be_made_is_refused(shares, scenes, says):
    with pytest.raises(ManifestError) as e:
        faces(scenes, mixture=Mixture(shares=shares))
    assert str(e.value) == says


def test_a_mixture_with_variants_that_are_none_is_refused():
    for variants, says in (
        ({"print": ("lazer",)}, "did you mean 'laser'"),
        ({"reply": ("moire",)}, "did you mean 'replay'"),
    ):
        with pytest.raises(SimulationError, match=says):
            faces(
                mixture=Mixture(shares={"print": 1, "faceswap+print": 1, "diffusion": 1}, variants=variants)
            )


def test_every_simulation_and_chain_can_be_learnt_from():
    scenes = [labelled(seed=seed) for seed in range(3)]
    shares = {
        **dict.fromkeys(SIMULATIONS, 1.0),
        "faceswap+print": 1.0,
        "swap+replay": 1.0,
        "print+injection": 1.0,
    }
    dataset = faces(scenes, mixture=Mixture(shares=shares), length=300)
    assert dataset.species_names == ("bonafide", *shares)
    taught = {}
    for item in (dataset[index] for index in range(1, 300, 2)):
        name = dataset.species_names[int(item["species"])]
        taught[name] = (item["targets"].tolist(), item["known"].tolist())
    assert taught.keys() == shares.keys()
    both = ([1, 1], [1, 1])
    assert taught["faceswap+print"] == taught["swap+replay"] == taught["print+injection"] == both
    assert taught["swap"] == taught["faceswap"] == taught["morph"] == ([0, 1], [1, 1])
    assert taught["print"] == taught["mask_3d"] == ([1, 0], [1, 0])


def test_partners_are_other_bonafide_people(monkeypatch):
    from bonaface.data import dataset as room

    seen = []

    def spied(scene, name, rng, *, strength, variant, partner):
        seen.append((int(scene.pixels.mean()) // 50, int(partner.pixels.mean()) // 50))
        return scene, {}

    monkeypatch.setattr(room, "attacked", spied)
    scenes = [
        LabelledScene(labelled(colour=colour).scene, SPECIES[species], subject)
        for colour, species, subject in (
            (20, "bonafide", "ann"),
            (70, "bonafide", "bob"),
            (120, "bonafide", "bob"),
            (170, "bonafide", "cid"),
            (220, "diffusion", "dan"),
        )
    ]
    dataset = faces(scenes, mixture=Mixture(shares={"swap": 1}), augmentation=STILL, length=240)
    for index in range(1, 240, 2):
        dataset[index]
    assert {own for own, _ in seen} == {0, 1, 2, 3}
    assert {other for _, other in seen} == {0, 1, 2, 3}  # never the generated face
    person = {0: "ann", 1: "bob", 2: "bob", 3: "cid"}
    assert all(person[own] != person[other] for own, other in seen)


def test_only_the_allowed_variants_are_drawn(monkeypatch):
    from bonaface.data import dataset as room

    seen = Counter()

    def spied(*args, **named):
        scene, drawn = attacked(*args, **named)
        seen[drawn[0]["blend"]] += 1
        return scene, drawn

    monkeypatch.setattr(room, "attacked", spied)
    mixture = Mixture(shares={"faceswap+print": 1}, variants={"faceswap": ("alpha", "pyramid")})
    dataset = faces(mixture=mixture, length=80)
    for index in range(1, 80, 2):
        dataset[index]
    assert set(seen) == {"alpha", "pyramid"}


def test_a_forgery_that_is_printed_is_not_exchanged_for_a_generated_face():
    scenes = [labelled(colour=20), labelled("diffusion", colour=230)]
    mixture = Mixture(
        shares={"spsc+spsc": 1.0, "faceswap+spsc": 1.0, "diffusion": 0.0},
        recaptured_digital=1.0,
        capture=CLEAN,
        strength=(0.1, 0.2),
    )
    dataset = faces(scenes, mixture=mixture, augmentation=STILL, length=40)
    bright = {
        (dataset.species_names[int(item["species"])], item["crop"].float().mean().item() > 125)
        for item in (dataset[index] for index in range(1, 40, 2))
    }
    assert bright == {("spsc+spsc", True), ("faceswap+spsc", False)}


def test_a_share_of_nothing_needs_no_pictures():
    dataset = faces([labelled()], mixture=Mixture(shares={"sdsc": 1, "diffusion": 0}))
    assert [dataset[index]["species"].item() for index in range(12)] == [0, 1] * 6


def test_the_default_shares_sum_to_one():
    assert sum(Mixture().shares.values()) == pytest.approx(1)


def test_fixed_crops_are_the_same_every_time():
    crops = [np.full((4, 4, 3), value, np.uint8) for value in (10, 20, 30)]
    dataset = FixedCrops([(crops[0], SPECIES["print"]), (crops[1], BONAFIDE), (crops[2], SPECIES["print"])])
    assert len(dataset) == 3
    assert dataset.species_names == ("print", "bonafide")
    items = [dataset[index] for index in range(3)]
    assert [item["species"].item() for item in items] == [0, 1, 0]
    assert [item["label"].item() for item in items] == [1.0, 0.0, 1.0]
    assert [item["crop"].unique().tolist() for item in items] == [[10], [20], [30]]
    assert items[0]["known"].tolist() == [1, 0]
    assert same(dataset[0], items[0])
    with pytest.raises(IndexError):
        dataset[3]


def test_items_of_both_datasets_go_into_one_batch():
    fixed = FixedCrops([(np.zeros((24, 24, 3), np.uint8), BONAFIDE)])
    batch = torch.utils.data.default_collate([fixed[0], faces()[0]])
    assert batch["crop"].shape == (2, 24, 24, 3)
