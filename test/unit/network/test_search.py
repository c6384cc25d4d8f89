"""The search with a stand-in for the training, whose best values are known."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.network.presets import ACTIVATIONS, PRESETS, STANDARD, make_preset
from subsidence_mapper.model.network.search import Search, Space, Trial, values_of
from subsidence_mapper.model.network.study_file import read_study, write_study
from subsidence_mapper.model.network.study_place import check_place
from subsidence_mapper.model.report.tuning_report import gain
from subsidence_mapper.test.examples import RecordingMonitor

ABOUT = {"points": "abc", "seed": 0, "folds": 1}


def space(preset="standard", grid_size=200, **given) -> Space:
    return Space(make_preset(preset, **given), given, grid_size)


def error(changes) -> float:
    """Least with a learning rate of 0.001, a patch of 24 cells and relu: 10 mm."""
    return (
        10
        + abs(math.log(changes["learning_rate"] / 1e-3))
        + abs(changes["patch_size"] - 24) / 10
        + (changes["activation"] != "relu")
    )


def train(changes, fold, watch, error=error):
    """Comes down to its error like 1 + 1 / epoch; the last epoch is the best."""
    history = {"validation_rmse": []}
    for epoch in range(1, changes["epochs"] + 1):
        history["validation_rmse"].append(error(changes) * (1 + 1 / epoch))
        watch(history)
    return SimpleNamespace(best_epoch=epoch, history=history)


def run(count, seed=0, train=train, trials=(), folds=1, **options) -> Search:
    """A search around 25 epochs, however many the preset has."""
    around = Space(replace(STANDARD, epochs=25), {}, 200)
    search = Search(around, seed, folds, trials=list(trials))
    search.run(train, count, **options)
    return search


def untimed(search):
    return [replace(trial, seconds=0.0) for trial in search.trials]


@pytest.fixture(scope="module")
def forty():
    return run(40)


class TestSpace:
    @pytest.mark.parametrize(
        ("preset", "grid_size", "deepest"),
        [("standard", 200, 4), ("standard", 26, 3), ("standard", 9, 1), ("paper", 9, 3)],
    )
    def test_what_is_drawn_is_a_network_that_fits_the_grid(self, preset, grid_size, deepest):
        searched = space(preset, grid_size)
        search = Search(searched, 1)
        own = PRESETS[preset]
        drawn = [searched.changes(search._ask(number)[1]) for number in range(1, 150)]
        networks = [make_preset(preset, **changes) for changes in drawn]  # refuses small patches
        assert all(network.final_size >= 1 for network in networks)
        sizes = {network.patch_size for network in networks}
        assert max(sizes) == min(48, grid_size) and len(sizes) > 3
        rates = np.array([network.learning_rate for network in networks])
        assert own.learning_rate / 30 <= rates.min() < own.learning_rate / 10
        assert own.learning_rate * 10 < rates.max() <= own.learning_rate * 30
        assert {network.activation for network in networks} == set(ACTIVATIONS)
        assert {network.blocks[0] / own.blocks[0] for network in networks} == {0.5, 1, 2}
        epochs = [network.epochs for network in networks]
        assert own.epochs // 2 <= min(epochs) and max(epochs) <= 2 * own.epochs
        assert {len(network.blocks) for network in networks} == set(range(1, deepest + 1))

    def test_blocks_keep_the_preset_s_proportions(self):
        searched = space()
        for depth, filters, blocks in [
            (3, 8, (8, 16, 32)),
            (4, 8, (8, 16, 32, 32)),
            (2, 16, (16, 32)),
            (1, 4, (4,)),
        ]:
            assert searched.changes({"depth": depth, "filters": filters})["blocks"] == blocks
        assert space("paper").changes({"filters": 16})["blocks"] == (16, 16, 512)

    def test_what_is_given_is_not_searched(self):
        searched = space(patch_size=24, loss="mae", epochs=3)
        assert not {"patch_size", "loss", "epochs"} & set(searched.distributions)
        search = Search(searched, 0)
        drawn = [searched.changes(search._ask(number)[1]) for number in range(1, 60)]
        given = {(each["patch_size"], each["loss"], each["epochs"]) for each in drawn}
        assert given == {(24, "mae", 3)}
        assert {len(each["blocks"]) for each in drawn} == {1, 2, 3}  # 4 want 46 cells

    def test_a_grid_that_is_smaller_than_any_patch_leaves_the_preset_s(self):
        assert not {"patch_size", "depth"} & set(space(grid_size=3).distributions)


class TestSearch:
    @pytest.mark.parametrize("preset", PRESETS)
    def test_the_first_trial_is_the_preset_itself(self, preset):
        tried = []

        def remember(changes, fold, watch):
            tried.append(make_preset(preset, **changes))
            return train(changes, fold, watch)

        Search(space(preset, grid_size=20), 7).run(remember, 2)
        assert tried[0] == PRESETS[preset] != tried[1]

    def test_it_finds_better_values_and_knows_the_best(self, forty):
        assert [trial.number for trial in forty.trials] == list(range(40))
        complete = [trial for trial in forty.trials if trial.state == "complete"]
        assert forty.best.rmse == min(trial.rmse for trial in complete)
        assert forty.trials[0].rmse == pytest.approx((10 + math.log(4) + 0.6) * (1 + 1 / 25))
        errors = [error(forty.space.changes(trial.parameters)) for trial in forty.trials]
        assert forty.best.rmse < forty.trials[0].rmse
        assert np.median(errors[20:]) < np.median(errors[1:11]) - 0.5  # better than at random

    def test_the_same_seed_gives_the_same_trials(self, forty):
        assert untimed(run(15)) == untimed(forty)[:15]
        assert untimed(run(5, seed=1))[1:] != untimed(forty)[1:5]

    def test_bad_trials_are_ended_early(self, forty):
        pruned = [trial for trial in forty.trials if trial.state == "pruned"]
        assert len(pruned) > 3
        for trial in pruned:
            epoch, earlier = len(trial.history), forty.trials[: trial.number]
            done = [each.history for each in earlier if each.state == "complete"]
            there = [min(history[:epoch]) for history in done if len(history) >= epoch]
            assert len(done) >= 5 and epoch >= 5
            assert epoch < forty.space.changes(trial.parameters)["epochs"]
            assert trial.rmse == min(trial.history) > np.median(there) * 0.999

    def test_one_that_fails_is_recorded_and_the_search_goes_on(self):
        def shaky(changes, fold, watch):
            if changes["optimizer"] == "sgd":
                raise InputError("Training diverged.")
            if changes["optimizer"] == "rmsprop":
                watch({"validation_rmse": [5.0]})
                watch({"validation_rmse": [5.0, math.nan]})
            return train(changes, fold, watch)

        search = run(30, train=shaky)
        by = {name: [] for name in ("adam", "sgd", "rmsprop")}
        for trial in search.trials:
            by[search.space.changes(trial.parameters)["optimizer"]].append(trial)
        assert {(each.state, each.reason, each.rmse) for each in by["sgd"]} == {
            ("failed", "Training diverged.", None)
        }
        assert all("no longer a finite number" in each.reason for each in by["rmsprop"])
        assert all(each.history == [5.0] for each in by["rmsprop"])
        assert {each.state for each in by["adam"]} == {"complete", "pruned"}
        assert len(by["adam"]) > 20  # it learns to avoid the others

    def test_without_one_that_ends_there_is_no_best(self):
        def broken(changes, fold, watch):
            raise MemoryError("too large")

        search = run(3, train=broken)
        with pytest.raises(InputError, match="None of the 3 trials .* MemoryError: too large"):
            search.best  # noqa: B018

    def test_no_trial_begins_when_the_minutes_are_over(self):
        assert len(run(10, minutes=0.0).trials) == 1
        assert len(run(10, minutes=1e-9).trials) == 1
        assert len(run(10, minutes=60).trials) == 10

    def test_progress_and_log(self):
        search, monitor = Search(space(), 0, folds=2, unit="cm"), RecordingMonitor()
        search.run(train, 3, monitor=monitor)
        assert monitor.fractions == sorted(monitor.fractions) and monitor.fractions[-1] == 1
        assert len(monitor.texts) == 3
        rmse = search.trials[0].rmse
        stated = f"{rmse:.2f} ± 0.00 cm"
        assert f"and 2 folds: RMSE {stated}; best so far {stated} (trial 0)" in monitor.texts[0]

    def test_importance_finds_what_matters(self, forty):
        shares = forty.importance()
        assert sum(shares.values()) == pytest.approx(1)
        assert list(shares)[0] == "learning_rate" and list(shares.values())[0] > 0.4
        assert set(shares) == set(forty.space.distributions)
        assert run(5).importance() == {}


def three_folds(changes, fold, watch):
    """The first fold is an easy one, and its errors tell nothing of the values."""

    def in_fold(changes):
        return (2 + changes["batch_size"] / 1000, error(changes), 2 * error(changes))[fold]

    return train(changes, fold, watch, in_fold)


@pytest.fixture(scope="module")
def search():
    return run(40, train=three_folds, folds=3)


class TestFolds:
    def test_mean_and_spread_over_folds(self, search):
        for trial in search.complete:
            changes = search.space.changes(trial.parameters)
            last = 1 + 1 / changes["epochs"]
            errors = [(2 + changes["batch_size"] / 1000) * last]
            errors += [error(changes) * last, 2 * error(changes) * last]
            assert trial.errors == pytest.approx(errors)
            assert trial.rmse == pytest.approx(sum(errors) / 3)
            assert trial.spread**2 == pytest.approx(
                sum((each - trial.rmse) ** 2 for each in errors) / 2
            )
        assert search.best.rmse == min(trial.rmse for trial in search.complete)

    def test_the_best_is_not_the_best_of_the_first_fold(self, search):
        first = min(search.complete, key=lambda trial: trial.errors[0])
        assert search.best.errors[0] > first.errors[0]
        chosen, lured = (
            error(search.space.changes(each.parameters)) for each in (search.best, first)
        )
        assert chosen < lured

    def test_trials_are_ended_between_folds_by_the_running_mean(self, search):
        between = [each for each in search.trials if each.state == "pruned" and each.errors]
        assert {len(each.errors) for each in between} == {1, 2}
        for trial in between:
            count = len(trial.errors)
            others = [
                np.mean(each.errors[:count])
                for each in search.trials[: trial.number]
                if each.state == "complete"
            ]
            assert len(others) >= 5 and trial.rmse == np.mean(trial.errors) > np.median(others)

    def test_whoever_goes_on_is_no_worse_than_half(self, search):
        for number, trial in enumerate(search.trials):
            others = [each.errors for each in search.trials[:number] if each.state == "complete"]
            if len(others) >= 5:
                for count in (1, 2):
                    if len(trial.errors) > count:
                        median = np.median([np.mean(each[:count]) for each in others])
                        assert np.mean(trial.errors[:count]) <= median

    def test_it_goes_on_as_if_it_had_not_been_interrupted(self, search, tmp_path):
        path, about = tmp_path / "study.json", {**ABOUT, "folds": 3}
        write_study(path, about, search.trials[:20])
        trials = read_study(path, about, search.space)
        assert trials == search.trials[:20]
        assert untimed(run(26, train=three_folds, folds=3, trials=trials)) == untimed(search)[:26]
        with pytest.raises(InputError, match="a search with other folds"):
            read_study(path, ABOUT, search.space)

    def test_one_that_fails_in_a_later_fold_has_no_error(self):
        def late(changes, fold, watch):
            if fold == 2:
                raise MemoryError("too large")
            return train(changes, fold, watch)

        trial = run(1, train=late, folds=3).trials[0]
        assert (trial.state, trial.rmse, len(trial.errors)) == ("failed", None, 2)
        assert trial.reason == "MemoryError: too large"


class TestStudy:
    def test_a_search_goes_on_as_if_it_had_not_been_interrupted(self, forty, tmp_path):
        path = tmp_path / "study.json"
        write_study(path, ABOUT, forty.trials[:12])
        trials = read_study(path, ABOUT, forty.space)
        assert trials == forty.trials[:12]
        more = run(20, trials=trials)
        assert untimed(more) == untimed(forty)[:20]
        assert run(4, trials=trials).trials == trials  # enough already

    def test_each_trial_is_kept_once_it_has_ended(self, tmp_path):
        path = tmp_path / "study.json"

        def interrupted(changes, fold, watch):
            if path.exists() and len(json.loads(path.read_text())["trials"]) == 2:
                raise KeyboardInterrupt
            return train(changes, fold, watch)

        search = Search(space(), 0, keep=lambda trials: write_study(path, ABOUT, trials))
        with pytest.raises(KeyboardInterrupt):
            search.run(interrupted, 5)
        assert len(read_study(path, ABOUT, search.space)) == 2
        assert [each.name for each in tmp_path.iterdir()] == ["study.json"]

    def test_without_a_file_there_are_no_trials(self, tmp_path):
        assert read_study(tmp_path / "new.json", ABOUT, space()) == []

    def test_of_another_search(self, tmp_path):
        path = tmp_path / "study.json"
        write_study(path, ABOUT, [])
        with pytest.raises(InputError, match="a search with other points, seed. Give the same"):
            read_study(path, {**ABOUT, "points": "abd", "seed": 1}, space())

    def test_no_place(self, tmp_path):
        with pytest.raises(InputError, match="STUDY cannot be written to .*: No such file"):
            write_study(tmp_path / "nowhere" / "study.json", ABOUT, [])

    @pytest.mark.parametrize(
        ("place", "message"),
        [
            ("nowhere/study.json", "STUDY cannot be written to .*: No such file or directory"),
            ("", "which is no file"),
            ("pipe", "which is no file"),
            (f"{251 * 'x'}.json", "STUDY cannot be written to .*: File name too long"),
            ("a\0b", "STUDY cannot be written to"),
        ],
    )
    def test_a_place_where_nothing_can_be_written(self, tmp_path, place, message):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match=message):
            check_place(tmp_path / place)
        assert [each.name for each in tmp_path.iterdir()] == ["pipe"]

    def test_a_name_as_long_as_the_system_allows(self, tmp_path):
        path = tmp_path / f"{250 * 'x'}.json"
        write_study(path, ABOUT, [])
        assert read_study(path, ABOUT, space()) == []

    def test_no_planted_link_is_followed(self, tmp_path):
        path, victim = tmp_path / "study.json", tmp_path / "victim"
        victim.write_text("mine")
        write_study(path, ABOUT, [])
        name = f".{hashlib.sha256(b'study.json').hexdigest()[:16]}.partial"
        (tmp_path / name).symlink_to(victim)
        write_study(path, ABOUT, [])
        assert victim.read_text() == "mine"
        assert {each.name for each in tmp_path.iterdir()} == {"study.json", "victim"}

    @pytest.mark.parametrize(
        "content",
        [b"", b"\xff\xfe", b"[]", b"{}", b"[" * 100_000, b'{"format": "subsidence-mapper study"}'],
    )
    def test_another_file(self, tmp_path, content):
        path = tmp_path / "study.json"
        path.write_bytes(content)
        with pytest.raises(InputError, match="is not the STUDY of a search, or is damaged"):
            read_study(path, ABOUT, space())

    def test_another_version(self, tmp_path):
        path = tmp_path / "study.json"
        write_study(path, ABOUT, [])
        path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 9'))
        with pytest.raises(InputError, match="study format 9; this plugin reads 1"):
            read_study(path, ABOUT, space())

    @pytest.mark.parametrize(
        "change",
        [
            {"number": 3},
            {"state": "running"},
            {"parameters": {}},
            {"parameters": {**space().own, "learning_rate": 1e9}},
            {"parameters": {**space().own, "optimizer": "__import__"}},
            {"parameters": {**space().own, "depth": 3.0}},
            {"history": [1.0, math.nan]},
            {"history": ["1"]},
            {"history": 7},
            {"errors": []},
            {"errors": [10.0, 11.0]},
            {"errors": [math.inf]},
            {"errors": ["10"]},
            {"errors": 10.0},
            {"state": "pruned"},
            {"state": "pruned", "history": [], "errors": []},
            {"more": 1},
        ],
    )
    def test_a_changed_trial(self, forty, tmp_path, change):
        path = tmp_path / "study.json"
        write_study(path, ABOUT, forty.trials[:1])
        message = json.loads(path.read_text())
        message["trials"][0].update(change)
        path.write_text(json.dumps(message))
        with pytest.raises(InputError, match="Trial 0 in .* was damaged|is damaged"):
            read_study(path, ABOUT, forty.space)


def evaluation(test_rmse):
    figures = {"test": {"RMSE": test_rmse}, "validation": {"COUNT": 40}}
    return SimpleNamespace(metrics=figures.get)


class TestGain:
    @pytest.fixture
    def search(self):
        own = Trial(0, "complete", {}, [20.0], [20.0], 1.0)
        return Search(space(), 0, trials=[own, replace(own, number=1, errors=[15.0])])

    def test_gain(self, search):
        first, second = gain(search, evaluation(18.0), evaluation(24.0))
        assert "at the 40 validation points" in first
        assert "its RMSE is 15.00 mm, 25% less than the 20.00 mm of the preset." in first
        assert "18.00 mm against 24.00 mm: the search gained 25%." in second

    def test_a_gain_that_does_not_hold_where_it_did_not_look(self, search):
        assert "gained nothing" in gain(search, evaluation(25.0), evaluation(24.0))[1]

    def test_over_folds(self, search):
        own, best = search.trials
        trials = [replace(own, errors=[19.0, 20.0, 21.0]), replace(best, errors=[13.0, 15.0, 17.0])]
        search = replace(search, folds=3, unit="cm", trials=trials)
        assert gain(search, evaluation(18.0), evaluation(24.0))[0] == (
            "Trial 1 is best: over 3 folds, by which it was chosen, its RMSE is 15.00 ± 2.00 cm, "
            "25% less than the 20.00 ± 1.00 cm of the preset."
        )

    def test_the_preset_is_best(self, search):
        search.trials.pop()
        search.unit = "mm/yr"
        own = evaluation(24.0)
        first, second = gain(search, own, own)
        assert (
            "No trial of 1 was better than the preset itself" in first and "24.00 mm/yr" in second
        )

    def test_the_preset_fails(self, search):
        search.trials[0] = replace(search.trials[0], state="failed", errors=[], reason="Too large.")
        stated = gain(search, evaluation(18.0), None)
        assert "Trial 1 is best with an RMSE of 15.00 mm" in stated[0]
        assert stated[1] == "The preset itself could not be trained: Too large."


def test_values_of_a_preset():
    values = values_of(make_preset("standard"))
    assert values["depth"] == 3 and values["filters"] == 8 and values["patch_size"] == 30
    assert set(values) == set(space().distributions)
    assert asdict(make_preset("standard"))["activation"] == values["activation"] == "relu"
