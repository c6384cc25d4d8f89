"""The krigings, and what trees see of a place beside what these predict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial import cKDTree

from ...geostatistics.kriging import KrigingSystems
from ...geostatistics.neighbours import Neighbours
from ...geostatistics.variogram import Variogram
from ...machine.threads import in_chunks
from ...spatial.points import Points
from .space import JITTER, Space, SquareRoot, distances

_NEIGHBOURS, _NEAREST = 64, 8
_WILD = 8.0  # times what its neighbours miss each other by: a point that does is no example


@dataclass(frozen=True)
class Expertise:
    """What points say of m places.

    Parameters
    ----------
    experts : ndarray (m, e)
        What each of them predicts.
    features : ndarray (m, f)
        What trees see.
    deviation : ndarray (m,)
        Kriging's.
    """

    experts: np.ndarray
    features: np.ndarray
    deviation: np.ndarray

    @classmethod
    def concatenate(cls, parts: Iterable[Expertise]) -> Expertise:
        """Several places' as one."""
        parts, names = list(parts), [each.name for each in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class Experts:
    """Ordinary kriging, and kriging in a space of positions and drivers, of values and roots.

    Parameters
    ----------
    variogram : Variogram
        Of ordinary kriging.
    space : Space
    root : SquareRoot
    """

    def __init__(self, variogram: Variogram, space: Space, root: SquareRoot):
        self._variogram, self._space, self._root = variogram, space, root

    def fit(self, points: Points, drivers: np.ndarray) -> Experts:
        """Learn from points and their drivers' features (n, f)."""
        self._take(points, drivers, self._space.transform(points.xy, drivers))
        self._noise = self._find_noise()
        return self

    def part(self, index: np.ndarray) -> Experts:
        """As if only some of the points were known, each as noisy as it is among all."""
        part = Experts(self._variogram, self._space, self._root)
        part._take(self._points[index], self._drivers[index], self._places[index])
        part._noise = self._noise[index]
        return part

    def predict(self, xy: np.ndarray, drivers: np.ndarray) -> Expertise:
        """What is said of places (m, 2) with drivers' features (m, f)."""
        parts = in_chunks(
            lambda part: self._predict(xy[part], drivers[part]), len(xy), _NEIGHBOURS**2
        )
        return Expertise.concatenate(parts or [self._predict(xy, drivers)])

    def _take(self, points: Points, drivers: np.ndarray, places: np.ndarray) -> None:
        self._points, self._drivers, self._places = points, drivers, places
        self._roots = self._root.transform(points.values)
        self._near = Neighbours(points.xy, _NEIGHBOURS)
        self._tree = cKDTree(points.xy)

    def _find_noise(self) -> np.ndarray:
        """Variance (n,) of points that others predict far worse than their neighbours; else 0."""
        nugget = self._space.nugget
        noise = np.full(len(self._points), nugget)
        index = self._near.find(self._points.xy, np.arange(len(noise)))

        def score(part, noise):
            near = index[part]
            weights, variance = self._space.krige(
                self._places[near], self._places[part], noise[near]
            )
            error = (weights * self._roots[near]).sum(axis=1) - self._roots[part]
            return np.stack([np.abs(error) / np.sqrt(variance), variance])

        for _ in range(2):  # the second time wild points no longer accuse their neighbours
            parts = in_chunks(
                lambda part, noise=noise: score(part, noise), len(noise), _NEIGHBOURS**2
            )
            scores, variance = np.hstack(parts)
            usual = np.median(scores[index], axis=1) / 0.6745 + 1e-300
            wild = np.maximum(np.square(scores / (_WILD * usual)) - 1, 0)
            noise = nugget + variance * wild
        return noise

    def _predict(self, xy: np.ndarray, drivers: np.ndarray) -> Expertise:
        index = self._near.find(xy)
        places, values = self._points.xy[index], self._points.values[index]
        between, towards = distances(places, xy)
        weights, variance = KrigingSystems(self._variogram(between), jitter=JITTER).weights(
            self._variogram(towards)
        )
        kriged = (weights * values).sum(axis=1)
        linear, _ = self._space.krige(
            self._places[index], self._space.transform(xy, drivers), self._noise[index]
        )
        rooted = self._root.inverse_transform((linear * self._roots[index]).sum(axis=1))
        experts = np.column_stack([kriged, (linear * values).sum(axis=1), rooted])

        deviation = np.sqrt(variance)
        share = np.abs(weights) / np.abs(weights).sum(axis=1, keepdims=True)
        apart = values - kriged[:, None]
        distance, nearest = self._tree.query(xy, np.arange(1, _NEAREST + 1))
        around = self._points.values[nearest] - kriged[:, None]
        sectors = np.sort(towards, axis=1)
        features = [
            experts[:, 1:] - kriged[:, None],
            kriged,
            deviation,
            np.log1p(distance[:, [0, 3, 7]]),
            np.log1p(sectors[:, [3 * sectors.shape[1] // 4, -1]]),
            np.linalg.norm((places - xy[:, None]).mean(axis=1), axis=1) / towards.mean(axis=1),
            np.sqrt((share * np.square(apart)).sum(axis=1)),
            apart.min(axis=1),
            apart.max(axis=1),
            around.min(axis=1),
            around.max(axis=1),
            around[:, 0],
            drivers,
            drivers - np.einsum("mk,mkf->mf", weights, self._drivers[index]),
        ]
        return Expertise(experts, np.column_stack(features).astype(np.float32), deviation)
