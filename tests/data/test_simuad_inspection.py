from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bonaface.data.manifest import Manifest, Row
from bonaface.data.simuad import crops as crops_module
from bonaface.data.simuad.crops import Crop, Crops, chosen, crops
from bonaface.data.simuad.inspection import (
    POOLED,
    Leaks,
    detectability,
    inspected,
    leaks,
    shortcuts,
)
from bonaface.types import Picture
from bonaface.vocabulary import SPECIES, Split

from .golden import FixedFinder, picture


def row(path: str, species: str, subject: str, split: Split, **groups: str) -> Row:
    return Row(path, SPECIES[species].label, SPECIES[species], subject, split, groups=groups)


def crop(species: str, split: Split, *numbers: float, **told: float) -> Crop:
    return Crop(row("x", species, "x", split), np.array(numbers), told)


@contextmanager
def bar(title: str, total: int):
    yield lambda: None


def test_leaks_are_counted():
    rows = (
        row("1", "bonafide", "ann", Split.TRAIN, source_sha256="a"),
        row("2", "print", "ann", Split.TRAIN, source_sha256="a"),
        row("3", "morph", "ann", Split.TRAIN, source_sha256="a", partner="bob"),
        row("4", "bonafide", "bob", Split.TEST, source_sha256="b"),
        row("5", "bonafide", "cid", Split.DEV, source_sha256="c"),
    )
    sums = {"1": "p", "2": "q", "3": "r", "4": "s", "5": "t"}
    assert leaks(Manifest(rows, Path()), sums) == Leaks(subjects=0, people=1, pictures=0, sources=0)
    sums["5"] = "p"
    also = (*rows, row("6", "print", "cid", Split.TEST, source_sha256="a"))
    assert leaks(Manifest(also, Path()), sums) == Leaks(subjects=1, people=2, pictures=1, sources=1)


def test_shortcuts_are_those_of_test_rows():
    seen = [
        *(crop("bonafide", Split.TEST, size=value) for value in (1.0, 2.0, 3.0, 4.0)),
        *(crop("print", Split.TEST, size=value) for value in (1.5, 3.5)),
        *(crop("morph", Split.TEST, size=value) for value in (9.0, 9.0)),
        crop("print", Split.TRAIN, other=0.0),
    ]
    found = shortcuts(seen)["size"]
    assert (found.attacks, found.bonafide) == (4, 4)
    assert found.species == {"print": 0.5, "morph": 1.0}
    assert found.auc == 0.75
    assert not found.is_fair
    assert shortcuts(seen[:6])["size"].is_fair
    assert shortcuts([]) == {}


def test_detectability_is_fitted_on_train_and_measured_on_test():
    rng = np.random.default_rng(0)

    def of(species: str, split: Split, shift: float, count: int) -> list[Crop]:
        return [crop(species, split, *rng.normal([shift, 0, 0])) for _ in range(count)]

    found = [
        *of("bonafide", Split.TRAIN, 0, 40), *of("bonafide", Split.TEST, 0, 30),
        *of("print", Split.TRAIN, 5, 20), *of("print", Split.TEST, 5, 10),
        *of("morph", Split.TRAIN, 5, 20), *of("morph", Split.TEST, -5, 10),
        *of("replay", Split.TEST, 5, 7),
    ]  # fmt: skip
    told = detectability(Crops(found, missed=Counter({"print": 3, "bonafide": 2})))
    assert told["print"].auc > 0.98
    assert told["morph"].auc < 0.02  # the other way round in test: what was learned misleads
    assert told["replay"].auc is None  # nothing to fit on
    assert (told["print"].train, told["print"].test, told["print"].bonafide, told["print"].missed) == (
        20, 10, 30, 3,
    )  # fmt: skip
    assert (told[POOLED].train, told[POOLED].test, told[POOLED].missed) == (40, 27, 3)
    unseen = detectability(Crops(found, missed=Counter({"mask_3d": 4})))["mask_3d"]
    assert (unseen.auc, unseen.test, unseen.bonafide, unseen.missed) == (None, 0, 30, 4)


def test_some_rows_of_each_species_are_looked_at(monkeypatch):
    monkeypatch.setattr(crops_module, "PER_SPECIES", 3)
    monkeypatch.setattr(crops_module, "BONAFIDE", 5)
    rows = [
        row(f"{species} {split} {number}", species, "x", split)
        for species in ("bonafide", "print", "morph")
        for split in Split
        for number in range(9)
    ]
    drawn = chosen(rows)
    counts = Counter((one.species.name, one.split) for one in drawn)
    sides = (Split.TRAIN, Split.TEST)
    assert counts == {
        **{("bonafide", split): 5 for split in sides},
        **{(species, split): 3 for species in ("print", "morph") for split in sides},
    }
    assert {one.path for one in chosen(rows[::-1])} == {one.path for one in drawn}


class NoFaceInBlack(FixedFinder):
    def find(self, picture: Picture):
        return super().find(picture) if picture.any() else ()


@pytest.fixture
def benchmark_rows(tmp_path):
    Image.fromarray(np.zeros((210, 190, 3), np.uint8)).save(tmp_path / "black.png")
    Image.fromarray(picture(9, 40, 30)).save(tmp_path / "tiny.png")
    for number in range(4):
        Image.fromarray(picture(number)).save(tmp_path / f"{number}.png")
    return Manifest(
        (
            row("0.png", "bonafide", "ann", Split.TRAIN),
            row("1.png", "print", "ann", Split.TRAIN),
            row("2.png", "bonafide", "bob", Split.TEST),
            row("3.png", "print", "bob", Split.TEST),
            row("black.png", "print", "bob", Split.TEST),
            row("tiny.png", "bonafide", "bob", Split.TEST),
        ),
        tmp_path,
    )


def test_pictures_without_a_usable_face_are_counted(benchmark_rows):
    ticks: list[int] = []
    seen = crops(benchmark_rows, NoFaceInBlack(), on_row=lambda: ticks.append(1), is_stopped=lambda: False)
    assert len(ticks) == 6
    assert [one.row.path for one in seen.found] == ["0.png", "1.png", "2.png", "3.png"]
    assert seen.looked_at == {"bonafide": 2, "print": 2}
    assert seen.missed == {"bonafide": 1, "print": 1}
    assert seen.found[0].shortcuts.keys() == {"picture_px"}
    assert seen.found[2].shortcuts["picture_px"] == pytest.approx((190 * 210) ** 0.5)
    assert {"aspect_ratio", "border_ratio", "crop_jpeg_quality"} < seen.found[2].shortcuts.keys()


def test_the_whole_audit(benchmark_rows):
    sums = {one.path: one.path for one in benchmark_rows.rows}
    found = inspected(benchmark_rows, sums, NoFaceInBlack(), bar=bar)
    assert found.leaks == Leaks(0, 0, 0, 0)
    assert found.bonafide_missed == 1
    assert found.detectability["print"].missed == 1
    assert found.detectability["print"].auc in (0.0, 1.0)  # one against one
    assert all("tells 1 attacks from 1 bona fide pictures with an AUC of" in one for one in found.warnings)
    assert inspected(benchmark_rows, sums, NoFaceInBlack(), bar=bar, is_stopped=lambda: True) is None


def test_warnings_are_sentences(benchmark_rows):
    sums = dict.fromkeys((one.path for one in benchmark_rows.rows), "same")
    alone = benchmark_rows.where(lambda one: not (one.is_bonafide and one.split is Split.TEST))
    found = inspected(alone, sums, NoFaceInBlack(), bar=bar)
    assert found.warnings[:2] == (
        "1 pictures are in several splits: faces or pictures may be recognised instead of attacks",
        "picture_px is not known on test: too few faces were found",
    )
    assert found.shortcuts["picture_px"].auc is None
