"""Communities become cells: seamless, near the target, along the lines, numbered by the rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grid import checking
from grid.coordinates import Datum, metres_per_degree
from grid.division import Cell, divide
from grid.edition import areas_m2
from grid.errors import GridError, GridRefused
from grid.faults import refusing
from grid.layer import Layer
from tests.grid import cities


def communities(
    across: int = 3, up: int = 2, step_m: float = 600.0, seed: int = 1
) -> dict[str, Any]:
    shapes = cities.block(across, up, step_m=step_m, bend=5, seed=seed)
    return {f"361002001{at + 1:03d}": shape for at, shape in enumerate(shapes)}


def roads(over: dict[str, Any], count: int = 5, seed: int = 1) -> list[Any]:
    dice = np.random.default_rng(seed)
    west, south, east, north = shapely.total_bounds(np.array(list(over.values()), dtype=object))
    tilt = dice.uniform(-0.001, 0.001, (2, count))
    return [
        *(
            shapely.LineString([(west - 0.01, y), (east + 0.01, y + bend)])
            for y, bend in zip(np.linspace(south, north, count), tilt[0], strict=True)
        ),
        *(
            shapely.LineString([(x, south - 0.01), (x + bend, north + 0.01)])
            for x, bend in zip(np.linspace(west, east, count), tilt[1], strict=True)
        ),
    ]


def shapes_of(cells: list[Cell]) -> Any:
    shapes = np.empty(len(cells), dtype=object)
    shapes[:] = [cell.polygon for cell in cells]
    return shapes


def test_cells_fit_together_without_gap_or_overlap_and_pass_the_check() -> None:
    over = communities()
    cells = divide(over, roads(over))
    shapes = shapes_of(cells)
    assert shapely.coverage_is_valid(shapes)
    layer = Layer(shapes, {"code": [cell.code for cell in cells]}, Datum.WGS84)
    assert refusing(checking.faults_of(layer)) == ()


def test_cells_are_near_the_target() -> None:
    over = communities()
    areas = areas_m2(shapes_of(divide(over, roads(over))))
    assert 9_000 < np.median(areas) < 11_000
    assert areas.min() > 3_900
    assert areas.max() < 16_000


def test_cells_fill_their_community_and_no_other() -> None:
    over = communities()
    cells = divide(over, roads(over))
    for code, community in over.items():
        mine = shapes_of([cell for cell in cells if cell.code.startswith(code)])
        whole = shapely.union_all(mine)
        assert whole.symmetric_difference(community).area < 1e-4 * community.area
    assert sorted({cell.code[:12] for cell in cells}) == sorted(over)


def test_cells_end_at_the_lines() -> None:
    over = communities()
    lines = shapely.intersection(
        shapely.union_all(roads(over)), shapely.union_all(list(over.values()))
    )
    limits = shapely.union_all(shapely.boundary(shapes_of(divide(over, roads(over)))))
    followed = shapely.intersection(lines, shapely.buffer(limits, 3e-7))
    assert followed.length > 0.8 * lines.length


def test_numbers_run_from_north_to_south_and_within_a_row_from_west_to_east() -> None:
    west, south = cities.HERE
    east_m, north_m = metres_per_degree(south)
    square = shapely.box(west, south, west + 400 / east_m, south + 300 / north_m)
    lines = [
        *(
            shapely.LineString([(west + x / east_m, south - 1), (west + x / east_m, south + 1)])
            for x in (100, 200, 300)
        ),
        *(
            shapely.LineString([(west - 1, south + y / north_m), (west + 1, south + y / north_m)])
            for y in (100, 200)
        ),
    ]
    cells = divide({"361002001001": square}, lines)
    assert [cell.code for cell in cells] == [f"361002001001{nth:03d}" for nth in range(1, 13)]
    at = [cell.polygon.centroid for cell in cells]
    rows = [round((south + 300 / north_m - point.y) * north_m // 100) for point in at]
    columns = [round((point.x - west) * east_m // 100) for point in at]
    assert rows == [0] * 4 + [1] * 4 + [2] * 4
    assert columns == [0, 1, 2, 3] * 3


def test_the_same_communities_give_the_same_cells_in_whatever_order_they_come() -> None:
    over = communities()
    lines = roads(over)
    once = divide(over, lines)
    again = divide(dict(reversed(over.items())), lines[::-1])
    assert [cell.code for cell in once] == [cell.code for cell in again]
    assert shapely.equals_exact(shapes_of(once), shapes_of(again), 0.0).all()


def test_a_smaller_target_makes_more_cells() -> None:
    over = communities(1, 1)
    assert len(divide(over, target_m2=2_500)) > 3 * len(divide(over))


def test_a_community_smaller_than_a_cell_is_one_cell() -> None:
    tiny = shapely.box(116.35, 27.95, 116.3503, 27.9503)
    (cell,) = divide({"361002001001": tiny})
    assert (cell.code, cell.polygon.equals(tiny)) == ("361002001001001", True)


def test_an_island_of_a_community_keeps_a_cell_of_its_own() -> None:
    main, island = (
        shapely.box(116.35, 27.95, 116.353, 27.953),
        shapely.box(116.36, 27.95, 116.3602, 27.9502),
    )
    cells = divide({"361002001001": shapely.MultiPolygon([main, island])})
    assert any(cell.polygon.equals(island) for cell in cells)
    assert shapely.union_all(shapes_of(cells)).equals(shapely.union_all([main, island]))


def test_a_line_that_ends_in_a_block_and_one_that_runs_outside_cut_nothing() -> None:
    over = communities(1, 1)
    middle = next(iter(over.values())).centroid
    stub = shapely.LineString([middle, (middle.x + 1e-4, middle.y)])
    outside = shapely.LineString([(100.0, 20.0), (101.0, 21.0)])
    assert len(divide(over, [stub, outside, shapely.LineString()])) == len(divide(over))


def test_communities_upon_each_other_are_refused() -> None:
    one = shapely.box(116.35, 27.95, 116.36, 27.96)
    other = shapely.box(116.355, 27.95, 116.365, 27.96)
    with pytest.raises(GridRefused) as refused:
        divide({"361002001001": one, "361002001002": other})
    assert refused.value.faults[0].codes == ("361002001001", "361002001002")


@pytest.mark.parametrize("code", ["361002", "361002001", "36100200100101", "36100200100a", ""])
def test_a_code_that_is_no_community_is_refused(code: str) -> None:
    with pytest.raises(GridRefused, match="faults"):
        divide({code: shapely.box(116.35, 27.95, 116.36, 27.96)})


def test_a_community_without_ground_is_refused() -> None:
    with pytest.raises(GridRefused):
        divide({"361002001001": shapely.Polygon()})
    with pytest.raises(GridRefused, match="no community"):
        divide({})


def test_more_cells_than_three_digits_can_number_are_refused() -> None:
    with pytest.raises(GridError, match="999"):
        divide({"361002001001": shapely.box(116.35, 27.95, 116.373, 27.973)}, target_m2=5_000)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**31),
    step_m=st.sampled_from([150.0, 330.0, 500.0]),
    count=st.integers(0, 6),
)
def test_any_communities_and_any_roads_give_a_seamless_grid(
    seed: int, step_m: float, count: int
) -> None:
    over = communities(2, 2, step_m=step_m, seed=seed)
    cells = divide(over, roads(over, count, seed))
    shapes = shapes_of(cells)
    assert shapely.is_valid(shapes).all()
    assert set(shapely.get_type_id(shapes).tolist()) == {3}
    assert shapely.coverage_is_valid(shapes)
    assert areas_m2(shapes).sum() == pytest.approx(
        areas_m2(np.array(list(over.values()), dtype=object)).sum(), rel=1e-4
    )
