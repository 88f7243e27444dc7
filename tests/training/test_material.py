from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from bonaface.attacks.mesh import face_matrix
from bonaface.attacks.scene import Scene
from bonaface.data.dataset import Mixture
from bonaface.data.manifest import Manifest, Row
from bonaface.data.scenes import cut_scene
from bonaface.errors import ManifestError, RecipeError, SimulationError
from bonaface.faces.crop import prepare
from bonaface.training import material as room
from bonaface.training.material import _simulated_on, gather
from bonaface.types import Box, Face
from bonaface.vocabulary import SPECIES, Split

from .tiny import CONTRACT, scene

MIXTURE = Mixture(shares={"print": 0.2, "faceswap": 0.1, "sdsc": 0.0, "diffusion": 0.2})


class MiddleFinder:
    """One face in the middle of bright pictures, none in black ones, a speck in those of odd width."""

    name = "dlib_hog"

    def find(self, picture):
        if not picture.any():
            return ()
        side = 4.0 if picture.shape[1] % 2 else 32.0
        return (Face(Box(16, 16, 16 + side, 16 + side), 1.0),)


def row(folder, split, species, number, *, kind="good", source="made"):
    """A manifest row and its picture on disk."""
    path = f"{split}-{species}-{number}-{kind}.png"
    if kind == "black":
        pixels = np.zeros((64, 64, 3), np.uint8)
    else:
        pixels = scene(number, side=63 if kind == "speck" else 64).pixels
    if kind == "broken":
        (folder / path).write_bytes(b"no picture")
    elif kind != "missing":
        cv2.imwrite(str(folder / path), pixels[..., ::-1])
    one = SPECIES[species]
    return Row(path, one.label, one, f"{split}-{number}", Split(split), source, "CC0-1.0")


def gathered(rows, folder, **changes):
    settings = {"finder": MiddleFinder(), "contract": CONTRACT, "mixture": MIXTURE, "seed": 0} | changes
    return gather(Manifest(tuple(rows), folder), **settings)


def usual(folder):
    """Four of train and three of dev."""
    return [
        row(folder, "train", "bonafide", 1),
        row(folder, "train", "bonafide", 2),
        row(folder, "train", "diffusion", 3, source="elsewhere"),
        row(folder, "train", "diffusion", 4),
        row(folder, "dev", "bonafide", 5),
        row(folder, "dev", "bonafide", 6),
        row(folder, "dev", "diffusion", 7),
    ]


def species_of(dev):
    return Counter(dev.species_names[int(dev[i]["species"])] for i in range(len(dev)))


def test_scenes_and_crops(tmp_path):
    held = gathered(usual(tmp_path), tmp_path)
    assert [(known.species.name, known.subject) for known in held.scenes] == [
        ("bonafide", "train-1"),
        ("bonafide", "train-2"),
        ("diffusion", "train-3"),
        ("diffusion", "train-4"),
    ]
    # of every bona fide face each simulation that the mixture has a share of; attacks as they are
    assert species_of(held.dev) == {"bonafide": 2, "print": 2, "faceswap": 2, "diffusion": 1}
    assert held.dev[0]["crop"].shape == (32, 32, 3)
    assert held.left_out == {}
    assert held.sources == {
        ("made", "CC0-1.0", "bonafide"): 4,
        ("made", "CC0-1.0", "diffusion"): 2,
        ("elsewhere", "CC0-1.0", "diffusion"): 1,
    }


def test_training_may_keep_larger_faces_than_dev(tmp_path):
    rows = usual(tmp_path)
    plain, small = (gathered(rows, tmp_path, **more) for more in ({}, {"train_face_px": 20.0}))
    assert {round(known.scene.face.side, 3) for known in plain.scenes} == {28.8}  # 0.9 of 32
    assert {round(known.scene.face.side, 3) for known in small.scenes} == {20.0}
    for index in range(len(plain.dev)):
        assert torch.equal(plain.dev[index]["crop"], small.dev[index]["crop"])


def test_attacks_in_train_that_are_simulated_anyway_are_not_opened(tmp_path):
    seen = []
    rows = [*usual(tmp_path), row(tmp_path, "train", "faceswap", 8), row(tmp_path, "dev", "faceswap", 9)]
    held = gathered(rows, tmp_path, on_row=lambda: seen.append(1))
    assert {known.species.name for known in held.scenes} == {"bonafide", "diffusion"}
    assert species_of(held.dev)["faceswap"] == 3
    assert len(seen) == len(rows)
    assert ("made", "CC0-1.0", "faceswap") in held.sources
    assert held.sources["made", "CC0-1.0", "faceswap"] == 1


def test_dev_has_chains_and_two_people_where_there_are_two(tmp_path):
    mixture = Mixture(shares={"swap": 1.0, "faceswap+print": 1.0, "morph+replay": 0.0})
    rows = usual(tmp_path)
    held = gathered(rows, tmp_path, mixture=mixture)
    assert species_of(held.dev) == {"bonafide": 2, "faceswap": 2, "faceswap+print": 2, "diffusion": 1}
    alone = gathered([*rows[:5], rows[6]], tmp_path, mixture=mixture)
    assert species_of(alone.dev) == {"bonafide": 1, "faceswap+print": 1, "diffusion": 1}


def test_dev_has_the_allowed_variants_alone(tmp_path, monkeypatch):
    seen = []

    def spied(scene, name, rng, *, strength, variant, partner):
        seen.append((name, variant))
        return scene, {}

    monkeypatch.setattr(room, "attacked", spied)
    mixture = Mixture(shares={"print": 0.5, "replay": 0.5}, variants={"print": ("laser",)})
    gathered(usual(tmp_path), tmp_path, mixture=mixture)
    assert seen == 2 * [("print", {"print": "laser"}), ("replay", {})]


def test_a_mixture_that_can_not_be_made_is_refused_before_a_picture_is_opened(tmp_path):
    missing = [row(tmp_path, "train", "bonafide", 1, kind="missing")]
    with pytest.raises(ManifestError, match="got 'prnt'; did you mean 'print'"):
        gathered(missing, tmp_path, mixture=Mixture(shares={"prnt": 1.0}))


def test_pictures_without_a_usable_face_are_counted(tmp_path):
    rows = [
        *usual(tmp_path),
        row(tmp_path, "train", "bonafide", 8, kind="black"),
        row(tmp_path, "train", "bonafide", 9, kind="speck"),
        row(tmp_path, "dev", "bonafide", 10, kind="speck"),
        row(tmp_path, "dev", "bonafide", 11, kind="broken"),
    ]
    seen = []
    held = gathered(rows, tmp_path, on_row=lambda: seen.append(1))
    assert held.left_out == {"no_face": 1, "face_too_small": 2, "not_an_image": 1}
    assert len(held.scenes) == 4
    assert sum(held.sources.values()) == 7
    assert len(seen) == 11


def test_the_test_split_is_not_opened(tmp_path):
    rows = [*usual(tmp_path), row(tmp_path, "test", "bonafide", 12, kind="missing")]
    assert sum(gathered(rows, tmp_path).sources.values()) == 7


def test_dev_is_the_same_every_time_and_follows_the_seed(tmp_path):
    rows = usual(tmp_path)

    def crops(**changes):
        dev = gathered(rows, tmp_path, **changes).dev
        return torch.stack([dev[i]["crop"] for i in range(len(dev))])

    first = crops()
    assert torch.equal(first, crops())
    assert not torch.equal(first, crops(seed=1))


def test_two_pictures_of_a_person_are_attacked_unlike(tmp_path, monkeypatch):
    strengths = []

    def spied(scene, name, rng, *, strength, variant, partner):
        strengths.append(strength)
        return scene, {}

    monkeypatch.setattr(room, "attacked", spied)
    rows = usual(tmp_path)
    gathered(rows, tmp_path, mixture=Mixture(shares={"print": 1.0}))
    one_each, strengths = strengths, []
    same = [replace(one, subject="dev-5") if one.split is Split.DEV else one for one in rows]
    gathered(same, tmp_path, mixture=Mixture(shares={"print": 1.0}))
    assert len(strengths) == len(set(strengths)) == len(one_each)


def test_a_picture_of_an_attack_is_not_attacked_again(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "captured", lambda scene, rng, *, strength: (scene, {}))
    monkeypatch.setattr(room, "framed", lambda scene, rng: scene)
    rows = [*usual(tmp_path)[:5], row(tmp_path, "dev", "print", 13)]
    dev = gathered(rows, tmp_path).dev
    picture = scene(13).pixels
    cut = cut_scene(picture, Box(16, 16, 48, 48))
    expected = prepare(cut.pixels, cut.face, CONTRACT).pixels
    real = [i for i in range(len(dev)) if np.array_equal(dev[i]["crop"], expected)]
    assert [dev.species_names[int(dev[i]["species"])] for i in real] == ["print"]
    assert species_of(dev) == {"bonafide": 1, "print": 2, "faceswap": 1}


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        ("train-bonafide", "the train split must have bonafide rows"),
        ("dev-bonafide", "the dev split must have bonafide rows"),
    ],
)
def test_both_splits_need_bona_fide_rows(tmp_path, drop, message):
    rows = [row for row in usual(tmp_path) if not row.path.startswith(drop)]
    with pytest.raises(ManifestError, match=message):
        gathered(rows, tmp_path)


def test_dev_needs_bona_fide_faces_and_attacks(tmp_path):
    rows = usual(tmp_path)
    only = Mixture(shares={"diffusion": 1.0})
    with pytest.raises(ManifestError, match="the dev split must have attacks; it has none"):
        gathered(rows[:6], tmp_path, mixture=only)
    unseen = [*rows[:4], row(tmp_path, "dev", "bonafide", 5, kind="black"), rows[6]]
    unseen.append(row(tmp_path, "dev", "print", 14))
    with pytest.raises(ManifestError, match="the dev split must have bonafide faces; none can be used"):
        gathered(unseen, tmp_path)


def test_a_crop_that_a_warp_made_too_small_is_left_out(tmp_path, monkeypatch):
    def shrunk(known, rng, *, strength):
        face = known.face
        return replace(known, face=Box(face.x1, face.y1, face.x1 + 4, face.y1 + 4)), {}

    monkeypatch.setattr(room, "captured", shrunk)
    with pytest.raises(ManifestError, match="none can be used"):
        gathered(usual(tmp_path), tmp_path)


def test_a_missing_picture_and_a_leak_are_refused(tmp_path):
    rows = usual(tmp_path)
    with pytest.raises(ManifestError, match="1 of 8 are missing"):
        gathered([*rows, row(tmp_path, "dev", "diffusion", 15, kind="missing")], tmp_path)
    with pytest.raises(ManifestError, match="every subject must be in one split"):
        gathered([*rows, replace(rows[0], split=Split.DEV)], tmp_path)


def test_the_finder_must_be_the_contracts(tmp_path):
    finder = MiddleFinder()
    finder.name = "yunet"
    with pytest.raises(
        RecipeError, match=r"^contract.finder must be the finder in use, yunet; got dlib_hog$"
    ):
        gathered(usual(tmp_path), tmp_path, finder=finder)


def test_landmarks_that_span_no_face_end_no_training():
    """All on one spot, or nearly so as of a full profile: an attack that wants a mesh of them would raise in the middle of an epoch."""
    points = np.array([[30, 30]] * 5, np.float32)
    scene = Scene(np.zeros((80, 80, 3), np.uint8), Box(20, 20, 60, 60), points)
    with pytest.raises(SimulationError):
        face_matrix(scene)
    assert _simulated_on(scene).landmarks is None
    whole = replace(scene, landmarks=None)
    assert _simulated_on(whole) is whole
