"""Adversarial pictures: a scene changed within a bound so that a model's score moves, by the score's own gradient.

Here and not in `attacks`, because gradients need torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bonaface.attacks.scene import Plane, Scene, face_window
from bonaface.attacks.variants import check_variant, chosen_variant
from bonaface.errors import SimulationError, did_you_mean
from bonaface.models.adversarial_scores import Score, as_tensor
from bonaface.types import Picture

VARIANTS = ("fgsm", "pgd", "patch", "colour")
"""One step of noise; many steps of noise; a painted sticker; one colour curve for each channel of the picture."""

TARGETS = ("evade", "impersonate")
"""The score goes down, e.g. a detector's log-odds of attack; it goes up, e.g. the likeness to somebody else."""

PLACES = (
    (0.06, 0.15, 0.94, 0.38),
    (0.3, -0.16, 0.7, 0.1),
    (0.06, 0.44, 0.36, 0.7),
    (0.64, 0.44, 0.94, 0.7),
)
"""Where stickers are put, x1 y1 x2 y2 in shares of the face box: glasses, forehead, either cheek."""

Values = npt.NDArray[np.float32]
"""float32 of any shape."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A painted box, in shares of the face box.

    Attributes:
        x1: Left.
        y1: Top.
        x2: Right.
        y2: Bottom.
        edge: Width of the ramp from nothing at the box to full opacity inside it, as a share of its shorter side.
        opacity: Inside the ramp, in [0, 1].
    """

    x1: float
    y1: float
    x2: float
    y2: float
    edge: float
    opacity: float


@dataclass(frozen=True, slots=True)
class ColourBounds:
    """How far each channel's curve may go from the identity.

    Attributes:
        gain: Largest |log gain|, of the odds of a value in [0, 1].
        gamma: Largest |log gamma|.
    """

    gain: float
    gamma: float


@dataclass(frozen=True, slots=True)
class AdversarialParameters:
    """One attack; only the variant's own part counts.

    Attributes:
        seed: Of the noise that pgd starts from and of the colour that a patch starts from.
        variant: One of `VARIANTS`.
        target: One of `TARGETS`.
        epsilon: Largest change of any value by fgsm and pgd (the maximum norm), in code values, 0..255.
        step: Length of one step, as a share of the largest change allowed: of epsilon, of 255 in a patch, of the
            bounds of a curve. fgsm always takes one whole step.
        num_steps: Of pgd, patch and colour.
        margin_ratio: fgsm and pgd change the face box and this share of its side on every edge.
        patch: The sticker.
        colour: Bounds of the curves.
    """

    seed: int
    variant: str
    target: str
    epsilon: int
    step: float
    num_steps: int
    margin_ratio: float
    patch: Patch
    colour: ColourBounds

    def __post_init__(self) -> None:
        if self.target not in TARGETS:
            raise SimulationError(
                f"the target of an adversarial picture must be one of {', '.join(TARGETS)}; "
                f"got '{self.target}'{did_you_mean(self.target, TARGETS)}"
            )
        check_variant(self.variant, species="adversarial", variants=VARIANTS)
        for name, value, low, high in (
            ("epsilon", self.epsilon, 0, 255),
            ("num_steps", self.num_steps, 1, math.inf),
            ("step", self.step, 0, 2),
            ("opacity", self.patch.opacity, 0, 1),
        ):
            if not low <= value <= high:
                raise SimulationError(f"{name} must lie in [{low}, {high}]; got {value}; choose another")


def draw_adversarial(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None, target: str = "evade"
) -> AdversarialParameters:
    """Draws an attack.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales epsilon, the sticker's opacity and the curves' bounds. 0 changes nothing.
        variant: One of `VARIANTS`; None draws one.
        target: One of `TARGETS`.

    Raises:
        SimulationError: If there is no such variant or target.
    """
    u = rng.uniform
    chosen = chosen_variant(rng, variant, species="adversarial", variants=VARIANTS)
    num_steps = int(rng.integers(8, 21))
    x1, y1, x2, y2 = PLACES[int(rng.integers(len(PLACES)))]
    dx, dy, grown = (float(v) for v in u([-0.04, -0.04, -0.03], [0.04, 0.04, 0.03]))
    return AdversarialParameters(
        seed=int(rng.integers(2**31)),
        variant=chosen,
        target=target,
        epsilon=math.ceil(strength * float(u(2, 8))),
        step=2.5 / num_steps,
        num_steps=num_steps,
        margin_ratio=0.15,
        patch=Patch(
            x1 + dx - grown,
            y1 + dy - grown,
            x2 + dx + grown,
            y2 + dy + grown,
            edge=float(u(0.08, 0.3)),
            opacity=min(strength * float(u(0.8, 1.1)), 1.0),
        ),
        colour=ColourBounds(gain=strength * float(u(0.05, 0.18)), gamma=strength * float(u(0.04, 0.14))),
    )


def perturbed(scene: Scene, parameters: AdversarialParameters, score: Score) -> Scene:
    """The scene changed so that its score goes where the parameters' target says.

    The score is always taken of whole code values, at the picture's own size. Of the pictures after each step the
    best is kept, so the result may miss its target but always bears the attack's traces. pgd starts from noise and is
    never weaker than fgsm with the same epsilon. Same scene, parameters and model: same bytes on the same machine.
    Neither the gradients of the model's own weights nor torch's gradient mode change.

    Args:
        scene: Any; not written into.
        parameters: What may change.
        score: Of whole pictures, see `Score`. It knows where the face is, e.g. from
            `adversarial_scores.attack_logit_of`.

    Raises:
        SimulationError: If the score is not one finite number for each picture, or its gradient is missing or not finite.
    """
    p = parameters
    sign = -1.0 if p.target == "evade" else 1.0

    def probe(pixels: Picture) -> tuple[float, Values]:
        value, gradient = _probed(score, pixels)
        return sign * value, sign * gradient

    if p.variant == "patch":
        found = _climbed(_sticker(scene, p), probe, step=p.step, num_steps=p.num_steps)
    elif p.variant == "colour":
        found = _climbed(_curves(scene, p), probe, step=p.step, num_steps=p.num_steps)
    else:
        bound = _noise(scene, p)
        found = _climbed(bound, probe, step=1.0, num_steps=1)
        if p.variant == "pgd":
            rng = np.random.default_rng(p.seed)
            bound = _noise(scene, p, start=rng.uniform(-p.epsilon, p.epsilon, bound.start.shape))
            found = max(
                found,
                _climbed(bound, probe, step=p.step, num_steps=p.num_steps),
                key=lambda one: one[0],
            )
    return Scene(found[1], scene.face, scene.landmarks)


def adversarial_mask(scene: Scene, parameters: AdversarialParameters) -> Plane:
    """Where `perturbed` may change the scene: (height, width) float32 in [0, 1]."""
    mask = np.zeros(scene.size, np.float32)
    if parameters.variant == "patch":
        window, weight = _sticker_weight(scene, parameters.patch)
        mask[window] = weight
    elif parameters.variant == "colour":
        mask[:] = 1
    else:
        mask[face_window(*scene.size, scene.face.squared(parameters.margin_ratio))] = 1
    return mask


@dataclass(frozen=True, slots=True)
class _Bound:
    """A family of pictures, by free values within a box of bounds.

    Attributes:
        start: The free values before the first step.
        low: Their bounds, of a shape that fits `start`.
        high: As `low`.
        reach: What a whole step is, likewise.
        picture: The picture of such values.
        pulled: (values, gradient of a score in the picture's values) -> its gradient in the free values.
    """

    start: Values
    low: Values | int
    high: Values | int
    reach: Values | int
    picture: Callable[[Values], Picture]
    pulled: Callable[[Values, Values], Values]


def _climbed(
    bound: _Bound, probe: Callable[[Picture], tuple[float, Values]], *, step: float, num_steps: int
) -> tuple[float, Picture]:
    """The highest score of all steps along the sign of the gradient, and its picture."""
    values, highest = bound.start, -math.inf
    best = bound.picture(values)
    _, gradient = probe(best)
    for _ in range(num_steps):
        along = np.sign(bound.pulled(values, gradient))
        values = np.clip(values + np.float32(step) * bound.reach * along, bound.low, bound.high)
        pixels = bound.picture(values)
        value, gradient = probe(pixels)
        if value > highest:
            highest, best = value, pixels
    return highest, best


def _probed(score: Score, pixels: Picture) -> tuple[float, Values]:
    """The score of one picture, and its gradient (height, width, 3)."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        picture = as_tensor(pixels).requires_grad_()
        value = score(picture)
        if not isinstance(value, Tensor) or tuple(value.shape) != (1,):
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise SimulationError(
                f"a score must be one number for each picture, a tensor of shape (1,) for one; got {got}; reduce it"
            )
        if not value.requires_grad:
            raise _gradient_error("none")
        (gradient,) = torch.autograd.grad(value.sum(), picture, allow_unused=True)
    if gradient is None:
        raise _gradient_error("none")
    if not torch.isfinite(value).all():
        raise SimulationError(f"a score must be finite; got {value.item()}; check the model")
    if not torch.isfinite(gradient).all():
        raise _gradient_error("NaN or infinity")
    return float(value.detach()), gradient[0].permute(1, 2, 0).cpu().numpy()


def _gradient_error(got: str) -> SimulationError:
    return SimulationError(
        f"a score must have a finite gradient in the picture's values; got {got}; check the model"
    )


def _noise(scene: Scene, p: AdversarialParameters, start: npt.NDArray[Any] | None = None) -> _Bound:
    """Values about the face, each at most epsilon from what it was; whole bounds, so rounding stays inside."""
    window = face_window(*scene.size, scene.face.squared(p.margin_ratio))
    clean = scene.pixels[window].astype(np.float32)
    low, high = np.maximum(-clean, -p.epsilon), np.minimum(255 - clean, p.epsilon)
    return _Bound(
        start=np.clip(np.zeros_like(clean) if start is None else start.astype(np.float32), low, high),
        low=low,
        high=high,
        reach=p.epsilon,
        picture=lambda values: _pasted(scene, window, clean + values),
        pulled=lambda _, gradient: gradient[window],
    )


def _sticker(scene: Scene, p: AdversarialParameters) -> _Bound:
    """Any values in the patch's box, from one flat colour."""
    window, plane = _sticker_weight(scene, p.patch)
    weight = plane[..., None]
    clean = scene.pixels[window].astype(np.float32)
    paint = np.random.default_rng(p.seed).uniform(0, 255, 3).astype(np.float32)
    return _Bound(
        start=np.broadcast_to(paint, clean.shape).copy(),
        low=0,
        high=255,
        reach=255,
        picture=lambda values: _pasted(scene, window, (1 - weight) * clean + weight * values),
        pulled=lambda _, gradient: gradient[window] * weight,
    )


def _sticker_weight(scene: Scene, patch: Patch) -> tuple[tuple[slice, slice], Plane]:
    """The window of a patch in the picture, perhaps empty, and its opacity there."""
    face, (height, width) = scene.face, scene.size
    ends = np.array([[patch.y1, patch.y2], [patch.x1, patch.x2]])
    ends = ends * [[face.height], [face.width]] + [[face.y1], [face.x1]]
    ramp = max(patch.edge * float((ends[:, 1] - ends[:, 0]).min()), 1e-3)
    slices, inside = [], []
    for (low, high), length in zip(ends, (height, width), strict=True):
        first, last = (int(np.clip(v, 0, length)) for v in (np.ceil(low), np.floor(high) + 1))
        at = np.arange(first, max(first, last))
        slices.append(slice(first, max(first, last)))
        inside.append(np.clip(np.minimum(at - low, high - at) / ramp, 0, 1))
    weight = np.outer(*inside)
    smooth = patch.opacity * weight * weight * (3 - 2 * weight)
    return (slices[0], slices[1]), smooth.astype(np.float32)


def _curves(scene: Scene, p: AdversarialParameters) -> _Bound:
    """One curve a channel: values are (2, 3), log gain and log gamma of R, G and B."""
    reach = np.array([[p.colour.gain], [p.colour.gamma]], np.float32)
    channels = np.arange(3)

    def picture(values: Values) -> Picture:
        table = np.rint(255 * colour_curves(values)[0]).astype(np.uint8)
        return np.asarray(table[scene.pixels, channels], np.uint8)

    def pulled(values: Values, gradient: Values) -> Values:
        of_code = [
            np.bincount(scene.pixels[..., c].ravel(), gradient[..., c].ravel(), minlength=256)
            for c in channels
        ]
        slopes = colour_curves(values)[1]
        return np.asarray(np.einsum("vc,pvc->pc", np.stack(of_code, axis=1), slopes), np.float32)

    return _Bound(np.zeros((2, 3), np.float32), -reach, reach, reach, picture, pulled)


def colour_curves(
    values: npt.NDArray[np.floating[Any]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rising curves from [0, 1] onto [0, 1]: gain u / (1 + (gain - 1) u) with u = v^gamma; nothing clips.

    Args:
        values: (2, 3), log gain and log gamma of R, G and B.

    Returns:
        The curves at the 256 code values, (256, 3), and their derivatives in the values, (2, 256, 3).
    """
    gain, gamma = np.exp(values.astype(np.float64))
    code = np.arange(256)[:, None] / 255
    bent = code**gamma
    curve = gain * bent / (1 + (gain - 1) * bent)
    slopes = np.zeros((2, 256, 3))
    slopes[0] = curve * (1 - curve)
    inner = slice(1, 255)  # both ends are fixed
    slopes[1, inner] = slopes[0, inner] * gamma * np.log(code[inner]) / (1 - bent[inner])
    return curve, slopes


def _pasted(scene: Scene, window: tuple[slice, slice], values: npt.NDArray[Any]) -> Picture:
    pixels = scene.pixels.copy()
    pixels[window] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels
