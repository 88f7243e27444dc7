import pytest
import torch

from bonaface.models.position_grid import resized_positions


def cubic(t: float) -> float:
    """Keys' kernel with a = -0.75, by its definition."""
    t, a = abs(t), -0.75
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def by_definition(row: list[float], size: int) -> list[float]:
    """One row resampled: pixel centres, and the edge repeated outside."""
    found = []
    for place in range(size):
        centre = (place + 0.5) * len(row) / size - 0.5
        first = int(centre // 1) - 1
        taps = range(first, first + 4)
        found.append(sum(cubic(centre - tap) * row[min(max(tap, 0), len(row) - 1)] for tap in taps))
    return found


@pytest.mark.parametrize("grid", [2, 3, 6, 7])
def test_the_grid_is_bicubic_and_the_leading_rows_stay(grid):
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(1 + 16, 3, generator=generator)
    found = resized_positions(table, grid=grid, num_leading=1, is_antialiased=False)
    assert torch.equal(found[0], table[0])
    for channel in range(3):
        square = table[1:, channel].reshape(4, 4).tolist()
        wide = [by_definition(row, grid) for row in square]
        columns = [by_definition([row[x] for row in wide], grid) for x in range(grid)]
        expected = torch.tensor(columns).T.flatten()
        torch.testing.assert_close(found[1:, channel], expected, rtol=0, atol=1e-5)


def test_the_same_grid_is_the_same_table():
    table = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
    found = resized_positions(table, grid=3, num_leading=0, is_antialiased=False)
    torch.testing.assert_close(found, table)


def test_half_precision_is_resampled_in_float32():
    table = torch.randn(16, 5, generator=torch.Generator().manual_seed(0)).bfloat16()
    found = resized_positions(table, grid=6, num_leading=0, is_antialiased=False)
    expected = resized_positions(table.float(), grid=6, num_leading=0, is_antialiased=False)
    assert torch.equal(found, expected.bfloat16())
