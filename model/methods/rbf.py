"""Radial basis functions."""

from __future__ import annotations

import numpy as np
from scipy import special
from scipy.spatial import cKDTree

from ..errors import InputError
from ..grid import Window
from ..monitor import SILENT
from .base import Method, joined, merged, positions
from .moving_least_squares import monomials
from .shared import distance, in_chunks, map_in_blocks

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

# As in `scipy.interpolate.RBFInterpolator`, whose loop over the neighbourhoods takes long.
_FUNCTIONS = {
    "linear": lambda r: -r,
    "thin_plate_spline": lambda r: special.xlogy(r * r, r),
    "cubic": lambda r: r * r * r,
    "quintic": lambda r: -(r * r) * (r * r) * r,
    "multiquadric": lambda r: -np.sqrt(r * r + 1),
    "inverse_multiquadric": lambda r: 1 / np.sqrt(r * r + 1),
    "gaussian": lambda r: np.exp(-r * r),
}
_SHARE = 0.05  # of the neighbours' standard deviation: what neighbourhoods may change
_FLAT = 1e-3  # a neighbourhood this many times narrower than long is taken for a line
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
    counted_ : int
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
        self._points = known
        self._tree = cKDTree(self._xy)
        self.counted_ = 0
        return self

    def predict(self, target, stack=None):
        """See `Method`; a window's cells share neighbourhoods, see `shared.map_in_blocks`."""
        if isinstance(target, Window):
            said = map_in_blocks(target, self, self._points.xy, layers=2)
        else:
            xy = positions(target)

            def some(part):
                return self.systems(self.near(xy[part]))(xy[part, None])[..., 0]

            count = min(self.neighbours, len(self._xy))
            said = np.hstack([np.empty((2, 0)), *in_chunks(some, len(xy), count**2)])
        self.counted_ += int(said[1].sum())
        return said[0], None

    def near(self, xy: np.ndarray) -> np.ndarray:
        """Indices (m, k) of the neighbours of positions (m, 2), for `shared.map_in_blocks`."""
        count = min(self.neighbours, len(self._xy))
        return self._tree.query(self._scaled(xy), k=np.arange(1, count + 1))[1]

    def systems(self, index: np.ndarray):
        """What neighbourhoods (m, k) say: values, and whether (1 or 0) the linear kernel's."""
        places, values = self._xy[index], self._points.values[index]
        margin = _FAR * np.ptp(values, axis=1) + 1e-6 * np.abs(values).max(axis=1)
        low, high = values.min(axis=1) - margin, values.max(axis=1) + margin
        own = self._systems(places, values, self.kernel)

        def say(xy, which=slice(None)):
            xy = self._scaled(xy)
            value = own(xy, which)
            if self.kernel == "linear":
                return np.stack([value, np.zeros_like(value)])
            wild = ~((value >= low[which, None]) & (value <= high[which, None]))
            some = wild.any(axis=1)
            linear = self._systems(places[which][some], values[which][some], "linear")
            value[some] = np.where(wild[some], linear(xy[some]), value[some])
            return np.stack([value, wild])

        return say

    def allowed(self, index: np.ndarray, said: np.ndarray) -> np.ndarray:
        """How far what other neighbours say may be from what these say."""
        return _SHARE * self._points.values[index].std(axis=1)

    def remarks(self):
        if not self.counted_:
            return []
        return [
            f"{self.counted_} values are of the linear kernel, because the points near them do "
            f"not determine the kernel {self.kernel}."
        ]

    def _scaled(self, xy: np.ndarray) -> np.ndarray:
        return (xy - self._origin) / self.spacing_

    def _systems(self, places, values, kernel):
        epsilon = self.spacing_ / (self.length or self.spacing_)
        return _Systems(places, values, kernel, self.smoothing, epsilon)


class _Systems:
    """The systems of neighbourhoods (m, k), solved, to be asked at any places near them.

    What they say is NaN where a system is singular, or the places do not determine the polynomial.
    """

    def __init__(self, places, values, kernel, smoothing, epsilon):
        self._function = lambda distance: _FUNCTIONS[kernel](epsilon * distance)
        self._places, self._degree = places, KERNELS[kernel]
        self._middle = places.mean(axis=1, keepdims=True)
        size = np.abs(places - self._middle).max(axis=(1, 2), keepdims=True)
        self._size = np.where(size > 0, size, 1)
        basis = monomials((places - self._middle) / self._size, self._degree)
        count, width = places.shape[1], places.shape[1] + basis.shape[2]
        system = np.zeros((len(places), width, width))
        system[:, :count, :count] = self._function(distance(places[:, :, None], places[:, None]))
        each = np.arange(count)
        system[:, each, each] += smoothing
        system[:, :count, count:] = basis
        system[:, count:, :count] = np.swapaxes(basis, 1, 2)
        right = np.zeros((len(places), width, 1))
        right[:, :count, 0] = values
        sound = _determined(basis)
        system[~sound] = np.eye(width)
        self._weights = _solve(system, right)
        self._weights[~sound] = np.nan

    def __call__(self, xy: np.ndarray, which=slice(None)) -> np.ndarray:
        """Values (m, t) at positions (m, t, 2)."""
        terms = [
            self._function(distance(xy[:, :, None], self._places[which, None])),
            monomials((xy - self._middle[which]) / self._size[which], self._degree),
        ]
        return (np.concatenate(terms, axis=2) @ self._weights[which])[..., 0]


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
