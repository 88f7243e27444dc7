"""All simulations by name, and their parameters as JSON for exact replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, get_origin, get_type_hints

from bonaface.attacks.faceswap import FaceswapParameters, apply_faceswap, draw_faceswap
from bonaface.attacks.print import PrintParameters, apply_print, draw_print
from bonaface.attacks.replay import ReplayParameters, apply_replay, draw_replay
from bonaface.attacks.scene import Scene
from bonaface.attacks.sdsc import SdscParameters, apply_sdsc, draw_sdsc
from bonaface.attacks.spsc import SpscParameters, apply_spsc, draw_spsc
from bonaface.errors import SimulationError, did_you_mean
from bonaface.vocabulary import SPECIES, Species


@dataclass(frozen=True, slots=True)
class Simulation:
    """One way to make an attack.

    Attributes:
        species: What comes out.
        draw: (generator, strength=1.0) -> parameters.
        apply: (scene, parameters) -> attacked scene; same scene and parameters, same bytes.
        parameters: The dataclass that `draw` returns.
    """

    species: Species
    draw: Callable[..., Any]
    apply: Callable[[Scene, Any], Scene]
    parameters: type


SIMULATIONS: dict[str, Simulation] = {
    simulation.species.name: simulation
    for simulation in (
        Simulation(SPECIES["print"], draw_print, apply_print, PrintParameters),
        Simulation(SPECIES["replay"], draw_replay, apply_replay, ReplayParameters),
        Simulation(SPECIES["faceswap"], draw_faceswap, apply_faceswap, FaceswapParameters),
        Simulation(SPECIES["spsc"], draw_spsc, apply_spsc, SpscParameters),
        Simulation(SPECIES["sdsc"], draw_sdsc, apply_sdsc, SdscParameters),
    )
}


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


def parameters_from_json(species: str, values: Mapping[str, Any]) -> Any:
    """The parameters that `parameters_to_json` wrote.

    Args:
        species: Name of a simulation.
        values: Every field of its parameters, and no other.

    Raises:
        SimulationError: If there is no such simulation, or a field is missing, unknown or of a wrong kind.
    """
    return _restored(simulation_named(species).parameters, values)


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
