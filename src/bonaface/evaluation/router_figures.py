"""The figures of a run's routers: who serves which species, and how sharply tokens choose over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bonaface.evaluation.canvas import INK, LINE, PHYSICAL, SOFT, axes, foreign, svg
from bonaface.evaluation.figures import shortened, width_of
from bonaface.evaluation.markup import visible
from bonaface.evaluation.router_history import RouterEpoch, RouterState
from bonaface.evaluation.wording import percent

ALL = "all"


def load_map(name: str, state: RouterState) -> str:
    """The share of combine weight that each expert gets, a row a species and the mean of all at the end.

    Args:
        name: Of the figure in its page.
        state: Of one router.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    rows = [*state.species_load.items(), (ALL, state.load)]
    names = [shortened(visible(row)) for row, _ in rows]
    num_experts = len(state.load)

    def draw(figure: Any) -> None:
        plot = axes(figure, 18 + 6 * max(map(width_of, names)), 6, 4, 34)
        plot.set(xlim=(0, num_experts), ylim=(len(rows), 0), xlabel="expert")
        plot.grid(visible=False)
        plot.spines[["left", "bottom"]].set_visible(False)
        plot.set_yticks([y + 0.5 for y in range(len(rows))], list(map(foreign, names)), color=INK)
        plot.set_xticks([x + 0.5 for x in range(num_experts)], [str(x) for x in range(num_experts)])
        for y, (_, load) in enumerate(rows):
            for x, share in enumerate(load):
                style = {"edgecolor": LINE, "linewidth": 1, "gid": f"cell-{y}-{x}"}
                plot.fill(
                    [x, x + 1, x + 1, x], [y, y, y + 1, y + 1], facecolor=(PHYSICAL, 0.85 * share), **style
                )
                plot.text(
                    x + 0.5, y + 0.5, f"{100 * share:.0f}", ha="center", va="center_baseline", color=INK
                )

    told = "; ".join(f"{row}: {', '.join(map(percent, load))}" for row, load in rows)
    title = f"Load of each expert by species in {state.block}, per cent"
    return svg(name, 400, 38 + 24 * len(rows), draw, title=title, description=told)


def slots_plot(name: str, epochs: Sequence[RouterEpoch]) -> str:
    """Effective slots that a token reads, as a share of all slots, over the epochs; a line a block.

    Args:
        name: Of the figure in its page.
        epochs: At least one.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    blocks = list(dict.fromkeys(router.block for one in epochs for router in one.routers))
    lines: dict[str, list[tuple[int, float]]] = {block: [] for block in blocks}
    for one in epochs:
        for router in one.routers:
            lines[router.block].append((one.epoch + 1, router.slots_per_token / router.num_slots))

    def draw(figure: Any) -> None:
        plot = axes(figure, 40, 70, 8, 42)
        first, last = epochs[0].epoch + 1, epochs[-1].epoch + 1
        plot.set(
            xlim=(first, max(last, first + 1)), ylim=(0, 1), xlabel="epoch", ylabel="effective slots (%)"
        )
        plot.set_yticks([0, 0.5, 1], ["0", "50", "100"])
        plot.set_xticks(sorted({first, last}))
        plot.axhline(1, color=SOFT, linewidth=1, dashes=(3, 3), gid="uniform")
        for number, points in enumerate(lines.values()):
            x, y = zip(*points, strict=True)
            strength = 0.35 + 0.65 * (number + 1) / len(lines)
            style = {"color": INK, "alpha": strength, "clip_on": False}
            plot.plot(x, y, gid=f"slots-{number}", **style)
            plot.plot(x, y, marker="o", markersize=3, linestyle="", **style)
        for height, block in _apart([(points[-1][1], block) for block, points in lines.items()]):
            right = {"transform": plot.get_yaxis_transform(), "va": "center_baseline", "clip_on": False}
            plot.text(1.03, height, foreign(block), color=INK, **right)

    told = "; ".join(f"{block} {percent(points[-1][1])}" for block, points in lines.items())
    return svg(name, 420, 260, draw, title="Effective slots a token over the epochs", description=told)


def _apart(labels: Sequence[tuple[float, str]], gap: float = 0.06) -> list[tuple[float, str]]:
    """Heights in [0, 1] at which labels do not cover each other, from the lowest to the highest."""
    placed: list[tuple[float, str]] = []
    for height, label in sorted(labels):
        placed.append((max(height, placed[-1][0] + gap) if placed else height, label))
    above = max(0.0, placed[-1][0] - 1)
    return [(height - above, label) for height, label in placed]
