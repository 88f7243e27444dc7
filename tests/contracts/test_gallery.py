"""The gallery shows every simulation as it is now, and the page about attacks names what is there."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bonaface.attacks import codec
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS
from bonaface.types import Box
from bonaface.vocabulary import SPECIES

ROOT = Path(__file__).parents[2]
CONCEPT = ROOT / "docs/concepts/attacks.md"
MAX_BYTES = 2_700_000


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("generate_gallery", ROOT / "docs/generate_gallery.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def small(gallery):
    """A smooth face-like spot for each subject."""
    y, x = np.mgrid[:60, :60]
    spot = np.exp(-((x - 30) ** 2 + 0.7 * (y - 30) ** 2) / 200)[..., None]
    fine = 8 * np.random.default_rng(0).standard_normal((60, 60, 1))
    colours = np.array([[210, 160, 130], [150, 110, 90]])
    return {
        subject: Scene(
            np.clip(70 + spot * (colour - 70) + fine, 0, 255).astype(np.uint8), Box(17, 17, 44, 44)
        )
        for subject, colour in zip(gallery.SUBJECTS, colours, strict=True)
    }


@pytest.fixture(scope="module")
def written(gallery, small, tmp_path_factory):
    if not all(map(codec.has_codec, codec.CODECS)):
        pytest.skip("OpenCV's build here can not code video")
    folder = tmp_path_factory.mktemp("docs")
    gallery.write(folder, small)
    return folder


def links(page):
    return re.findall(r"\]\((?!https?:)([^)#\s]+)", page)


def test_every_simulation_and_variant_has_its_row(gallery, written):
    page = (written / gallery.PAGE).read_text(encoding="utf-8")
    step = gallery.CELL_PX + gallery.LABEL_PX + gallery.GAP_PX
    for name, simulation in SIMULATIONS.items():
        section = page.split(f"### {name}\n")[1].split("\n##")[0]
        assert simulation.species.meaning in section
        assert all(f"`{variant}`" in section for variant in simulation.variants)
        names = [row.name for row in gallery.rows(simulation)]
        assert names == list(simulation.variants or gallery.SUBJECTS)
        with Image.open(written / f"gallery/{name}.jpg") as strip:
            assert strip.height == step * len(names) - gallery.GAP_PX


def test_links_of_the_page_resolve(gallery, written):
    page = (written / gallery.PAGE).read_text(encoding="utf-8")
    strips = {target for target in links(page) if (written / target).is_file()}
    assert strips == {f"gallery/{name}.jpg" for name in SIMULATIONS}
    assert all((ROOT / "docs" / target).is_file() for target in links(page))


def test_the_same_bytes_again(gallery, small):
    for name in ("print", "swap", "generated"):
        strips = [gallery.strip(SIMULATIONS[name], small).tobytes() for _ in range(2)]
        assert strips[0] == strips[1]


@pytest.mark.parametrize("name", ["print", "morph"])
def test_pictures_and_masks_stand_where_their_labels_say(gallery, small, name):
    simulation = SIMULATIONS[name]
    strip = np.asarray(gallery.strip(simulation, small))
    cell, step = gallery.CELL_PX, gallery.CELL_PX + gallery.GAP_PX
    row = gallery.rows(simulation)[1]
    top = gallery.CELL_PX + gallery.LABEL_PX + gallery.GAP_PX
    shown = [strip[top : top + cell, x * step : x * step + cell].astype(int) for x in range(4)]
    assert np.abs(shown[0] - gallery._cell(small[row.subject].pixels)).max() == 0
    assert all((picture != shown[0]).any() for picture in shown[1:])
    mask = strip[top : top + gallery.MASK_PX, 4 * step : 4 * step + gallery.MASK_PX]
    assert mask.max() == 255


def test_a_weakness_is_told_of_every_simulation(gallery):
    assert {*gallery.WEAKNESSES, "mask_3d"} == set(SIMULATIONS)
    assert "weakest of the simulations" in gallery.page()


def test_the_page_in_the_tree_is_up_to_date(gallery):
    text = (ROOT / "docs" / gallery.PAGE).read_text(encoding="utf-8")
    assert text == gallery.page(), "run: python docs/generate_gallery.py"


def test_the_pictures_in_the_tree_are_few_and_small(gallery):
    found = list((ROOT / "docs" / gallery.FOLDER).iterdir())
    assert {path.name for path in found} == {f"{name}.jpg" for name in SIMULATIONS}
    assert sum(path.stat().st_size for path in found) < MAX_BYTES


def test_the_page_about_attacks_has_every_simulation_its_species_and_its_variants():
    table = {}
    for line in CONCEPT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = cells[0].strip("`")
        if line.startswith("| `") and name in SIMULATIONS:
            table[name] = cells
    assert list(table) == list(SIMULATIONS)
    for name, (_, species, variants, *rest) in table.items():
        simulation = SIMULATIONS[name]
        assert species == f"{simulation.species.name}, {simulation.species.family}"
        assert re.findall(r"`(\w+)`", variants) == list(simulation.variants)
        assert all(rest), name


def test_what_no_simulation_makes_is_said(gallery):
    made = {simulation.species.name for simulation in SIMULATIONS.values()}
    for species in SPECIES.values():
        if species.family and species.name not in made:
            assert f"`{species.name}` ({species.meaning})" in gallery.page()


def test_the_example_in_the_page_about_attacks_runs(gallery, small):
    example = re.findall(r"```python\n(.*?)```", CONCEPT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(example) == 1
    scene, partner = small.values()
    names = {"scene": scene, "partner": partner}
    exec(example[0], names)
    assert names["mask"].shape == scene.size
