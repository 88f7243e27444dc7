from __future__ import annotations

import csv
import errno
import json
import os
import signal
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bonaface.attacks.simulations import SIMULATIONS
from bonaface.data import simulation_maker
from bonaface.data.manifest import Manifest, Row, check_files, read_manifest
from bonaface.data.provenance import provenance_of
from bonaface.data.scenes import LARGEST_FACTOR
from bonaface.data.simulated import manifest_of_folder, simulate
from bonaface.data.simulation_folder import JOURNAL, SETTINGS
from bonaface.data.simulation_plan import Settings
from bonaface.errors import ManifestError, MissingExtraError, SimulationError
from bonaface.faces.picture import read_picture
from bonaface.types import Box, Face, Picture
from bonaface.vocabulary import BONAFIDE, SPECIES, Label, Split

from .golden import FixedFinder, picture

EVERYTHING = (*SIMULATIONS, "faceswap+print", "swap+replay")


class PickyFinder(FixedFinder):
    """No face in black pictures, a small one in dark ones, landmarks as asked."""

    def __init__(self, points: np.ndarray | None = None) -> None:
        self.calls = 0
        self._points = points

    def find(self, picture: Picture) -> tuple[Face, ...]:
        self.calls += 1
        if not picture.any():
            return ()
        if picture.max() < 60:
            return (Face(Box(20, 20, 60, 60), 1.0),)
        box = super().find(picture)[0].box
        corner, size = np.array([box.x1, box.y1]), np.array([box.width, box.height])
        points = None if self._points is None else (corner + self._points * size).astype(np.float32)
        return (Face(box, 1.0, points),)


POINTS = np.array([[0.3, 0.27], [0.72, 0.29], [0.5, 0.52], [0.32, 0.71], [0.69, 0.7]])


def write(folder: Path, *names: str) -> Manifest:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)).save(folder / name)
    return manifest_of_folder(folder)


def of_split(manifest: Manifest, split: Split = Split.TRAIN) -> Manifest:
    from dataclasses import replace

    return Manifest(tuple(replace(row, split=split) for row in manifest.rows), manifest.folder)


def contents(folder: Path, suffix: str = "") -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob(f"*{suffix}"))
        if path.is_file()
    }


def made(manifest: Manifest, out: Path, *names: str, finder=None, workers=1, **settings):
    return simulate(
        manifest, out, Settings(names, **settings), finder=finder or FixedFinder(), workers=workers
    )


def test_pictures_of_one_folder_are_one_subject(tmp_path):
    manifest = write(tmp_path, "zoe.png", "ann/1.png", "ann/2.png", "deep/bob/1.jpg")
    (tmp_path / "notes.txt").touch()
    assert {row.path: row.subject for row in manifest.rows} == {
        "ann/1.png": "ann",
        "ann/2.png": "ann",
        "deep/bob/1.jpg": "deep/bob",
        "zoe.png": "zoe",
    }
    assert all(row.is_bonafide for row in manifest.rows)
    check_files(manifest)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(SimulationError) as e:
        manifest_of_folder(tmp_path)
    assert str(e.value) == (
        f"{tmp_path} must have pictures in it; none was found; give a folder of bona fide faces"
    )


def test_every_picture_and_every_attack_is_written_with_its_row(tmp_path):
    write(tmp_path / "in", "ann.png", "bob.png", "fake.png")
    Image.fromarray(np.zeros((210, 190, 3), np.uint8)).save(tmp_path / "in/wall.png")
    Image.fromarray(np.full((210, 190, 3), 50, np.uint8)).save(tmp_path / "in/far.png")
    rows = [Row(f"{name}.png", Label.BONAFIDE, BONAFIDE, name) for name in ("ann", "bob", "wall", "far")]
    rows.append(Row("fake.png", Label.ATTACK, SPECIES["diffusion"], "fake", licence="CC0-1.0"))
    ticks: list[int] = []

    @contextmanager
    def bar(total: int):
        assert total == 4 * 5 + 1
        yield lambda: ticks.append(1)

    result = simulate(
        Manifest(tuple(rows), tmp_path / "in"),
        tmp_path / "out",
        Settings(("spsc", "sdsc", "spsc"), per_subject=2),
        finder=PickyFinder(),
        bar=bar,
    )
    assert result.counts == {"bonafide": 2, "spsc": 4, "sdsc": 4, "diffusion": 1}
    assert result.left_out == {"no_face": 1, "face_too_small": 1}
    assert (result.done, result.total, result.is_finished, len(ticks)) == (21, 21, True, 21)
    written = read_manifest(result.manifest)
    check_files(written)
    assert len({row.path for row in written.rows}) == 11
    for row in written.rows:
        assert read_picture(written.picture_path(row)).shape[2] == 3
        told = provenance_of(row)
        assert told.simulation == (row.species.name if row.species.name in SIMULATIONS else None)
        assert bool(told.attack) == (told.simulation is not None)
        assert (tmp_path / "out" / told.made_from.path).samefile(tmp_path / "in" / f"{row.subject}.png")
    assert len({(row.subject, row.split) for row in written.rows}) == 3  # attacks are where their subject is
    assert {row.licence for row in written.rows if row.subject == "fake"} == {"CC0-1.0"}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_same_seed_gives_the_same_files_whatever_the_order_and_the_workers(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png", "cid.png"))
    turned = Manifest(manifest.rows[::-1], manifest.folder)
    names, found = ("sdsc", "swap", "faceswap+print"), {}
    for name, rows, seed, workers in (("a", manifest, 0, 1), ("b", turned, 0, 2), ("c", manifest, 1, 1)):
        made(rows, tmp_path / name, *names, seed=seed, workers=workers, per_subject=9, has_masks=True)
        found[name] = {**contents(tmp_path / name, ".jpg"), **contents(tmp_path / name, ".png")}
    assert found["a"] == found["b"]
    assert len(found["a"]) == 3 * (1 + 2 * 27)
    assert found["a"].keys() == found["c"].keys()
    pictures = [path for path in found["a"] if path.endswith(".jpg")]
    assert all(found["a"][path] != found["c"][path] for path in pictures)
    made(manifest, tmp_path / "d", *names, workers=2, per_subject=9, has_masks=True)
    manifests = [(tmp_path / name / "manifest.csv").read_bytes() for name in "ad"]
    assert manifests[0] == manifests[1]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_stopped_run_goes_on_where_it_was(tmp_path, workers):
    manifest = of_split(write(tmp_path / "in", *(f"{i}.png" for i in range(4))))
    names = ("sdsc", "swap")
    made(manifest, tmp_path / "whole", *names, per_subject=20)
    settings, out, asked = Settings(names, per_subject=20), tmp_path / "out", [0]

    def is_stopped() -> bool:
        asked[0] += 1
        return asked[0] > 2

    first = simulate(manifest, out, settings, finder=FixedFinder(), workers=workers, is_stopped=is_stopped)
    assert not first.is_finished
    assert 16 <= first.done < first.total == 4 * 41
    assert not first.manifest.exists()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}
    assert len(before) == first.done == len((out / JOURNAL).read_text().splitlines())
    with (out / JOURNAL).open("a") as journal:
        journal.write('{"path": "half a li')  # as a crash would leave it
    (out / "sdsc/0.jpg").unlink()
    second = simulate(manifest, out, settings, finder=FixedFinder(), workers=workers)
    assert second.is_finished
    assert contents(out, ".jpg") == contents(tmp_path / "whole", ".jpg")
    assert contents(out, ".csv") == contents(tmp_path / "whole", ".csv")
    remade = [path for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert remade == [out / "sdsc/0.jpg"]


def test_nothing_is_made_twice(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    first = made(manifest, tmp_path / "out", "sdsc")
    finder, before = PickyFinder(), contents(tmp_path / "out")
    assert made(manifest, tmp_path / "out", "sdsc", finder=finder) == first
    assert finder.calls == 0
    assert contents(tmp_path / "out") == before


def later(path: Path, number: int) -> None:
    """The file with another picture, taken a second after."""
    before = path.stat().st_mtime_ns
    Image.fromarray(picture(number)).save(path)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_a_picture_that_was_replaced_is_made_anew_with_all_that_it_is_a_partner_in(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png", "cy.png", "dee.png"))
    names = ("sdsc", "swap")
    made(manifest, tmp_path / "out", *names)
    later(tmp_path / "in/bob.png", 7)
    finder = PickyFinder()
    made(manifest, tmp_path / "out", *names, finder=finder)
    assert 0 < finder.calls < len(manifest.rows)
    made(manifest, tmp_path / "fresh", *names)
    assert contents(tmp_path / "out", ".jpg") == contents(tmp_path / "fresh", ".jpg")
    assert contents(tmp_path / "out", ".csv") == contents(tmp_path / "fresh", ".csv")


def test_a_picture_that_was_mended_is_no_longer_left_out(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    (tmp_path / "in/bob.png").write_bytes(b"broken")
    assert made(manifest, tmp_path / "out", "sdsc").left_out == {"not_an_image": 1}
    later(tmp_path / "in/bob.png", 1)
    mended = made(manifest, tmp_path / "out", "sdsc")
    assert (mended.left_out, mended.counts) == ({}, {"bonafide": 2, "sdsc": 2})


def test_names_that_can_not_stand_in_a_manifest(tmp_path):
    Image.fromarray(picture(0)).save(os.fsencode(tmp_path) + b"/caf\xe9.png")
    with pytest.raises(ManifestError) as error:
        manifest_of_folder(tmp_path)
    assert str(error.value) == (
        "names of files must be UTF-8 to stand in a manifest; 'caf\\udce9.png' is not; rename it"
    ).replace("'caf", f"'{tmp_path}/caf")


def full(monkeypatch, after: int, number: int = errno.ENOSPC) -> None:
    """A disk that takes so many files."""
    write_whole, count = simulation_maker.write_whole, [0]

    def refuse(path: Path, data: bytes) -> None:
        count[0] += 1
        if count[0] > after:
            raise OSError(number, os.strerror(number), str(path))
        write_whole(path, data)

    monkeypatch.setattr(simulation_maker, "write_whole", refuse)


def test_a_full_disk_ends_the_run_and_loses_nothing(tmp_path, monkeypatch):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    made(manifest, tmp_path / "whole", "sdsc", per_subject=3)
    out = tmp_path / "out"
    with monkeypatch.context() as patch, pytest.raises(SimulationError) as e:
        full(patch, after=6)
        made(manifest, out, "sdsc", per_subject=3)
    assert str(e.value) == (
        f"there must be room on the disk for every picture; {out}/sdsc/bob_1.jpg could not be written after 6 of 8; "
        "make room and run the same command again"
    )
    assert made(manifest, out, "sdsc", per_subject=3).is_finished
    assert contents(out, ".jpg") == contents(tmp_path / "whole", ".jpg")


def test_a_disk_that_is_full_at_the_end_leaves_no_half_manifest(tmp_path, monkeypatch):
    manifest = of_split(write(tmp_path / "in", "ann.png"))

    def half(writer: csv.DictWriter, rows: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        monkeypatch.context() as patch,
        pytest.raises(SimulationError, match=r"out could not be written after 2 of 2;"),
    ):
        patch.setattr(csv.DictWriter, "writerows", half)
        made(manifest, tmp_path / "out", "sdsc")
    assert not list((tmp_path / "out").glob("manifest.csv*"))


def test_what_else_a_disk_says_is_passed_on(tmp_path, monkeypatch):
    manifest = of_split(write(tmp_path / "in", "ann.png"))
    full(monkeypatch, after=0, number=errno.EROFS)
    with pytest.raises(OSError, match="Read-only"):
        made(manifest, tmp_path / "out", "sdsc")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_is_ended_from_outside(tmp_path, monkeypatch):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    monkeypatch.setattr(simulation_maker, "write_whole", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(SimulationError) as e:
        made(manifest, tmp_path / "out", "sdsc", workers=2)
    assert str(e.value) == (
        "every process must live until its work is done; the system ended one, often for want of memory; "
        "run the same command again with fewer workers"
    )


def test_without_a_fork_there_is_one_worker(tmp_path, monkeypatch):
    manifest = of_split(write(tmp_path / "in", "ann.png"))
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(SimulationError) as e:
        made(manifest, tmp_path / "out", "sdsc", workers=2)
    assert str(e.value) == "workers must be 1 on this system, which can not fork; got 2"


def test_partners_are_others_of_the_same_split(tmp_path):
    train = of_split(write(tmp_path / "in", "ann/1.png", "ann/2.png", "bob.png", "cid.png", "dan.png"))
    rows = (*train.rows[:4], of_split(train, Split.DEV).rows[4])
    result = made(Manifest(rows, train.folder), tmp_path / "out", "swap", "morph", per_subject=6)
    assert result.left_out == {"no_partner": 12}  # dan is alone in dev
    assert result.counts == {"bonafide": 5, "swap": 24, "morph": 24}
    seen = Counter()
    for row in read_manifest(result.manifest).rows:
        told = provenance_of(row)
        assert (told.partner is None) == (told.simulation is None)
        if told.partner is not None:
            seen[row.subject, Path(told.partner.path).relative_to("../in").parts[0].split(".")[0]] += 1
    assert {pair for pair in seen if pair[0] == pair[1]} == set()
    assert {other for _, other in seen} == {"ann", "bob", "cid"}


def test_a_partner_without_a_face_is_not_taken(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png", "dark.png"))
    Image.fromarray(np.zeros((210, 190, 3), np.uint8)).save(tmp_path / "in/dark.png")
    result = made(manifest, tmp_path / "out", "swap", per_subject=8, finder=PickyFinder())
    assert result.counts == {"bonafide": 2, "swap": 16}
    Image.fromarray(np.zeros((210, 190, 3), np.uint8)).save(tmp_path / "in/bob.png")
    result = made(manifest, tmp_path / "alone", "swap", finder=PickyFinder())
    assert (result.counts, result.left_out) == ({"bonafide": 1}, {"no_partner": 1, "no_face": 2})


def test_points_that_span_no_face_leave_the_attack_out(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    result = made(manifest, tmp_path / "out", "swap", "sdsc", finder=PickyFinder(np.zeros((5, 2))))
    assert result.counts == {"bonafide": 2, "sdsc": 2}
    assert result.left_out == {"can_not_simulate": 2}


def test_masks_are_where_the_attack_is(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    names = ("faceswap", "print", "swap", "faceswap+print")
    made(manifest, tmp_path / "out", *names, has_masks=True, per_subject=3)
    masks = contents(tmp_path / "out/masks", ".png")
    pictures = contents(tmp_path / "out", ".jpg")
    assert {path[:-4] for path in masks} == {
        path[:-4] for path in pictures if not path.startswith("bonafide")
    }
    for path, data in masks.items():
        mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        shown = cv2.imdecode(np.frombuffer(pictures[f"{path[:-4]}.jpg"], np.uint8), cv2.IMREAD_COLOR)
        assert mask.shape == shown.shape[:2]
        if "print" in path:
            assert (mask == 255).all()  # all of a recaptured picture is the paper's
        else:
            assert 0.02 < (mask > 127).mean() < 0.8
            assert mask[0].max() == 0


def test_variants_and_strength_are_held(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    allowed = {"faceswap": ("alpha", "pyramid")}
    made(manifest, tmp_path / "out", "faceswap", "faceswap+print", per_subject=8, variants=allowed)
    rows = read_manifest(tmp_path / "out/manifest.csv").rows
    attacks = [json.loads(row.parameters)["attack"] for row in rows if not row.is_bonafide]
    blends = [(one[0] if isinstance(one, list) else one)["blend"] for one in attacks]
    assert set(blends) == {"alpha", "pyramid"}
    free = contents(tmp_path / "out", ".jpg")
    made(manifest, tmp_path / "strong", "faceswap", per_subject=8, strength=(1.4, 1.5))
    assert contents(tmp_path / "strong/bonafide") == contents(tmp_path / "out/bonafide")
    assert all(
        free[path] != data for path, data in contents(tmp_path / "strong", ".jpg").items() if "swap" in path
    )


def test_faces_are_of_the_asked_sizes(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    sets = {}
    for name, face_px in (
        ("as ever", None),
        ("far", (60.0, 60.0)),
        ("near", (240.0, 240.0)),
        ("any", (50.0, 250.0)),
    ):
        result = made(manifest, tmp_path / name, "print", "swap", face_px=face_px)
        rows = read_manifest(result.manifest).rows
        sets[name] = {row.path: read_picture(tmp_path / name / row.path).shape[0] for row in rows}
        drawn = [provenance_of(row).face_px for row in rows]
        assert len(set(drawn)) == (6 if name == "any" else 1)
        assert all(side is None for side in drawn) == (face_px is None)
    own = FixedFinder().find(picture(0))[0].box.side * LARGEST_FACTOR
    for path, height in sets["as ever"].items():
        assert sets["far"][path] == pytest.approx(height * 60 / own, rel=0.05)
        assert sets["near"][path] == pytest.approx(height * 240 / own, rel=0.05)


def test_every_simulation_of_a_grey_and_of_a_small_picture(tmp_path):
    write(tmp_path / "in", "ann.png", "bob.png")
    Image.fromarray(picture(3)[..., 0]).save(tmp_path / "in/grey.png")
    Image.fromarray(picture(4, 120, 110)).save(tmp_path / "in/small.png")
    Image.fromarray(picture(5, 12, 10)).save(tmp_path / "in/tiny.png")
    result = made(of_split(manifest_of_folder(tmp_path / "in")), tmp_path / "out", *EVERYTHING)
    assert result.counts == dict.fromkeys(["bonafide", *EVERYTHING], 4)
    assert result.left_out == {"face_too_small": 1}


def test_pictures_without_a_single_face(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    for path in (tmp_path / "in").iterdir():
        Image.fromarray(np.zeros((90, 90, 3), np.uint8)).save(path)
    with pytest.raises(SimulationError) as e:
        made(manifest, tmp_path / "out", "sdsc", finder=PickyFinder())
    assert str(e.value) == (
        "a set must have pictures with faces; none could be made (2 no_face); give portraits seen from the front"
    )
    assert not (tmp_path / "out/manifest.csv").exists()


def test_how_many_scenes_are_held_changes_nothing(tmp_path, monkeypatch):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png", "cid.png"))
    many, few = PickyFinder(), PickyFinder()
    made(manifest, tmp_path / "a", "swap", per_subject=3, finder=many)
    monkeypatch.setattr(simulation_maker, "HELD_SCENES", 1)
    made(manifest, tmp_path / "b", "swap", per_subject=3, finder=few)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert many.calls == 3 < few.calls


def test_only_the_asked_splits_are_written(tmp_path):
    manifest = write(tmp_path / "in", "alice.png", "bob.png")  # by hash: train and dev
    result = made(manifest, tmp_path / "out", splits=(Split.DEV,))
    assert [(row.subject, row.split) for row in read_manifest(result.manifest).rows] == [("bob", Split.DEV)]


def test_a_folder_with_files_is_refused_before_anything_is_written(tmp_path):
    manifest = write(tmp_path / "in", "ann.png")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / SETTINGS).write_text("[1]")
    for out in (tmp_path / "in", tmp_path / "in/ann.png", tmp_path / "odd"):
        before = contents(tmp_path)
        with pytest.raises(SimulationError) as e:
            made(manifest, out, "sdsc")
        assert str(e.value) == (
            f"{out} must be a new or an empty folder, or one that the same command began; it has other files in it; "
            "choose another"
        )
        assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 1}, "seed was 0 and is now 1"),
        ({"per_subject": 2}, "per subject was 1 and is now 2"),
        ({"strength": (0.5, 0.6)}, "strength was [0.7, 1.1] and is now [0.5, 0.6]"),
        ({"variants": {"print": ("laser",)}}, 'variants was {} and is now {"print": ["laser"]}'),
        ({"has_masks": True}, "has masks was false and is now true"),
        ({"face_px": (60.0, 90.0)}, "face px was null and is now [60.0, 90.0]"),
    ],
)
def test_a_set_is_gone_on_with_as_it_was_begun(tmp_path, change, difference):
    manifest = of_split(write(tmp_path / "in", "ann.png"))
    made(manifest, tmp_path / "out", "print")
    before = contents(tmp_path / "out")
    with pytest.raises(SimulationError) as e:
        made(manifest, tmp_path / "out", "print", **change)
    assert str(e.value) == (
        f"{tmp_path / 'out'} must be gone on with as it was begun; {difference}; give the same, or choose another folder"
    )
    assert contents(tmp_path / "out") == before


def test_other_pictures_or_another_finder_are_another_set(tmp_path):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    made(manifest, tmp_path / "out", "sdsc")
    with pytest.raises(SimulationError, match="its pictures, their subjects or their splits were others"):
        made(Manifest(manifest.rows[:1], manifest.folder), tmp_path / "out", "sdsc")
    finder = FixedFinder()
    finder.name = "yunet"
    with pytest.raises(SimulationError, match='finder was "dlib_hog" and is now "yunet"'):
        made(manifest, tmp_path / "out", "sdsc", finder=finder)


def test_a_manifest_in_shards(tmp_path, monkeypatch):
    manifest = of_split(write(tmp_path / "in", "ann.png", "bob.png"))
    settings = Settings(("sdsc", "spsc"))
    how = {"finder": FixedFinder()}
    simulate(manifest, tmp_path / "out", settings, shards=3, **how)
    simulate(manifest, tmp_path / "out", settings, shards=2, **how)  # what is made stays, the shards are new
    names = [path.name for path in sorted((tmp_path / "out").glob("*.parquet"))]
    assert names == ["manifest-00000-of-00002.parquet", "manifest-00001-of-00002.parquet"]
    shards = [read_manifest(tmp_path / "out" / name).rows for name in names]
    assert [len(rows) for rows in shards] == [3, 3]
    both = [row for pair in zip(*shards, strict=True) for row in pair]
    assert tuple(both) == read_manifest(tmp_path / "out/manifest.csv").rows
    with pytest.raises(ManifestError, match=r"^shards must be at most the manifest's rows, 6; got 7$"):
        simulate(manifest, tmp_path / "new", settings, shards=7, **how)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"a manifest in shards needs .*bonaface\[parquet\]"):
        simulate(manifest, tmp_path / "new", settings, shards=1, **how)
    assert not (tmp_path / "new").exists()
