from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.stats import binom

from bonaface.attacks import sdsc
from bonaface.attacks.schedule import SCHEDULES
from bonaface.contract import InputContract
from bonaface.data import clued_pictures
from bonaface.data.clue_schedule import Clues
from bonaface.data.clued_pictures import CluedPictures, Window, draw_window, seen_through, with_clue
from bonaface.data.pairs import StoredPicture
from bonaface.errors import ManifestError, RecipeError
from bonaface.types import Box, Face
from bonaface.vocabulary import BONAFIDE, SPECIES

CONTRACT = InputContract(finder="whole", margin_ratio=0.0, size=24, min_face_px=8)
PRINT = SPECIES["print"]


def unread(num: int, species=BONAFIDE) -> list[StoredPicture]:
    return [StoredPicture(Path(f"{species.name}-{number}.png"), species) for number in range(num)]


def clued(pictures, dev=(), seed=0, **how) -> CluedPictures:
    return CluedPictures(pictures, contract=CONTRACT, how=Clues(**how), seed=seed, dev=dev)


@pytest.fixture
def stored(tmp_path) -> list[StoredPicture]:
    """Six noisy pictures of 40 by 30, every third one a print."""
    held = []
    for number in range(6):
        path = tmp_path / f"{number}.png"
        noise = np.random.default_rng(number).integers(0, 256, (30, 40, 3), np.uint8)
        cv2.imwrite(str(path), noise)
        held.append(StoredPicture(path, PRINT if number % 3 == 2 else BONAFIDE))
    return held


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_clues_come_as_often_as_the_protocol_says(schedule):
    """Each count lies where all but one in a million of binomial draws do."""
    num = 3000
    samples = clued([*unread(num), *unread(1, PRINT)], schedule=schedule)
    counts: Counter[str | None] = Counter()
    for epoch in range(4):
        samples.set_epoch(epoch)
        counts.update(samples.clue_of(place) for place in range(num))
    wanted = {"P1": (0.1, 0, 0, 0.1), "P2.1": (0, 0.3, 0.3, 0), "P2.2": (0, 0, 0, 0.5)}[schedule]
    for clue, chance in zip(("both", "moire", "jitter", "sdsc"), wanted, strict=True):
        low, high = binom.interval(1 - 1e-6, 4 * num, chance)
        assert low <= counts[clue] <= high, clue
    assert sum(counts.values()) == 4 * num


def test_a_picture_gets_another_draw_in_every_epoch():
    samples = clued([*unread(200), *unread(1, PRINT)], schedule="P2.2")
    drawn = []
    for epoch in (0, 1, 0):
        samples.set_epoch(epoch)
        drawn.append([samples.clue_of(place) for place in range(200)])
    assert drawn[0] == drawn[2] != drawn[1]


def test_only_bonafide_pictures_of_the_train_split_get_clues():
    samples = clued([*unread(50), *unread(500, PRINT)], dev=unread(500), schedule="P2.2", is_dev_merged=True)
    assert len(samples) == 1050
    assert {samples.clue_of(place) for place in range(50)} == {"sdsc", None}
    assert {samples.clue_of(place) for place in range(50, 1050)} == {None}


def test_without_a_schedule_there_are_none():
    samples = clued([*unread(500), *unread(1, PRINT)], schedule="none")
    assert {samples.clue_of(place) for place in range(500)} == {None}
    assert samples.species_names == ("bonafide", "print")


@pytest.mark.parametrize(("schedule", "num"), [("P1", 2 + 7), ("P2.1", 2 + 4), ("P2.2", 2 + 4)])
def test_dev_is_merged_whole_in_p1_and_its_bonafide_pictures_elsewhere(schedule, num):
    dev = [*unread(4), *unread(3, SPECIES["replay"])]
    train = [*unread(1), *unread(1, PRINT)]
    merged = clued(train, dev=dev, schedule=schedule, is_dev_merged=True)
    assert len(merged) == num
    assert ("replay" in merged.species_names) is (schedule == "P1")
    assert len(clued(train, dev=dev, schedule=schedule)) == 2


def test_the_names_of_species_have_what_the_schedule_makes():
    train = [*unread(1), *unread(1, PRINT)]
    names = {schedule: clued(train, schedule=schedule).species_names for schedule in SCHEDULES}
    assert names == {
        "P1": ("bonafide", "print", "spsc", "sdsc"),
        "P2.1": ("bonafide", "print", "spsc"),
        "P2.2": ("bonafide", "print", "sdsc"),
    }


def test_a_picture_with_a_clue_is_an_attack(stored):
    samples = clued(stored, schedule="P2.1")
    seen: Counter[str] = Counter()
    for epoch in range(6):
        samples.set_epoch(epoch)
        for index in range(len(samples)):
            place = int(samples._order[index])
            item = samples[index]
            name = samples.species_names[item["species"]]
            expected = "spsc" if samples.clue_of(place) else stored[place].species.name
            assert (name, item["label"].item()) == (expected, float(expected != "bonafide"))
            assert item["crop"].shape == (24, 24, 3)
            assert item["crop"].dtype == torch.uint8
            seen[name] += 1
    assert seen["print"] == 12
    assert seen["spsc"] > 0 < seen["bonafide"]


def test_an_epoch_has_every_picture_once_in_a_new_order(stored):
    samples = clued(stored, schedule="none")
    orders = []
    for epoch in range(2):
        samples.set_epoch(epoch)
        orders.append(samples._order.tolist())
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(6))
    assert orders[0] != orders[1]


def test_a_sample_is_the_same_whenever_it_is_asked_for(stored):
    forward = clued(stored, schedule="P1", seed=3)
    backward = clued(stored, schedule="P1", seed=3)
    first = [forward[index] for index in range(6)]
    again = [backward[index] for index in reversed(range(6))][::-1]
    for one, other in zip(first, again, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)
    backward.set_epoch(1)
    assert any(not torch.equal(backward[index]["crop"], first[index]["crop"]) for index in range(6))
    other_seed = clued(stored, schedule="P1", seed=4)
    assert any(not torch.equal(other_seed[index]["crop"], first[index]["crop"]) for index in range(6))


def test_a_clue_changes_the_picture_and_nothing_else_of_the_sample(stored, monkeypatch):
    plain, changed = clued(stored, schedule="none"), clued(stored, schedule="P2.1")
    marked = np.full((30, 40, 3), 77, np.uint8)
    monkeypatch.setattr(clued_pictures, "with_clue", lambda *_: (marked, SPECIES["spsc"]))
    for index in range(6):
        has_clue = changed.clue_of(int(changed._order[index])) is not None
        assert torch.equal(plain[index]["crop"], changed[index]["crop"]) is not has_clue
        assert not has_clue or (changed[index]["crop"] == 77).all()


def test_windows_have_the_area_and_aspect_that_are_asked_for():
    rng, how = np.random.default_rng(0), Clues()
    windows = [draw_window(rng, how, width=400, height=300) for _ in range(4000)]
    shares = np.array([w.width * w.height / 120_000 for w in windows])
    aspects = np.array([w.width / w.height for w in windows])
    assert (shares > 0.745).all()
    assert (shares < 1.005).all()
    # wider than the picture or taller than it does not fit: the aspects that are left lean to its own, 4 to 3
    assert (aspects > 0.745).all()
    assert (aspects < 1.345).all()
    assert aspects.mean() > 1.1
    assert all(0 <= w.left <= 400 - w.width and 0 <= w.top <= 300 - w.height for w in windows)
    low, high = binom.interval(1 - 1e-6, 4000, 0.5)
    assert low <= sum(w.is_mirrored for w in windows) <= high


def test_windows_of_one_area_and_aspect_worked_by_hand():
    """Half of 200 x 200 at an aspect of 2: a width of 200 and a height of 100."""
    how = Clues(area=(0.5, 0.5), aspect=(2.0, 2.0), flip=0.0)
    drawn = {draw_window(np.random.default_rng(seed), how, width=200, height=200) for seed in range(300)}
    assert {(w.left, w.width, w.height, w.is_mirrored) for w in drawn} == {(0, 200, 100, False)}
    tops = {w.top for w in drawn}
    assert min(tops) < 5
    assert max(tops) > 95
    assert max(tops) <= 100


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1000, 100), Window(433, 0, 133, 100, False)),
        ((100, 1000), Window(0, 433, 100, 133, False)),
        ((1, 1), Window(0, 0, 1, 1, False)),
    ],
)
def test_where_no_window_fits_the_middle_is_taken(size, expected):
    how = Clues(flip=0.0)
    width, height = size
    assert draw_window(np.random.default_rng(0), how, width=width, height=height) == expected


def test_a_window_is_cut_and_mirrored():
    picture = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    window = Window(2, 1, 4, 4, is_mirrored=False)
    part = picture[1:5, 2:6]
    assert np.array_equal(seen_through(picture, window, size=4), part)
    mirrored = seen_through(picture, replace(window, is_mirrored=True), size=4)
    assert np.array_equal(mirrored, part[:, ::-1])


class Found:
    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes

    def find(self, picture):
        return tuple(Face(box, 1.0) for box in self.boxes)


def noise(height=60, width=80):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [((), Box(0, 0, 80, 60)), ((Box(10, 5, 50, 45), Box(1, 2, 9, 10)), Box(10, 5, 50, 45))],
)
def test_sdsc_blends_the_largest_found_face_or_the_middle(monkeypatch, boxes, expected):
    faces = []
    monkeypatch.setattr(clued_pictures, "_finder", lambda: Found(*boxes))
    monkeypatch.setattr(
        clued_pictures, "apply_sdsc", lambda scene, p: faces.append(scene.face) or sdsc.apply_sdsc(scene, p)
    )
    picture, species = with_clue(noise(), "sdsc", np.random.default_rng(1))
    assert (faces, species.name, picture.shape) == ([expected], "sdsc", (60, 80, 3))


def test_copy_and_mask_are_moved_by_one_transform(monkeypatch):
    """The coin of the shift is tossed once: where it falls twice, the mask's edge shows beside the copy's."""
    drawn = []
    monkeypatch.setattr(clued_pictures, "_finder", Found)
    monkeypatch.setattr(
        clued_pictures, "apply_sdsc", lambda scene, p: drawn.append(p) or sdsc.apply_sdsc(scene, p)
    )
    for seed in range(40):
        with_clue(noise(), "sdsc", np.random.default_rng(seed))
    assert all(p.moves_mask is p.moves_source for p in drawn)
    assert {p.moves_source for p in drawn} == {True, False}


@pytest.mark.parametrize("clue", ["moire", "jitter", "both"])
def test_spsc_is_that_of_the_paper(clue, monkeypatch):
    from bonaface.attacks import spsc

    drawn = []
    monkeypatch.setattr(
        clued_pictures, "apply_spsc", lambda scene, p: drawn.append(p) or spsc.apply_spsc(scene, p)
    )
    source = noise()
    picture, species = with_clue(source, clue, np.random.default_rng(1))
    assert species.name == "spsc"
    assert not np.array_equal(picture, source)
    (p,) = drawn
    assert (p.clues, p.legacy_center) == (clue, False)
    assert 0.6 <= p.brightness <= 1.4
    assert 0.0005 <= p.delta <= 0.01


@pytest.mark.parametrize("missing", [BONAFIDE, PRINT])
def test_both_classes_are_needed(missing):
    there = BONAFIDE if missing == PRINT else PRINT
    what = "bonafide pictures" if missing == BONAFIDE else "pictures of attacks"
    with pytest.raises(
        ManifestError, match=f"^training needs {what} in the train split; it has none; add some$"
    ):
        clued(unread(3, there), schedule="P1")


def test_a_schedule_left_to_the_manifest_must_be_looked_up_first():
    with pytest.raises(
        RecipeError, match=r"^data.schedule must be none or one of P1, P2.1, P2.2; got 'manifest'$"
    ):
        clued([*unread(1), *unread(1, PRINT)])


def test_the_finder_is_made_once():
    assert clued_pictures._finder() is clued_pictures._finder()
    assert clued_pictures._face(np.full((60, 80, 3), 90, np.uint8)) == Box(0, 0, 80, 60)
