"""Whatever is wrong with a model, a study or a request ends in one sentence, or does no harm."""

from __future__ import annotations

import hashlib
import io
import json
import math
import random
import time
import warnings
import zipfile
from contextlib import redirect_stdout
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subsidence_mapper.model import worker
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.cnn import CNN
from subsidence_mapper.model.network.build import build
from subsidence_mapper.model.network.bundle import read_summary
from subsidence_mapper.model.network.model_file import save_model
from subsidence_mapper.model.network.presets import STANDARD, Dense, Preset, weight_shapes
from subsidence_mapper.model.network.search import Search, Space, Trial
from subsidence_mapper.model.network.study_file import read_study, write_study
from subsidence_mapper.model.network.training import TrainedNetwork
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack
from subsidence_mapper.model.statistics.conformal import Intervals
from subsidence_mapper.test.damage import (
    damaged_bytes,
    damaged_json,
    damaged_model,
    damaged_text,
    signed,
)
from subsidence_mapper.test.examples import make_grid

SEEDS = st.integers(0, 2**64)
GRID = make_grid(6, 8)
XY = np.array([[500_030.0, 3_599_900.0], [500_100.0, 3_599_850.0], [500_200.0, 3_599_990.0]])


def is_one_sentence(message: str) -> bool:
    return "\n" not in message and "Traceback" not in message and 20 < len(message) < 2000


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small model's path, members and arrays, and a stack that it maps."""
    encodings = [
        Encoding("slope", "continuous", 1.0, 2.0),
        Encoding("land", "categorical", classes=(1, 2, 5)),
        Encoding("aspect", "circular"),
    ]
    channels = sum(len(each.channels) for each in encodings)
    values = np.random.default_rng(0).normal(size=(6, 8, channels)).astype(np.float32)
    stack = Stack(GRID, encodings, values, np.ones((6, 8), bool))
    preset = replace(STANDARD, blocks=(2,), dense=(Dense(2, 0.1),), patch_size=4)
    history = {name: [2.0, 1.0] for name in ("loss", "validation_loss", "validation_rmse")}
    trained = TrainedNetwork(build(preset, channels), 1.0, 2.0, history, 2, 0.0)
    about = {
        "drivers": [{"name": each.name, "kind": each.kind} for each in encodings],
        "grid": GRID.to_dict(),
        "field": "velocity",
        "unit": "mm",
        "positive": "up",
        "split": "random",
        "metrics": {"test": {"RMSE": 1.0, "R2": None}},
    }
    path = tmp_path_factory.mktemp("model") / "model.zip"
    curve = Intervals(*np.array([[0.0, 100.0], [1.0, 2.0], [1.5, 3.5]]))
    points = Points(XY, np.arange(3.0))
    save_model(path, preset, 0, trained, encodings, curve, points, about)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    arrays = {
        name[len("arrays/") : -len(".npy")]: np.load(io.BytesIO(content))
        for name, content in members.items()
        if name.endswith(".npy")
    }
    yield path, members, arrays, stack
    keras.utils.clear_session()


@given(seed=SEEDS)
def test_property_a_damaged_model_is_refused_in_a_sentence_or_maps(model, seed):
    path, members, arrays, stack = model
    damaged = path.with_name("damaged.zip")
    damaged.write_bytes(damaged_model(random.Random(seed), members, arrays))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            method, header, known = CNN.load(damaged)
        except InputError as problem:
            assert is_one_sentence(str(problem)), problem
            return
        # What the worker takes, QGIS lays a map out by.
        assert read_summary(damaged)["drivers"] == header["drivers"]
        assert np.isfinite(known).all()
        assert np.isfinite(
            Intervals.from_dict(header["error_by_distance"]).predict(np.arange(9.0))
        ).all()
    if seed % 10 == 0:
        try:
            assert np.isfinite(method.predict(XY, stack).mean).all()
        except InputError as problem:
            assert "no numbers" in str(problem)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study's path and message, what it is about, and its space."""
    space = Space(STANDARD, ["epochs"], 60)
    own, about = space.own, {"points": "abc", "folds": 2, "seed": 0, "drivers": [{"name": "a"}]}
    trials = [
        Trial(0, "complete", own, [12.0, 11.0], [11.0, 10.0], 3.5),
        Trial(1, "pruned", own, [20.0], [], 1.5),
        Trial(2, "failed", own, [], [], 0.5, "Training diverged."),
    ]
    path = tmp_path_factory.mktemp("study") / "study.json"
    write_study(path, about, trials)
    assert read_study(path, about, space) == trials
    return path, json.loads(path.read_text()), about, space


@given(seed=SEEDS)
def test_property_a_damaged_study_is_refused_in_a_sentence_or_goes_on(study, seed):
    path, message, about, space = study
    chance = random.Random(seed)
    kind = chance.randrange(3)
    if kind == 0:
        content = json.dumps(damaged_json(chance, message)).encode()
    elif kind == 1:
        content = damaged_text(chance, message)
    else:
        content = damaged_bytes(chance, json.dumps(message).encode())
    path.write_bytes(content)
    try:
        trials = read_study(path, about, space)
    except InputError as problem:
        assert is_one_sentence(str(problem)), problem
        return
    search = Search(space, 0, 2, trials=trials)
    assert all(math.isfinite(trial.rmse) for trial in search.complete)
    assert all(json.dumps(asdict(trial), allow_nan=False) for trial in trials)


REQUESTS = {
    "idw": {
        "task": "interpolate",
        "outputs": ["SURFACE"],
        "parameters": {"method": "idw", "neighbours": 2, "power": 2.0, "radius": 5000.0},
    },
    "train": {
        "task": "train",
        "outputs": ["MODEL", "REPORT"],
        "parameters": {"preset": "standard", "patch_size": 14, "epochs": 2, "batch_size": 4}
        | {"learning_rate": 0.001, "loss": "mse", "optimizer": "adam", "split": "block"}
        | {"block_size": 500.0, "seed": 0},
    },
    "compare": {
        "task": "compare",
        "outputs": ["LEADERBOARD"],
        "parameters": {"methods": ["idw", "rbf"], "splits": ["kfold", "block"], "folds": 3}
        | {"tune": False, "preset": "standard", "block_sizes": [100.0], "seed": 3},
    },
    "predict": {"task": "predict", "outputs": ["SURFACE"], "parameters": {}, "model": "no.zip"},
    "importance": {
        "task": "importance",
        "outputs": ["IMPORTANCE"],
        "parameters": {"method": "forest", "preset": "paper", "block_size": 100.0, "folds": 3}
        | {"repeats": 2, "seed": 0},
    },
    "terrain": {
        "task": "terrain",
        "outputs": ["SLOPE"],
        "area": GRID.to_dict(),
        "elevation": "terrain/00.tif",
        "parameters": {"flow": "dinf", "depressions": "fill", "slope_floor": 0.1},
    },
    "ndvi": {
        "task": "ndvi",
        "outputs": ["NDVI"],
        "scenes": [{"name": "a", "day": "2019-05-01", "red": "red/00.tif", "nir": "nir/00.tif"}],
        "parameters": {"product": "landsat_c2l2", "mask_values": "1,2"},
    },
    "wells": {
        "task": "wells",
        "outputs": ["DISTANCE", "DENSITY"],
        "wells": "wells.npz",
        "parameters": {"filter_field": "use", "filter_values": "a,b", "bandwidth": 2000.0},
    },
    "watertable": {
        "task": "watertable",
        "outputs": ["WATER_TABLE"],
        "piezometers": "piezometers.npz",
        "parameters": {"id_field": "a", "level_is": "depth", "date": "2020-01-01"}
        | {"change_is": "between_dates", "tolerance": 90.0, "variogram": "auto"},
    },
    "dispersion": {
        "task": "dispersion",
        "outputs": ["DISPERSION"],
        "images": [{"name": "a", "kind": "continuous", "file": "images/000.vrt"}],
        "parameters": {"type": "intensity", "calibration": "mean", "threshold": 0.25},
    },
    "zones": {
        "task": "zones",
        "outputs": ["SUMMARY"],
        "zones": "zones.json",
        "parameters": {"positive": "up", "thresholds": [-50.0, -100.0]},
    },
    "landuse": {
        "task": "landuse",
        "outputs": ["LAND_USE"],
        "parameters": {"method": "kmeans", "classes": 5, "seed": 0},
    },
    "stack": {"task": "stack", "outputs": ["STACK"], "parameters": {"format": "geotiff"}},
    "importpoints": {
        "task": "importpoints",
        "outputs": ["PS_POINTS"],
        "source": {"path": "/nowhere/a.csv", "layer": None},
        "parameters": {"format": "auto", "columns": "velocity=v", "positive": "up"},
    },
}
SHARED = {
    "protocol": 1,
    "grid": GRID.to_dict(),
    "drivers": [{"name": "slope", "kind": "continuous", "file": "drivers/00.tif"}],
    "points": {"file": "points.npz", "field": "velocity", "positive": "up"},
    "unit": "mm/yr",
    "engine": "local",
}


@given(seed=SEEDS, name=st.sampled_from(sorted(REQUESTS)))
def test_property_a_damaged_request_is_refused_in_a_sentence(tmp_path_factory, seed, name):
    """There are no drivers, nor a model: what is accepted ends there, but for IDW."""
    folder = tmp_path_factory.getbasetemp() / "job"
    folder.mkdir(exist_ok=True)
    request = SHARED | REQUESTS[name]
    if name == "idw":
        request = {**request, "drivers": []}
        np.savez(folder / "points.npz", xy=XY, values=np.arange(3.0))
    chance = random.Random(seed)
    if chance.random() < 0.1:
        content = damaged_text(chance, request)
    elif chance.random() < 0.1:
        content = damaged_bytes(chance, json.dumps(request).encode())
    else:
        damaged = damaged_json(chance, request)
        content = json.dumps(damaged).encode()
    (folder / "request.json").write_bytes(content)
    lines = []
    code = run_worker(folder, lines)
    ending = lines[-1]
    if code == 0:
        assert ending == {"type": "result"}
    else:
        assert ending["type"] == "error" and is_one_sentence(ending["message"]), ending
        assert "unexpectedly" not in ending["message"], ending


def run_worker(folder, lines: list) -> int:
    out = io.StringIO()
    with redirect_stdout(out):
        code = worker.main(folder)
    lines += [json.loads(line) for line in out.getvalue().splitlines()]
    return code


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weight_000", np.nan, "array weight_000 holds numbers that are not finite"),
        ("weight_002", np.inf, "array weight_002 holds numbers that are not finite"),
        ("points_xy", -np.inf, "array points_xy holds numbers that are not finite"),
        ("weight_007", -1.0, "a variance among its weights is negative"),
        ("weight_008", 3e38, r"\d+ values that are no numbers"),
    ],
)
def test_a_forged_weight_makes_no_map(model, name, value, message):
    path, members, arrays, stack = model
    array = arrays[name].copy()
    array[...] = value
    content = io.BytesIO()
    np.save(content, array)
    header = json.loads(members["model.json"])
    header["arrays"][name]["sha256"] = hashlib.sha256(content.getvalue()).hexdigest()
    forged = path.with_name("forged.zip")
    changed = {"model.json": signed(header), f"arrays/{name}.npy": content.getvalue()}
    with zipfile.ZipFile(forged, "w") as file:
        for member, own in members.items():
            file.writestr(member, changed.get(member, own))
    with pytest.raises(InputError, match=message):
        CNN.load(forged)[0].predict(GRID.window, stack)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ((), "unit"),
        (("preset",), "activation"),
        (("preset",), "patience"),
        (("error_by_distance",), "half_width_90_mm"),
    ],
)
def test_a_signed_model_must_state_all_that_a_map_needs(model, part, name):
    path, members, _, _ = model
    header = json.loads(members["model.json"])
    lacking = header
    for each in part:
        lacking = lacking[each]
    del lacking[name]
    forged = path.with_name("lacking.zip")
    with zipfile.ZipFile(forged, "w") as file:
        for member, own in members.items():
            file.writestr(member, signed(header) if member == "model.json" else own)
    with pytest.raises(InputError, match=f"{name}|lacks what a map is laid out by"):
        CNN.load(forged)


def test_a_small_file_that_unpacks_to_a_large_one_is_refused_before_that(model):
    path, members, _, _ = model
    header = json.loads(members["model.json"])
    header["preset"]["dense"][0]["units"] = 2**30
    for i, shape in enumerate(weight_shapes(Preset.from_dict(header["preset"]), 6)):
        header["arrays"][f"weight_{i:03d}"]["shape"] = list(shape)
    forged = path.with_name("bomb.zip")
    with zipfile.ZipFile(forged, "w", zipfile.ZIP_DEFLATED) as file:
        for member, own in members.items():
            file.writestr(member, signed(header) if member == "model.json" else own)
    with pytest.raises(InputError, match=r"bomb.zip needs about [\d,.]+ GB of memory, and .* free"):
        CNN.load(forged)


def test_a_clock_that_no_zip_knows_does_not_matter(model, tmp_path, monkeypatch):
    path, members, _, _ = model
    for year in (1970, 2120):
        monkeypatch.setattr(time, "localtime", lambda *_, year=year: (year, 1, 1, 0, 0, 0, 0, 1, 0))
        method, header, known = CNN.load(path)
        encodings = [Encoding.from_dict(each) for each in header["encodings"]]
        curve, points = Intervals.from_dict(header["error_by_distance"]), Points(known, known[:, 0])
        save_model(
            tmp_path / "model.zip",
            method.preset,
            method.seed,
            method.trained_,
            encodings,
            curve,
            points,
            {name: header[name] for name in ("drivers", "grid", "field", "unit", "positive")},
        )
        assert np.array_equal(CNN.load(tmp_path / "model.zip")[2], known)
