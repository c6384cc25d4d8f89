"""What is in a stack of bands: figures of each band, and how the bands go together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window as RasterWindow

from ..spatial.grid import Grid, Window
from ..spatial.raster import reading
from ..spatial.stack import Encoding

SAMPLE = 200_000
CLOSE = 0.95
_CELLS = 2**22  # 16 MB of float32 at a time
_PERCENTILES = (2, 50, 98)


def strips(
    drivers: list[dict], grid: Grid, folder: Path, cells: int = _CELLS
) -> Iterator[tuple[Window, np.ndarray]]:
    """Read drivers that lie on the grid, some rows at a time.

    Parameters
    ----------
    drivers : list of dict
        With the `file` in `folder` and, if it is not the first, the `band`.
    cells : int
        About so many cells, of all drivers together, at a time.

    Yields
    ------
    Window
    ndarray (drivers, rows, columns), float32
        NaN where there is no value.
    """
    rows = max(1, cells // (len(drivers) * grid.width))
    with ExitStack() as opened:
        rasters = [opened.enter_context(rasterio.open(folder / each["file"])) for each in drivers]
        bands = [each.get("band", 1) for each in drivers]
        for row in range(0, grid.height, rows):
            window = Window(grid, row, 0, min(rows, grid.height - row), grid.width)
            place = RasterWindow(0, row, grid.width, window.height)
            values = np.empty((len(drivers), window.height, grid.width), np.float32)
            for i, (raster, band) in enumerate(zip(rasters, bands)):
                with reading(drivers[i]["name"]):
                    read = raster.read(band, window=place, masked=True)
                values[i] = read.astype(np.float32).filled(np.nan)
            yield window, values


class Sample:
    """A uniform random sample, without replacement, of rows that come in parts.

    Every row draws a number, and those with the smallest numbers are kept: the same rows however
    they are parted.

    Parameters
    ----------
    size : int
        At most so many rows are kept.
    seed : int

    Attributes
    ----------
    rows : ndarray (at most size, ...)
        Those that are kept of the rows so far.
    """

    def __init__(self, size: int = SAMPLE, seed: int = 0):
        self.size = size
        self._rows: np.ndarray | None = None
        self._random = np.random.default_rng(seed)
        self._drawn = np.empty(0)

    @property
    def rows(self) -> np.ndarray:
        return np.empty(0) if self._rows is None else self._rows

    def add(self, rows: np.ndarray) -> None:
        """Take in rows (n, ...)."""
        drawn = self._random.random(len(rows))
        if len(self._drawn) == self.size:
            chosen = drawn < self._drawn.max()
            drawn, rows = drawn[chosen], rows[chosen]
        self._rows = rows if self._rows is None else np.concatenate([self._rows, rows])
        self._drawn = np.concatenate([self._drawn, drawn])
        if len(self._drawn) > self.size:
            kept = np.argpartition(self._drawn, self.size)[: self.size]
            self._drawn, self._rows = self._drawn[kept], self._rows[kept]


@dataclass
class BandStatistics:
    """Figures of the valid cells of one band, in the band's unit.

    Attributes
    ----------
    name, kind : str
    cells, count : int
        All cells, and those with a value.
    minimum, maximum, mean : float
        NaN if there is no valid cell; the mean of a circular band says nothing.
    classes : Counter
        Cells by code; for a categorical band.
    sample : Sample
        For the percentiles.
    """

    name: str
    kind: str
    cells: int = 0
    count: int = 0
    minimum: float = np.inf
    maximum: float = -np.inf
    mean: float = 0.0
    classes: Counter = field(default_factory=Counter)
    sample: Sample = field(default_factory=Sample)
    _squares: float = 0.0
    _direction: complex = 0.0

    def add(self, band: np.ndarray) -> None:
        """Take in some of the cells, NaN where there is no value."""
        self.cells += band.size
        valid = band[~np.isnan(band)].astype(float)
        if not valid.size:
            return
        self.minimum = min(self.minimum, valid.min())
        self.maximum = max(self.maximum, valid.max())
        # Chan, Golub and LeVeque (1979): sums of squares would lose the digits of small spreads.
        before, self.count = self.count, self.count + valid.size
        step = valid.mean() - self.mean
        self.mean += step * valid.size / self.count
        self._squares += valid.var() * valid.size + step**2 * before * valid.size / self.count
        self.sample.add(valid)
        if self.kind == "categorical":
            codes, counts = np.unique(valid, return_counts=True)
            self.classes.update(dict(zip(codes.tolist(), counts.tolist())))
        elif self.kind == "circular":
            self._direction += np.exp(1j * np.radians(valid)).sum()

    @property
    def valid_share(self) -> float:
        """Share of the cells that have a value, 0 to 1."""
        return self.count / self.cells

    @property
    def is_constant(self) -> bool:
        """Whether all valid cells are equal."""
        return self.count > 0 and self.minimum == self.maximum

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of the valid cells."""
        return float(np.sqrt(self._squares / self.count))

    @property
    def percentiles(self) -> np.ndarray:
        """The 2nd, 50th and 98th percentile, of a sample where there are more cells than that."""
        return np.percentile(self.sample.rows, _PERCENTILES)

    @property
    def direction(self) -> tuple[float, float]:
        """Mean direction in degrees, 0 to 360, and its strength.

        The strength is the length of the mean of the unit vectors: 1 if all directions are the
        same, 0 if they cancel (Mardia and Jupp, Directional Statistics, 2000, section 2.3).
        """
        mean = self._direction / self.count
        return float(np.degrees(np.angle(mean)) % 360), float(abs(mean))


class StackStatistics:
    """Figures of each band, and the correlation between them.

    Parameters
    ----------
    drivers : list of dict
        Each with its `name` and `kind`.
    seed : int

    Attributes
    ----------
    bands : list of BandStatistics
    complete : int
        Cells where every band has a value; no direction, as of a flat cell, is not missing.
    sample : Sample
        Of such cells, (n, bands).
    """

    def __init__(self, drivers: list[dict], seed: int = 0):
        self.bands = [
            BandStatistics(each["name"], each["kind"], sample=Sample(seed=seed)) for each in drivers
        ]
        self.complete = 0
        self.sample = Sample(seed=seed)

    def add(self, cells: np.ndarray) -> None:
        """Take in some of the cells (bands, rows, columns), NaN where there is no value."""
        for band, values in zip(self.bands, cells):
            band.add(values)
        needed = [band.kind != "circular" for band in self.bands]
        complete = ~np.isnan(cells[needed]).any(axis=0)
        self.complete += int(complete.sum())
        self.sample.add(cells[:, complete].T)

    def correlation(self) -> tuple[list[str], np.ndarray]:
        """Pearson's correlation of the bands with each other at the sampled cells.

        Continuous bands stand as they are, circular ones as sine and cosine, as a network sees
        them; categorical bands are left out. Constant ones are NaN.

        Returns
        -------
        names : list of str
        ndarray (names, names)
        """
        names, columns = [], []
        for band, values in zip(self.bands, self.sample.rows.T.astype(float)):
            if band.kind == "categorical":
                continue
            encoding = Encoding(band.name, "circular" if band.kind == "circular" else "unit")
            names += encoding.channels
            columns += list(encoding.encode(values).T)
        matrix = np.full((len(names), len(names)), np.nan)
        if names and len(self.sample.rows) > 1:
            varied = np.flatnonzero(np.ptp(columns, axis=1))
            matrix[np.ix_(varied, varied)] = np.corrcoef(np.array(columns)[varied])
        return names, matrix


def close_pairs(names: list[str], matrix: np.ndarray) -> list[tuple[str, str, float]]:
    """The pairs whose correlation is above 0.95 or below -0.95."""
    return [
        (names[i], names[j], float(matrix[i, j]))
        for i, j in zip(*np.nonzero(np.triu(np.abs(matrix) > CLOSE, 1)))
    ]
