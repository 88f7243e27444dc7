"""A picture shown on a screen and photographed again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bonaface.attacks import fields
from bonaface.attacks.codec import frame_coded
from bonaface.attacks.light import Light, blob, covered, expose, look_up, surroundings
from bonaface.attacks.mosaic import PATTERNS, demosaicked, mosaicked
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.variants import kind_of, variant_at
from bonaface.attacks.view import View, beyond_edge, draw_view, look, moved_box, source_maps
from bonaface.types import Picture


@dataclass(frozen=True, slots=True)
class ReplayParameters:
    """One picture on a screen, recaptured.

    Attributes:
        seed: Of what the glass reflects.
        view: The recapturing camera's view of the screen.
        gamma: Of screen and camera together; 1 reproduces the tones.
        white: Light factors of the screen's white as the camera sees it (R, G, B).
        reflection: Light that the glass adds everywhere, where 1 is full white.
        reflection_unevenness: How much that light varies over the glass, in [0, 1].
        exposure_ratio: Mean code value in the face box over that of the input, clipping aside.
        pitch_px: Distance between the screen's pixels, in pixels of the recapture; near 1 or 1/2 it gives moire.
        grid_contrast: Depth of the dark gaps between columns, as a share of the light, as far as the lens shows it.
        row_contrast: The same between rows.
        subpixel_phase: Offset between neighbouring colours' columns in screen pixels; 1/3 is a striped screen, 0 none.
        second_harmonic: Share of the grid's second harmonic; it aliases by itself.
        refresh: Depth of the refresh bars, as a share of the light.
        refresh_period: Distance between bars, as a share of the height.
        refresh_phase: In [0, 1).
        glare: Light added at the middle of the glare, where 1 is full white.
        glare_x: Its centre, as a share of the width.
        glare_y: Its centre, as a share of the height.
        glare_radius: Its longer radius, as a share of the longer side.
        glare_aspect: Shorter radius over longer, in (0, 1].
        glare_deg: Turn of the glare.
        glare_hardness: 1 is a soft spot, 3 the sharp reflection of a lamp.
        blur_px: Softness of the lens (Gaussian sigma) on the content; the grid's is in its contrast.
        bezel: Width of the frame round the screen, as a share of the longer side.
        bezel_code: Code value of that frame, in [0, 1].
        room: Code values (R, G, B) of the room behind.
        pattern: Of the camera's colour filters, one of `mosaic.PATTERNS`; empty measures all colours in every pixel, as
            a picture does that was shrunk.
        is_edge_aware: Whether the camera takes missing colours along edges, or linearly.
        is_diamond: Whether red and blue sit in every second place only, turned by 45 degrees, as OLED panels have them.
        video_ratio: Side of the shown video over that of its picture, in (0, 1]; 1 shows a still picture.
        video_step: Of the quantiser of the video's codec, in steps of uint8; 0 is none.
    """

    seed: int
    view: View
    gamma: float
    white: tuple[float, float, float]
    reflection: float
    reflection_unevenness: float
    exposure_ratio: float
    pitch_px: float
    grid_contrast: float
    row_contrast: float
    subpixel_phase: float
    second_harmonic: float
    refresh: float
    refresh_period: float
    refresh_phase: float
    glare: float
    glare_x: float
    glare_y: float
    glare_radius: float
    glare_aspect: float
    glare_deg: float
    glare_hardness: float
    blur_px: float
    bezel: float
    bezel_code: float
    room: tuple[float, float, float]
    pattern: str
    is_edge_aware: bool
    is_diamond: bool
    video_ratio: float
    video_step: float


_STEPS = 16384
"""Of the raw signal at the screen's mean light; four times that is full."""

VARIANTS = ("oled", "video", "moire", "grid", "clean")
"""A panel of diamonds that is driven in pulses; a compressed video, enlarged to the screen; a nearly matched grid of screen
pixels, one coarse enough to be seen, and one that hardly shows."""

KINDS = {
    "moire": (0.0, 0.5), "grid": (0.5, 0.75), "clean": (0.75, 1.0), "oled": (1.0, 1.2), "video": (1.2, 1.4),
}  # fmt: skip
"""The share of all replays that each variant has, as a range of one draw."""


def _draw_grid(rng: np.random.Generator, variant: str) -> tuple[float, float]:
    """(pitch in pixels, contrast) of the grid."""
    if variant in {"oled", "video"}:
        return float(np.exp(rng.uniform(np.log(0.45), np.log(2.2)))), float(rng.uniform(0.02, 0.14))
    if variant == "moire":
        cycles = float(rng.choice([1.0, 1.5, 2.0], p=[0.6, 0.15, 0.25])) + float(rng.normal(0, 0.07))
        return 1 / cycles, float(rng.uniform(0.04, 0.22))
    if variant == "grid":
        return float(rng.uniform(1.4, 4.0)), float(rng.uniform(0.04, 0.25))
    return float(rng.uniform(0.35, 1.6)), float(rng.uniform(0.0, 0.04))


def draw_replay(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> ReplayParameters:
    """Draws a replay: from strong moire to a screen that hardly shows.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible the traces are.
        variant: One of `VARIANTS`; drawn when None.

    Raises:
        SimulationError: If there is no such variant.
    """
    u = rng.uniform
    shows_edge = bool(rng.random() < 0.1)
    drawn = variant_at(kind_of(rng.random(), variant, species="replay", kinds=KINDS), KINDS)
    is_oled, is_video = drawn == "oled", drawn == "video"
    pitch_px, contrast = _draw_grid(rng, drawn)
    cool = float(rng.normal(0.0, 0.09)) * strength
    return ReplayParameters(
        seed=int(rng.integers(2**31)),
        view=draw_view(rng, strength=strength, shows_edge=shows_edge),
        gamma=float(np.exp(u(-0.1, 0.3) * strength)),
        white=(1 - cool, 1 + float(rng.normal(0, 0.03)), 1 + cool),
        reflection=strength * float(u(0.0, 0.06)),
        reflection_unevenness=float(u(0.0, 0.8)),
        exposure_ratio=float(np.exp(u(-0.16, 0.16))),
        pitch_px=pitch_px,
        grid_contrast=strength * contrast,
        row_contrast=strength * contrast * float(u(0.2, 1.0)),
        subpixel_phase=float(u(0.0, 1.0)) / 3 if rng.random() < 0.8 else 0.0,
        second_harmonic=float(u(0.0, 0.5)),
        refresh=strength * float(u(0.02, 0.14)) if rng.random() < (0.7 if is_oled else 0.35) else 0.0,
        refresh_period=float(u(0.25, 1.4)),
        refresh_phase=float(u(0, 1)),
        glare=strength * float(u(0.05, 0.5)) if rng.random() < 0.35 else 0.0,
        glare_x=float(u(-0.1, 1.1)),
        glare_y=float(u(-0.1, 1.1)),
        glare_radius=float(u(0.05, 0.4)),
        glare_aspect=float(u(0.3, 1.0)),
        glare_deg=float(u(0, 180)),
        glare_hardness=float(u(0.8, 1.6)),
        blur_px=strength * float(u(0.2, 0.9)) if rng.random() < 0.8 else 0.0,
        bezel=float(u(0.01, 0.08)),
        bezel_code=float(rng.choice([0.05, 0.12, 0.7, 0.9])),
        room=surroundings(rng),
        pattern=str(rng.choice(PATTERNS)) if rng.random() < 0.75 else "",
        is_edge_aware=bool(rng.random() < 0.5),
        is_diamond=is_oled,
        video_ratio=float(u(0.4, 0.9)) / max(strength, 0.5) ** 0.5 if is_video else 1.0,
        video_step=float(2 ** u(3.0, 5.0)) * strength if is_video else 0.0,
    )


def apply_replay(scene: Scene, parameters: ReplayParameters) -> Scene:
    """The scene shown on a screen and photographed again, as `parameters` say.

    The grid of subpixels is evaluated where each camera pixel looks, and measured through its colour filter, so moire
    and its colours come from the geometry alone. The face's mean brightness follows `exposure_ratio`, so tone does not
    give the attack away.
    """
    p = parameters
    height, width = scene.size
    rng = np.random.default_rng(p.seed)
    maps = source_maps(p.view, height, width)
    pixels = look(_shown(scene.pixels, p), maps)
    if p.blur_px >= 0.2:
        pixels = cv2.GaussianBlur(pixels, (0, 0), p.blur_px, borderType=cv2.BORDER_REFLECT_101)
    curve = (np.arange(256, dtype=np.float32) / 255) ** np.float32(2 * p.gamma)
    light = look_up(pixels, curve[:, None] * np.asarray(p.white, dtype=np.float32))
    cv2.multiply(light, _measured(_grid(maps, height, p), p), dst=light)
    if not p.view.fills_frame:
        light = _framed(light, maps, p)
    added = np.full((height, width), p.reflection, dtype=np.float32)
    if p.reflection > 0:
        added *= 1 + np.float32(p.reflection_unevenness) * np.tanh(
            fields.unevenness(rng, height, width, cells=4)
        )
    if p.glare > 0:
        added += np.float32(p.glare) * blob(
            height,
            width,
            center=(p.glare_x, p.glare_y),
            radius=(p.glare_radius, p.glare_radius * p.glare_aspect),
            angle_deg=p.glare_deg,
            hardness=p.glare_hardness,
        )
    cv2.add(light, cv2.merge([added, added, added]), dst=light)
    np.maximum(light, 0, out=light)
    face = moved_box(p.view, scene.face, height, width)
    return expose(scene, np.sqrt(light, out=light), face, ratio=p.exposure_ratio)


def _shown(pixels: Picture, p: ReplayParameters) -> Picture:
    """The picture itself, or a frame of a smaller, compressed video of it, enlarged."""
    if p.video_step <= 0:
        return pixels
    height, width = pixels.shape[:2]
    ratio = min(p.video_ratio, 1.0)
    size = (max(round(width * ratio), 16), max(round(height * ratio), 16))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    coded = frame_coded(small, step=p.video_step, block=8, is_chroma_halved=True, is_deblocked=True)
    return np.asarray(cv2.resize(coded, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _grid(maps: tuple[Plane, Plane], height: int, p: ReplayParameters) -> Light:
    """The screen's emission about 1, sampled at each camera pixel, times the refresh bars of each camera row."""
    turn = np.float32(2 * np.pi / p.pitch_px)
    rows = np.ones(maps[0].shape, dtype=np.float32)
    if p.row_contrast > 0:
        rows += np.float32(p.row_contrast) * np.cos(turn * maps[1])
    if p.refresh > 0:
        phase = 2 * np.pi * (np.arange(height) / height / p.refresh_period + p.refresh_phase)
        bars = 1 + p.refresh * np.tanh(2 * np.sin(phase))
        rows *= bars.astype(np.float32)[:, None]
    if p.grid_contrast <= 0:
        return np.asarray(cv2.merge([rows, rows, rows]), dtype=np.float32)
    cos, sin = np.cos(turn * maps[0]), np.sin(turn * maps[0])
    cos_2, sin_2 = 2 * cos * cos - 1, 2 * sin * cos
    planes = []
    for colour in range(3):
        shift = 2 * np.pi * p.subpixel_phase * colour
        first = p.grid_contrast * np.array([np.cos(shift), np.sin(shift)])
        second = p.second_harmonic * p.grid_contrast * np.array([np.cos(2 * shift), np.sin(2 * shift)])
        wave = cos * np.float32(first[0]) + sin * np.float32(first[1])
        if p.second_harmonic > 0:
            wave += cos_2 * np.float32(second[0]) + sin_2 * np.float32(second[1])
        if p.is_diamond and colour != 1:
            half = turn / 2 * (maps[0] + maps[1]), turn / 2 * (maps[0] - maps[1])
            wave = np.float32(p.grid_contrast) * (np.cos(half[0]) + np.cos(half[1]))
        wave += 1
        wave *= rows
        planes.append(wave)
    return np.asarray(cv2.merge(planes), dtype=np.float32)


def _measured(grid: Light, p: ReplayParameters) -> Light:
    """The grid as a sensor behind colour filters sees it.

    Red and blue are measured in every second pixel of every second row only, green in every second: each folds the
    grid's frequencies in its own way. What the filters do to the content, the capture does to every class alike.
    """
    if not p.pattern or max(p.grid_contrast, p.row_contrast) <= 0:
        return grid
    raw = np.asarray(mosaicked(grid, p.pattern), dtype=np.float32)
    steps = np.rint(np.clip(raw, 0, 3.99) * np.float32(_STEPS)).astype(np.uint16)
    seen = demosaicked(steps, p.pattern, is_edge_aware=p.is_edge_aware)
    return seen.astype(np.float32) * np.float32(1 / _STEPS)


def _framed(light: Light, maps: tuple[Plane, Plane], p: ReplayParameters) -> Light:
    """Puts the frame round the screen, and the room round the frame."""
    height, width = light.shape[:2]
    past = beyond_edge(maps, height, width)
    bezel = np.float32(p.bezel * max(height, width))
    frame = p.bezel_code**2
    light = covered(light, (frame, frame, frame), np.clip(past + np.float32(0.5), 0, 1))
    room = (p.room[0] ** 2, p.room[1] ** 2, p.room[2] ** 2)
    return covered(light, room, np.clip((past - bezel) / 2 + np.float32(0.5), 0, 1))
