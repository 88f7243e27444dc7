from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from bonaface.contract import InputContract
from bonaface.data.pairs import (
    PairedPictures,
    Pairs,
    StoredPicture,
    StoredPictures,
    Transform,
    draw_transform,
    filled_up,
    transformed,
)
from bonaface.data.randomness import generator
from bonaface.errors import ManifestError, RecipeError
from bonaface.faces.crop import prepare
from bonaface.types import Box
from bonaface.vocabulary import BONAFIDE, SPECIES

CONTRACT = InputContract(finder="whole", size=16, min_face_px=8, through_size=20)
PLAIN = Pairs(resize=20, flip=0.0, rotation=0.0)
STILL = Transform(left=0, top=0, is_mirrored=False, angle_deg=0.0, colours=None)


def stored(folder: Path, species: str, number: int) -> StoredPicture:
    """A picture in which every pixel says its number: its grey."""
    path = folder / f"{species}-{number}.png"
    cv2.imwrite(str(path), np.full((24, 24, 3), 10 * number + 5, np.uint8))
    return StoredPicture(path, SPECIES[species])


@pytest.fixture
def held(tmp_path):
    """Three bona fide pictures and five attacks of two species."""
    return [
        *(stored(tmp_path, "bonafide", number) for number in range(3)),
        *(stored(tmp_path, "print" if number % 2 else "faceswap", number) for number in range(3, 8)),
    ]


def number_of(sample) -> int:
    return int(sample["crop"][8, 8, 0]) // 10


def paired(held, **changes):
    settings = {"contract": CONTRACT, "how": PLAIN, "seed": 0} | changes
    return PairedPictures(held, **settings)


def pairs_of(samples) -> list[tuple[int, int]]:
    return [(number_of(samples[i]), number_of(samples[i + 1])) for i in range(0, len(samples), 2)]


def test_bonafide_and_attack_alternate_and_every_picture_comes(held):
    samples = paired(held)
    assert len(samples) == 10
    items = [samples[i] for i in range(10)]
    assert [float(one["label"]) for one in items] == [0.0, 1.0] * 5
    attacks = [number_of(one) for one in items[1::2]]
    assert sorted(attacks) == [3, 4, 5, 6, 7]
    assert {number_of(one) for one in items[::2]} == {0, 1, 2}
    assert samples.species_names == ("bonafide", "print", "faceswap")
    for one in items:
        wanted = "bonafide" if one["label"] == 0 else ("print" if number_of(one) % 2 else "faceswap")
        assert samples.species_names[int(one["species"])] == wanted
        assert one["crop"].shape == (16, 16, 3)
        assert one["crop"].dtype == torch.uint8
    (printed,) = [one for one in items if number_of(one) == 3]
    assert printed["targets"].tolist() == [1, 0]
    assert printed["known"].tolist() == [1, 0]


def test_a_pair_stays_together_and_only_the_order_is_new_every_epoch(held):
    samples = paired(held)
    first = pairs_of(samples)
    samples.set_epoch(1)
    second = pairs_of(samples)
    assert sorted(first) == sorted(second)
    assert first != second
    samples.set_epoch(0)
    assert pairs_of(samples) == first
    assert pairs_of(paired(held, seed=1)) != first


def test_the_kth_bonafide_meets_the_kth_attack(held):
    pairs = {attack: bonafide for bonafide, attack in pairs_of(paired(held))}
    assert [pairs[3], pairs[4], pairs[5]] == [0, 1, 2]
    assert {pairs[6], pairs[7]} <= {0, 1, 2}


def test_the_smaller_class_may_be_the_attacks(held):
    samples = paired([*held[:3], held[3]])
    assert len(samples) == 6
    assert sorted(pairs_of(samples)) == [(0, 3), (1, 3), (2, 3)]


def test_filling_up_repeats_at_random():
    one, two, three = (StoredPicture(Path(name), BONAFIDE) for name in "abc")
    again = filled_up([one, two, three], 3003, generator("again"))
    assert again[:3] == [one, two, three]
    counts = Counter(held.path.name for held in again)
    assert all(900 < count < 1100 for count in counts.values())
    assert filled_up([one], 1, generator("again")) == [one]


def test_both_members_share_one_transform(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    for name in ("live", "fake"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), pixels)
    held = [
        StoredPicture(tmp_path / "live.png", BONAFIDE),
        StoredPicture(tmp_path / "fake.png", SPECIES["print"]),
    ]
    samples = paired(held, how=Pairs(resize=20, flip=0.5, rotation=0.5, colour=0.5))
    seen = set()
    for epoch in range(8):
        samples.set_epoch(epoch)
        assert torch.equal(samples[0]["crop"], samples[1]["crop"])
        seen.add(samples[0]["crop"].numpy().tobytes())
    assert len(seen) == 8


def test_the_draws_are_those_of_the_laboratory():
    rng = generator("draws")
    drawn = [draw_transform(rng, Pairs(), size=224) for _ in range(4000)]
    assert {one.left for one in drawn} == {one.top for one in drawn} == set(range(77))  # 300 - 224, both ends
    assert abs(np.mean([one.is_mirrored for one in drawn]) - 0.5) < 0.04
    turned = np.array([one.angle_deg for one in drawn if one.angle_deg])
    assert abs(len(turned) / 4000 - 0.5) < 0.04
    assert -180 <= turned.min() < -170
    assert 170 < turned.max() <= 180
    assert abs(turned.mean()) < 8
    assert all(one.colours is None for one in drawn)


def test_colours_are_drawn_when_asked_for():
    rng = generator("colours")
    drawn = [draw_transform(rng, Pairs(colour=0.5), size=224).colours for _ in range(2000)]
    colours = [one for one in drawn if one is not None]
    assert abs(len(colours) / 2000 - 0.5) < 0.05
    for name, rest in (("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0)):
        values = np.array([getattr(one, name) for one in colours]) - rest
        assert np.abs(values).max() <= 0.5
        # reach U(0, 0.5) times U(-1, 1): a variance of 1/12 * 1/3
        assert np.var(values) == pytest.approx(1 / 36, rel=0.15)
    assert len({one.order for one in colours}) == 24


def test_crop_mirror_and_turn_by_hand():
    whole = np.random.default_rng(1).integers(0, 256, (20, 20, 3), np.uint8)
    crop = transformed(whole, replace(STILL, left=3, top=1), resize=20, size=16)
    np.testing.assert_array_equal(crop, whole[1:17, 3:19])
    mirrored = transformed(whole, replace(STILL, left=3, top=1, is_mirrored=True), resize=20, size=16)
    np.testing.assert_array_equal(mirrored, crop[:, ::-1])
    quarter = transformed(whole, replace(STILL, left=3, top=1, angle_deg=90.0), resize=20, size=16)
    np.testing.assert_array_equal(quarter, np.rot90(crop))  # counter-clockwise, like numpy
    half = transformed(whole, replace(STILL, angle_deg=180.0), resize=20, size=16)
    np.testing.assert_array_equal(half, whole[:16, :16][::-1, ::-1])


def test_corners_of_a_turned_crop_are_black():
    white = np.full((20, 20, 3), 255, np.uint8)
    turned = transformed(white, replace(STILL, angle_deg=45.0), resize=20, size=16)
    assert turned[0, 0].tolist() == turned[15, 15].tolist() == [0, 0, 0]
    assert turned[8, 8].tolist() == [255, 255, 255]


def test_dev_pictures_are_prepared_by_the_contract(held):
    dev = StoredPictures(held, contract=CONTRACT)
    assert len(dev) == 8
    assert dev.species_names == ("bonafide", "print", "faceswap")
    whole = cv2.imread(str(held[4].path))[..., ::-1]
    expected = prepare(np.ascontiguousarray(whole), Box(0, 0, 24, 24), CONTRACT).pixels
    np.testing.assert_array_equal(dev[4]["crop"].numpy(), expected)
    assert dev[4]["label"] == 1


def test_what_does_not_fit(held):
    with pytest.raises(
        RecipeError, match=r"^data.resize must be at least contract.size; got 12 and 16; raise it$"
    ):
        paired(held, how=Pairs(resize=12))
    with pytest.raises(
        ManifestError, match=r"^pairs need bonafide pictures in the train split; it has none; add"
    ):
        paired(held[3:])
    with pytest.raises(
        ManifestError, match=r"^pairs need pictures of attacks in the train split; it has none"
    ):
        paired(held[:3])
