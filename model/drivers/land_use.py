"""Land use: a forest that learns from polygons, clusters, or another map's classes put together."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import to_hex
from sklearn.cluster import MiniBatchKMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import StandardScaler

from ..errors import InputError

TABLES = Path(__file__).absolute().parents[2] / "resources" / "land_cover"
MAX_CODE = 255
MAX_PER_CLASS = 10_000
FOLDS = 5

_TREES = 100
_CODES = re.compile(r"(-?\d+)(?:\s*-\s*(-?\d+))?")
_CLASS = re.compile(r"(\d+)\s*(.*)")


def _read(table: str) -> list[dict]:
    with open(TABLES / f"{table}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def legend(names: dict[int, str]) -> dict[int, tuple[str, str]]:
    """Name and colour of each class; those that are called as the plugin's have their colours."""
    known = {row["name"]: row["colour"] for row in _read("classes")}
    others = matplotlib.colormaps["tab20"]
    return {
        code: (name, known.get(name.lower(), to_hex(others(i % others.N))))
        for i, (code, name) in enumerate(sorted(names.items()))
    }


@dataclass(frozen=True)
class Rule:
    """Codes `low` to `high` of the other map, called `name` there, become the class `target`."""

    low: int
    high: int
    target: int
    name: str = ""

    def __str__(self) -> str:
        codes = f"{self.low}" if self.low == self.high else f"{self.low}-{self.high}"
        return f"{codes} = {self.target}"


class Reclassification:
    """Which class each code of another map becomes.

    Parameters
    ----------
    rules : list of Rule
    names : dict of int to str
        Names of the classes.

    Raises
    ------
    InputError
        If two rules hold the same code.
    """

    def __init__(self, rules: list[Rule], names: dict[int, str]):
        self.rules = sorted(rules, key=lambda rule: rule.low)
        self.names = names
        for rule, following in zip(self.rules, self.rules[1:]):
            if following.low <= rule.high:
                raise InputError(
                    f"Two of the RULES hold the code {following.low}: '{rule}' and '{following}'. "
                    "Each code can become one class only."
                )

    @classmethod
    def preset(cls, table: str) -> Reclassification:
        """ESA WorldCover ("worldcover") or CORINE level 3 ("corine") to the plugin's classes."""
        names = {int(row["class"]): row["name"] for row in _read("classes")}
        rules = [
            Rule(int(code), int(code), int(row["class"]), row["name"])
            for row in _read(table)
            for code in row["codes"].split()
        ]
        return cls(rules, {code: names[code] for code in sorted({rule.target for rule in rules})})

    @classmethod
    def parse(cls, text: str) -> Reclassification:
        """What the user wrote: "50 = 1 built-up; 40, 30 = 2 vegetation; 111-142 = 1".

        Raises
        ------
        InputError
            If that cannot be understood, or contradicts itself; it names the part.
        """
        rules = []
        names: dict[int, str] = {}
        for entry in filter(None, map(str.strip, re.split(r"[;\n]", text))):
            codes, _, becomes = entry.partition("=")
            parts = codes.split(",")
            spans = [span for part in parts if (span := _CODES.fullmatch(part.strip()))]
            target = _CLASS.fullmatch(becomes.strip())
            if not target or len(spans) < len(parts):
                raise InputError(
                    f"RULES holds '{entry}'. Write codes = class and its name, separated by ';', "
                    "for instance: 50 = 1 built-up; 30, 40 = 2 vegetation; 111-142 = 1."
                )
            code, name = int(target[1]), target[2]
            if not 1 <= code <= MAX_CODE:
                raise InputError(f"RULES holds '{entry}'. Classes are numbers from 1 to 255.")
            if name and names.get(code, name) != name:
                raise InputError(f"RULES calls class {code} both '{names[code]}' and '{name}'.")
            if name or code not in names:
                names[code] = name
            for span in spans:
                low, high = int(span[1]), int(span[2] or span[1])
                if high < low:
                    raise InputError(f"RULES holds '{entry}', where {low} is more than {high}.")
                rules.append(Rule(low, high, code))
        if not rules:
            raise InputError("RULES is empty. TABLE own needs rules such as: 50 = 1 built-up.")
        return cls(rules, {code: names[code] or f"class {code}" for code in sorted(names)})

    def find(self, codes: np.ndarray) -> np.ndarray:
        """Indices (n,) of the rules for codes (n,), -1 where there is none."""
        index = np.searchsorted([rule.low for rule in self.rules], codes, side="right") - 1
        highs = np.array([rule.high for rule in self.rules])
        return np.where((index >= 0) & (codes <= highs[index]), index, -1)

    def apply(self, codes: np.ndarray) -> np.ndarray:
        """Classes (n,) of codes (n,), 0 where there is no rule."""
        targets = np.array([*(rule.target for rule in self.rules), 0], np.uint8)
        return targets[self.find(codes)]


class Forest:
    """A random forest (Breiman, 2001, doi:10.1023/A:1010933404324) of 100 trees.

    Parameters
    ----------
    seed : int

    Attributes
    ----------
    classes_ : ndarray (k,)
    importance_ : ndarray (bands,)
        Mean decrease of the Gini impurity, with sum 1.
    out_of_bag_ : ndarray (n,)
        Class of each training cell by the votes of the trees that had not drawn it; 0 if all had.
    held_out_ : ndarray (n,)
        Class of each training cell by forests that had seen nothing of its polygon; 0 for a class
        with a single polygon, which cannot be held out.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def fit(self, cells: np.ndarray, labels: np.ndarray, polygons: np.ndarray) -> Forest:
        """Learn from cells (n, bands), their classes (n,) and the polygons (n,) they lie in."""
        self._forest = self._grow(cells, labels, oob_score=True)
        self.classes_ = self._forest.classes_
        self.importance_ = self._forest.feature_importances_
        votes = self._forest.oob_decision_function_
        voted = ~np.isnan(votes).any(axis=1)
        self.out_of_bag_ = np.where(voted, self.classes_[np.argmax(votes, axis=1)], 0)
        self.held_out_ = np.zeros_like(labels)
        fold = self._folds(labels, polygons)
        for held in np.unique(fold[fold >= 0]):
            rest, out = fold != held, fold == held
            self.held_out_[out] = self._grow(cells[rest], labels[rest]).predict(cells[out])
        return self

    def predict(self, cells: np.ndarray) -> np.ndarray:
        """Classes (n,) of cells (n, bands)."""
        return self._forest.predict(cells)

    def _grow(self, cells, labels, **options) -> RandomForestClassifier:
        forest = RandomForestClassifier(_TREES, random_state=self.seed, n_jobs=-1, **options)
        return forest.fit(cells, labels)

    def _folds(self, labels: np.ndarray, polygons: np.ndarray) -> np.ndarray:
        """A fold for each cell, -1 for never held out.

        The polygons of each class are dealt out, so that no fold takes the last one of a class.
        """
        random = np.random.default_rng(self.seed)
        fold = np.full(len(labels), -1)
        for label in np.unique(labels):
            of_class = random.permutation(np.unique(polygons[labels == label]))
            if len(of_class) > 1:
                for i, polygon in enumerate(of_class):
                    fold[polygons == polygon] = i % FOLDS
        return fold


def accuracy(labels: np.ndarray, predicted: np.ndarray) -> float | None:
    """Share of the cells with a prediction (not 0) that have the right one; None without any."""
    known = predicted != 0
    return float((labels == predicted)[known].mean()) if known.any() else None


class Clusters:
    """K-means on standardised bands, by mini-batches (Sculley, 2010, doi:10.1145/1772690.1772862).

    Clusters are numbered from 1 in the order of their centres in the first band.

    Parameters
    ----------
    count : int
    seed : int

    Attributes
    ----------
    centres_ : ndarray (count, bands)
        In the bands' units.
    inertia_ : float
        Mean squared distance of the sample to the nearest centre, in standard deviations.
    """

    def __init__(self, count: int, seed: int = 0):
        self.count = count
        self.seed = seed

    def fit(self, sample: np.ndarray) -> Clusters:
        """Learn from cells (n, bands).

        Raises
        ------
        InputError
            If fewer cells differ than there are to be clusters.
        """
        distinct = len(np.unique(sample, axis=0))
        if distinct < self.count:
            raise InputError(
                f"The image has only {distinct} different cells, too few for {self.count} classes. "
                "Choose fewer CLASSES or another image."
            )
        self._scaler = StandardScaler().fit(sample)
        self._means = MiniBatchKMeans(
            self.count, batch_size=4096, n_init=10, random_state=self.seed
        ).fit(self._scaler.transform(sample))
        centres = self._scaler.inverse_transform(self._means.cluster_centers_)
        order = np.lexsort(centres.T[::-1])
        self.centres_ = centres[order]
        self._codes = np.argsort(order) + 1
        self.inertia_ = float(self._means.inertia_ / len(sample))
        return self

    def predict(self, cells: np.ndarray) -> np.ndarray:
        """Clusters (n,), 1 to count, of cells (n, bands)."""
        return self._codes[self._means.predict(self._scaler.transform(cells))]
