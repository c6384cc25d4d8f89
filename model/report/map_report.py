"""The report of a map: which method made it, how good it is, and how far to trust it."""

from __future__ import annotations

from ..statistics.applicability import CLASSES, TrustDistances
from ..statistics.splits import Folds
from ..validation.auto import Candidate
from ..validation.comparison import Leaderboard
from .displacement_report import DisplacementReport

_CHOICE = (
    "Every method has predicted points that were held out. The one with the smallest expected "
    "error makes the map. An error weighs more where its point is like the map's cells, in how "
    "PS surround it and in the drivers. This matters because PS stand in villages, and most of "
    "a map is not village."
)
_UNCERTAINTY = (
    "Nine measurements in ten should lie between the lower and the upper value of the "
    "uncertainty layer. Its width comes from errors at held-out points as far from their "
    "nearest PS. It is larger where neighbouring PS differ."
)


class MapReport(DisplacementReport):
    """A report on a map of displacement."""

    def leaderboards(self, boards: list[Leaderboard], lead: str = "") -> None:
        """The table of metrics of methods on the same folds; `lead` is the first line, if any."""
        rows = [
            {"split": board.folds.title, "method": score.title, "part": part, **found}
            for board in boards
            for score in board.scores
            for part, found in (("train", score.train), ("test", score.test))
            if found
        ]
        self.errors(rows, lead)

    def choice(self, ranked: list[Candidate]) -> None:
        """What METHOD=auto has tried."""
        unit = self.subject.unit
        columns = ["Method", *(f"{score.folds.title} ({unit})" for score in ranked[0].scores)]
        rows = [
            [
                each.title,
                *(f"{score.test['RMSE']:.2f}" if score.test else None for score in each.scores),
                f"{each.expected:.2f}" if each.held is not None else None,
                f"{sum(score.seconds for score in each.scores):.0f}",
            ]
            for each in ranked
        ]
        self.table(
            "What METHOD=auto has tried",
            [*columns, f"Expected on the map ({unit})", "Seconds"],
            rows,
            _CHOICE,
            ranked[0].title,
        )

    def uncertainty(self, coverage: list[dict], folds: Folds) -> None:
        """The coverage of the intervals in folds that they were not made from."""
        if not coverage:
            self.text(f"{_UNCERTAINTY} There are too few points to check it.")
            return
        places = [f"{row['from']:,.0f} to {row['to']:,.0f}" for row in coverage[:-1]] + ["all"]
        rows = [
            [place, row["count"], f"{100 * row['share']:.1f} %", f"{row['width']:.1f}"]
            for place, row in zip(places, coverage)
        ]
        self.table(
            "Does the 90 % interval hold?",
            [
                "Distance to the nearest PS (m)",
                "Errors",
                "Inside",
                f"Mean width ({self.subject.unit})",
            ],
            rows,
            f"{_UNCERTAINTY} Each of {folds.title} was checked with an interval made from the "
            "others. Near 90 % is right. Less means that the interval is too narrow, more that it "
            "is too wide.",
            "all",
        )

    def trust(self, shares: dict[int, float], limits: TrustDistances, by_drivers: bool) -> None:
        """The share of the map in each class of trust, and what the classes mean."""
        rows = [[code, CLASSES[code], f"{100 * shares[code]:.1f} %"] for code in CLASSES]
        note = (
            f"Measured nearby: a PS within {limits.near:,.0f} m. At that distance, at least half "
            "of the map's squared error is also found right beside a PS. Interpolated: a PS within "
            f"{limits.far:,.0f} m, up to which PS are correlated, and PS all around. Extrapolated: "
            "farther than that, or beyond the outermost PS. Outside: farther than "
            f"{limits.tested:,.0f} m, where no error could be measured"
            + (
                "; or drivers unlike those at any PS (outside the area of applicability; Meyer and "
                "Pebesma, 2021)."
                if by_drivers
                else "."
            )
            + " You can rely on the first two classes as their interval says. Check the others in "
            "the field before you decide anything by them."
        )
        self.table("How far to trust the map", ["Class", "Meaning", "Share of the map"], rows, note)
