from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.layers import CutEdge, draw_paper_edge, laid_over, shadow_of, softened, touched

PLAIN = CutEdge(
    core=1.0,
    core_opacity=0.0,
    core_width=0.01,
    relief=0.0,
    relief_width=0.02,
    shadow=0.0,
    shadow_reach=0.0,
    shadow_softness=0.0,
)
SIDE = 100.0


@pytest.fixture
def disc() -> np.ndarray:
    y, x = np.mgrid[:90, :90]
    return np.clip(20.5 - np.hypot(x - 45, y - 45), 0, 1).astype(np.float32)


def flat(value: int) -> np.ndarray:
    return np.full((90, 90, 3), value, np.uint8)


def over(disc: np.ndarray, edge: CutEdge, *, light_deg: float = 0.0) -> np.ndarray:
    """A grey disc over a brighter ground."""
    return laid_over(flat(100), flat(200), disc, edge, light_deg=light_deg, side=SIDE).astype(float)


def centroid(plane: np.ndarray) -> tuple[float, float]:
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
    return float((plane * x).sum() / plane.sum()), float((plane * y).sum() / plane.sum())


def test_without_an_edge_it_is_plain_covering(disc):
    out = over(disc, PLAIN)
    assert np.abs(out - (100 * disc + 200 * (1 - disc))[..., None]).max() <= 1


@pytest.mark.parametrize(
    ("light_deg", "dx", "dy"), [(0, -10, 0), (90, 0, -10), (180, 10, 0), (45, -7.07, -7.07)]
)
def test_the_shadow_falls_away_from_the_light(disc, light_deg, dx, dy):
    shadow = shadow_of(disc, replace(PLAIN, shadow_reach=0.1), light_deg=light_deg, side=SIDE)
    assert centroid(shadow) == pytest.approx((45 + dx, 45 + dy), abs=0.1)
    assert 0 <= shadow.min() <= shadow.max() <= 1


def test_the_shadow_takes_its_share_of_light_and_spares_the_thing(disc):
    edge = replace(PLAIN, shadow=0.75, shadow_reach=0.1)
    out = over(disc, edge)
    assert out[45, 20, 0] == pytest.approx(
        200 * np.sqrt(0.25), abs=1.5
    )  # light is the square of a code value
    assert out[45, 75, 0] == 200
    assert out[45, 45, 0] == 100


def test_a_soft_shadow_ends_within_the_edges_reach(disc):
    edge = replace(PLAIN, shadow=1.0, shadow_reach=0.05, shadow_softness=0.03)
    mask = touched(disc, edge, light_deg=0.0, side=SIDE)
    y, x = np.mgrid[:90, :90]
    far = np.hypot(x - 45, y - 45) > 20.5 + edge.reach * SIDE + 2
    assert far.any()
    assert mask[far].max() == 0
    assert (mask >= disc).all()
    assert (over(disc, edge)[mask == 0] == 200).all()


def test_the_bare_cut_is_a_line_that_is_brightest_where_the_light_falls_on_it(disc):
    out = over(disc, replace(PLAIN, core=2.0, core_opacity=1.0, core_width=0.01))[..., 0]
    rim_lit, rim_dark = out[45, 60:65].max(), out[45, 26:31].max()
    assert out[45, 45] == 100
    assert rim_lit > rim_dark > 102
    dark = over(disc, replace(PLAIN, core=0.3, core_opacity=1.0, core_width=0.01))[..., 0]
    assert dark[45, 60:65].min() < 90


def test_a_cut_thinner_than_a_pixel_fades(disc):
    def bright(width: float) -> float:
        return float(
            over(disc, replace(PLAIN, core=2.0, core_opacity=1.0, core_width=width))[45, 60:65, 0].max()
        )

    assert bright(0.0005) < bright(0.002) < bright(0.004)


def test_relief_brightens_the_side_towards_the_light(disc):
    bent = over(disc, replace(PLAIN, relief=0.3))[45, :, 0]
    away = over(disc, replace(PLAIN, relief=-0.3))[45, :, 0]
    assert bent[63] > 105 > 95 > bent[27]
    assert away[63] < 95 < 105 < away[27]
    assert bent[45] == away[45] == 100


def test_softening_has_its_bounds():
    spot = np.zeros((9, 9), np.float32)
    spot[4, 4] = 1
    assert softened(spot, 0.0)[4, 4] < 1
    assert np.isfinite(softened(spot, 1e9)).all()


def test_a_thing_that_covers_nothing_leaves_what_is_behind():
    nothing = np.zeros((90, 90), np.float32)
    edge = draw_paper_edge(np.random.default_rng(0), strength=1.0)
    assert (over(nothing, edge) == 200).all()


def test_strength_scales_what_is_seen_and_shares_stay_shares():
    drawn = [
        [draw_paper_edge(np.random.default_rng(seed), strength=s) for seed in range(100)] for s in (0.3, 1.5)
    ]
    for weak, strong in zip(*drawn, strict=True):
        assert weak.shadow < strong.shadow <= 1
        assert weak.core_opacity < strong.core_opacity <= 1
        assert abs(weak.relief) < abs(strong.relief)
        assert weak.core_width == strong.core_width
