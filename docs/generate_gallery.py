"""Write `docs/gallery.md` and its pictures from the simulations themselves: python docs/generate_gallery.py.

The pictures need the extra `demo`: the two public-domain portraits come with scikit-image and matplotlib.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS, Simulation
from bonaface.cli.demo import portraits
from bonaface.data.randomness import generator
from bonaface.data.scenes import cut_scene
from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.types import Picture
from bonaface.vocabulary import FAMILIES, SPECIES

ROOT = Path(__file__).parent
PAGE, FOLDER = "gallery.md", "gallery"
STRENGTHS = (0.4, 1.0, 1.5)
MASK_STRENGTH = 1.0
SUBJECTS = ("Grace Hopper", "Eileen Collins")
CELL_PX, MASK_PX = 220, 110
GAP_PX, LABEL_PX = 6, 18
BACKGROUND = (225, 225, 225)
"""Grey, so that white paper and white masks stand out."""
MAX_FACE_PX = 100
"""With its room such a face fills a cell pixel by pixel; the astronaut's is smaller and is enlarged."""
QUALITY = 70

WEAKNESSES = {
    "print": "No printer, paper or camera was measured; folds are straight, fingers are smooth rods without a hand, and "
    "the desk is a plain colour.",
    "replay": "Two regular lattices stand for all screens; other subpixel layouts, scrolling and motion from frame to frame are "
    "missing.",
    "cutout": "Behind the holes is the printed picture itself, so the eyes agree with the print as no second person's "
    "would.",
    "paper_mask": "The face on the paper is brought onto the wearer's by five points, so it never looks aside, and where its "
    "picture ends the paper goes on mirrored.",
    "spsc": "The clues of a paper, not an attack: no real print or screen turns hues so far.",
    "rendition": "A clue for training, not an attack: no paper, screen or mask looks just so, and none that does is meant.",
    "faceswap": "The face put back is the person's own: identity, gaze and expression always fit.",
    "swap": "No network draws the face: light, gaze and expression stay the partner's, and only frontal faces fit well.",
    "sdsc": "The clues of a paper: a face laid over itself. No network, no second person, no seam but a soft ellipse.",
    "patchwork": "A clue for training, not an attack: nothing is meant by what is changed, and much of it is too faint to see.",
    "reenactment": "One still is bent: the far cheek is smeared, a smile's teeth are stretched, and a mouth that was closed shows "
    "one plain row of teeth and no tongue.",
    "attribute_edit": "Paint, filters and tones in place of a network's edit: no feature changes its form.",
    "morph": "A few points guide the warp and nobody retouches: ghosts at hair and collar are plainer than in a careful "
    "morph.",
    "generated": "Everything shown is the real face. A generator's traces are there, its mistakes of anatomy and light "
    "are not.",
    "injection": "One frame at a time: what betrays a stream between frames, its clock and its repetitions, is missing.",
}
"""What the docstrings do not say; `mask_3d` says its own."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a strip.

    Attributes:
        variant: Of the simulation; None where it has none.
        subject: Whose portrait.
        partner: Whose portrait a simulation takes that needs a second person.
    """

    variant: str | None
    subject: str
    partner: str

    @property
    def name(self) -> str:
        """What tells it from the other rows of its strip."""
        return self.variant or self.subject


def rows(simulation: Simulation) -> list[Row]:
    """A row a variant, the portraits taking turns; without variants a row a portrait."""
    variants = simulation.variants or (None,) * len(SUBJECTS)
    turns = [SUBJECTS, SUBJECTS[::-1]]
    return [Row(variant, *turns[number % 2]) for number, variant in enumerate(variants)]


def page() -> str:
    """The whole page in Markdown."""
    return "\n".join([_head(), *_sections(), _not_simulated()])


def _head() -> str:
    return f"""# The attacks, seen

Written by `python docs/generate_gallery.py` from the simulations themselves; change their docstrings, not this page.
How they are built, and what moves with strength: [concepts/attacks.md](concepts/attacks.md).

Each row is one variant on one portrait: as it is, then the attack at the strengths {_listed(STRENGTHS)}, all from the
same seed, then where the attack at {MASK_STRENGTH} may change the picture (white). The seed is a hash of the names of
simulation and row: nothing is picked by eye. The portraits take turns, and each is the other's second person where one
is needed: {SUBJECTS[0]}, which comes with matplotlib, and {SUBJECTS[1]}, with scikit-image, both in the public domain.
The finder here gives boxes alone, so the places of eyes, nose and mouth are guessed. No camera comes after the attack, as
it does in training.
"""


def _sections() -> Iterator[str]:
    for family in FAMILIES:
        yield f"## {family.capitalize()}\n"
        for simulation in SIMULATIONS.values():
            if simulation.species.family is family:
                yield _section(simulation)


def _section(simulation: Simulation) -> str:
    name, species = simulation.name, simulation.species
    module = sys.modules[simulation.parameters.__module__]
    makes = "" if name == species.name else f", species `{species.name}`"
    variants = [f"`{variant}`" for variant in simulation.variants]
    facts = [
        f"- The attack{makes}: {species.meaning}.",
        f"- Modelled: {' '.join(_paragraphs(module))}",
        *([f"- Rows {_listed(variants)}: {_variants_text(module)}"] if variants else []),
        *([f"- Weak: {WEAKNESSES[name]}"] if name in WEAKNESSES else []),
    ]
    alt = f"{name}, a row each for {_listed([row.name for row in rows(simulation)])}"
    return "\n\n".join([f"### {name}", "\n".join(facts), f"![{alt}]({FOLDER}/{name}.jpg)\n"])


def _paragraphs(module: ModuleType) -> list[str]:
    """The module's docstring, references left out."""
    text = inspect.getdoc(module) or ""
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    return [part for part in parts if not part.startswith("Reference")]


def _variants_text(module: ModuleType) -> str:
    """The string under `VARIANTS`."""
    for statement, after in pairwise(ast.parse(inspect.getsource(module)).body):
        if ast.unparse(statement).startswith("VARIANTS") and isinstance(after, ast.Expr):
            return " ".join(str(ast.literal_eval(after.value)).split())
    raise LookupError(f"{module.__name__} says nothing under its VARIANTS")


def _not_simulated() -> str:
    made = {simulation.species.name for simulation in SIMULATIONS.values()}
    left = [
        f"`{one.name}` ({one.meaning})" for one in SPECIES.values() if one.family and one.name not in made
    ]
    return f"Species that none of these makes: {', '.join(left)}.\n"


def _listed(words: Iterable[object]) -> str:
    *some, last = map(str, words)
    return f"{', '.join(some)} and {last}"


def scenes() -> dict[str, Scene]:
    """The portraits about their faces, by subject."""
    finder = DlibHogFinder()
    found = portraits()
    return {
        subject: cut_scene(found[subject], finder.find(found[subject])[0].box, max_face_px=MAX_FACE_PX)
        for subject in SUBJECTS
    }


def strip(simulation: Simulation, of: dict[str, Scene]) -> Image.Image:
    """All rows of one simulation under each other, each picture over its label."""
    made = [_row(simulation, row, of) for row in rows(simulation)]
    step = CELL_PX + LABEL_PX + GAP_PX
    width = (len(STRENGTHS) + 1) * (CELL_PX + GAP_PX) + MASK_PX
    canvas = Image.new("RGB", (width, step * len(made) - GAP_PX), BACKGROUND)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for number, cells in enumerate(made):
        x = 0
        for label, picture in cells:
            canvas.paste(Image.fromarray(picture), (x, number * step))
            draw.text((x + 1, number * step + picture.shape[0] + 2), label, fill="black", font=font)
            x += picture.shape[1] + GAP_PX
    return canvas


def _row(simulation: Simulation, row: Row, of: dict[str, Scene]) -> list[tuple[str, Picture]]:
    """(label, picture) of every cell."""
    scene, partner = of[row.subject], of[row.partner]
    cells = [("as it is", _cell(scene.pixels))]
    for strength in STRENGTHS:
        drawn = _drawn(simulation, row, strength)
        cells.append((f"{row.name} {strength}", _cell(simulation.applied(scene, drawn, partner).pixels)))
    mask = simulation.mask_of(scene, _drawn(simulation, row, MASK_STRENGTH), partner)
    grey = np.rint(255 * mask).astype(np.uint8)
    cells.append(("mask", _cell(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), side=MASK_PX)))
    return cells


def _drawn(simulation: Simulation, row: Row, strength: float) -> object:
    rng = generator("gallery", simulation.name, row.name)
    return simulation.drawn(rng, strength=strength, variant=row.variant)


def _cell(pixels: Picture, *, side: int = CELL_PX) -> Picture:
    """The picture as a square of that side; areas averaged when shrinking, cubic when growing."""
    if pixels.shape[:2] == (side, side):
        return pixels
    how = cv2.INTER_AREA if max(pixels.shape[:2]) > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=how), np.uint8)


def write(folder: Path, of: dict[str, Scene]) -> None:
    """The page and a strip for each simulation, below `folder`."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, simulation in SIMULATIONS.items():
        strip(simulation, of).save(
            folder / FOLDER / f"{name}.jpg", quality=QUALITY, subsampling=0, optimize=True
        )
    (folder / PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    write(ROOT, scenes())
