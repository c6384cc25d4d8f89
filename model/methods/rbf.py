"""Radial basis functions."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy import special
from scipy.spatial import cKDTree

from ..errors import InputError
from ..files.schema import (
    Count,
    Metres,
    NotNegative,
    Word,
)
from ..geostatistics.neighbours import require_systems, square_distance
from ..machine.threads import in_chunks
from ..spatial.points import average_coincident, concatenate
from .base import Method, Prediction, positions
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

# Of the squared distance; as in `scipy.interpolate.RBFInterpolator`, whose loop over the
# neighbourhoods takes long.
_FUNCTIONS = {
    "linear": lambda square: -np.sqrt(square),
    "thin_plate_spline": lambda square: special.xlogy(square, square) / 2,
    "cubic": lambda square: square * np.sqrt(square),
    "quintic": lambda square: -(square * square) * np.sqrt(square),
    "multiquadric": lambda square: -np.sqrt(square + 1),
    "inverse_multiquadric": lambda square: 1 / np.sqrt(square + 1),
    "gaussian": lambda square: np.exp(-square),
}
_HELD = 2**22  # neighbours in memory: the 50 of each cell of a tile, and some
_FLAT = 1e-3  # a neighbourhood this many times narrower than long is taken for a line
_ROUNDED = 1e-2  # of the range of the values
_FAR = 10.0  # times the range of the neighbours' values: farther from them is no prediction


class RBF(Method):
    """Interpolation by radial basis functions of the nearest points.

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
    """

    name = "rbf"
    title = "RBF"
    GRID = {"kernel": ["linear", "thin_plate_spline", "multiquadric"], "smoothing": [0.0, 0.1, 1.0]}

    def __init__(
        self,
        kernel: Word = "linear",
        neighbours: Count = 50,
        smoothing: NotNegative = 0.0,
        length: Metres | None = None,
    ):
        if kernel not in KERNELS:
            raise InputError(f"Unknown kernel '{kernel}'. Known kernels: {', '.join(KERNELS)}.")
        self.kernel = kernel
        self.neighbours = neighbours
        self.smoothing = smoothing
        self.length = length

    def _fit(self, points, stack, validation, monitor):
        known = average_coincident(concatenate(points, validation), monitor)
        require_systems(min(self.neighbours, len(known)))
        # Eastings and northings have seven digits; spacings near 1 keep the systems well posed.
        self._origin = known.xy.mean(axis=0)
        self.spacing_ = _spacing(known.xy)
        self._xy = self._scaled(known.xy)
        self._points = known
        self._tree = cKDTree(self._xy)

    def _predict(self, target, stack):
        xy = self._scaled(positions(target))
        count = min(self.neighbours, len(self._xy))
        step = max(1, _HELD // count)
        parts = [self._values_at(xy[i : i + step], count) for i in range(0, len(xy), step)]
        values = np.concatenate([np.empty(0), *(part for part, _ in parts)])
        note = (
            "{count} values are of the linear kernel, because the points near them do not "
            f"determine the kernel {self.kernel}."
        )
        return Prediction(values, notes=Counter({note: sum(count for _, count in parts)}))

    def _values_at(self, xy: np.ndarray, count: int) -> tuple[np.ndarray, int]:
        """Values (m,) at scaled positions (m, 2), and how many the linear kernel has given."""

        def near(part):
            return np.sort(self._tree.query(xy[part], np.arange(1, count + 1))[1], axis=1)

        index = np.concatenate(in_chunks(near, len(xy), 500))
        value, replaced = self._surface(self.kernel, xy, index), 0
        if self.kernel != "linear":
            values = self._points.values[index]
            margin = _FAR * np.ptp(values, axis=1) + 1e-6 * np.abs(values).max(axis=1)
            low, high = values.min(axis=1) - margin, values.max(axis=1) + margin
            wild = ~((value >= low) & (value <= high))
            if wild.any():
                value[wild] = self._surface("linear", xy[wild], index[wild])
            replaced = int(wild.sum())
        return value, replaced

    def _surface(self, kernel: str, xy: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Values (m,) at scaled positions (m, 2) whose neighbours, (m, k), are in order.

        Where points are few, many cells have the very same neighbours, and share their system.
        """
        rows = index.view(f"V{index.strides[0]}")[:, 0]
        _, first, which = np.unique(rows, return_index=True, return_inverse=True)
        epsilon = self.spacing_ / (self.length or self.spacing_)
        systems = _Systems(
            self._xy, self._points.values, index[first], kernel, self.smoothing, epsilon
        )
        parts = in_chunks(
            lambda part: systems.predict(xy[part], which[part]), len(xy), index.shape[1]
        )
        return np.concatenate(parts)

    def _scaled(self, xy: np.ndarray) -> np.ndarray:
        return (xy - self._origin) / self.spacing_


class _Systems:
    """The systems of neighbourhoods (s, k) of places (n, 2), solved, to be asked near them.

    What they say is NaN where a system is singular, or the places do not determine the polynomial.
    """

    def __init__(self, xy, values, index, kernel, smoothing, epsilon):
        self._xy, self._values, self._index = xy, values, index
        self._function = lambda square: _FUNCTIONS[kernel](epsilon**2 * square)
        self._degree, self._smoothing = KERNELS[kernel], smoothing
        places = xy[index]
        self._middle = places.mean(axis=1, keepdims=True)
        size = np.abs(places - self._middle).max(axis=(1, 2), keepdims=True)
        self._size = np.where(size > 0, size, 1)
        self._weights = np.concatenate(in_chunks(self._solved, len(index), index.shape[1] ** 2))

    def _basis(self, xy: np.ndarray, which) -> np.ndarray:
        """Monomials (m, t, p) at (m, t, 2)."""
        return monomials((xy - self._middle[which]) / self._size[which], self._degree)

    def _solved(self, part: slice) -> np.ndarray:
        """Weights (m, k + p) of the places and the monomials."""
        index = self._index[part]
        places, count = self._xy[index], index.shape[1]
        basis = self._basis(places, part)
        width = count + basis.shape[2]
        system = np.zeros((len(index), width, width))
        one, other = np.triu_indices(count, 1)
        x, y = np.ascontiguousarray(np.moveaxis(places, 2, 0))  # makes the next lines twice as fast
        square = np.square(x[:, one] - x[:, other]) + np.square(y[:, one] - y[:, other])
        system[:, one, other] = system[:, other, one] = self._function(square)
        each = np.arange(count)
        system[:, each, each] = self._function(0.0) + self._smoothing
        system[:, :count, count:] = basis
        system[:, count:, :count] = np.swapaxes(basis, 1, 2)
        right = np.zeros((len(index), width, 1))
        right[:, :count, 0] = self._values[index]
        sound = _determined(basis)
        system[~sound] = np.eye(width)
        weights = _solve(system, right)[..., 0]
        # Weights so large that what rounding leaves of their sum is no longer small.
        rest = np.abs(weights[:, :count]).sum(axis=1) * np.abs(system[:, 0, :count]).max(axis=1)
        values = self._values[index]
        least = _ROUNDED * np.ptp(values, axis=1) + 1e-6 * np.abs(values).max(axis=1)
        sound &= np.finfo(float).eps * rest <= least
        weights[~sound] = np.nan
        return weights

    def predict(self, xy: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Values (m,) at (m, 2), each by the neighbourhood `which`."""
        xy = xy[:, None]
        likeness = self._function(square_distance(xy, self._xy[self._index[which]]))
        terms = np.concatenate([likeness, self._basis(xy, which)[:, 0]], axis=1)
        return (terms * self._weights[which]).sum(axis=1)


def _solve(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solutions (m, k, 1) of systems (m, k, k), NaN of those that are singular."""
    try:
        return np.linalg.solve(system, right)
    except np.linalg.LinAlgError:
        if len(system) == 1:
            return np.full_like(right, np.nan)
        half = len(system) // 2
        return np.concatenate(
            [_solve(system[part], right[part]) for part in (slice(half), slice(half, None))]
        )


def _spacing(xy: np.ndarray) -> float:
    """Median distance between each of the distinct positions (n, 2) and its nearest neighbour."""
    if len(xy) < 2:
        return 1.0
    return float(np.median(cKDTree(xy).query(xy, k=2)[0][:, 1]))


def _determined(basis: np.ndarray) -> np.ndarray:
    """Whether neighbourhoods whose places have these monomials (m, k, p) determine them, (m,)."""
    if basis.shape[1] < basis.shape[2]:
        return np.zeros(len(basis), bool)
    eigenvalues = np.linalg.eigvalsh(np.swapaxes(basis, 1, 2) @ basis)
    return eigenvalues[:, 0] > _FLAT**2 * eigenvalues[:, -1]
