"""Vegetation from red and near-infrared reflectance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Product:
    """How a product holds reflectance, and how its mask marks what cannot be used.

    Parameters
    ----------
    scale, offset : float
        Reflectance is the number times `scale` plus `offset`.
    fill : float, optional
        The number that means no data.
    masked : tuple of int
        Values of the mask that cannot be used; none: all but 0.
    bits : bool
        Whether `masked` are numbers of bits instead, 0 the lowest.
    """

    scale: float = 1.0
    offset: float = 0.0
    fill: float | None = None
    masked: tuple = ()
    bits: bool = False

    def reflectance(self, numbers: np.ndarray) -> np.ndarray:
        """Reflectance, 0 to about 1, NaN for no data.

        Less than nothing, which the correction for the atmosphere leaves over dark water, is 0.
        """
        numbers = np.where(numbers == self.fill, np.nan, numbers)
        return np.maximum(numbers * self.scale + self.offset, 0)

    def is_masked(self, mask: np.ndarray, values: tuple = ()) -> np.ndarray:
        """Where a mask says cloud, shadow or nothing; also where it has no value itself.

        Parameters
        ----------
        values : tuple of int
            In place of `masked`, in the same meaning.
        """
        values = values or self.masked
        known = np.nan_to_num(mask).astype(np.int64)
        if not values:
            marked = known != 0
        elif self.bits:
            marked = (known & sum(1 << bit for bit in set(values))) != 0
        else:
            marked = np.isin(known, values)
        return marked | np.isnan(mask)


_SENTINEL2_MASKED = (0, 1, 3, 8, 9, 10)

ProductName = Literal["reflectance", "landsat_c2l2", "sentinel2_l2a", "sentinel2_l2a_before_2022"]
PRODUCTS: dict[ProductName, Product] = {
    "reflectance": Product(),
    # U.S. Geological Survey, Landsat 8-9 Collection 2 Level 2 science product guide: bits 0 to 4 of
    # QA_PIXEL are fill, dilated cloud, cirrus, cloud and cloud shadow.
    "landsat_c2l2": Product(0.0000275, -0.2, 0, (0, 1, 2, 3, 4), bits=True),
    # ESA, Sentinel-2 products, processing baseline 04.00 (25 January 2022): BOA_ADD_OFFSET -1000.
    # Of the scene classes 0 is no data, 1 saturated, 3 shadow, 8 and 9 cloud, 10 thin cirrus.
    "sentinel2_l2a": Product(0.0001, -0.1, 0, _SENTINEL2_MASKED),
    "sentinel2_l2a_before_2022": Product(0.0001, 0.0, 0, _SENTINEL2_MASKED),
}


def ndvi(red: np.ndarray, nir: np.ndarray) -> np.ndarray:
    """Normalised difference vegetation index, -1 to 1 (Rouse et al., 1974).

    Parameters
    ----------
    red, nir : ndarray
        Reflectance, not negative. Where both are 0 there is no index: NaN.
    """
    total = red + nir
    return np.divide(nir - red, total, out=np.full_like(total, np.nan), where=total > 0)


def mean_and_trend(values: np.ndarray, years: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over time and slope of the least-squares line, of what is known in each cell.

    Parameters
    ----------
    values : ndarray (dates, ...)
        NaN where unknown.
    years : ndarray (dates,)
        NaN if unknown: there is no slope then.

    Returns
    -------
    mean : ndarray (...)
        NaN without any value.
    trend : ndarray (...)
        Per year; NaN with fewer than two values.
    """
    known = np.isfinite(values)
    count = known.sum(axis=0)
    time = np.where(known, np.reshape(years, (-1, *[1] * (values.ndim - 1))), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        elapsed = np.where(known, time - time.sum(axis=0) / count, 0.0)
        rise = np.where(known, elapsed * (values - mean), 0.0).sum(axis=0)
        trend = np.where(count > 1, rise / (elapsed**2).sum(axis=0), np.nan)
    return mean, trend


def parse_mask_values(text: str) -> tuple:
    """The whole numbers in MASK_VALUES.

    Raises
    ------
    InputError
        If there is anything else in it.
    """
    try:
        values = tuple(int(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError:
        values = (-1,)
    if any(value < 0 for value in values):
        raise InputError(
            f"MASK_VALUES holds '{text}'. Write whole numbers separated by commas, such as 3, 8, 9."
        )
    return values
