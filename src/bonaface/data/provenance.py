"""How a simulated picture was made, as its manifest's `parameters` column says it, and making it once more."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from bonaface.attacks.capture import CaptureParameters, apply_capture
from bonaface.attacks.scene import Scene
from bonaface.data.chains import Added, chain_named
from bonaface.data.distance import at_distance, stored_face_px
from bonaface.data.manifest import Manifest, Row, read_manifest
from bonaface.data.samples import Frame, cut_to, encoded
from bonaface.data.scenes import cut_scene
from bonaface.errors import SimulationError, did_you_mean
from bonaface.faces.picture import read_picture
from bonaface.types import Box


@dataclass(frozen=True, slots=True)
class Origin:
    """A picture and the face in it that a scene was cut about.

    Attributes:
        path: Relative to the folder of the manifest, or absolute.
        face: x1, y1, x2, y2 of the finder's box, in pixels of the picture.
        landmarks: The finder's five points, in pixels of the picture, or None where it gave none.
    """

    path: str
    face: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...] | None = None

    def scene(self, folder: Path, face_px: float | None = None) -> Scene:
        """The scene cut from the picture once more.

        Args:
            folder: Of the manifest.
            face_px: As `Provenance`.

        Raises:
            PictureError: If the picture is not there any more, or can not be read.
        """
        points = None if self.landmarks is None else np.array(self.landmarks, np.float32)
        picture, face = read_picture(folder / self.path), Box(*self.face)
        largest = stored_face_px(is_drawn=face_px is not None)
        return at_distance(cut_scene(picture, face, landmarks=points, max_face_px=largest), face_px)


@dataclass(frozen=True, slots=True)
class Provenance:
    """All that decides the bytes of a simulated picture.

    Attributes:
        simulation: Name of the simulation or chain; None where nothing was simulated but the camera.
        attack: Its parameters; of a chain, a list with those of every step; empty without a simulation.
        frame: The part of the attacked scene that the camera saw.
        capture: The camera.
        made_from: The picture that the attack was made of.
        partner: The second person's picture, for attacks that need one.
        face_px: Side of the face box behind the camera, in pixels, see `data.distance`; None = as `cut_scene` leaves it.
    """

    simulation: str | None
    attack: Any
    frame: Frame
    capture: CaptureParameters
    made_from: Origin
    partner: Origin | None = None
    face_px: float | None = None


def provenance_text(provenance: Provenance) -> str:
    """As the JSON of a manifest's `parameters` column."""
    return json.dumps(asdict(provenance), sort_keys=True)


def provenance_of(row: Row) -> Provenance:
    """What the row's `parameters` column says.

    Raises:
        SimulationError: If it is not what `simulate` writes.
    """
    if not row.parameters:
        raise SimulationError(
            f"{row.path} must say in its column 'parameters' how it was made; it is empty; "
            f"give the manifest of a simulated set"
        )
    try:
        return pydantic.TypeAdapter(Provenance).validate_json(row.parameters, strict=True)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise SimulationError(
            f"the parameters of {row.path} must be as 'bonaface simulate' writes them; "
            f"{where}: {first['msg']}; make the set anew"
        ) from None


def made_again(provenance: Provenance, folder: Path, added: Added | None = None) -> bytes:
    """The JPEG file once more, to the byte, from the pictures that it was made of.

    Args:
        provenance: How it was made.
        folder: The folder of its manifest.
        added: Simulations that it may be made by besides those that everybody has.

    Raises:
        PictureError: If a picture that it was made of is not there any more, or can not be read.
        SimulationError: If the parameters are not those of the simulation, or it is aimed and `added` has no aim.
        CheckpointError: If it was made against other weights.
    """
    scene = provenance.made_from.scene(folder, provenance.face_px)
    if provenance.simulation is not None:
        chain = chain_named(provenance.simulation, added)
        partner = None if provenance.partner is None else provenance.partner.scene(folder, provenance.face_px)
        scene = chain.applied(scene, chain.from_json(provenance.attack), partner)
    return encoded(apply_capture(cut_to(scene, provenance.frame), provenance.capture))


def replayed(manifest: Path, row: str, added: Added | None = None) -> bytes:
    """A picture of a simulated set once more.

    Args:
        manifest: The set's manifest, or one of its shards.
        row: The picture's path in it, or its number: 1 is the first.
        added: As `made_again`.

    Raises:
        ManifestError: If the manifest can not be read.
        SimulationError: If it has no such row, or the row does not say how it was made; and as `made_again`.
        PictureError: If a picture that it was made of is not there any more, or can not be read.
        CheckpointError: As `made_again`.
    """
    read = read_manifest(manifest)
    return made_again(provenance_of(_row(read, row, manifest)), read.folder, added)


def _row(read: Manifest, wanted: str, manifest: Path) -> Row:
    if wanted.isdecimal():
        if 1 <= int(wanted) <= len(read.rows):
            return read.rows[int(wanted) - 1]
        raise SimulationError(f"a row of {manifest} must be from 1 to {len(read.rows)}; got {wanted}")
    by_path = {row.path: row for row in read.rows}
    if wanted not in by_path:
        raise SimulationError(
            f"a row of {manifest} must be its number from 1, or the path of its picture as written there; "
            f"got '{wanted}'{did_you_mean(wanted, by_path)}"
        )
    return by_path[wanted]
