"""Amplitudes of co-registered radar images, strip by strip, and their dispersion index.

References
----------
Ferretti, A., Prati, C., Rocca, F. (2001): Permanent scatterers in SAR interferometry. IEEE
Transactions on Geoscience and Remote Sensing 39(1), 8-20, doi:10.1109/36.898661.
Hooper, A., Segall, P., Zebker, H. (2007): Persistent scatterer InSAR for crustal deformation
analysis. Journal of Geophysical Research 112, B07407, doi:10.1029/2006JB004763 (StaMPS).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window as RasterWindow

from ..errors import InputError
from ..files.fill_values import ABSURD
from ..monitor import SILENT, Monitor
from ..spatial.grid import Grid, Window
from ..spatial.raster import reading

STRIP_VALUES = 32_000_000
_CACHE = 512 * 1024**2  # bytes, so that memory does not grow with the machine's

_AMPLITUDES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "amplitude": lambda cells: cells,
    "intensity": np.sqrt,
    "decibel": lambda cells: 10 ** (cells / 20),
}


class Images:
    """Co-registered radar images of one grid.

    Parameters
    ----------
    files : dict of str to Path
        Each image, of one band, by its name.
    grid : Grid
    kind : str
        What the cells hold: "amplitude", "intensity" (the amplitude's square) or "decibel" (of
        the intensity). The amplitude of a complex number is its magnitude, whatever the kind.
    """

    def __init__(self, files: dict[str, Path], grid: Grid, kind: str = "amplitude"):
        self.files = files
        self.grid = grid
        self.kind = kind

    @property
    def names(self) -> list[str]:
        """Names of the images, in order."""
        return list(self.files)

    def strips(self, monitor: Monitor = SILENT) -> Iterator[tuple[Window, np.ndarray]]:
        """Whole rows of all images, as many as hold `STRIP_VALUES` amplitudes together.

        Yields
        ------
        window : Window
        amplitude : ndarray (images, height, width), float32
            NaN where there is none; an amplitude of 0, as beyond a scene's border, is none.

        Raises
        ------
        InputError
            If an amplitude or an intensity is negative.
        """
        grid = self.grid
        rows = max(1, STRIP_VALUES // (len(self.files) * grid.width))
        with ExitStack() as opened:
            opened.enter_context(rasterio.Env(GDAL_CACHEMAX=_CACHE))
            rasters = [opened.enter_context(rasterio.open(file)) for file in self.files.values()]
            for row in range(0, grid.height, rows):
                window = Window(grid, row, 0, min(rows, grid.height - row), grid.width)
                amplitude = np.empty((len(rasters), window.height, window.width), np.float32)
                for i, (name, raster) in enumerate(zip(self.files, rasters)):
                    amplitude[i] = self._read(name, raster, window)
                yield window, amplitude
                monitor.progress((row + window.height) / grid.height)

    def _read(self, name: str, raster, window: Window) -> np.ndarray:
        place = RasterWindow(window.column, window.row, window.width, window.height)
        with reading(name):
            cells = raster.read(1, window=place)
            mask = raster.read_masks(1, window=place)
        if np.iscomplexobj(cells):
            # GDAL's mask looks at the real part alone, where a zero is nothing special.
            valid = cells != raster.nodata
            cells = np.abs(cells)
        else:
            valid = mask > 0
            cells = cells.astype(np.float32)
            if self.kind != "decibel" and cells[valid].min(initial=0) < 0:
                raise InputError(
                    f"The image {name} holds the negative value {cells[valid].min():g}, which is "
                    f"no {self.kind}. If its values are decibels, set TYPE to decibel; if that "
                    "value means no data, set it as the raster's NoData value."
                )
            with np.errstate(invalid="ignore"):
                cells = _AMPLITUDES[self.kind](cells)
        return np.where(valid & (cells > 0) & (cells < ABSURD), cells, np.nan)


def mean_gains(images: Images, monitor: Monitor = SILENT) -> np.ndarray:
    """How bright each image is beside the others: its mean amplitude over the mean of all means.

    Dividing by it makes the images comparable, which the index asks for (Ferretti et al. 2001).
    StaMPS (its programs calamp and selpsc_patch) divides by each image's mean over its own
    amplitudes; here only pixels with an amplitude in all images count, so that an image that lacks
    a bright town is not taken for a dark one, and the mean brightness of the stack is kept.

    Returns
    -------
    ndarray (images,)

    Raises
    ------
    InputError
        If no pixel has an amplitude in all images.
    """
    sums = np.zeros(len(images.files))
    for _, amplitude in images.strips(monitor):
        common = np.isfinite(amplitude).all(axis=0)
        sums += amplitude.sum(axis=(1, 2), dtype=float, where=common)
    if not sums.any():
        raise no_common_pixel(images)
    return sums / sums.mean()


def dispersion(amplitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The amplitude dispersion index D_A = sigma_A / mu_A of each pixel.

    For bright stable targets it approximates the standard deviation of the phase in radians
    (Ferretti et al. 2001). sigma_A is the standard deviation of the amplitudes at hand, divided
    by n and not by n - 1, as StaMPS computes it: for 15 images the other one is 3.5 % larger.

    Parameters
    ----------
    amplitude : ndarray (images, ...), float
        NaN where an image has none. It is overwritten.

    Returns
    -------
    index, mean : ndarray (...), float32
        NaN where any image has no amplitude.
    """
    mean = amplitude.mean(axis=0, dtype=float)
    amplitude -= mean
    variance = np.square(amplitude, out=amplitude).mean(axis=0, dtype=float)
    return (np.sqrt(variance) / mean).astype(np.float32), mean.astype(np.float32)


def no_common_pixel(images: Images) -> InputError:
    """What to say when the images have nothing in common."""
    return InputError(
        f"No pixel has an amplitude in all {len(images.files)} images: zero and NoData count as "
        "none. Leave out images that are empty or lie elsewhere, and check their NoData values."
    )
