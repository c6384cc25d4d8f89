"""Moving least squares: a polynomial of its own for every position."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..errors import InputError
from ..files.schema import Count, Word
from ..machine.threads import in_chunks
from ..spatial.points import average_coincident, concatenate
from .base import Method, Prediction, positions

WEIGHTS = {
    # Both fall to nothing, or next to it, at the bandwidth (1).
    "wendland": lambda r: np.clip(1 - r, 0, None) ** 4 * (4 * r + 1),
    "gaussian": lambda r: np.exp(-((2.5 * r) ** 2)),
}

_BANDWIDTH = 1.1  # the bandwidth in distances to the last neighbour: it must weigh something
_WEAK = 1e-2  # ratio of the eigenvalues of a normal matrix below which it needs help
_RIDGE = 0.1
_REWEIGHTED = 3


class MovingLeastSquares(Method):
    """A polynomial fitted to the nearest points anew at each position, weighted by distance.

    Lancaster and Salkauskas, 1981, doi:10.1090/S0025-5718-1981-0616367-1; Levin, 1998,
    doi:10.1090/S0025-5718-98-00974-0. The authors of the paper have used a recursive variant
    (Mehrabi and Voosoghi, 2015, Engineering Analysis with Boundary Elements). Polynomials of the
    degree are reproduced; other values are smoothed, not passed through. Neighbours that do not
    determine the polynomial, as those on one line, get the weighted mean in the directions of
    which they say nothing, by a ridge on the weak eigenvectors of the normal matrix.

    Parameters
    ----------
    degree : int
        1 or 2.
    neighbours : int
        How many of the nearest points make a value; the bandwidth is the distance to the last.
    weights : str
        "wendland" or "gaussian".
    robust : bool
        Whether points that do not fit their neighbours lose weight, by Tukey's bisquare of the
        residuals in units of six median absolute ones (Cleveland, 1979,
        doi:10.1080/01621459.1979.10481038).
    """

    name = "movingleastsquares"
    title = "Moving least squares"
    GRID = {"degree": [1, 2], "neighbours": [12, 16, 24, 32, 50]}

    def __init__(
        self,
        degree: int = 2,
        neighbours: Count = 24,
        weights: Word = "wendland",
        robust: bool = False,
    ):
        if degree not in (1, 2):
            raise InputError(f"The degree of moving least squares is 1 or 2, not {degree}.")
        if weights not in WEIGHTS:
            raise InputError(f"Unknown weights '{weights}'. Known weights: {', '.join(WEIGHTS)}.")
        self.degree = degree
        self.neighbours = neighbours
        self.weights = weights
        self.robust = robust

    def _fit(self, points, stack, validation, monitor):
        known = average_coincident(concatenate(points, validation), monitor)
        self._tree = cKDTree(known.xy)
        self._xy = known.xy
        self._values = known.values

    def _predict(self, target, stack):
        xy = positions(target)
        count = min(self.neighbours, len(self._values))
        chunks = in_chunks(lambda part: self._values_at(xy[part], count), len(xy), 6 * count)
        return Prediction(np.concatenate([np.empty(0), *chunks]))

    def _values_at(self, xy: np.ndarray, count: int) -> np.ndarray:
        distance, index = self._tree.query(xy, k=np.arange(1, count + 1))
        bandwidth = _BANDWIDTH * distance[:, -1:]
        bandwidth[bandwidth == 0] = 1.0  # one neighbour, and the position is on it
        values = self._values[index]
        weight = WEIGHTS[self.weights](distance / bandwidth)
        # With the position as origin the first coefficient is the value there.
        basis = monomials((self._xy[index] - xy[:, None]) / bandwidth[..., None], self.degree)
        coefficients = _fit(basis, weight, values)
        for _ in range(_REWEIGHTED if self.robust else 0):
            residual = np.abs(values - (basis @ coefficients[..., None])[..., 0])
            limit = 6 * np.median(residual, axis=1, keepdims=True)
            limit += 1e-9 * np.abs(values).max(axis=1, keepdims=True) + 1e-300
            bisquare = np.clip(1 - (residual / limit) ** 2, 0, None) ** 2
            coefficients = _fit(basis, weight * bisquare, values)
        return coefficients[:, 0]


def monomials(xy: np.ndarray, degree: int) -> np.ndarray:
    """1, for degree 1 also x, y, for degree 2 x2, xy, y2, (..., 1, 3 or 6), at places (..., 2)."""
    x, y = np.moveaxis(xy, -1, 0)
    columns = [np.ones_like(x), x, y]
    if degree == 2:
        columns += [x * x, x * y, y * y]
    return np.stack(columns if degree else columns[:1], axis=-1)


def _fit(basis: np.ndarray, weight: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients (m, t) of weighted least squares, by normal equations scaled to diagonal 1."""
    weighted = np.swapaxes(basis * weight[..., None], 1, 2)
    # Relative to the weighted mean, so that the ridge draws the value towards it and not to 0.
    mean = (weight * values).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    right = (weighted @ (values - mean)[..., None])[..., 0]
    normal = weighted @ basis
    scale = np.sqrt(np.diagonal(normal, axis1=1, axis2=2))
    scale = np.maximum(scale, 1e-9 * scale[:, :1])
    normal /= scale[:, :, None] * scale[:, None, :]
    eigenvalues, vectors = np.linalg.eigh(normal)
    weakness = np.clip(1 - eigenvalues / (_WEAK * eigenvalues[:, -1:]), 0, 1)
    along = np.swapaxes(vectors, 1, 2) @ (right / scale)[..., None]
    along /= (eigenvalues + _RIDGE * weakness)[..., None]
    coefficients = (vectors @ along)[..., 0] / scale
    coefficients[:, :1] += mean
    return coefficients
