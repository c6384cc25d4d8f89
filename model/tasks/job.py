"""What the tasks share: the request's inputs as objects, and the growing result."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np

from ..engine import make_engine
from ..errors import InputError, shown
from ..files.archive import save_arrays
from ..files.schema import LARGEST
from ..methods.base import Method, sentences
from ..methods.catalogue import make
from ..monitor import Monitor
from ..protocol import FIELD
from ..report.subject import Subject
from ..spatial.grid import Grid
from ..spatial.points import Points
from ..spatial.stack import Encoding, Stack, read_stack
from ..statistics.conformal import Intervals
from ..validation.evaluation import Evaluation

DEFAULT_BLOCK_SIZE = 5000.0


def _in_a_line(name: str) -> str:
    return shown(" ".join(name.split("\n")))


class Parameters(dict):
    """What the user set, by name."""

    def __missing__(self, name: str):
        raise InputError(f"The request cannot be used: its parameter {name.upper()} is missing.")


class Job:
    """A request in its folder, and the result that is being made.

    Parameters
    ----------
    folder : Path
    request : dict
    monitor : Monitor

    Attributes
    ----------
    grid : Grid
        To be asked for only if the request has one.
    parameters : dict
        Only what the user set.
    result : dict
        "files", "points", "numbers" and "classes" (names of a raster's classes by code), each by
        output.
    engine : Engine
        Where tiles and folds are computed.
    """

    def __init__(self, folder: Path, request: dict, monitor: Monitor):
        self.folder = folder
        self.request = request
        self.monitor = monitor
        self.parameters = Parameters(request["parameters"])
        self.engine = make_engine(request.get("engine", "local"))
        self.result: dict[str, dict] = {"files": {}, "points": {}, "numbers": {}, "classes": {}}

    @cached_property
    def grid(self) -> Grid:
        return Grid.from_dict(self.request["grid"])

    @property
    def seed(self) -> int:
        """Of all that is drawn at random."""
        return self.parameters.get("seed", 0)

    def wants(self, output: str) -> bool:
        """Whether the user asked for an output."""
        return output in self.request["outputs"]

    def file(self, output: str, suffix: str) -> Path:
        """Where the file of an output goes, entered into the result."""
        name = output.lower() + suffix
        self.result["files"][output] = name
        return self.folder / name

    def write_points(self, output: str, xy: np.ndarray | None, **fields: np.ndarray) -> None:
        """Write points with their fields as an output; without `xy` a table without places."""
        name = output.lower() + ".npz"
        self.result["points"][output] = name
        save_arrays(self.folder / name, **({} if xy is None else {"xy": xy}), **fields)

    def write_error_points(self, points: Points, predicted: np.ndarray, **more) -> None:
        """Write ERROR_POINTS: observed, predicted, error (predicted minus observed), absolute."""
        error = predicted - points.values
        self.write_points(
            "ERROR_POINTS",
            points.xy,
            observed=points.values,
            predicted=predicted,
            error=error,
            absolute_error=np.abs(error),
            **more,
        )

    def save_model(self, evaluation: Evaluation, stack: Stack | None, intervals: Intervals) -> None:
        """Write MODEL, if the evaluated method has a model file; else say so in the log."""
        method = evaluation.method
        if not method.has_model:
            self.monitor.log(f"{method.title} has no model file: MODEL is not written.", "warning")
            return
        subject = self.subject
        about = {
            "drivers": [{"name": name, "kind": kind} for name, kind in subject.drivers],
            "grid": self.grid.to_dict(),
            "field": subject.field,
            "unit": subject.unit,
            "positive": subject.positive,
            "split": evaluation.split_title,
            "metrics": {part: evaluation.metrics(part) for part in evaluation.split.parts()},
        }
        method.save(self.file("MODEL", ".zip"), stack, intervals, evaluation.points, about)

    def arrays(self, file: str) -> dict[str, np.ndarray]:
        """The arrays of a table in the job folder: `xy` (n, 2), and one (n,) for each field."""
        with np.load(self.folder / file, allow_pickle=False) as arrays:
            return {name.removeprefix(FIELD): arrays[name] for name in sorted(arrays.files)}

    def method(self, name: str, **given) -> Method:
        """A method with the seed, the request's preset, and what else of these it takes."""
        method = make(name)
        given |= {"seed": self.seed, "preset": self.parameters.get("preset", "standard")}
        return method.clone(**{key: given[key] for key in given.keys() & method.get_params()})

    def log_notes(self, notes: Counter) -> None:
        """Say in the log what should be known of predicted values."""
        for text in sentences(notes):
            self.monitor.log(text, "warning")

    @property
    def field(self) -> str:
        """Name of the field that is mapped, as texts show it."""
        return _in_a_line(self.request["points"]["field"])

    @property
    def unit(self) -> str:
        """Of the values, as texts show it."""
        return _in_a_line(self.request.get("unit", "mm"))

    @property
    def subject(self) -> Subject:
        """What reports and models say of the values, the grid and the drivers."""
        points = self.request.get("points")
        return Subject(
            field=self.field if points else "",
            unit=self.unit,
            positive=(points or {}).get("positive", "up"),
            grid=self.grid,
            drivers=tuple((each["name"], each["kind"]) for each in self.request.get("drivers", [])),
        )

    def points(self) -> Points:
        """The request's points.

        Raises
        ------
        InputError
            If there are none.
        """
        arrays = self.arrays(self.request["points"]["file"])
        errors = arrays.get("errors")
        for values in (arrays["values"], errors):
            if values is not None:
                self._check_size(np.abs(values))
        variance = None if errors is None else np.square(errors)
        points = Points(arrays["xy"], arrays["values"], variance, self.unit)
        if not len(points):
            raise InputError("There are no points on the working grid. Check extent and CRS.")
        return points

    def varied_points(self) -> Points:
        """The request's points, refused when there is nothing to learn from them."""
        points = self.points()
        self._check_varied(points)
        return points

    def _check_size(self, sizes: np.ndarray) -> None:
        beyond = sizes > LARGEST
        if beyond.any():
            raise InputError(
                f"{self.field} has values up to {sizes[beyond].max():g}, and {beyond.sum():,} "
                f"beyond {LARGEST:g} {self.unit}, more than any ground moves. Remove these "
                "points, or choose another field."
            )

    def _check_varied(self, points: Points, where: str = "") -> None:
        if np.ptp(points.values) == 0:
            raise InputError(
                f"All {len(points)} values of {self.field}{where} are {points.values[0]:g}: there "
                "is nothing to learn. Choose another field, or an area with more points."
            )

    def stack(
        self, scaling: str, encodings: list[Encoding] | None = None, monitor: Monitor | None = None
    ) -> Stack:
        """The request's drivers, encoded."""
        return read_stack(
            self.request["drivers"],
            self.grid,
            self.folder,
            scaling,
            encodings,
            monitor or self.monitor,
        )

    def on_drivers(self, points: Points, stack: Stack) -> Points:
        """The points on cells that have all drivers."""
        where = "all drivers have values"
        usable = stack.on_valid_cells(points)
        self.check_usable(usable, where)
        if np.ptp(points.values):
            self._check_varied(points[usable], f" where {where}")
        return points[usable]

    def check_usable(self, usable: np.ndarray, where: str) -> None:
        """Count in the log the points (n,) that do not lie where they must.

        Raises
        ------
        InputError
            If none does.
        """
        if not usable.any():
            raise InputError(
                f"None of the {len(usable)} points lies where {where}. Check the rasters' extents "
                "and NoData."
            )
        if not usable.all():
            self.monitor.log(
                f"{(~usable).sum()} of {len(usable)} points do not lie where {where} and are not "
                "used.",
                "warning",
            )
