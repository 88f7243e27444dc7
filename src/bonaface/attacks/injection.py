"""A stream fed in behind the camera: rescaled, recoded, its frames mixed, its colours misread, its noise missing.

A bona fide picture that was merely compressed is no attack. What gives an injected stream away is the combination: a
second scaling, a block lattice that fits no file, colour planes misread, frames from two moments, a face without the
sensor's noise. Bona fide twins go through the capture chain's scaling, JPEG rounds and halved colour as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

from bonaface.attacks.codec import CODECS, frame_coded, stream_coded
from bonaface.attacks.light import YCBCR
from bonaface.attacks.relayed import off_a_cable, off_a_desktop
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.variants import chosen_variant
from bonaface.types import Picture

VARIANTS = ("capture_card", "desktop", "virtual_camera", "frame_codec", "stale_frame", "stream_codec")
"""Taken off a cable, half of the rows and sharpened along them; grabbed off a desktop, scaled without averaging and in few levels; scaled into a virtual camera's frame with its colours misread; coded frame by frame; two moments in one frame; a real
video codec over several frames, which is only taken when asked for by name: its bytes depend on OpenCV's build."""

FRAMES = ((320, 240), (640, 360), (640, 480), (1280, 720))
"""Widths and heights of virtual cameras' frames."""

Resampling = Literal["nearest", "bilinear", "bicubic"]
_RESAMPLINGS: dict[str, int] = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
}

Range = Literal["right", "narrow", "wide"]

BT709 = np.array([[0.2126, 0.7152, 0.0722], [-0.114572, -0.385428, 0.5], [0.5, -0.454153, -0.045847]])
"""R'G'B' to Y'CbCr as high definition has it; `YCBCR` is that of standard definition."""


@dataclass(frozen=True, slots=True)
class InjectionParameters:
    """One injected frame.

    Attributes:
        variant: One of `VARIANTS`.
        frame_width: Of the virtual camera, in pixels; the picture is scaled to fit and back, its bars cut off again.
        frame_height: The same.
        is_stretched: Whether the picture's aspect gives way to the frame's and back, instead of bars.
        there: Resampling into the frame: nearest, bilinear or bicubic; none averages.
        back: Resampling out of it.
        chroma_shift: How far the halved colour planes are laid off, in pixels of the frame.
        range_error: narrow shows full-range codes squeezed into 16 to 235, wide the reverse.
        range_amount: Share of that error, in [0, 1]; below 1 it was partly mended.
        matrix_amount: Share of the colour error of BT.601 planes read as BT.709, in [0, 1].
        denoising: Of the stream, as the largest difference that is smoothed away, in steps of uint8; 0 is none.
        step: Of the codec's quantiser, in steps of uint8.
        block: Side of its blocks, in pixels of the frame.
        is_deblocked: Whether it smooths block edges.
        codec: Of the stream: a name of `CODECS`.
        num_frames: Of the stream, the last of which is seen.
        stale: Weight of an earlier frame, in [0, 1].
        stale_x: How far the scene moved since, as a share of the face's side.
        stale_y: The same downwards.
        stale_zoom: How much larger it became since.
        tear: Share of the height above which the frame is the earlier one alone; 0 is no tear.
        is_interlaced: Whether every other row is the earlier frame's.
        scale_x: Of a card's frame or a desktop, its pixels for each of the picture's, along rows.
        scale_y: The same downwards.
        is_bobbed: Whether a card draws every other row anew, or averages all with their neighbours.
        is_odd: Which rows it draws anew.
        peaking: By how much it sharpens along rows.
        peaking_px: How wide that reaches, in pixels of the frame.
        bits: Of a desktop's red and blue; green has one more.
        is_dithered: Whether a pattern hides its steps.
        gamma: Of a curve that is applied once too often; 1 is none.
    """

    variant: str
    frame_width: int
    frame_height: int
    is_stretched: bool
    there: Resampling
    back: Resampling
    chroma_shift: float
    range_error: Range
    range_amount: float
    matrix_amount: float
    denoising: float
    step: float
    block: int
    is_deblocked: bool
    codec: str
    num_frames: int
    stale: float
    stale_x: float
    stale_y: float
    stale_zoom: float
    tear: float
    is_interlaced: bool
    scale_x: float
    scale_y: float
    is_bobbed: bool
    is_odd: bool
    peaking: float
    peaking_px: float
    bits: int
    is_dithered: bool
    gamma: float


def draw_injection(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> InjectionParameters:
    """Draws an injected frame.

    A virtual camera always misreads range or colours or samples roughly, as the others seldom do, and its noise is
    always missing; only a stale frame mixes two.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible the traces are.
        variant: One of `VARIANTS`; None draws any but the last.

    Raises:
        SimulationError: If there is no such variant.
    """
    u = rng.uniform
    chosen = chosen_variant(rng, variant, species="injection", variants=VARIANTS)
    if variant is None and chosen == "stream_codec":
        chosen = "frame_codec"
    is_camera = chosen == "virtual_camera"
    has, flaw = rng.random(5), int(rng.integers(4))
    frame = FRAMES[int(rng.integers(4 if is_camera else 3))]
    is_squeezed, is_tinted, is_rough = (
        flaw in flaws if is_camera else has[number] < 0.15
        for number, flaws in enumerate(({0, 2}, {1, 2}, {3}))
    )
    is_stale, moved, heading = chosen == "stale_frame", float(u(0.012, 0.045)), float(u(0, 2 * np.pi))
    return InjectionParameters(
        variant=chosen,
        frame_width=frame[0],
        frame_height=frame[1],
        is_stretched=bool(rng.random() < 0.35),
        there="bilinear" if is_rough or rng.random() < 0.6 else "bicubic",
        back="nearest" if is_rough else "bilinear",
        chroma_shift=float(u(0.0, 0.75)) * strength,
        range_error=("narrow", "wide")[int(rng.integers(2))] if is_squeezed else "right",
        range_amount=min(strength * float(u(0.4, 1.0)), 1.0),
        matrix_amount=min(strength * float(u(0.4, 1.0)), 1.0) * is_tinted,
        denoising=strength * float(u(6, 24)) * (is_camera or has[3] < 0.75),
        step=float(2 ** u(3.0, 5.0)) * strength,
        block=int(rng.choice([4, 8])),
        is_deblocked=bool(rng.random() < 0.7),
        codec=tuple(CODECS)[int(rng.integers(len(CODECS)))],
        num_frames=int(rng.integers(1, 5)),
        stale=min(strength * float(u(0.25, 0.5)), 0.5) * is_stale,
        stale_x=strength * moved * float(np.cos(heading)),
        stale_y=strength * moved * float(np.sin(heading)),
        stale_zoom=1 + strength * float(rng.normal(0, 0.008)),
        tear=float(u(0.2, 0.8)) if is_stale and has[4] < 0.35 else 0.0,
        is_interlaced=bool(has[4] > 0.75),
        # apart: whatever is drawn after this attack is what it was before there were cards and desktops
        **_drawn_relay(np.random.default_rng(int(has[4] * 2**53)), strength),
    )


def _drawn_relay(rng: np.random.Generator, strength: float) -> dict[str, Any]:
    """Of cards and desktops, whatever the variant."""
    u = rng.uniform
    scale = float(np.exp(u(np.log(0.6), np.log(1.3))))
    return {
        "scale_x": scale,
        "scale_y": scale * float(u(0.8, 1.1)),
        "is_bobbed": bool(rng.random() < 0.6),
        "is_odd": bool(rng.random() < 0.5),
        "peaking": float(u(0.3, 1.2)) * strength,
        "peaking_px": float(u(0.7, 1.8)),
        "bits": int(np.clip(round(float(u(4.6, 6.6)) - np.log2(max(strength, 0.25))), 4, 7)),
        "is_dithered": bool(rng.random() < 0.6),
        "gamma": float(np.exp(strength * rng.normal(0, 0.12))),
    }


def apply_injection(scene: Scene, parameters: InjectionParameters) -> Scene:
    """The scene as a recogniser receives it from the injected stream; what it shows and where stays.

    Raises:
        SimulationError: If the variant is stream_codec and OpenCV's build can not code so.
    """
    p = parameters
    pixels = np.ascontiguousarray(scene.pixels)
    if p.variant == "stale_frame":
        pixels = _mixed(pixels, _earlier(pixels, scene, p, 1.0), p)
    if p.denoising > 0:
        pixels = np.asarray(cv2.bilateralFilter(pixels, 5, p.denoising, 1.5), np.uint8)
    height, width = scene.size
    size = _frame_size(height, width, p)
    frame = np.asarray(cv2.resize(pixels, size, interpolation=_RESAMPLINGS[p.there]), np.uint8)
    if p.variant == "frame_codec":
        frame = frame_coded(
            frame, step=p.step, block=p.block, is_chroma_halved=True, is_deblocked=p.is_deblocked
        )
    elif p.variant == "stream_codec":
        frame = _streamed(frame, scene, p)
    elif p.variant == "capture_card":
        frame = off_a_cable(
            frame, is_bobbed=p.is_bobbed, is_odd=p.is_odd, peaking=p.peaking, peaking_px=p.peaking_px,
            chroma_shift=p.chroma_shift,
        )  # fmt: skip
    elif p.variant == "desktop":
        frame = off_a_desktop(frame, bits=p.bits, is_dithered=p.is_dithered, gamma=p.gamma)
    else:
        frame = _subsampled(frame, p.chroma_shift)
    frame = _misread(frame, p)
    pixels = np.asarray(cv2.resize(frame, (width, height), interpolation=_RESAMPLINGS[p.back]), np.uint8)
    return Scene(pixels, scene.face, scene.landmarks)


def injection_mask(scene: Scene, parameters: InjectionParameters) -> Plane:  # noqa: ARG001 - as every species' mask
    """All ones: the whole frame comes out of the stream."""
    return np.ones(scene.size, dtype=np.float32)


def _frame_size(height: int, width: int, p: InjectionParameters) -> tuple[int, int]:
    """(width, height) of the picture inside the frame; at least 16 pixels each."""
    if p.variant in ("capture_card", "desktop"):
        share_y = p.scale_y if p.variant == "capture_card" else p.scale_x
        return max(round(width * p.scale_x), 16), max(round(height * share_y), 16)
    if p.is_stretched:
        return p.frame_width, p.frame_height
    scale = min(p.frame_width / width, p.frame_height / height)
    return max(round(width * scale), 16), max(round(height * scale), 16)


def _earlier(pixels: Picture, scene: Scene, p: InjectionParameters, ago: float) -> Picture:
    """The scene some frames ago, moved and scaled about the face; beyond its edges it is mirrored."""
    (x, y), zoom = scene.face.center, p.stale_zoom**-ago
    shift_x, shift_y = (-ago * share * scene.face.side for share in (p.stale_x, p.stale_y))
    matrix = np.array([[zoom, 0, x * (1 - zoom) + shift_x], [0, zoom, y * (1 - zoom) + shift_y]])
    size = (pixels.shape[1], pixels.shape[0])
    return np.asarray(
        cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101),
        np.uint8,
    )


def _mixed(pixels: Picture, earlier: Picture, p: InjectionParameters) -> Picture:
    """Rows of the earlier frame above a tear, every other row of it, or a share of it everywhere."""
    mixed = pixels.copy()
    if p.tear > 0:
        rows = round(p.tear * pixels.shape[0])
        mixed[:rows] = earlier[:rows]
    elif p.is_interlaced:
        mixed[1::2] = cv2.addWeighted(earlier, 2 * p.stale, pixels, 1 - 2 * p.stale, 0)[1::2]
    else:
        cv2.addWeighted(pixels, 1 - p.stale, earlier, p.stale, 0, dst=mixed)
    return mixed


def _streamed(frame: Picture, scene: Scene, p: InjectionParameters) -> Picture:
    """The last of a few frames that move a little, after the real codec."""
    scale = (frame.shape[1] / scene.size[1] + frame.shape[0] / scene.size[0]) / 2
    inside = Scene(frame, scene.face.scaled(scale))
    frames = [_earlier(frame, inside, p, ago / 4) for ago in range(p.num_frames - 1, -1, -1)]
    return stream_coded(frames, p.codec)


def _subsampled(frame: Picture, shift: float) -> Picture:
    """Colour at half resolution (4:2:0), laid off by `shift` pixels to the right."""
    planes = list(cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)))
    height, width = frame.shape[:2]
    half = ((width + 1) // 2, (height + 1) // 2)
    back = np.array([[half[0] / width, 0, -shift / 2], [0, half[1] / height, 0]])
    for number in (1, 2):
        small = cv2.resize(planes[number], half, interpolation=cv2.INTER_AREA)
        planes[number] = cv2.warpAffine(
            small,
            back,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return np.asarray(cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2RGB), np.uint8)


def _misread(frame: Picture, p: InjectionParameters) -> Picture:
    """Colours through the mistakes of range and matrix, one affine map of R, G and B."""
    matrix = np.eye(3) + p.matrix_amount * (np.linalg.inv(BT709) @ YCBCR - np.eye(3))
    gain, offset = _range_map(p)
    if gain == 1 and p.matrix_amount == 0:
        return frame
    affine = np.c_[gain * matrix, np.full(3, offset)]
    return np.asarray(cv2.transform(frame, affine.astype(np.float32)), dtype=np.uint8)


def _range_map(p: InjectionParameters) -> tuple[float, float]:
    """(gain, offset) of the code values."""
    if p.range_error == "right":
        return 1.0, 0.0
    gain = 219 / 255 if p.range_error == "narrow" else 255 / 219
    offset = 16.0 if p.range_error == "narrow" else -16 * gain
    return 1 + p.range_amount * (gain - 1), p.range_amount * offset
