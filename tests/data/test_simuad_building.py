from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bonaface.attacks.simulations import SIMULATIONS, parameters_to_json
from bonaface.data import simulation_maker
from bonaface.data.manifest import Manifest, check_files, read_manifest
from bonaface.data.provenance import made_again, provenance_of
from bonaface.data.randomness import generator
from bonaface.data.simuad.benchmark import Benchmark
from bonaface.data.simuad.building import audited, build
from bonaface.data.simuad.variants import SIMULATED, STRENGTHS, variants_of
from bonaface.data.simulated import simulate
from bonaface.data.simulation_plan import Settings
from bonaface.errors import SimulationError
from bonaface.vocabulary import SPECIES, Label, Split

from .golden import FixedFinder
from .test_simulated import PickyFinder, contents, write

SPLITS = {
    "ann": Split.TRAIN,
    "bob": Split.TRAIN,
    "cid": Split.DEV,
    "dan": Split.DEV,
    "eve": Split.TEST,
    "fay": Split.TEST,
}
ALL = {one.name for one in SPECIES.values()} - {
    "spsc",
    "rendition",
    "sdsc",
    "patchwork",
    "diffusion",
    "adversarial",
}


def faces(folder: Path, **others: Split) -> Manifest:
    """Two people in each split, and others."""
    splits = {**SPLITS, **others}
    manifest = write(folder, *(f"{name}.png" for name in splits))
    rows = (
        replace(row, split=splits[row.subject], source="made", licence="CC0-1.0") for row in manifest.rows
    )
    return Manifest(tuple(rows), folder)


def built(manifest: Manifest, out: Path, benchmark: Benchmark | None = None, *, finder=None, **options):
    return build(manifest, out, benchmark or Benchmark(), finder=finder or FixedFinder(), **options)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("simuad")


@pytest.fixture(scope="module")
def source(place) -> Manifest:
    manifest = faces(place / "in")
    fake = replace(manifest.rows[0], path="fake.png", species=SPECIES["diffusion"], label=Label.ATTACK)
    return Manifest((*manifest.rows, fake), manifest.folder)


@pytest.fixture(scope="module")
def card(place, source):
    return built(source, place / "out").card


@pytest.fixture
def out(place, card) -> Path:
    """A built benchmark: read it, change nothing."""
    return place / "out"


def test_every_subject_has_every_species_and_every_variant_of_its_split(out):
    seen = defaultdict(Counter)
    for row in read_manifest(out / "manifest.csv").rows:
        seen[row.subject][row.species.name, row.groups["simulation"], row.groups["variant"]] += 1
    assert seen.keys() == SPLITS.keys()
    for subject, counts in seen.items():
        split = SPLITS[subject]
        assert {species for species, _, _ in counts} == ALL
        wanted = {
            (SIMULATIONS[name].species.name, name, variant): len(STRENGTHS[split])
            for name, variants in variants_of(split).items()
            for variant in variants
        }
        assert counts == {("bonafide", "", ""): 2, **wanted}


def test_splits_share_neither_people_nor_variants(out):
    rows = read_manifest(out / "manifest.csv").rows
    people, variants = defaultdict(set), defaultdict(set)
    for row in rows:
        assert row.split is SPLITS[row.subject]
        people[row.split] |= {row.subject, row.groups["partner"]} - {""}
        variants[row.split].add((row.groups["simulation"], row.groups["variant"]))
    assert people == {split: {name for name, own in SPLITS.items() if own is split} for split in Split}
    for one in Split:
        for other in set(Split) - {one}:
            assert variants[one] & variants[other] == {("", "")}  # bona fide rows alone


def test_the_columns_say_what_the_pictures_were_made_of(out):
    seen = set()
    for row in read_manifest(out / "manifest.csv").rows:
        told = json.loads(row.parameters)
        assert (told["simulation"] or "") == row.groups["simulation"]
        assert (told["partner"] is not None) == bool(row.groups["partner"])
        if told["partner"] is not None:
            seen.add(row.groups["simulation"])
            assert Path(told["partner"]["path"]).stem == row.groups["partner"] != row.subject
        assert row.groups["sample_id"] == row.path.removesuffix(".jpg")
        source = (out / told["made_from"]["path"]).read_bytes()
        assert row.groups["source_sha256"] == hashlib.sha256(source).hexdigest()
    assert {"swap", "morph"} <= seen


def test_strengths_are_in_their_ranges_and_half_of_tests_on_each_side(out):
    sides = Counter()
    for row in read_manifest(out / "manifest.csv").rows:
        if row.is_bonafide:
            assert row.groups["strength"] == ""
            continue
        strength = float(row.groups["strength"])
        if row.split is Split.TEST:
            assert 0.45 <= strength <= 0.6 or 1.0 <= strength <= 1.25
            sides[row.groups["simulation"], strength > 0.8] += 1
        else:
            assert 0.6 <= strength <= 1.0
    assert sides == {(name, side): 2 for name in SIMULATED for side in (False, True)}


def test_strength_and_variant_are_those_that_the_picture_was_made_at(out):
    """A simulation drawn so, by the sample's own generator, has the parameters that the row tells."""
    for row in read_manifest(out / "manifest.csv").rows:
        name, stem = row.path.removesuffix(".jpg").split("/")
        if row.is_bonafide:
            continue
        number = int(stem.partition("_")[2] or 0)
        rng = generator("simulate", 0, f"{row.subject}.png", name, number)
        low, high = STRENGTHS[row.split][number if row.split is Split.TEST else 0]
        strength = low + (high - low) * rng.random()
        assert row.groups["strength"] == f"{strength:.4f}"
        drawn = SIMULATIONS[name].drawn(rng, strength=strength, variant=row.groups["variant"])
        assert json.loads(json.dumps(parameters_to_json(drawn))) == json.loads(row.parameters)["attack"]


def test_a_picture_can_be_made_once_more(out):
    manifest = read_manifest(out / "manifest.csv")
    for row in manifest.rows[::29]:
        assert made_again(provenance_of(row), out) == manifest.picture_path(row).read_bytes()


def test_protocols_are_lists_over_the_same_pictures(out):
    every = {row.groups["sample_id"]: row for row in read_manifest(out / "manifest.csv").rows}
    lists = sorted((out / "protocols").iterdir())
    assert len(lists) == 14
    for path in lists:
        manifest = read_manifest(path)
        check_files(manifest)
        for row in manifest.rows:
            one = every[row.groups["sample_id"]]
            assert (row.label, row.species, row.subject, row.split, row.licence) == (
                one.label, one.species, one.subject, one.split, one.licence,
            )  # fmt: skip
            assert manifest.picture_path(row).resolve() == (out / one.path).resolve()
    assert {row.groups["sample_id"] for row in read_manifest(out / "protocols/S1.csv").rows} == every.keys()


def test_the_card_counts_and_hashes(out, card):
    written = json.loads((out / "card.json").read_text())
    assert written == card
    assert card["command"] == "bonaface data simuad FACES OUT --seed 0 --captures 2"
    assert card["subjects"] == {"train": 2, "dev": 2, "test": 2}
    assert card["sources"] == [{"source": "made", "licence": "CC0-1.0", "subjects": 6}]
    assert card["left_out"] == {"attacks of the source": 1}
    for name, by_split in card["counts"].items():
        rows = read_manifest(out / f"protocols/{name}.csv").rows
        assert sum(n for kinds in by_split.values() for one in kinds.values() for n in one.values()) == len(
            rows
        )
    assert card["counts"]["S1"]["train"]["print"] == {
        "print:copier": 2, "print:canvas": 2, "print:laser": 2, "print:mixed": 2,
    }  # fmt: skip
    assert card["counts"]["S2.1"]["dev"].keys() & {"print", "replay"} == set()
    assert card["counts"]["LOSO-morph"]["test"] == {"bonafide": {"": 4}, "morph": {"morph:combined": 4}}
    for path, digest in card["sha256"].items():
        assert hashlib.sha256((out / path).read_bytes()).hexdigest() == digest
    assert len(card["sha256"]) == 2 + 14
    assert card["audit"]["leaks"] == {"subjects": 0, "people": 0, "pictures": 0, "sources": 0}
    assert card["audit"]["detectability"]["morph"]["train"] == 2


def test_the_sums_are_those_of_every_picture(out):
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=out, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    listed = {line.split("  ")[1] for line in (out / "SHA256SUMS").read_text().splitlines()}
    assert listed == set(contents(out, ".jpg"))


def test_the_card_for_people(out, card):
    text = (out / "CARD.md").read_text()
    for word in (
        "# SimUAD",
        "Every attack is simulated",
        "injection stream_codec",
        card["sha256"]["SHA256SUMS"],
    ):
        assert word in text
    assert "| morph | morph | combined | 0 | 0 | 4 |" in text
    assert "| bonafide |  |  | 4 | 4 | 4 |" in text
    assert "| S2.1 | all physical attacks | 4 / 0 / 28 | 4 / 0 / 14 | 4 / 20 / 0 |" in text
    assert "- 1 attacks of the source" in text
    assert "None" not in text


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_two_workers_another_order_and_another_place_give_the_same_bytes(place, source, out):
    turned = Manifest(source.rows[::-1], source.folder)
    built(turned, place / "again", workers=2)
    mine, others = contents(out), contents(place / "again")
    for one in (mine, others):
        del one["simulation.jsonl"]  # in the order in which they were made
    assert mine.keys() == others.keys()
    assert {path for path in mine if mine[path] != others[path]} <= {
        "manifest.csv",
        "SHA256SUMS",
        "card.json",
        "CARD.md",
    } | {
        path for path in mine if path.startswith("protocols/")
    }  # the rows of lists are in the source's order
    assert contents(place / "again", ".jpg") == contents(out, ".jpg")
    assert mine["SHA256SUMS"] == others["SHA256SUMS"]


def test_another_seed_is_another_benchmark(place, source, out):
    few = source.where(lambda row: row.is_bonafide)
    card = built(few, place / "seed", Benchmark(seed=1, captures=1)).card
    assert card["command"].endswith("--seed 1 --captures 1")
    assert card["counts"]["S1"]["dev"]["bonafide"] == {"": 2}
    other, mine = contents(place / "seed", ".jpg"), contents(out, ".jpg")
    assert other.keys() < mine.keys()
    assert all(mine[path] != data for path, data in other.items())


def test_a_stopped_build_goes_on(place, source, out, tmp_path):
    asked = [0]

    def is_stopped(after: int):
        def ask() -> bool:
            asked[0] += 1
            return asked[0] > after

        return ask

    first = built(source, place / "stop", is_stopped=is_stopped(3))
    assert first.card is None
    assert 0 < first.done < first.total
    assert not (place / "stop/manifest.csv").exists()
    with pytest.raises(SimulationError) as e:
        audited(place / "stop", finder=FixedFinder())
    assert str(e.value) == (
        f"{place / 'stop'} must be a benchmark that 'bonaface data simuad' has finished; it has no card.json; "
        "run the command that began it again"
    )
    asked[0] = 0
    second = built(source, place / "stop", is_stopped=is_stopped(40))
    assert (second.card, second.done) == (None, second.total)  # in the audit
    built(source, place / "stop")
    assert contents(place / "stop") == contents(out)


def test_a_full_disk_ends_the_build_and_loses_nothing(source, tmp_path, monkeypatch):
    write_whole, count = simulation_maker.write_whole, [0]

    def refuse(path: Path, data: bytes) -> None:
        count[0] += 1
        if count[0] > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write_whole(path, data)

    monkeypatch.setattr(simulation_maker, "write_whole", refuse)
    with pytest.raises(
        SimulationError, match=r"could not be written after 5 of 142; make room and run the same"
    ):
        built(source, tmp_path / "out")


def test_an_output_folder_that_is_not_ours(source, tmp_path, out):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("keep")
    with pytest.raises(SimulationError, match="it has other files in it; choose another"):
        built(source, tmp_path / "mine")
    few = source.where(lambda row: row.is_bonafide)
    simulate(few, tmp_path / "set", Settings(()), finder=FixedFinder())
    with pytest.raises(SimulationError, match="it has other files in it; choose another"):
        built(few, tmp_path / "set")
    with pytest.raises(SimulationError, match="it has other files in it; choose another"):
        simulate(few, out, Settings(()), finder=FixedFinder())
    with pytest.raises(SimulationError, match="seed was 0 and is now 3"):
        built(source, out, Benchmark(seed=3))


def test_a_subject_without_a_usable_face_is_left_out(tmp_path):
    manifest = faces(tmp_path / "in", gus=Split.TEST, hal=Split.TRAIN)
    Image.fromarray(np.zeros((210, 190, 3), np.uint8)).save(tmp_path / "in/gus.png")
    (tmp_path / "in/hal.png").write_bytes(b"no picture")
    card = built(manifest, tmp_path / "out", finder=PickyFinder()).card
    assert card["subjects"] == {"train": 2, "dev": 2, "test": 2}
    assert card["left_out"] == {
        "pictures without a face that the finder found": 1,
        "pictures: not_an_image": 1,
    }


def test_one_face_alone_in_its_split_can_be_nobodys_partner(tmp_path):
    manifest = faces(tmp_path / "in")
    Image.fromarray(np.zeros((210, 190, 3), np.uint8)).save(tmp_path / "in/fay.png")
    with pytest.raises(SimulationError) as e:
        built(manifest, tmp_path / "out", finder=PickyFinder())
    told = str(e.value)
    assert told.startswith(
        "each of train, dev, test must have a subject of whom every species can be made; test has none ("
    )
    assert "attacks for which no second person with a face was found in the same split" in told
    assert told.endswith("give more portraits seen from the front")
    assert not (tmp_path / "out/card.json").exists()


def test_a_subject_that_lacks_a_species_is_left_out_whole(tmp_path, monkeypatch):
    drawn = simulation_maker.Maker._drawn

    def failing(self, sample, found, partner):
        if (sample.row.subject, sample.name) == ("gus", "reenactment"):
            raise SimulationError("points that span no face")
        return drawn(self, sample, found, partner)

    monkeypatch.setattr(simulation_maker.Maker, "_drawn", failing)
    card = built(faces(tmp_path / "in", gus=Split.DEV), tmp_path / "out").card
    assert card["subjects"] == {"train": 2, "dev": 2, "test": 2}
    assert card["left_out"] == {
        "attacks that can not be simulated": 1,
        "samples of pictures that lack a species": 2 + 12 - 1,
    }
    rows = read_manifest(tmp_path / "out/manifest.csv").rows
    assert "gus" not in {row.subject for row in rows}
    assert "gus" not in (tmp_path / "out/SHA256SUMS").read_text()


def test_an_audit_of_what_is_there(out, card):
    before = contents(out)
    found, is_as_told = audited(out, finder=FixedFinder())
    assert is_as_told
    assert found.leaks.people == 0
    assert contents(out) == before
    assert audited(out, finder=FixedFinder(), is_stopped=lambda: True) is None
    other = FixedFinder()
    other.name = "yunet"
    with pytest.raises(SimulationError) as e:
        audited(out, finder=other)
    assert str(e.value) == (
        "a benchmark must be audited with the finder of its card, dlib_hog; got yunet; give the same --finder"
    )


@pytest.fixture
def copied(out, tmp_path) -> Path:
    import shutil

    return Path(shutil.copytree(out, tmp_path / "copy"))


def test_what_was_changed_is_named(copied):
    (copied / "print/eve.jpg").write_bytes(b"other")
    (copied / "protocols/S1.csv").unlink()
    with pytest.raises(SimulationError) as e:
        audited(copied, finder=FixedFinder())
    assert str(e.value) == (
        f"every file of {copied} must have the sha256 of its card; 2 have not: protocols/S1.csv, print/eve.jpg; "
        "take another copy, or build it anew"
    )
    (copied / "SHA256SUMS").unlink()
    with pytest.raises(SimulationError, match=r"2 have not: SHA256SUMS, protocols/S1\.csv;"):
        audited(copied, finder=FixedFinder())


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"name": "SimUAD", "schema": 0}'])
def test_a_card_that_is_none(copied, text):
    (copied / "card.json").write_text(text)
    with pytest.raises(SimulationError) as e:
        audited(copied, finder=FixedFinder())
    assert str(e.value) == (
        f"{copied / 'card.json'} must be as 'bonaface data simuad' writes it; it is not; build the benchmark anew"
    )


def test_a_card_whose_audit_was_another(copied):
    card = json.loads((copied / "card.json").read_text())
    card["audit"]["bonafide_missed"] = 7
    (copied / "card.json").write_text(json.dumps(card))
    _, is_as_told = audited(copied, finder=FixedFinder())
    assert not is_as_told
