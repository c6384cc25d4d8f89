"""The report on the search for a network's parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..network.search import MIN_FOR_IMPORTANCE, Search, values_of
from ..statistics.conformal import Intervals
from ..validation.evaluation import Evaluation
from .canvas import plt, png
from .displacement_report import DisplacementReport, rows_of
from .subject import Subject

_COLOURS = {"complete": "#2a5a8c", "pruned": "#9a9a9a"}
_TRIALS = (
    "Trial 0 is the preset. RMSE is that at held-out points, whatever the loss, with the "
    "weights that are kept: the mean over all complete folds. ± is the standard deviation "
    "between folds. A pruned trial was worse than half of the others after the same fold, or "
    "at the same epoch of the first fold; its RMSE is the minimum until then. Epochs run are "
    "those of the first fold. Filters are those of the first block."
)
_IMPORTANCE = (
    "The share of each parameter in the variance of the logarithm of the RMSE of complete "
    "trials, by a forest (fANOVA; Hutter, Hoos and Leyton-Brown, 2014). It holds for the "
    "values that were tried. Few trials give a rough answer."
)


def gain(search: Search, tuned: Evaluation, preset: Evaluation | None) -> list[str]:
    """Two sentences: the gain of the search on its own folds, and at the test points.

    Parameters
    ----------
    tuned, preset : Evaluation
        Of the best trial and of trial 0 on one split; the preset is None if it cannot be trained.
    """
    best, own, unit = search.best, search.trials[0], search.unit
    where = f"over {search.folds} folds"
    if search.folds == 1:
        where = f"at the {tuned.metrics('validation')['COUNT']} validation points"
    test = tuned.metrics("test")["RMSE"]
    if preset is None:
        return [
            f"Trial {best.number} is best with an RMSE of {best.rmse_text(unit)} {where} and "
            f"{test:.2f} {unit} at the test points.",
            f"The preset itself could not be trained: {own.reason}",
        ]
    if preset is tuned:
        return [
            f"No trial of {len(search.trials)} was better than the preset itself, whose RMSE "
            f"{where} is {best.rmse_text(unit)}.",
            f"At the test points it is {test:.2f} {unit}; the model is that of the preset.",
        ]
    before = preset.metrics("test")["RMSE"]
    return [
        f"Trial {best.number} is best: {where}, by which it was chosen, its RMSE is "
        f"{best.rmse_text(unit)}, {1 - best.rmse / own.rmse:.0%} less than the "
        f"{own.rmse_text(unit)} of the preset.",
        f"At the test points, which had no part in the search, it is {test:.2f} {unit} against "
        f"{before:.2f} {unit}: "
        + (
            f"the search gained {1 - test / before:.0%}."
            if test < before
            else "there the search gained nothing, so the preset is the safer choice."
        ),
    ]


def write_tuning_report(
    path: Path,
    subject: Subject,
    search: Search,
    summary: str,
    evaluations: list[Evaluation],
    curve: Intervals,
    settings: dict,
) -> None:
    """Write the report.

    Parameters
    ----------
    summary : str
        What `gain` says.
    evaluations : list of Evaluation
        The best trial, the preset if it is another one, and IDW.
    curve : Intervals
        Of the best trial.
    """
    best, evaluation = search.best, evaluations[0]
    tuned = evaluation.method.preset
    report = DisplacementReport(f"Network tuned for {subject.field}", subject)
    report.errors(rows_of(evaluations), summary)
    own, values = values_of(search.space.preset), values_of(tuned)
    report.table(
        "The best parameters",
        ["Parameter", "Preset", f"Trial {best.number}", "Searched"],
        [
            [name, own[name], values[name], "yes" if name in best.parameters else "no, given"]
            for name in values
        ],
        f"The network's blocks have {', '.join(map(str, tuned.blocks))} filters.",
    )
    report.figure(
        "The search",
        history(search),
        "RMSE at held-out points by trial. A blue dot is a complete trial; its bar is the standard "
        "deviation between folds. A grey dot is a pruned one. The black line is the best so far, "
        "the dotted one the preset. Trials far above the preset are not shown.",
    )
    importance = search.importance()
    if importance:
        report.figure("Which parameters matter", bars(importance), _IMPORTANCE)
    else:
        report.text(
            f"With fewer than {MIN_FOR_IMPORTANCE} complete trials there is no saying which "
            "parameters matter."
        )
    report.table(
        "The trials",
        ["Trial", "State", f"RMSE ({subject.unit})", "±", "Folds run", "Epochs run"]
        + ["Seconds", *own],
        [
            [
                trial.number,
                trial.reason or trial.state,
                None if trial.rmse is None else f"{trial.rmse:.2f}",
                None if trial.spread is None else f"{trial.spread:.2f}",
                len(trial.errors),
                len(trial.history),
                f"{trial.seconds:.0f}",
                *(own | trial.parameters).values(),
            ]
            for trial in search.trials
        ],
        _TRIALS,
    )
    report.learning_curve(evaluation.method.learning_curve)
    report.scatter(evaluation)
    report.error_by_distance({evaluation.split_title: evaluation.held_out}, curve)
    report.settings({**settings, **tuned.to_dict()})
    report.write(path)


def history(search: Search) -> bytes:
    """The RMSE of each trial, and the best so far."""
    figure, axes = plt.subplots(figsize=(6.5, 3.4))
    for state, colour in _COLOURS.items():
        trials = [trial for trial in search.trials if trial.state == state]
        numbers, errors = [each.number for each in trials], [each.rmse for each in trials]
        spread = [each.spread or 0 for each in trials]
        axes.errorbar(numbers, errors, spread, fmt="o", ms=4, lw=1, color=colour, label=state)
    errors = [each.rmse if each.state == "complete" else np.inf for each in search.trials]
    least = np.minimum.accumulate(errors)
    axes.step(np.arange(len(least)), least, where="post", color="black", label="best so far")
    limit = search.best.rmse
    if np.isfinite(errors[0]):
        axes.axhline(errors[0], color="#222222", linestyle=":", linewidth=1, label="preset")
        limit = errors[0]
    axes.set_ylim(0.9 * search.best.rmse, 1.6 * limit)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("trial")
    axes.set_ylabel(f"RMSE ({search.unit})")
    axes.legend(frameon=False, fontsize="small")
    return png(figure)


def bars(importance: dict[str, float]) -> bytes:
    """The importance of each parameter, largest first."""
    figure, axes = plt.subplots(figsize=(6.5, 1 + 0.35 * len(importance)))
    axes.barh(list(importance), list(importance.values()), color=_COLOURS["complete"])
    axes.invert_yaxis()
    axes.set_xlabel("share of the variance")
    return png(figure)
