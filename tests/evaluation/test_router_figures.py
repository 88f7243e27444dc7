from __future__ import annotations

import numpy as np
import pytest

from bonaface.evaluation.router_figures import _apart, load_map, slots_plot
from bonaface.evaluation.router_history import router_epochs

from .drawings import Drawing
from .routers import event, router


def test_a_map_has_a_cell_for_each_species_and_expert() -> None:
    (one,) = router_epochs([event(0, router(3))])
    drawing = Drawing(load_map("m", one.routers[0]), "m")
    shares = [[75, 25], [50, 50], [25, 75], [62, 38]]  # the species and all
    assert [word for word in drawing.words() if word.isdigit()][-8:] == [
        str(s) for row in shares for s in row
    ]
    assert all(drawing.has(f"cell-{y}-{x}") for y in range(4) for x in range(2))
    assert not drawing.has("cell-4-0")
    # a cell's strength is its share
    assert "0.63" in str(drawing.part("cell-0-0")[0].get("style"))
    assert "0.21" in str(drawing.part("cell-0-1")[0].get("style"))
    assert drawing.label() == "Load of each expert by species in block 3, per cent"
    assert {"bonafide", "print", "replay", "all"} <= set(drawing.words())


def test_cells_stand_where_they_belong() -> None:
    (one,) = router_epochs([event(0, router(species_load={}))])
    drawing = Drawing(load_map("m", one.routers[0]), "m")
    left, right = (drawing.points(f"cell-0-{x}")[:, 0] for x in range(2))
    assert left.max() == pytest.approx(right.min())
    assert right.max() == pytest.approx(400 - 6, abs=0.02)


def test_hostile_species_are_harmless() -> None:
    (one,) = router_epochs([event(0, router(species_load={"<b>&": [0.5, 0.5]}))])
    assert "<b>" not in load_map("m", one.routers[0])


def test_effective_slots_stand_at_their_share() -> None:
    epochs = router_epochs([event(0, router(slots=16.0), router(1, slots=8.0)), event(1, router(slots=4.0), router(1, slots=8.0))])  # fmt: skip
    drawing = Drawing(slots_plot("s", epochs), "s")
    width, height, bottom = 420 - 40 - 70, 260 - 8 - 42, 260 - 42
    assert drawing.points("slots-0") == pytest.approx(np.array([[40, bottom - height], [40 + width, bottom - height / 4]]), abs=0.02)  # fmt: skip
    assert drawing.points("slots-1")[:, 1] == pytest.approx([bottom - height / 2] * 2, abs=0.02)
    assert drawing.points("uniform")[0, 1] == pytest.approx(bottom - height, abs=0.02)
    assert {"block 0", "block 1", "1", "2"} <= set(drawing.words())


def test_a_single_epoch_is_drawn() -> None:
    drawing = Drawing(slots_plot("s", router_epochs([event(4, router())])), "s")
    assert "5" in drawing.words()


def test_labels_keep_apart() -> None:
    assert _apart([(0.5, "a"), (0.5, "b"), (0.1, "c")]) == [
        (0.1, "c"),
        (0.5, "a"),
        (pytest.approx(0.56), "b"),
    ]
    assert _apart([(0.99, "a"), (1.0, "b")]) == [(pytest.approx(0.94), "a"), (pytest.approx(1.0), "b")]
