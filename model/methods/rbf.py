"""Radial basis functions."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from ..errors import InputError
from ..monitor import SILENT
from .base import Method, joined, merged, positions
from .moving_least_squares import monomials

# The degree of the polynomial that a kernel needs beside it.
KERNELS = {
    "linear": 0,
    "thin_plate_spline": 1,
    "cubic": 1,
    "quintic": 2,
    "multiquadric": 0,
    "inverse_multiquadric": 0,
    "gaussian": 0,
}

_CHUNK = 20_000
_FLAT = 1e-3  # a neighbourhood this many times narrower than long is taken for a line
_FAR = 10.0  # times the range of the neighbours' values: farther from them is no prediction


class RBF(Method):
    """Interpolation by radial basis functions of the nearest points (`scipy.interpolate`).

    Where the kernel's system cannot be solved or its value is absurd, as with neighbours on one
    line, the linear kernel, which distinct points always determine, takes its place.

    Parameters
    ----------
    kernel : str
        One of `KERNELS` (Fasshauer, 2007, doi:10.1142/6437).
    neighbours : int
        How many of the nearest points make a value.
    smoothing : float
        0 passes through every point; more lets the surface miss them. It is added to the diagonal
        of the kernel's matrix, with distances in units of the points' spacing.
    length : float, optional
        The distance, metres, over which "multiquadric", "inverse_multiquadric" and "gaussian" bend
        (1 / epsilon); their points' spacing if not given. The other kernels have no such scale.

    Attributes
    ----------
    spacing_ : float
        Median distance between a point and its nearest neighbour, metres.
    replaced_ : int
        How many values the linear kernel has given in the place of another one.
    """

    name = "rbf"
    title = "RBF"
    GRID = {"kernel": ["linear", "thin_plate_spline", "multiquadric"], "smoothing": [0.0, 0.1, 1.0]}

    def __init__(
        self,
        kernel: str = "linear",
        neighbours: int = 50,
        smoothing: float = 0.0,
        length: float | None = None,
    ):
        if kernel not in KERNELS:
            raise InputError(f"Unknown kernel '{kernel}'. Known kernels: {', '.join(KERNELS)}.")
        self.kernel = kernel
        self.neighbours = neighbours
        self.smoothing = smoothing
        self.length = length

    def fit(self, points, stack=None, validation=None, monitor=SILENT):
        known = merged(joined(points, validation), monitor)
        # Eastings and northings have seven digits; spacings near 1 keep the systems well posed.
        self._origin = known.xy.mean(axis=0)
        self.spacing_ = _spacing(known.xy)
        self._xy = self._scaled(known.xy)
        self._values = known.values
        self._tree = cKDTree(self._xy)
        self.replaced_ = 0
        return self

    def predict(self, target, stack=None):
        xy = self._scaled(positions(target))
        chunks = [self._predict(xy[i : i + _CHUNK]) for i in range(0, len(xy), _CHUNK)]
        return np.concatenate(chunks) if chunks else np.empty(0), None

    def remarks(self):
        if not self.replaced_:
            return []
        return [
            f"{self.replaced_} values are of the linear kernel, because the points near them do "
            f"not determine the kernel {self.kernel}."
        ]

    def _scaled(self, xy: np.ndarray) -> np.ndarray:
        return (xy - self._origin) / self.spacing_

    def _predict(self, xy: np.ndarray) -> np.ndarray:
        count = min(self.neighbours, len(self._xy))
        _, index = self._tree.query(xy, k=np.arange(1, count + 1), workers=-1)
        values = self._values[index]
        predicted = np.full(len(xy), np.nan)
        if self.kernel != "linear":
            sound = _determined(self._xy[index], KERNELS[self.kernel])
            predicted[sound] = self._solve(xy[sound], self.kernel)
            low, high = values.min(axis=1), values.max(axis=1)
            margin = _FAR * (high - low)
            predicted[(predicted < low - margin) | (predicted > high + margin)] = np.nan
        rest = np.isnan(predicted)
        predicted[rest] = self._solve(xy[rest], "linear")
        if self.kernel != "linear":
            self.replaced_ += int(rest.sum())
        return predicted

    def _solve(self, xy: np.ndarray, kernel: str) -> np.ndarray:
        """Values at scaled positions (m, 2), NaN where the system is singular."""
        if not len(xy):
            return np.empty(0)
        try:
            return RBFInterpolator(
                self._xy,
                self._values,
                neighbors=self.neighbours,
                smoothing=self.smoothing,
                kernel=kernel,
                epsilon=self.spacing_ / (self.length or self.spacing_),
            )(xy)
        except np.linalg.LinAlgError:
            if len(xy) == 1:
                return np.array([np.nan])
            half = len(xy) // 2
            return np.concatenate([self._solve(xy[:half], kernel), self._solve(xy[half:], kernel)])


def _spacing(xy: np.ndarray) -> float:
    """Median distance between each of the distinct positions (n, 2) and its nearest neighbour."""
    if len(xy) < 2:
        return 1.0
    return float(np.median(cKDTree(xy).query(xy, k=2)[0][:, 1]))


def _determined(xy: np.ndarray, degree: int) -> np.ndarray:
    """Whether each neighbourhood (m, k, 2) determines a polynomial of a degree, (m,)."""
    if degree == 0:
        return np.ones(len(xy), bool)
    centred = xy - xy.mean(axis=1, keepdims=True)
    size = np.abs(centred).max(axis=(1, 2), keepdims=True)
    basis = monomials(centred / np.where(size > 0, size, 1), degree)
    if basis.shape[1] < basis.shape[2]:
        return np.zeros(len(xy), bool)
    eigenvalues = np.linalg.eigvalsh(np.swapaxes(basis, 1, 2) @ basis)
    return eigenvalues[:, 0] > _FLAT**2 * eigenvalues[:, -1]
