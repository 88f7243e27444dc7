"""All simulations by name, and their parameters as JSON for exact replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, get_origin, get_type_hints

import numpy as np

from bonaface.attacks import (
    attribute_edit,
    cutout,
    faceswap,
    generated,
    injection,
    mask_3d,
    morph,
    paper_mask,
    patchwork,
    reenactment,
    rendition,
    replay,
    sdsc,
    spsc,
    swap,
)
from bonaface.attacks import print as print_
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.variants import check_variant
from bonaface.errors import SimulationError, did_you_mean
from bonaface.vocabulary import SPECIES, Species


@dataclass(frozen=True, slots=True)
class Simulation:
    """One way to make an attack.

    Attributes:
        name: Its own word; several simulations may make one species.
        species: What comes out.
        draw: (generator, strength=1.0[, variant=None]) -> parameters.
        apply: (scene, parameters[, partner]) -> attacked scene; same scene and parameters, same bytes.
        parameters: The dataclass that `draw` returns.
        variants: Mechanisms that `draw` can be held to; empty where it knows none.
        mask: As `apply`, but -> (height, width) float32 in [0, 1]: where the content may change; None where nobody knows.
        needs_partner: Whether it takes the scene of a second person.
    """

    name: str
    species: Species
    draw: Callable[..., Any]
    apply: Callable[..., Scene]
    parameters: type
    variants: tuple[str, ...] = ()
    mask: Callable[..., Plane] | None = None
    needs_partner: bool = False

    def drawn(self, rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None) -> Any:
        """Parameters, held to a variant where one is given.

        Raises:
            SimulationError: If it has no such variant.
        """
        if variant is None:
            return self.draw(rng, strength=strength)
        check_variant(variant, species=self.name, variants=self.variants)
        return self.draw(rng, strength=strength, variant=variant)

    def applied(self, scene: Scene, parameters: Any, partner: Scene | None = None) -> Scene:
        """The attacked scene.

        Raises:
            SimulationError: If a second person is needed and missing.
        """
        return self.apply(scene, parameters, *self._partners(partner))

    def mask_of(self, scene: Scene, parameters: Any, partner: Scene | None = None) -> Plane:
        """Where the content of the scene may change, (height, width) float32 in [0, 1]; everywhere if nobody knows."""
        if self.mask is None:
            return np.ones(scene.size, np.float32)
        return self.mask(scene, parameters, *self._partners(partner))

    def _partners(self, partner: Scene | None) -> tuple[Scene, ...]:
        if not self.needs_partner:
            return ()
        if partner is None:
            raise SimulationError(f"{self.name} needs a picture of a second person; got none; give one")
        return (partner,)


SIMULATIONS: dict[str, Simulation] = {
    name: Simulation(
        name=name,
        species=SPECIES[species],
        draw=getattr(room, f"draw_{name}"),
        apply=getattr(room, f"apply_{name}"),
        parameters=parameters,
        variants=tuple(getattr(room, "VARIANTS", ())),
        mask=getattr(room, f"{name}_mask", None),
        needs_partner=name in {"paper_mask", "swap", "morph"},
    )
    for name, species, room, parameters in (
        ("print", "print", print_, print_.PrintParameters),
        ("replay", "replay", replay, replay.ReplayParameters),
        ("cutout", "cutout", cutout, cutout.CutoutParameters),
        ("paper_mask", "paper_mask", paper_mask, paper_mask.PaperMaskParameters),
        ("mask_3d", "mask_3d", mask_3d, mask_3d.Mask3dParameters),
        ("spsc", "spsc", spsc, spsc.SpscParameters),
        ("rendition", "rendition", rendition, rendition.RenditionParameters),
        ("faceswap", "faceswap", faceswap, faceswap.FaceswapParameters),
        ("swap", "faceswap", swap, swap.SwapParameters),
        ("sdsc", "sdsc", sdsc, sdsc.SdscParameters),
        ("patchwork", "patchwork", patchwork, patchwork.PatchworkParameters),
        ("reenactment", "reenactment", reenactment, reenactment.ReenactmentParameters),
        ("attribute_edit", "attribute_edit", attribute_edit, attribute_edit.AttributeEditParameters),
        ("morph", "morph", morph, morph.MorphParameters),
        ("generated", "generated", generated, generated.GeneratedParameters),
        ("injection", "injection", injection, injection.InjectionParameters),
    )
}
"""Every simulation; `faceswap` is self-blended, `swap` takes the face of a second person."""


def simulation_named(name: str) -> Simulation:
    """The simulation of the species of that name.

    Raises:
        SimulationError: If there is none.
    """
    try:
        return SIMULATIONS[name]
    except KeyError:
        known = ", ".join(SIMULATIONS)
        raise SimulationError(
            f"a simulated species must be one of {known}; got '{name}'{did_you_mean(name, SIMULATIONS)}"
        ) from None


def parameters_to_json(parameters: Any) -> dict[str, Any]:
    """Plain numbers, booleans, strings, lists and dicts; floats survive JSON to the last bit."""
    return {key: _plain(value) for key, value in asdict(parameters).items()}


def parameters_from_json(simulation: str | Simulation, values: Mapping[str, Any]) -> Any:
    """The parameters that `parameters_to_json` wrote.

    Args:
        simulation: The simulation, or the name of one that everybody has.
        values: Every field of its parameters, and no other.

    Raises:
        SimulationError: If there is no such simulation, or a field is missing, unknown or of a wrong kind.
    """
    known = simulation if isinstance(simulation, Simulation) else simulation_named(simulation)
    return _restored(known.parameters, values)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (tuple, list)) else value


def _restored(kind: type, values: Mapping[str, Any]) -> Any:
    if not isinstance(values, Mapping):
        raise SimulationError(f"{kind.__name__} must be a mapping of its fields; got {type(values).__name__}")
    names = [field.name for field in fields(kind)]
    for name in values:
        if name not in names:
            raise SimulationError(f"{kind.__name__} has no field '{name}'{did_you_mean(name, names)}")
    missing = [name for name in names if name not in values]
    if missing:
        raise SimulationError(f"{kind.__name__} needs every field; missing {', '.join(missing)}")
    hints = get_type_hints(kind)
    return kind(
        **{name: _restored_value(f"{kind.__name__}.{name}", hints[name], values[name]) for name in names}
    )


def _restored_value(name: str, hint: Any, value: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        return _restored(hint, value)
    if get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise SimulationError(f"{name} must be a list; got {value!r}")
        return tuple(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = {
        float: is_number,
        int: isinstance(value, int) and not isinstance(value, bool),
        bool: isinstance(value, bool),
    }.get(hint, isinstance(value, str))
    if not fits:
        raise SimulationError(f"{name} must be a {getattr(hint, '__name__', 'word')}; got {value!r}")
    return value
