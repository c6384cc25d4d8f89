"""Make the demo region: drivers, persistent scatterers, wells and the true displacement.

Run it with the Python of QGIS: python3 make_region.py OUTPUT_FOLDER [--seed 0] [--size 600 500]
README.md beside this file tells the physics.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from landscape import (
    BARE,
    CROPLAND,
    ORCHARD,
    make_ground,
    make_land_use,
    make_ndvi_change,
    make_villages,
)
from layers import Grid, distance_to, slope_and_aspect, write_points, write_raster
from physics import compaction, drawdown, upslope_area

LEFT, TOP, REGION_WIDTH = 552_000.0, 3_624_000.0, 18_000.0
FIRST_YEAR, START, END = 2007, 2014, 2021  # wells since 2007, radar from January 2014 to 2021
WELLS, PIEZOMETERS = 36, 30
WATER_DEPTH = 20.0  # of the first water table below ground, m
OLD_SEDIMENT = 140.0  # below this depth under the water table clay compacts no more, m
INFILTRATION = 7_000.0  # m3/day
NOISE = 3.0  # standard deviation of the displacement of a PS of middling coherence, mm
HOUSE_PS, ROCK_PS, FARM_PS = 310.0, 25.0, 10.0  # per km2

WELL = np.dtype([(name, float) for name in ("x", "y", "radius", "start", "discharge")])


def make_wells(grid, rng, farmed, houses):
    """Pumping wells: most in well fields on farmed land, some beside villages."""
    x, y = grid.centres()
    weight = 0.1 + 0.3 * (distance_to(grid, houses) < 500)
    for centre in rng.choice(np.flatnonzero(farmed), 8):
        square = (x - x.flat[centre]) ** 2 + (y - y.flat[centre]) ** 2
        weight += np.exp(-square / (2 * 1_100**2))
    weight *= farmed
    cells = rng.choice(weight.size, WELLS, replace=False, p=weight.ravel() / weight.sum())
    wells = np.zeros(WELLS, dtype=WELL)
    wells["x"], wells["y"] = x.flat[cells], y.flat[cells]
    wells["radius"] = grid.cell_size / 2
    wells["start"] = rng.integers(FIRST_YEAR, END - 3, WELLS)
    wells["discharge"] = 400 + rng.gamma(4.0, 450.0, WELLS)
    return wells


def make_infiltration(grid, wells, houses, thickness):
    """A basin where water is led into the ground, near the houses that wells affect least."""
    x, y = grid.centres()
    places = np.flatnonzero((distance_to(grid, houses) < 400) & ~houses & (thickness > 40))
    place = places[np.argmin(drawdown(x.flat[places], y.flat[places], wells, END))]
    return np.array([(x.flat[place], y.flat[place], 150, START, -INFILTRATION)], dtype=WELL)


def observe_water_table(grid, rng, change, sediment):
    """Change of the water table (m) as known from piezometers, by smoothed inverse distances."""
    x, y = grid.centres()
    cells = rng.choice(np.flatnonzero(sediment > 20), PIEZOMETERS, replace=False)
    readings = change.flat[cells] + rng.normal(0, 0.3, PIEZOMETERS)
    total, weights = np.zeros(grid.shape), np.zeros(grid.shape)
    for cell, reading in zip(cells, readings):
        square = (x - x.flat[cell]) ** 2 + (y - y.flat[cell]) ** 2
        weight = (square + 700.0**2) ** -1.5
        total += weight * reading
        weights += weight
    return total / weights


def phase_noise(coherence):
    """Standard deviation of the phase at a coherence, rad (Rodriguez and Martin, 1992)."""
    return np.sqrt((1 - coherence**2) / (2 * coherence**2))


def scatter(grid, rng, truth, houses, use, slope, aspect):
    """Persistent scatterers where the radar finds stable echoes.

    Walls and rock return them, gravel and farm buildings near villages a few, fields none. Slopes
    that face the radar (it looks east from an ascending orbit) are foreshortened and lose some.

    Returns
    -------
    x, y, displacement, coherence : numpy.ndarray
        m, m, mm (positive up), 0 to 1.
    """
    facing = np.sin(np.radians(slope)) * np.cos(np.radians(aspect - 260))
    rocky = np.clip((slope - 3) / 8, 0.02, 1) * (1 - np.clip(3 * facing, 0, 0.9))
    farms = np.exp(-distance_to(grid, houses) / 150)
    density = np.zeros(grid.shape)
    for where, per_km2 in (
        (use == BARE, ROCK_PS * rocky),
        (np.isin(use, (CROPLAND, ORCHARD)), FARM_PS * farms),
        (houses, HOUSE_PS),
    ):
        density = np.where(where, per_km2, density)

    counts = rng.poisson(density * grid.cell_size**2 / 1e6)
    rows, columns = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), grid.width)
    x = grid.left + (columns + rng.random(len(columns))) * grid.cell_size
    y = grid.top - (rows + rng.random(len(rows))) * grid.cell_size
    coherence = 0.8 + 0.19 * rng.beta(2, 2, len(rows))
    spread = NOISE * phase_noise(coherence) / phase_noise(0.895)
    return x, y, truth[rows, columns] + spread * rng.standard_normal(len(rows)), coherence


def make_region(folder, seed=0, size=(600, 500)):
    """Write the demo region to a folder.

    Parameters
    ----------
    folder : path-like
        Made if it does not exist; files of an earlier run are replaced.
    seed : int
        The same seed and size make the same region.
    size : tuple of int
        Width and height in cells. The region is always 18 km wide: fewer cells are larger cells.

    Raises
    ------
    ValueError
        If the region is too small for a valley with villages.
    """
    if min(size) < 60:
        raise ValueError(f"The region is {size[0]} x {size[1]} cells; give it at least 60 x 60.")
    rng = np.random.default_rng(seed)
    grid = Grid(LEFT, TOP, REGION_WIDTH / size[0], *size)
    x, y = grid.centres()

    altitude, sediment, clay = make_ground(grid, rng)
    slope, aspect = slope_and_aspect(grid, altitude)
    upslope = upslope_area(altitude, grid.cell_size)
    houses, roads = make_villages(grid, rng, (slope < 2.5) & (sediment > 10))
    use = make_land_use(grid, rng, sediment, slope, upslope, houses | roads)

    thickness = clay * np.clip(sediment - WATER_DEPTH, 0, OLD_SEDIMENT)
    wells = make_wells(grid, rng, np.isin(use, (CROPLAND, ORCHARD)) & (sediment > 40), houses)
    sources = np.append(wells, make_infiltration(grid, wells, houses, thickness))
    head_loss = [drawdown(x, y, sources, year + 1) for year in range(FIRST_YEAR, END)]
    compacted = compaction(head_loss, thickness, delay=0.5 + 4 * clay)
    before = START - FIRST_YEAR - 1
    truth = 1_000 * (compacted[before] - compacted[-1])
    water_change = head_loss[before] - head_loss[-1]

    at_wells = np.zeros(grid.shape, dtype=bool)
    at_wells[grid.cells(wells["x"], wells["y"])] = True
    tangent = np.tan(np.radians(np.maximum(slope, 0.1)))
    drivers = {
        "ndvi": make_ndvi_change(grid, rng, use, clay, water_change),
        "well_distance": distance_to(grid, at_wells),
        "land_use": use,
        "water_table": observe_water_table(grid, rng, water_change, sediment),
        "altitude": altitude,
        "slope": slope,
        "aspect": aspect,
        "spi": upslope * tangent,
        "twi": np.log(upslope / tangent),
    }
    ps_x, ps_y, displacement, coherence = scatter(grid, rng, truth, houses, use, slope, aspect)
    scatterers = {
        "ps_id": np.arange(1, len(ps_x) + 1),
        "displacement_mm": displacement.round(2),
        "coherence": coherence.round(3),
    }
    pumping = {
        "well_id": np.arange(1, len(wells) + 1),
        "start_year": wells["start"].astype(int),
        "discharge_m3_day": wells["discharge"].round(),
    }

    folder = Path(folder)
    (folder / "drivers").mkdir(parents=True, exist_ok=True)
    for name, values in drivers.items():
        write_raster(folder / "drivers" / f"{name}.tif", grid, values, name)
    write_raster(folder / "true_displacement.tif", grid, truth, "displacement_mm")
    write_points(folder / "ps_points.gpkg", ps_x, ps_y, scatterers)
    write_points(folder / "wells.gpkg", wells["x"], wells["y"], pumping)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="OUTPUT_FOLDER", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        default=(600, 500),
        metavar=("WIDTH", "HEIGHT"),
        help="in cells; the region is always 18 km wide",
    )
    arguments = parser.parse_args()
    make_region(arguments.folder, arguments.seed, arguments.size)
