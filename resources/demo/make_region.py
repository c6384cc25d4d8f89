"""Make the demo region: raw inputs, and the true displacement.

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
    WORLD_COVER,
    make_ground,
    make_land_use,
    make_ndvi_change,
    make_villages,
    photograph,
)
from layers import (
    Grid,
    distance_to,
    slope_and_aspect,
    to_degrees,
    write_points,
    write_raster,
    write_table,
)
from physics import compaction, drawdown, upslope_area

LEFT, TOP, REGION_WIDTH = 552_000.0, 3_624_000.0, 18_000.0
FIRST_YEAR, START, END = 2007, 2014, 2021  # wells since 2007, radar from January 2014 to 2021
WELLS, ABANDONED_WELLS, PIEZOMETERS = 36, 8, 30
WATER_DEPTH = 20.0  # of the first water table below ground, m
OLD_SEDIMENT = 140.0  # below this depth under the water table clay compacts no more, m
INFILTRATION = 7_000.0  # m3/day
READING_ERROR = 0.2  # standard deviation of a reading of a piezometer, m
SEASON = 0.5  # amplitude of the water table's yearly swing, m
LOST_READINGS = 0.15  # share of readings that nobody took
ACQUISITIONS = np.arange("2014-01", "2021-02", 2, dtype="datetime64[M]").astype("datetime64[D]")
DOUBTFUL = 0.35  # scatterers of low coherence for each good one
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


def decimal_year(days):
    """Dates (datetime64) as decimal years."""
    years = days.astype("datetime64[Y]")
    length = (years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")
    return 1970 + years.astype(int) + (days - years) / length


def read_piezometers(grid, rng, altitude, head_loss, sediment):
    """Quarterly readings of the water table, some of them missing.

    Returns
    -------
    x, y : numpy.ndarray
        Of the piezometer of each reading, m.
    readings : dict of str to numpy.ndarray
        `piezometer`, `date`, `level_m` (above datum).
    """
    x, y = grid.centres()
    cells = rng.choice(np.flatnonzero(sediment > 20), PIEZOMETERS, replace=False)
    months = np.arange(f"{START - 1}-10", f"{END}-02", 3, dtype="datetime64[M]")
    days = months.astype("datetime64[D]")
    time = decimal_year(days)
    year_ends = np.arange(FIRST_YEAR, END) + 1.0
    losses = np.array([loss.flat[cells] for loss in head_loss])
    fallen = np.array([np.interp(time, year_ends, losses[:, k]) for k in range(PIEZOMETERS)])
    level = altitude.flat[cells][:, None] - WATER_DEPTH - fallen
    level = level + SEASON * np.sin(2 * np.pi * time) + rng.normal(0, READING_ERROR, level.shape)
    which, when = np.nonzero(rng.random(level.shape) > LOST_READINGS)
    readings = {
        "piezometer": np.array([f"P{k + 1:02d}" for k in which]),
        "date": days[when].astype(str),
        "level_m": level[which, when].round(2),
    }
    return x.flat[cells[which]], y.flat[cells[which]], readings


def phase_noise(coherence):
    """Standard deviation of the phase at a coherence, rad (Rodriguez and Martin, 1992)."""
    return np.sqrt((1 - coherence**2) / (2 * coherence**2))


def scatter(grid, rng, compacted, houses, use, slope, aspect):
    """Persistent scatterers where the radar finds stable echoes, and some that are not so stable.

    Walls and rock return them, gravel and farm buildings near villages a few, fields none. Slopes
    that face the radar (it looks east from an ascending orbit) are foreshortened and lose some.

    Parameters
    ----------
    compacted : sequence of numpy.ndarray
        Compaction at the end of each year since `FIRST_YEAR`, m.

    Returns
    -------
    x, y : numpy.ndarray
        m.
    coherence : numpy.ndarray
        0 to 1; at least 0.8 for the good ones.
    series : numpy.ndarray
        Displacement since the first acquisition at each acquisition, (n, dates), mm, positive up.
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

    counts = rng.poisson((1 + DOUBTFUL) * density * grid.cell_size**2 / 1e6)
    rows, columns = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), grid.width)
    n = len(rows)
    x = grid.left + (columns + rng.random(n)) * grid.cell_size
    y = grid.top - (rows + rng.random(n)) * grid.cell_size
    good = rng.random(n) < 1 / (1 + DOUBTFUL)
    coherence = np.where(good, 0.8 + 0.19 * rng.beta(2, 2, n), rng.uniform(0.5, 0.795, n))

    time, year_ends = decimal_year(ACQUISITIONS), np.arange(FIRST_YEAR, END) + 1.0
    yearly = -1_000 * np.array([each[rows, columns] for each in compacted])
    moved = np.array([np.interp(time, year_ends, yearly[:, k]) for k in range(n)])
    # The displacement is a difference of two dates, so each has this part of its noise.
    spread = NOISE * phase_noise(coherence) / phase_noise(0.895) / np.sqrt(2)
    moved += spread[:, None] * rng.standard_normal(moved.shape)
    return x, y, coherence, moved - moved[:, :1]


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

    folder = Path(folder)
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    write_raster(folder / "true_displacement.tif", grid, truth, "displacement_mm")
    write_raster(inputs / "dem.tif", grid, altitude, "altitude_m")
    write_raster(inputs / "land_cover.tif", grid, WORLD_COVER[use], "land_cover")
    ndvi_change = make_ndvi_change(grid, rng, use, clay, water_change)
    for year in range(START, END):
        red, nir, quality = photograph(grid, rng, use, ndvi_change, year - START)
        for name, numbers in (("red", red), ("nir", nir), ("quality", quality)):
            write_raster(inputs / f"{name}_{year}0715.tif", grid, numbers, name)
    write_wells(inputs / "wells.gpkg", grid, rng, wells)
    x, y, readings = read_piezometers(grid, rng, altitude, head_loss, sediment)
    write_points(inputs / "piezometers.gpkg", x, y, readings)
    write_scatterers(
        inputs / "ps.csv",
        grid,
        altitude,
        *scatter(grid, rng, compacted, houses, use, slope, aspect),
    )


def write_wells(path, grid, rng, wells):
    """Write the wells that pump, and some that were given up long ago."""
    x, y = grid.centres()
    others = rng.choice(x.size, ABANDONED_WELLS, replace=False)
    active = np.arange(len(wells) + ABANDONED_WELLS) < len(wells)
    fields = {
        "well_id": np.arange(1, len(active) + 1),
        "active": active.astype(int),
        "start_year": np.append(wells["start"], np.full(ABANDONED_WELLS, 1985)).astype(int),
        "discharge_m3_day": np.append(wells["discharge"], np.zeros(ABANDONED_WELLS)).round(),
    }
    places = np.append(wells["x"], x.flat[others]), np.append(wells["y"], y.flat[others])
    write_points(path, *places, fields)


def write_scatterers(path, grid, altitude, x, y, coherence, series):
    """Write the scatterers as SARPROZ exports them."""
    longitude, latitude = to_degrees(x, y)
    time = decimal_year(ACQUISITIONS)
    (velocity, _), residuals, *_ = np.polyfit(time, series.T, 1, full=True)
    spread = np.sqrt(residuals / (len(time) - 2) / np.square(time - time.mean()).sum())
    columns = {
        "ID": [str(number) for number in range(1, len(x) + 1)],
        "LAT": [f"{value:.8f}" for value in latitude],
        "LON": [f"{value:.8f}" for value in longitude],
        "HEIGHT": [f"{value:.1f}" for value in altitude[grid.cells(x, y)]],
        "VEL": [f"{value:.3f}" for value in velocity],
        "SIGMA VEL": [f"{value:.3f}" for value in spread],
        "CUMUL.DISP.": [f"{value:.2f}" for value in series[:, -1]],
        "COHER": [f"{value:.3f}" for value in coherence],
    }
    for day, moved in zip(ACQUISITIONS, series.T):
        columns[str(day).replace("-", "")] = [f"{value:.2f}" for value in moved]
    write_table(path, columns)


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
