"""Figures that compare methods, each returned as a PNG."""

from __future__ import annotations

from textwrap import fill

import numpy as np

from ..geostatistics.variogram import empirical_variogram
from ..spatial.points import Points, average_coincident, squared
from ..validation.comparison import Leaderboard, Score
from .canvas import plt, png
from .report import rounded

_COLUMNS = 4
_BINS = 8
_TICK_WIDTH = 16  # letters
_GREY = "#9a9a9a"
_SHADE = "#d9d9d9"  # on white, small errors would not be seen


def colours(boards: list[Leaderboard]) -> dict[str, tuple]:
    """One colour for each method, the same in all figures."""
    names = sorted({score.name for board in boards for score in board.scores})
    return dict(zip(names, plt.colormaps["tab10"].colors * 2))


def bars(boards: list[Leaderboard], unit: str) -> bytes:
    """Test RMSE of every method, by split."""
    shades = colours(boards)
    figure, axes = plt.subplots(figsize=(7.5, 3.6))
    width = 0.8 / len(shades)
    for i, name in enumerate(shades):
        for place, board in enumerate(boards):
            (score,) = (each for each in board.scores if each.name == name)
            if score.test:
                axes.bar(
                    place + (i - (len(shades) - 1) / 2) * width,
                    score.test["RMSE"],
                    width,
                    color=shades[name],
                    label=score.title if place == 0 else None,
                )
    axes.set_xticks(range(len(boards)), [_broken(board.folds.title) for board in boards])
    axes.set_ylabel(f"test RMSE ({unit})")
    _legend_beside(axes)
    return png(figure)


def significance(board: Leaderboard) -> bytes:
    """The p value of each pair of methods, coloured by which has the smaller error."""
    scores = [score for score in board.scores if score.test]
    size = 1.4 + 0.7 * len(scores)
    figure, axes = plt.subplots(figsize=(size + 1.5, size))
    shown = np.zeros((len(scores), len(scores)))
    for i, row in enumerate(scores):
        for j, column in enumerate(scores):
            test = None if i == j else board.test_of(row, column)
            if test is None:
                continue
            better = test.difference < 0 if test.first == row.name else test.difference > 0
            shown[i, j] = (1 if better else -1) * (1.0 if test.is_significant else 0.25)
            text = "<0.001" if test.adjusted < 0.001 else f"{test.adjusted:.3f}"
            axes.text(j, i, text, ha="center", va="center", size="small")
    axes.imshow(shown, cmap="RdBu", vmin=-1.6, vmax=1.6)
    titles = [score.title for score in scores]
    axes.set_xticks(range(len(scores)), titles, rotation=45, ha="right")
    axes.set_yticks(range(len(scores)), titles)
    return png(figure)


def error_by_distance(boards: list[Leaderboard], unit: str) -> bytes:
    """Test RMSE against the distance to the nearest training point, a panel for each split."""
    shades = colours(boards)
    figure, panels = panel_figure(len(boards), 2, (4, 3))
    for axes, board in zip(panels, boards):
        tested = np.flatnonzero(np.isfinite(board.distance))
        order = tested[np.argsort(board.distance[tested], kind="stable")]
        groups = np.array_split(order, min(_BINS, max(1, len(order) // 10)))
        middle = [np.median(board.distance[group]) for group in groups]
        for score in board.scores:
            if score.test:
                squares = np.square(score.error)
                error = [np.sqrt(_mean(squares[group])) for group in groups]
                axes.plot(middle, error, marker=".", color=shades[score.name], label=score.title)
        axes.set_title(board.folds.title, fontsize="medium")
        axes.set_xscale("symlog", linthresh=100)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("distance to the nearest training point (m)")
        axes.set_ylabel(f"RMSE ({unit})")
    _legend_beside(panels[min(len(boards), 2) - 1])
    return png(figure)


def error_variograms(boards: list[Leaderboard], unit: str) -> bytes:
    """Semivariance of the errors by the distance between points, a panel for each split."""
    shades = colours(boards)
    figure, panels = panel_figure(len(boards), 2, (4, 3))
    for axes, board in zip(panels, boards):
        for score in board.scores:
            known = np.isfinite(score.error)
            if known.sum() > 2:
                errors = average_coincident(Points(score.points.xy[known], score.error[known]))
                measured = empirical_variogram(errors.xy, errors.values)
                axes.plot(
                    measured.lags / 1000,
                    measured.semivariance,
                    marker=".",
                    color=shades[score.name],
                    label=score.title,
                )
        axes.set_title(board.folds.title, fontsize="medium")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("distance between points (km)")
        axes.set_ylabel(f"semivariance of errors ({squared(unit)})")
    _legend_beside(panels[min(len(boards), 2) - 1])
    return png(figure)


def scatters(board: Leaderboard, unit: str) -> bytes:
    """Observed against predicted, a panel for each method, clipped to the frame."""
    scores = [score for score in board.scores if score.test]
    figure, panels = panel_figure(len(scores), _COLUMNS, (2.2, 2.4), sharex=True, sharey=True)
    tested = board.folds.fold_of_point >= 0
    observed = scores[0].points.values
    ends = observed[tested].min(), observed[tested].max()
    margin = 0.1 * (ends[1] - ends[0]) or 1.0
    frame = ends[0] - margin, ends[1] + margin
    for axes, score in zip(panels, scores):
        axes.plot(ends, ends, color=_GREY, linewidth=1)
        axes.scatter(observed, score.predicted.clip(*frame), s=4, alpha=0.4, linewidths=0)
        axes.set_title(f"{score.title}\nR² {_r2(score)}", fontsize="small")
        axes.set_xlim(frame)
        axes.set_ylim(frame)
        axes.set_aspect("equal")
    figure.supxlabel(f"observed ({unit})", fontsize="small")
    figure.supylabel(f"predicted ({unit})", fontsize="small")
    figure.tight_layout()
    return png(figure)


def error_maps(board: Leaderboard, limit: float, unit: str) -> bytes:
    """The errors of each method on a map, on one scale from -limit to limit."""
    scores = [score for score in board.scores if score.test]
    figure, panels = panel_figure(len(scores), _COLUMNS, (2.2, 2.5), sharex=True, sharey=True)
    for axes, score in zip(panels, scores):
        known = np.isfinite(score.error)
        x, y = score.points.xy[known].T / 1000
        drawn = axes.scatter(
            x,
            y,
            c=score.error[known],
            s=4,
            linewidths=0,
            cmap="PuOr_r",
            vmin=-limit,
            vmax=limit,
        )
        axes.set_title(
            f"{score.title}\nRMSE {rounded(score.test['RMSE'])} {unit}", fontsize="small"
        )
        axes.set_facecolor(_SHADE)
        axes.set_aspect("equal")
        axes.ticklabel_format(style="plain", useOffset=False)
        axes.tick_params(labelsize="x-small")
    figure.colorbar(drawn, ax=panels.tolist(), label=f"error ({unit})", shrink=0.8, extend="both")
    return png(figure)


def fold_map(board: Leaderboard) -> bytes:
    """The points, coloured by their fold."""
    figure, axes = plt.subplots(figsize=(4, 4))
    fold = board.folds.fold_of_point
    x, y = board.scores[0].points.xy.T / 1000
    axes.scatter(x[fold < 0], y[fold < 0], s=2, color="#dddddd", linewidths=0)
    tested = fold >= 0
    axes.scatter(
        x[tested], y[tested], s=4, c=fold[tested] % 10, cmap="tab10", vmin=0, vmax=9, linewidths=0
    )
    axes.set_aspect("equal")
    axes.set_xlabel("easting (km)")
    axes.set_ylabel("northing (km)")
    return png(figure)


def panel_figure(count: int, columns: int, size: tuple, **options):
    """A figure of `count` panels, and their axes in an array."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(size[0] * columns + 0.5, size[1] * rows),
        squeeze=False,
        layout="constrained" if not options else None,
        **options,
    )
    for spare in axes.ravel()[count:]:
        spare.remove()
    return figure, axes.ravel()[:count]


def _legend_beside(axes) -> None:
    axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return known.mean() if known.size else np.nan


def _r2(score: Score) -> str:
    return "–" if score.test["R2"] is None else f"{score.test['R2']:.3f}"


def _broken(title: str) -> str:
    return fill(title, _TICK_WIDTH)
