"""The land of the demo region: terrain, sediments, villages, land use and vegetation."""

from __future__ import annotations

import numpy as np
from physics import drain, upslope_area

BUILT_UP, CROPLAND, BARE, ORCHARD, WATER = 1, 2, 3, 4, 5
# ESA WorldCover's codes of built-up, cropland, bare, tree cover and water.
WORLD_COVER = np.array([0, 50, 40, 60, 10, 80], dtype=np.uint8)
NDVI = np.array([0.0, 0.12, 0.45, 0.09, 0.6, -0.1])  # of each use in midsummer
NDVI_NOISE = 0.008
CLOUDED, CLEAR = 22280, 21824  # Landsat's QA_PIXEL
VALLEY_DIRECTION = np.radians(20)  # counter-clockwise from east
VILLAGES = 15


def fractal(grid, rng, longest, shortest=0.0, exponent=3.0):
    """Random relief: white noise filtered to a power spectrum k**-exponent (Turcotte, 1997).

    Parameters
    ----------
    grid : Grid
    rng : numpy.random.Generator
    longest, shortest : float
        Range of wavelengths, m.
    exponent : float
        Of the two-dimensional power spectrum; 3 looks like natural ground.

    Returns
    -------
    numpy.ndarray
        Shape of the grid, mean 0, standard deviation 1.
    """
    # Made on a larger grid, because the Fourier transform makes opposite edges alike.
    height, width = grid.height * 3 // 2, grid.width * 3 // 2
    ky = np.fft.fftfreq(height, grid.cell_size)[:, None]
    kx = np.fft.rfftfreq(width, grid.cell_size)[None, :]
    k = np.hypot(ky, kx)
    passed = (k > 0) & (k * shortest <= 1)
    amplitude = np.where(passed, np.maximum(k, 1 / longest) ** (-exponent / 2), 0)
    noise = np.fft.rfft2(rng.standard_normal((height, width)))
    field = np.fft.irfft2(noise * amplitude, s=(height, width))[: grid.height, : grid.width]
    return (field - field.mean()) / field.std()


def meander(along, rng, amplitude, wavelength):
    """A winding curve: its offset (m) at the places `along` (m), three sines of random phase."""
    phases = rng.uniform(0, 2 * np.pi, 3)
    return amplitude * sum(
        np.sin(2 * np.pi * along * factor / wavelength + phase) / factor**1.3
        for factor, phase in zip((1.0, 1.7, 3.1), phases)
    )


def make_ground(grid, rng):
    """Terrain and sediments of a valley that its river has filled.

    Sediment thickens and its share of clay grows away from the mountain front, because fans drop
    their coarse load first; the sandy belts of buried channels hold hardly any clay. The mountains
    are a river network in steady state: slope falls with upslope area (Flint, 1974).

    Returns
    -------
    altitude : numpy.ndarray
        Drained terrain, m.
    sediment : numpy.ndarray
        Depth to rock, m; 0 on rock.
    clay : numpy.ndarray
        Share of clay in the sediment, 0 to 1.
    """
    x, y = grid.centres()
    x, y = x - x.mean(), y - y.mean()
    along = x * np.cos(VALLEY_DIRECTION) + y * np.sin(VALLEY_DIRECTION)
    across = y * np.cos(VALLEY_DIRECTION) - x * np.sin(VALLEY_DIRECTION)
    across = across - meander(along, rng, 500, 16_000)

    half_width = 4_800 + 500 * fractal(grid, rng, 9_000, 3_000)
    front = (half_width - np.abs(across)) / 1_000 + 0.2 * fractal(grid, rng, 3_000)
    rock = front < 0
    sediment = np.clip(10 + 110 * front + 30 * fractal(grid, rng, 4_000), 0, 300) * ~rock

    belts = np.zeros(grid.shape)
    for offset in rng.uniform(-2_600, 2_600, 4):
        path = offset + meander(along, rng, 450, 5_000)
        belts = np.maximum(belts, np.exp(-(((across - path) / 260) ** 2)))
    river = np.exp(-(((across - meander(along, rng, 250, 3_000)) / 120) ** 2))
    facies = -1.2 + 0.9 * front - 2.4 * belts + 0.6 * fractal(grid, rng, 3_000, 300)
    clay = 0.75 / (1 + np.exp(-facies))

    fan = (55 + 20 * fractal(grid, rng, 4_000, 1_000)) * np.exp(-np.maximum(front, 0) / 0.9)
    fill = 1_560 - 0.0022 * along + fan - 3.0 * river + 0.25 * fractal(grid, rng, 1_500)
    # Clay settles more under its own weight than sand does: buried channels are low ridges.
    fill += 2.0 * belts

    border = np.ones(grid.shape, dtype=bool)
    border[1:-1, 1:-1] = False
    outlets = border & ~rock
    weakness = np.exp(0.5 * fractal(grid, rng, 2_000, exponent=2.0))
    rough = drain(fill, np.where(rock, 0.3 * weakness, 1e-4), outlets, grid.cell_size)
    steady = np.minimum(0.8, 2.2 * weakness * upslope_area(rough, grid.cell_size) ** -0.4)
    altitude = drain(fill, np.where(rock, steady, 1e-4), outlets, grid.cell_size)
    return altitude, sediment, clay


def make_villages(grid, rng, allowed):
    """Built-up land: a town, villages, and straight roads to the nearest neighbour.

    Parameters
    ----------
    grid : Grid
    rng : numpy.random.Generator
    allowed : numpy.ndarray of bool
        Where houses may stand.

    Returns
    -------
    houses, roads : numpy.ndarray of bool
    """
    x, y = grid.centres()
    outline = 1 + 0.3 * fractal(grid, rng, 1_200, 100)
    free = allowed
    houses, roads = np.zeros(grid.shape, dtype=bool), np.zeros(grid.shape, dtype=bool)
    places = []
    for radius in (1_000, *rng.uniform(200, 480, VILLAGES - 1)):
        cell = rng.choice(np.flatnonzero(free))
        here = np.array([x.flat[cell], y.flat[cell]])
        distance = np.hypot(x - here[0], y - here[1])
        houses |= (distance < radius * outline) & allowed
        free = free & (distance > 1_300 + radius)
        if places:
            there = min(places, key=lambda place: np.hypot(*(place - here)))
            steps = int(np.hypot(*(there - here)) / grid.cell_size * 2) + 1
            roads[grid.cells(*np.linspace(here, there, steps).T)] = True
        places.append(here)
    return houses, roads


def make_land_use(grid, rng, sediment, slope, upslope, built_up):
    """Land use codes (uint8) from terrain, water and people.

    Parameters
    ----------
    grid : Grid
    rng : numpy.random.Generator
    sediment, slope, upslope : numpy.ndarray
        Depth to rock (m), slope (degrees) and specific upslope area (m2/m).
    built_up : numpy.ndarray of bool
    """
    dryness = slope + 0.8 * fractal(grid, rng, 2_500, 200)
    wetness = np.log(upslope) + fractal(grid, rng, 1_500, 200)
    use = np.full(grid.shape, CROPLAND, dtype=np.uint8)
    use[wetness > 8.5] = ORCHARD
    use[(dryness > 3) | (sediment < 5)] = BARE
    use[(upslope > 60_000) & (sediment > 0)] = WATER
    use[built_up] = BUILT_UP
    return use


def make_ndvi_change(grid, rng, use, clay, water_change):
    """Mean annual change of NDVI, 1/year.

    Irrigated land browns where the water table falls (`water_change`, m, is negative) and where
    sand does not hold water. Fields change hands and crops: each patch has a trend of its own.
    """
    patches = fractal(grid, rng, 600, 120, exponent=2.0)
    farmed = 0.004 + 0.0006 * water_change + 0.014 * (clay - 0.35) + 0.004 * patches
    change = np.choose(use - 1, [-0.004, farmed, -0.001, farmed + 0.004, 0.0])
    return change + 0.0015 * rng.standard_normal(grid.shape)


def photograph(grid, rng, use, ndvi_change, years):
    """A Landsat Collection 2 Level-2 scene, in its digital numbers (uint16).

    Parameters
    ----------
    use : numpy.ndarray
        Land use codes.
    ndvi_change : numpy.ndarray
        1/year.
    years : float
        Since the first scene.

    Returns
    -------
    red, near_infrared, quality : numpy.ndarray
        Clouds, which are white in both, are marked in `quality`.
    """
    ndvi = NDVI[use] + years * ndvi_change + NDVI_NOISE * rng.standard_normal(grid.shape)
    clouds = fractal(grid, rng, 4_000) > 1.5
    bright = np.where(clouds, 1.0, 0.4)
    ndvi = np.where(clouds, 0.0, ndvi)
    red, near_infrared = bright * (1 - ndvi) / 2, bright * (1 + ndvi) / 2
    quality = np.where(clouds, CLOUDED, CLEAR).astype(np.uint16)
    return to_numbers(red), to_numbers(near_infrared), quality


def to_numbers(reflectance):
    """Landsat's digital numbers of a reflectance (U.S. Geological Survey, Collection 2)."""
    return np.round((reflectance + 0.2) / 0.0000275).astype(np.uint16)
