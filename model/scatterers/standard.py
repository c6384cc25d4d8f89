"""PS points of any source as standard fields: millimetres, positive up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import chain

import numpy as np
import pyarrow as pa
from rasterio.crs import CRS

from ..errors import InputError
from ..files.columns import number_text
from ..files.fill_values import FillValues
from ..monitor import Monitor
from .layout import Batch, Source
from .series import slopes, spans
from .units import MILLIMETRES, MOTION, choose_sign, choose_units


class Standardizer:
    """Brings a source to the standard fields, and counts what it leaves out.

    Parameters
    ----------
    source : Source
    parameters : dict
        `positive` ("auto", "up" or "subsidence"), `projection` ("line_of_sight" or "vertical"),
        and the units that `choose_units` takes.
    monitor : Monitor

    Attributes
    ----------
    factors : dict
        What turns the source's velocity and displacement into mm, positive up.
    skipped : Counter
        Number of points by reason, complete after `tables`.
    shortened : int
        Number of points whose displacement spans less than the whole period.
    missing : int
        Number of missing values in the series.
    single : int
        Number of points with one date, which shows no motion.
    fills : dict of str to FillValues
        What the numbers of each column were that mean nothing.
    filled : Counter
        Number of points without a velocity or displacement of their own that got it from their
        series.

    Raises
    ------
    InputError
        If units or sign are neither stated nor given, or contradict the values; or if the
        positions contradict their CRS.
    """

    def __init__(self, source: Source, parameters: dict, monitor: Monitor):
        self.source = source
        self.layout = source.layout
        self.monitor = monitor
        self.dates = list(self.layout.dates)
        self.skipped: Counter = Counter()
        self.shortened = self.missing = self.single = 0
        self.fills: dict[str, FillValues] = {}
        self._looked: set[str] = set()
        self._coherence: Counter = Counter()
        self._highest = -np.inf
        self.filled: Counter = Counter()
        self._crs = CRS.from_user_input(source.crs)
        self._years = np.array([day.toordinal() for day in self.dates]) / 365.25
        self._years -= self._years.mean() if self.dates else 0
        self._vertical = self._choose_projection(parameters.get("projection", "line_of_sight"))
        self._batches = self._clean(source.read(self.skipped))
        first = next(self._batches, None)
        if first is None:
            raise InputError(f"There are no points.{_counts(self.skipped)}")
        self._batches = chain([first], self._batches)
        self._check_places(first)
        self._check_sight(first)
        sign = choose_sign(self.layout, parameters.get("positive", "auto"), monitor)
        units = choose_units(self.layout, parameters, first, self._years, monitor)
        self.factors = {name: sign * MILLIMETRES[units[name]] for name in units}

    def tables(self) -> Iterator[pa.Table]:
        """The points with "x", "y" and the standard fields, batch by batch.

        Raises
        ------
        InputError
            If no point can be used.
        """
        numbered = 0
        kept = 0
        for batch in self._batches:
            numbers = np.arange(numbered + 1, numbered + 1 + len(batch.xy))
            numbered += len(batch.xy)
            table = self._standard(batch, numbers)
            kept += table.num_rows
            self.monitor.progress(batch.done)
            if table.num_rows:
                yield table
        if not kept:
            raise InputError(f"No point can be used.{_counts(self.skipped)}")

    def log_counts(self) -> None:
        """Report what was left out."""
        for name, fill in self.fills.items():
            for sentence in fill.sentences(outliers=name not in "xy"):
                self.monitor.log(sentence, "warning")
        for reason, count in self.skipped.items():
            if count:
                self.monitor.log(f"Skipped, {reason}: {count:,}.", "warning")
        if count := self._coherence["beyond"]:
            self.monitor.log(
                f"{self.layout.columns['coherence']} should be a coherence, from 0 to 1, but "
                f"{count:,} of {self._coherence['known']:,} values are beyond, up to "
                f"{self._highest:.6g}. They are kept as they are. If they are percent or go to "
                "255, divide the column before you select points by it.",
                "warning",
            )
        if self.single:
            self.monitor.log(
                f"Points with a value on a single date, which shows no motion: {self.single:,}. "
                "What their series would have given is NULL.",
                "warning",
            )
        if self.missing:
            self.monitor.log(f"Missing values in the time series: {self.missing:,}.")
        for name, count in self.filled.items():
            if count:
                self.monitor.log(
                    f"Points whose {name} is missing; their series gave it: {count:,}."
                )
        if self.shortened:
            self.monitor.log(
                f"Points without the first or the last date: {self.shortened:,}. Their "
                "displacement is from the first to the last date that they have.",
                "warning",
            )

    def _clean(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches with NaN for the numbers that mean nothing."""
        for batch in batches:
            given = self._quantities(batch)
            self._look_ahead([name for name in given if self._fill(name).is_open(given[name])])
            clean = {name: self._fill(name).remove(values) for name, values in given.items()}
            xy = np.column_stack([clean.pop("x"), clean.pop("y")])
            series = clean.pop("dates", batch.series)
            yield replace(batch, xy=xy, columns={**batch.columns, **clean}, series=series)

    def _quantities(self, batch: Batch) -> dict[str, np.ndarray]:
        """What a batch holds of numbers, by the names of `fills`."""
        columns = {name: values for name, values in batch.columns.items() if name != "ps_id"}
        series = {"dates": batch.series} if self.dates else {}
        return {**columns, **series, "x": batch.xy[:, 0], "y": batch.xy[:, 1]}

    def _look_ahead(self, names: list[str]) -> None:
        """Read on until other values show whether -999 of some columns means nothing.

        A table sorted by value may begin with nothing else.
        """
        names = [name for name in names if name not in self._looked]
        self._looked.update(names)
        for batch in self.source.read(Counter()) if names else ():
            given = self._quantities(batch)
            names = [name for name in names if not self._fill(name).learn(given[name])]
            if not names:
                break

    def _fill(self, name: str) -> FillValues:
        title = {"dates": "the time series", "x": "the positions (x)", "y": "the positions (y)"}
        column = self.layout.columns.get(name, name)
        return self.fills.setdefault(name, FillValues(title.get(name, f"the column {column}")))

    def _standard(self, batch: Batch, numbers: np.ndarray) -> pa.Table:
        series = batch.series
        columns = {name: values for name, values in batch.columns.items() if name != "ps_id"}
        keep = self._usable(batch.xy, columns, series)
        if not keep.all():
            series = series[:, keep]
            columns = {name: values[keep] for name, values in columns.items()}
        series = series * (self.factors.get("displacement", 1.0) / self._cosine(columns))
        for name in (*MOTION, "velocity_std"):
            if name in columns:
                factor = self.factors["displacement" if name == "displacement" else "velocity"]
                factor = abs(factor) if name == "velocity_std" else factor
                columns[name] = columns[name] * (factor / self._cosine(columns))
        if self.dates:
            present = np.isfinite(series)
            self.missing += int(present.size - present.sum())
            self.single += int((present.sum(axis=0) == 1).sum())
            self._complete(columns, "velocity", series)
            spanned = self._complete(columns, "displacement", series)
            whole = present[0] & present[-1]
            self.shortened += int((spanned & ~whole).sum())
        self._watch_coherence(columns)
        identity = batch.columns.get("ps_id")
        identity = pa.array(numbers) if identity is None else identity
        fields = {
            "x": batch.xy[keep, 0],
            "y": batch.xy[keep, 1],
            "ps_id": _texts(identity.filter(pa.array(keep))),
            "velocity_mm_yr": columns.get("velocity"),
            "displacement_mm": columns.get("displacement"),
            "coherence": columns.get("coherence"),
            "amplitude_dispersion": columns.get("amplitude_dispersion"),
            "height_m": columns.get("height"),
            "velocity_std": columns.get("velocity_std"),
            **{f"D{day:%Y%m%d}": values for day, values in zip(self.dates, series)},
        }
        count = int(keep.sum())
        return pa.table({name: _column(values, count) for name, values in fields.items()})

    def _complete(self, columns: dict, name: str, series: np.ndarray) -> np.ndarray:
        """Take from the series what the points lack; gives which points got it."""
        values = columns.setdefault(name, np.full(series.shape[1], np.nan))
        lacking = np.isnan(values)
        if lacking.any():
            own = series if lacking.all() else series[:, lacking]
            values[lacking] = slopes(self._years, own) if name == "velocity" else spans(own)
        got = lacking & np.isfinite(values)
        if name in self.layout.columns:
            self.filled[name] += int(got.sum())
        return got

    def _watch_coherence(self, columns: dict) -> None:
        values = columns.get("coherence", np.empty(0))
        beyond = (values < 0) | (values > 1.001)  # float32 may go a little beyond
        self._coherence["known"] += int(np.isfinite(values).sum())
        if beyond.any():
            self._coherence["beyond"] += int(beyond.sum())
            self._highest = max(self._highest, float(values[beyond].max()))

    def _usable(self, xy: np.ndarray, columns: dict, series: np.ndarray) -> np.ndarray:
        """Which points have a position, a number and, if needed, a line of sight."""
        keep = np.isfinite(xy).all(axis=1)
        if self._crs.is_geographic:
            keep &= _on_globe(xy)
        self._count("no position", ~keep)
        moving = [np.isfinite(columns[name]) for name in MOTION if name in columns]
        if self.dates:
            moving.append(np.isfinite(series).any(axis=0))
        if moving:
            known = np.any(moving, axis=0)
            self._count("no velocity, displacement or series", keep & ~known)
            keep &= known
        if self._vertical:
            with np.errstate(invalid="ignore"):
                seen = self._cosine(columns) > 0.01
            self._count("no line of sight", keep & ~seen)
            keep &= seen
        return keep

    def _count(self, reason: str, which: np.ndarray) -> None:
        self.skipped[reason] += int(which.sum())

    def _cosine(self, columns: dict) -> np.ndarray | float:
        """Share of a vertical motion that is along the line of sight."""
        if not self._vertical:
            return 1.0
        if self._vertical == "los_up":
            return np.abs(columns["los_up"])
        return np.cos(np.radians(columns["incidence_angle"]))

    def _choose_projection(self, projection: str) -> str:
        """The column that gives the line of sight, or nothing if there is nothing to do."""
        if projection != "vertical":
            return ""
        if self.layout.format.vertical:
            self.monitor.log("The displacements are vertical as they are; nothing is projected.")
            return ""
        name = next(
            (each for each in ("los_up", "incidence_angle") if each in self.layout.columns), ""
        )
        if not name:
            raise InputError(
                "PROJECTION vertical needs the line of sight, but no column holds los_up or "
                "incidence_angle. Name it in COLUMNS, or take line_of_sight."
            )
        divisor = "los_up" if name == "los_up" else "the cosine of the incidence angle"
        self.monitor.log(
            f"Projected from the line of sight to the vertical by dividing by {divisor}, on the "
            "assumption that nothing moves horizontally."
        )
        return name

    def _check_places(self, batch: Batch) -> None:
        """Refuse positions that the CRS cannot have: metres in degrees, or degrees in metres."""
        xy = batch.xy
        xy = xy[np.isfinite(xy).all(axis=1)]
        globe = _on_globe(xy)
        crs = self._crs
        if not len(xy):
            return
        if crs.is_geographic and globe.mean() < 0.5:
            trouble = "counts in degrees, with x to 360 and y to 90"
        elif crs.is_projected and crs.linear_units_factor[1] == 1 and globe.all():
            trouble = "counts in metres, and these look like degrees"
        else:
            return
        x, y = np.median(xy, axis=0)
        raise InputError(
            f"The positions, from {self.source.places}, are about x = {x:.10g}, y = {y:.10g}, but "
            f"their CRS {name_crs(self.source.crs)} {trouble}. Correct the CRS, or name "
            "in COLUMNS which columns are x and y, or longitude and latitude."
        )

    def _check_sight(self, batch: Batch) -> None:
        if not self._vertical:
            return
        values = np.abs(batch.columns[self._vertical])
        typical = float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan
        column = self.layout.columns[self._vertical]
        if self._vertical == "los_up" and typical > 1:
            raise InputError(
                f"{column} is about {typical:.3g}, but los_up is a cosine, at most 1. If it is the "
                f"incidence angle in degrees, set COLUMNS to los_up=; incidence_angle={column}."
            )
        if self._vertical == "incidence_angle" and typical < 2:
            raise InputError(
                f"{column} is about {typical:.3g}, but the incidence angle is in degrees. If it is "
                f"its cosine, set COLUMNS to los_up={column}."
            )


def period(dates: list[date]) -> str:
    """How many dates, from when to when."""
    return f"{len(dates)} dates, {dates[0]} to {dates[-1]}" if dates else "no time series"


def name_crs(crs: str) -> str:
    """The code of a CRS, or the name in its WKT."""
    return crs.split('"')[1] if '"' in crs else crs


def _on_globe(xy: np.ndarray) -> np.ndarray:
    """Which positions can be in degrees."""
    return (np.abs(xy) <= [360, 90]).all(axis=1)


def _column(values, count: int) -> pa.Array:
    if values is None:
        return pa.nulls(count, pa.float64())
    return values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True)


def _texts(identity: pa.Array) -> pa.Array:
    """Identities as texts: 123456789012 for a real number without decimals."""
    if not pa.types.is_floating(identity.type):
        return identity.cast(pa.string())
    numbers = identity.to_numpy(zero_copy_only=False)
    return pa.array([number_text(number) or None for number in numbers.tolist()], pa.string())


def _counts(skipped: Counter) -> str:
    reasons = "; ".join(f"{reason}: {count:,}" for reason, count in skipped.items() if count)
    return f" Skipped: {reasons}." if reasons else ""
