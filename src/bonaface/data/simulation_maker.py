"""Making the samples of a plan, a few of one row at a time; scenes come and go, none is held for long."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bonaface.attacks.scene import Plane, Scene
from bonaface.contract import InputContract
from bonaface.data.chains import drawn_variants
from bonaface.data.distance import at_distance, drawn_between, stored_face_px
from bonaface.data.manifest import Row
from bonaface.data.provenance import Origin, Provenance, provenance_text
from bonaface.data.randomness import generator
from bonaface.data.samples import captured, captured_mask, cut_to, drawn_frame, encoded
from bonaface.data.scenes import FoundScene, found_scene
from bonaface.data.simulation_plan import CAPTURE, Bounds, Plan, Sample
from bonaface.data.whole_file import write_whole
from bonaface.errors import SimulationError
from bonaface.faces.finder import Finder
from bonaface.types import Face
from bonaface.vocabulary import Reason

BATCH = 16
"""Samples made in one go: what a run that is killed may lose of its work."""

NO_PARTNER = "no_partner"
CAN_NOT_SIMULATE = "can_not_simulate"
"""Why an attack is left out though its picture has a face."""

PARTNER_TRIES = 8
"""People drawn for an attack until one has a face that can be used."""

HELD_SCENES = 32
"""Scenes held at once, at most 0.4 MB each, or 4 MB where faces may be large: a row's own between its batches, and its partners'."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a sample.

    Attributes:
        path: Where it is, below the set's folder.
        parameters: How it was made, for its manifest; None where it was left out.
        reason: Why it was left out.
        made_of: Paths of the pictures that were opened for it, as the manifest has them, each with its `stamp` then.
    """

    path: str
    parameters: str | None
    reason: str = ""
    made_of: Mapping[str, str] = field(default_factory=dict)


def stamp(path: Path) -> str:
    """Length and time of the last change of a file: what tells that it was replaced. Empty where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


@dataclass(frozen=True, slots=True)
class Made:
    """The outcomes of a batch as far as it came, and what the disk said where it came no farther."""

    outcomes: tuple[Outcome, ...]
    error: OSError | None = None


def batches(samples: Iterator[Sample]) -> Iterator[list[Sample]]:
    """Samples of one row, `BATCH` of them at most."""
    for _, of_row in groupby(samples, key=lambda sample: sample.row.path):
        while batch := list(islice(of_row, BATCH)):
            yield batch


class Maker:
    """Makes samples and writes them.

    Args:
        plan: What is made.
        out: The set's folder.
        finder: Finds the faces.
    """

    def __init__(self, plan: Plan, out: Path, finder: Finder) -> None:
        self._plan, self._out, self._finder = plan, out, finder
        self._scenes: OrderedDict[str, FoundScene] = OrderedDict()

    def made(self, batch: Sequence[Sample]) -> Made:
        """Make samples until all are made or the disk refuses one."""
        outcomes: list[Outcome] = []
        try:
            for sample in batch:
                outcomes.append(self._outcome(sample))
        except OSError as error:
            return Made(tuple(outcomes), error)
        return Made(tuple(outcomes))

    def _outcome(self, sample: Sample) -> Outcome:
        """Make one sample. It depends on the seed, its row, its name and its number, and on who else is in the split."""
        found = self._found(sample.row, sample.bounds)
        made_of = self._stamped(found)
        if found.scene is None or found.face is None:
            return Outcome(sample.path, None, str(found.reason), made_of)
        needs_partner = not sample.is_copy and self._plan.settings.chain(sample.name).needs_partner
        partner = self._partner(sample) if needs_partner else None
        if needs_partner and partner is None:
            return Outcome(sample.path, None, NO_PARTNER, made_of)
        made_of |= {} if partner is None else self._stamped(partner)
        try:
            provenance, scene, mask = self._drawn(sample, found, partner)
        except SimulationError:  # points that span no face, a video coder that OpenCV was built without
            return Outcome(sample.path, None, CAN_NOT_SIMULATE, made_of)
        if mask is not None:
            write_whole(self._out / sample.mask_path, cv2.imencode(".png", mask)[1].tobytes())
        write_whole(self._out / sample.path, encoded(scene))
        return Outcome(sample.path, provenance_text(provenance), made_of=made_of)

    def _stamped(self, found: FoundScene) -> dict[str, str]:
        return {found.row.path: stamp(self._plan.manifest.picture_path(found.row))}

    def _drawn(
        self, sample: Sample, found: FoundScene, partner: FoundScene | None
    ) -> tuple[Provenance, Scene, np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None]:
        """How a sample is made, the sample, and its mask (height, width) uint8 where one is wanted."""
        settings = self._plan.settings
        simulation: str | None = None
        attack: Any = {}
        mask: Plane | None = None
        assert found.scene is not None
        face_px = _face_px(sample, self._plan.settings.seed)
        scene = at_distance(found.scene, face_px)
        rng = self._generator("simulate", sample)
        # of copies too: their other draws stay where they are
        strength = rng.uniform(*sample.bounds.strength)
        if not sample.is_copy:
            chain = settings.chain(sample.name)
            held = drawn_variants(chain, sample.bounds.variants, self._generator("variant", sample))
            parameters = chain.drawn(rng, strength=strength, variants=held)
            second = None if partner is None or partner.scene is None else at_distance(partner.scene, face_px)
            if settings.has_masks:
                mask = chain.mask_of(scene, parameters, second)
            scene = chain.applied(scene, parameters, second)
            simulation, attack = chain.name, chain.to_json(parameters)
        frame = drawn_frame(scene, rng)
        scene, capture = captured(cut_to(scene, frame), rng, strength=rng.uniform(*CAPTURE))
        provenance = Provenance(
            simulation=simulation,
            attack=attack,
            frame=frame,
            capture=capture,
            made_from=self._origin(found),
            partner=None if partner is None else self._origin(partner),
            face_px=face_px,
        )
        seen = None if mask is None else captured_mask(mask, frame, capture)
        return provenance, scene, None if seen is None else np.rint(255 * seen).astype(np.uint8)

    def _partner(self, sample: Sample) -> FoundScene | None:
        """The scene of a second person; None if nobody else, or nobody of some, has a face that can be used."""
        rng = self._generator("partner", sample)
        for _ in range(PARTNER_TRIES):
            row = self._plan.partner(sample.row, rng)
            if row is None:
                return None
            found = self._found(row, sample.bounds)
            if found.scene is not None:
                return found
        return None

    def _generator(self, what: str, sample: Sample) -> np.random.Generator:
        return _generator(what, sample, self._plan.settings.seed)

    def _found(self, row: Row, bounds: Bounds) -> FoundScene:
        """The row's scene, among the last ones or found anew; a face too small for any gate is none."""
        if row.path in self._scenes:
            self._scenes.move_to_end(row.path)
            return self._scenes[row.path]
        largest = stored_face_px(is_drawn=bounds.face_px is not None)
        found = found_scene(self._plan.manifest, row, self._finder, max_face_px=largest)
        if found.scene is not None and found.scene.face.side < InputContract().min_face_px:
            found = FoundScene(row, None, reason=Reason.FACE_TOO_SMALL)
        self._scenes[row.path] = found
        if len(self._scenes) > HELD_SCENES:
            self._scenes.popitem(last=False)
        return found

    def _origin(self, found: FoundScene) -> Origin:
        face = found.face
        assert isinstance(face, Face)
        points = None if face.landmarks is None else tuple((float(x), float(y)) for x, y in face.landmarks)
        box = face.box
        path = path_from(self._out, self._plan.manifest.picture_path(found.row))
        return Origin(path, (float(box.x1), float(box.y1), float(box.x2), float(box.y2)), points)


def _face_px(sample: Sample, seed: int) -> float | None:
    """Side of the face box behind the sample's camera, where sizes are drawn."""
    if sample.bounds.face_px is None:
        return None
    return drawn_between(_generator("distance", sample, seed), *sample.bounds.face_px)


def path_from(folder: Path, picture: Path) -> str:
    """The picture's path as a manifest in `folder` names it: relative, or absolute on another drive."""
    try:
        return Path(os.path.relpath(picture.resolve(), folder.resolve())).as_posix()
    except ValueError:  # pragma: no cover - drives are Windows' own
        return picture.resolve().as_posix()


def strength_of(sample: Sample, seed: int) -> float:
    """The strength that a sample of a plan with this seed is made at: the first number that is drawn for it."""
    return float(_generator("simulate", sample, seed).uniform(*sample.bounds.strength))


def _generator(what: str, sample: Sample, seed: int) -> np.random.Generator:
    return generator(what, seed, sample.row.path, sample.name, sample.number)
