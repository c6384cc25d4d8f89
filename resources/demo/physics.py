"""The physics of the demo region: groundwater, compaction of clay, water over land."""

from __future__ import annotations

import heapq

import numpy as np

TRANSMISSIVITY = 300.0  # m2/day
STORATIVITY = 0.12  # specific yield of an unconfined aquifer, -
DAYS_PER_YEAR = 365.25
NEIGHBOURS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]  # row, column

INELASTIC_STORAGE = 2.0e-4  # skeletal specific storage of clay below its preconsolidation head, 1/m
ELASTIC_STORAGE = 2.5e-5  # the same above the preconsolidation head, 1/m
PRECONSOLIDATION = 2.0  # head loss that the clay has already seen before the first well, m


def well_function(u):
    """Theis's well function W(u), the exponential integral E1(u).

    Abramowitz and Stegun (1964), 5.1.53 for u <= 1 (error below 2e-7) and 5.1.56 above (error of
    u exp(u) E1(u) below 2e-8).

    Parameters
    ----------
    u : array_like
        Positive, dimensionless.

    Returns
    -------
    numpy.ndarray of the shape of `u`
    """
    u = np.asarray(u, dtype=float)
    value = np.empty(u.shape)
    small = u <= 1
    x = u[small]
    series = 0.05519968 + x * (-0.00976004 + x * 0.00107857)
    value[small] = -0.57721566 + x * (0.99999193 + x * (-0.24991055 + x * series)) - np.log(x)
    x = u[~small]
    above = 0.2677737343 + x * (8.6347608925 + x * (18.0590169730 + x * (8.5733287401 + x)))
    below = 3.9584969228 + x * (21.0996530827 + x * (25.6329561486 + x * (9.5733223454 + x)))
    value[~small] = np.exp(-x) / x * above / below
    return value


def drawdown(x, y, wells, time):
    """Fall of the water table by all wells together: Theis (1935), superposed.

    Parameters
    ----------
    x, y : numpy.ndarray
        Places, m.
    wells : numpy.ndarray
        Structured array with fields `x`, `y`, `radius` (m), `start` (decimal year) and
        `discharge` (m3/day, negative for infiltration).
    time : float
        Decimal year.

    Returns
    -------
    numpy.ndarray of the shape of `x`
        Drawdown in m, positive down.
    """
    total = np.zeros(x.shape)
    for well in wells[wells["start"] < time]:
        days = (time - well["start"]) * DAYS_PER_YEAR
        square = (x - well["x"]) ** 2 + (y - well["y"]) ** 2 + well["radius"] ** 2
        u = square * (STORATIVITY / (4 * TRANSMISSIVITY * days))
        total += well["discharge"] / (4 * np.pi * TRANSMISSIVITY) * well_function(u)
    return total


def compaction(drawdowns, thickness, delay):
    """Compaction of clay at the end of each year.

    Elastic strain follows the head at once. Inelastic strain belongs to the lowest head so far
    (Leake and Prudic, 1991) and drains out of the clay with a first-order delay.

    Parameters
    ----------
    drawdowns : sequence of numpy.ndarray
        Drawdown at the end of each year, m.
    thickness : numpy.ndarray
        Thickness of compressible clay, m.
    delay : numpy.ndarray
        Time constant of drainage, years.

    Returns
    -------
    list of numpy.ndarray
        Compaction since before the first year, m, positive when the ground goes down.
    """
    deepest = np.zeros(thickness.shape)
    drained = np.zeros(thickness.shape)
    compactions = []
    for head_loss in drawdowns:
        deepest = np.maximum(deepest, head_loss - PRECONSOLIDATION)
        drained += (deepest - drained) * (1 - np.exp(-1 / delay))
        elastic = ELASTIC_STORAGE * (head_loss - deepest)
        compactions.append(thickness * (elastic + INELASTIC_STORAGE * drained))
    return compactions


def drain(altitude, slope, outlets, cell_size):
    """Lowest terrain above `altitude` on which water runs to the outlets with at least `slope`.

    The priority-flood of Barnes et al. (2014), with a slope of its own for each cell. A tiny slope
    fills pits; the slopes of a river network in steady state build its mountains.

    Parameters
    ----------
    altitude, slope : numpy.ndarray
        Shape (height, width), m and m/m.
    outlets : numpy.ndarray of bool
        Cells where water leaves.
    cell_size : float
        m.

    Returns
    -------
    numpy.ndarray
        Terrain without pits, m.
    """
    height, width = altitude.shape
    levels = np.pad(altitude, 1).ravel().tolist()
    rises = np.pad(slope * cell_size, 1).ravel().tolist()
    closed = np.pad(outlets, 1, constant_values=True).ravel().tolist()
    steps = [(dy * (width + 2) + dx, (dy * dy + dx * dx) ** 0.5) for dy, dx in NEIGHBOURS]
    queue = [(levels[cell], cell) for cell in np.flatnonzero(np.pad(outlets, 1)).tolist()]
    heapq.heapify(queue)
    while queue:
        level, cell = heapq.heappop(queue)
        for step, length in steps:
            neighbour = cell + step
            if not closed[neighbour]:
                closed[neighbour] = True
                levels[neighbour] = max(levels[neighbour], level + rises[neighbour] * length)
                heapq.heappush(queue, (levels[neighbour], neighbour))
    return np.reshape(levels, (height + 2, width + 2))[1:-1, 1:-1]


def upslope_area(altitude, cell_size):
    """Specific upslope area by multiple flow directions (Freeman, 1991, exponent 1.1).

    Parameters
    ----------
    altitude : numpy.ndarray
        Terrain without pits, shape (height, width), m.
    cell_size : float
        m.

    Returns
    -------
    numpy.ndarray
        Upslope area per unit of contour length, m2/m.
    """
    height, width = altitude.shape
    padded = np.pad(altitude, 1, constant_values=np.inf)
    shares = np.empty((height, width, 8))
    for k, (dy, dx) in enumerate(NEIGHBOURS):
        below = altitude - padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        shares[..., k] = (np.maximum(below, 0) / np.hypot(dy, dx)) ** 1.1
    shares /= np.maximum(shares.sum(axis=-1, keepdims=True), 1e-12)

    steps = [dy * width + dx for dy, dx in NEIGHBOURS]
    shares = shares.reshape(-1, 8).tolist()
    area = [cell_size * cell_size] * (height * width)
    for cell in np.argsort(-altitude, axis=None).tolist():
        water = area[cell]
        for step, share in zip(steps, shares[cell]):
            if share:
                area[cell + step] += water * share
    return np.reshape(area, altitude.shape) / cell_size
