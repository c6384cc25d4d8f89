"""The search for the values of a network: where to look, and one trial after the other.

Each trial is judged on several folds: the best of many trials on one small part of the points is
often only the one that suits that part.

A trial is a record of our own, and Optuna's study is made from the records anew for each trial,
with a seed made of the trial's number. So a search that was interrupted goes on as if it had not
been, and none of Optuna's storages, some of which pickle, is needed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from ..errors import InputError
from ..monitor import SILENT, Monitor
from .presets import ACTIVATIONS, LOSSES, OPTIMIZERS, Preset

LARGEST_PATCH = 48
DEEPEST = 4
BATCH_SIZES = (16, 32, 64, 128, 256)
MIN_FOR_IMPORTANCE = 10

_PRUNE_AFTER_TRIALS = 5
_PRUNE_AFTER = 5  # that part of the preset's epochs

optuna.logging.set_verbosity(optuna.logging.ERROR)


def values_of(preset: Preset) -> dict:
    """The values that can be searched, as a preset has them."""
    names = ("loss", "optimizer", "activation", "batch_size", "learning_rate", "epochs")
    return {
        **{name: getattr(preset, name) for name in names},
        "depth": len(preset.blocks),
        "filters": preset.blocks[0],
        "patch_size": preset.patch_size,
    }


class Space:
    """Where to look: around the values of a preset.

    Parameters
    ----------
    preset : Preset
        With the values that the user gave.
    given : collection of str
        The names of those; they are not searched.
    grid_size : int
        Cells along the shorter side of the grid: a larger patch would see reflected ground only.

    Attributes
    ----------
    distributions : dict
        Of each value that is searched. `depth` is the number of blocks and `filters` those of the
        first; the others keep the preset's proportions, and blocks beyond the preset's are like
        its last.
    """

    def __init__(self, preset: Preset, given, grid_size: int):
        self.preset = preset
        given = set(given)
        self._largest = min(LARGEST_PATCH, grid_size)
        if "patch_size" in given:
            self._largest = preset.patch_size
        self._deepest = max(
            (depth for depth in range(1, DEEPEST + 1) if self._smallest(depth) <= self._largest),
            default=0,
        )
        if not self._deepest:
            given |= {"depth", "patch_size"}
        own, first = values_of(preset), preset.blocks[0]
        rate = preset.learning_rate
        everything = {
            "loss": CategoricalDistribution(LOSSES),
            "optimizer": CategoricalDistribution(OPTIMIZERS),
            "activation": CategoricalDistribution(ACTIVATIONS),
            "batch_size": CategoricalDistribution(sorted({*BATCH_SIZES, preset.batch_size})),
            "learning_rate": FloatDistribution(rate / 30, rate * 30, log=True),
            "epochs": IntDistribution(max(1, preset.epochs // 2), self.most_epochs),
            "depth": IntDistribution(1, max(self._deepest, own["depth"])),
            "filters": CategoricalDistribution((first // 2, first, 2 * first)),
            "patch_size": IntDistribution(
                min(self._smallest(1), own["patch_size"]), max(self._largest, own["patch_size"])
            ),
        }
        self.distributions = {
            name: distribution for name, distribution in everything.items() if name not in given
        }

    @property
    def most_epochs(self) -> int:
        """More than these no trial has."""
        return 2 * self.preset.epochs

    @property
    def own(self) -> dict:
        """The searched values as the preset has them."""
        own = values_of(self.preset)
        return {name: own[name] for name in self.distributions}

    def ask(self, study: optuna.Study) -> dict:
        """The values of a study's next trial: no patch larger than the grid or too small."""
        plain = {name: each for name, each in self.distributions.items() if name != "patch_size"}
        if "depth" in plain:
            plain["depth"] = IntDistribution(1, self._deepest)
        trial = study.ask(plain)
        if "patch_size" in self.distributions:
            smallest = self._smallest(trial.params["depth"])
            trial.suggest_int("patch_size", smallest, self._largest)
        return trial.params

    def changes(self, parameters: dict) -> dict:
        """What a trial's values change in the preset, as `make_preset` takes it."""
        given = values_of(self.preset) | parameters
        blocks, depth, filters = self.preset.blocks, given.pop("depth"), given.pop("filters")
        given["blocks"] = tuple(filters * each // blocks[0] for each in self._blocks(depth))
        return given

    def _blocks(self, depth: int) -> tuple:
        return (self.preset.blocks + self.preset.blocks[-1:] * depth)[:depth]

    def _smallest(self, depth: int) -> int:
        return replace(self.preset, blocks=self._blocks(depth)).smallest_patch


@dataclass(frozen=True)
class Trial:
    """One network that was tried.

    Parameters
    ----------
    number : int
        From 0, which is the preset itself.
    state : str
        "complete"; "pruned", ended early because it was worse than half of the others at that
        epoch or after that fold; or "failed".
    parameters : dict
        The searched values.
    history : list of float
        RMSE at the points that the first fold holds out after each epoch, in the points' unit.
    errors : list of float
        RMSE at those that each fold holds out, of the epoch whose weights are kept; only of folds
        that were trained to their end.
    seconds : float
    reason : str
        Why it failed.
    """

    number: int
    state: str
    parameters: dict
    history: list
    errors: list
    seconds: float
    reason: str = ""

    @property
    def rmse(self) -> float | None:
        """The mean over the folds, or the least so far if there is none; None if failed."""
        return None if self.state == "failed" else self.error

    @property
    def error(self) -> float:
        """The RMSE of a trial that did not fail."""
        return float(np.mean(self.errors)) if self.errors else min(self.history)

    @property
    def spread(self) -> float | None:
        """The standard deviation between the folds; None with less than two."""
        return float(np.std(self.errors, ddof=1)) if len(self.errors) > 1 else None

    def rmse_text(self, unit: str) -> str:
        """The error as text: 15.20 ± 1.31 mm."""
        spread = "" if self.spread is None else f" ± {self.spread:.2f}"
        return f"{self.rmse:.2f}{spread} {unit}"

    def frozen(self, space: Space) -> FrozenTrial:
        """The trial as Optuna knows it; ValueError if a value is not in the space.

        A failed one counts as pruned before its first epoch: so the sampler avoids its like.
        """
        complete = self.state == "complete"
        failed = self.state == "failed"
        means = np.cumsum(self.errors) / np.arange(1, len(self.errors) + 1)
        steps = dict(enumerate(self.history, 1)) | dict(enumerate(means, space.most_epochs + 1))
        return create_trial(
            state=TrialState.COMPLETE if complete else TrialState.PRUNED,
            value=self.rmse if complete else None,
            params=self.parameters,
            distributions=space.distributions,
            intermediate_values={} if failed else steps,
        )


@dataclass
class Search:
    """Trials, one after the other; the values of the next are drawn in the light of all before.

    Parameters
    ----------
    space : Space
    seed : int
        The same seed gives the same trials.
    folds : int
        On how many each trial is judged.
    unit : str
        Of the errors.
    trials : list of Trial
        Those that there are already.
    keep : callable
        Called with all trials after each.
    """

    space: Space
    seed: int
    folds: int = 1
    unit: str = "mm"
    trials: list[Trial] = field(default_factory=list)
    keep: Callable[[list], None] = lambda trials: None

    @property
    def complete(self) -> list[Trial]:
        """The trials that were trained to the end."""
        return [trial for trial in self.trials if trial.state == "complete"]

    @property
    def best(self) -> Trial:
        """The complete trial with the least RMSE.

        Raises
        ------
        InputError
            If there is none.
        """
        if not self.complete:
            reasons = [trial.reason for trial in self.trials if trial.reason]
            raise InputError(
                f"None of the {len(self.trials)} trials could be trained to its end, so there is "
                f"no model. The first failed with: {' '.join(reasons[:1])}"
            )
        return min(self.complete, key=lambda trial: trial.error)

    def run(
        self, train: Callable, count: int, minutes: float = math.inf, monitor: Monitor = SILENT
    ) -> None:
        """Go on until there are `count` trials; begin none when `minutes` have passed.

        Parameters
        ----------
        train : callable
            Called with the values that change the preset, the number of the fold and a function
            to be called with the history after each epoch; returns a `TrainedNetwork`.
        """
        start = time.monotonic()

        def done(trials: float) -> float:
            spent = (time.monotonic() - start) / (60 * minutes) if minutes else 1.0
            return max(trials / count, spent)

        while not self.trials or done(len(self.trials)) < 1:
            number = len(self.trials)
            monitor.progress(done(number), f"Trial {number}, {count} in all")
            trial = self._try(train, lambda part, n=number: monitor.progress(done(n + part)))
            self.trials.append(trial)
            self.keep(self.trials)
            monitor.log(self._line(trial), "warning" if trial.state == "failed" else "info")

    def importance(self) -> dict[str, float]:
        """The share of each value in the variance of the complete trials' log RMSE, largest first.

        By a forest, fANOVA (Hutter, Hoos and Leyton-Brown, 2014); empty with fewer than 10 complete
        trials, which are too few.
        """
        if len(self.complete) < MIN_FOR_IMPORTANCE or len(self.space.distributions) < 2:
            return {}
        study = optuna.create_study()
        study.add_trials(
            [
                replace(each, errors=[math.log(each.error)]).frozen(self.space)
                for each in self.complete
            ]
        )
        fanova = optuna.importance.FanovaImportanceEvaluator(seed=self.seed)
        return optuna.importance.get_param_importances(study, evaluator=fanova)

    def _try(self, train: Callable, progress: Callable) -> Trial:
        number = len(self.trials)
        history: list[float] = []
        errors: list[float] = []
        study, parameters = self._ask(number)
        changes = self.space.changes(parameters)

        def prune(step: int, value: float) -> None:
            # Optuna would compare the least value so far, but the mean over two folds is to be
            # compared with others' over two, even if the first fold is an easy one: so it sees
            # one value only.
            seen = create_trial(state=TrialState.RUNNING, intermediate_values={step: value})
            if study.pruner.prune(study, seen):
                raise optuna.TrialPruned

        def watch(so_far: dict) -> None:
            *_, rmse = so_far["validation_rmse"]
            if not math.isfinite(rmse):
                raise InputError("Training diverged: the error is no longer a finite number.")
            epoch = len(so_far["validation_rmse"])
            progress((len(errors) + epoch / changes["epochs"]) / self.folds)
            if not errors:
                history.append(rmse)
                prune(epoch, min(history))

        start, state, reason = time.monotonic(), "complete", ""
        try:
            for fold in range(self.folds):
                trained = train(changes, fold, watch)
                errors.append(trained.history["validation_rmse"][trained.best_epoch - 1])
                if len(errors) < self.folds:
                    prune(self.space.most_epochs + len(errors), float(np.mean(errors)))
        except optuna.TrialPruned:
            state = "pruned"
        except Exception as problem:
            # One network that cannot be trained, or is too large, must not end the search.
            is_known = isinstance(problem, InputError)
            state = "failed"
            reason = str(problem) if is_known else f"{type(problem).__name__}: {problem}"
        seconds = time.monotonic() - start
        return Trial(number, state, parameters, history, errors, seconds, reason)

    def _ask(self, number: int) -> tuple[optuna.Study, dict]:
        seed = int(np.random.SeedSequence((self.seed, number)).generate_state(1)[0])
        warmup = self.space.preset.epochs // _PRUNE_AFTER
        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.MedianPruner(_PRUNE_AFTER_TRIALS, warmup),
        )
        study.add_trials([trial.frozen(self.space) for trial in self.trials])
        return study, self.space.own if number == 0 else self.space.ask(study)

    def _line(self, trial: Trial) -> str:
        text = f"Trial {trial.number} {trial.state} after {trial.seconds:.0f} s"
        if trial.state == "failed":
            return f"{text}: {trial.reason}"
        several = len(trial.errors) > 1
        ended = f"{len(trial.errors)} folds" if several else f"{len(trial.history)} epochs"
        text += f" and {ended}: RMSE {trial.rmse_text(self.unit)}"
        if not self.complete:
            return text
        return f"{text}; best so far {self.best.rmse_text(self.unit)} (trial {self.best.number})"
