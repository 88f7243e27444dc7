"""`bonaface demo`: two public-domain portraits, as they are and under each simulated attack."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bonaface.cli.console import COLOURS, plain, results, say
from bonaface.cli.options import Bundle
from bonaface.errors import BonafaceError, MissingExtraError

if TYPE_CHECKING:
    from bonaface.bundle import BundleCard
    from bonaface.faces.finder import Finder
    from bonaface.types import Picture, Verdict

SEED = 0

TITLE = "<title>bonaface demo</title>"
"""By which a page is known for one of ours."""

ATTACKS = ("print", "replay", "spsc", "faceswap", "sdsc")
"""What is shown of the simulations: those that the embedded bundle was trained with."""


@dataclass(frozen=True, slots=True)
class Case:
    """A picture of the demo: whose, what was done to it, and what the gate says."""

    subject: str
    species: str
    meaning: str
    picture: Picture
    verdict: Verdict

    @property
    def is_right(self) -> bool:
        """Whether the gate says what is known."""
        wanted = "bonafide" if self.species == "bonafide" else "attack"
        return str(self.verdict.outcome) == wanted


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the page.")] = Path("demo"),
    bundle: Bundle = None,
    seed: Annotated[int, typer.Option(help="Another seed, other draws of the attacks.")] = SEED,
) -> None:
    """Judge two public-domain portraits and simulated attacks on them, and write a page to look at."""
    from bonaface.faces.dlib_hog import DlibHogFinder
    from bonaface.inference.gate import load

    gate, people = load(bundle), portraits()
    out.mkdir(parents=True, exist_ok=True)  # before the judging: a file in its place is refused at once
    page = out / "index.html"
    if page.exists() and TITLE not in page.read_text(encoding="utf-8", errors="replace"):
        raise BonafaceError(
            f"--out must be a folder without another page; {page} is no demo's; choose another"
        )
    cases = [
        Case(subject, species, meaning, picture, gate(picture))
        for subject, species, meaning, picture in pictures(people, DlibHogFinder(), seed)
    ]
    results.print(_table(cases))
    page.write_text(html(cases, gate.card), encoding="utf-8")
    say(f"wrote {page}: open it in a browser")


def portraits() -> dict[str, Picture]:
    """The two portraits, by subject, (height, width, 3) uint8 RGB.

    Raises:
        MissingExtraError: If scikit-image or matplotlib is not installed.
    """
    try:
        import matplotlib
        import skimage
    except ImportError:
        raise MissingExtraError("bonaface demo", extra="demo") from None
    from bonaface.faces.picture import read_picture

    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    astronaut = Path(skimage.__file__).parent / "data" / "astronaut.png"
    return {"Eileen Collins": read_picture(astronaut), "Grace Hopper": read_picture(hopper)}


def pictures(of: dict[str, Picture], finder: Finder, seed: int) -> Iterator[tuple[str, str, str, Picture]]:
    """(subject, species, meaning, picture): each portrait whole and untouched, then each attack about its face."""
    from bonaface.attacks.simulations import SIMULATIONS
    from bonaface.data.randomness import generator
    from bonaface.data.samples import attacked
    from bonaface.data.scenes import cut_scene
    from bonaface.vocabulary import BONAFIDE

    for subject, picture in of.items():
        yield subject, BONAFIDE.name, "the picture as it is", picture
        scene = cut_scene(picture, finder.find(picture)[0].box)
        for name in ATTACKS:
            made, _ = attacked(scene, name, generator("demo", seed, subject, name))
            yield subject, name, SIMULATIONS[name].species.meaning, made.pixels


def html(cases: list[Case], card: BundleCard) -> str:
    """The page, self-contained.

    Raises:
        MissingExtraError: If jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise MissingExtraError("the demo's page", extra="demo") from None
    template = (Path(__file__).parent / "demo.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    subjects = {case.subject: [one for one in cases if one.subject == case.subject] for case in cases}
    return environment.from_string(template).render(
        subjects=subjects, card=card, num_right=sum(case.is_right for case in cases), num_cases=len(cases),
        image=_data_uri, threshold=card.threshold.value,
    )  # fmt: skip


def _data_uri(case: Case) -> str:
    """The judged picture about its face, as a data URI."""
    import cv2

    picture = case.picture
    if case.verdict.box is not None:
        wide = case.verdict.box.squared(0.45)
        x1, y1 = max(0, round(wide.x1)), max(0, round(wide.y1))
        picture = picture[y1 : round(wide.y2), x1 : round(wide.x2)]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _table(cases: list[Case]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (
        ("portrait", "left"),
        ("shown as", "left"),
        ("outcome", "left"),
        ("attack_score", "right"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    table.add_column("why", overflow="fold")
    for case in cases:
        score = case.verdict.attack_score
        colour = COLOURS[case.verdict.outcome]
        table.add_row(
            case.subject, case.species, f"[{colour}]{case.verdict.outcome}[/]",
            "" if score is None else f"{score:.3f}", plain(case.verdict.detail),
        )  # fmt: skip
    return table
