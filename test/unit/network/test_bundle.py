import io
import json
import zipfile

import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.cnn import CNN
from subsidence_mapper.model.network.bundle import (
    match_drivers,
    read_arrays,
    read_header,
    read_summary,
    write_bundle,
)
from subsidence_mapper.model.network.presets import make_preset
from subsidence_mapper.model.statistics.conformal import Intervals


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "model.zip"
    header = {"drivers": [{"name": "slope", "kind": "continuous"}]}
    write_bundle(path, header, {"w": np.arange(6, dtype=np.float32).reshape(2, 3)})
    return path


def rewrite(path, change):
    """Write the bundle again with its members changed by a function of a dict."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


def change_header(**values):
    def change(members):
        members["model.json"] = json.dumps({**json.loads(members["model.json"]), **values})

    return change


def other_array(members):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((2, 3), np.float32))
    members["arrays/w.npy"] = buffer.getvalue()


def huge_array(members):
    members["arrays/w.npy"] = bytes(1_000_000)


def pickled_array(members):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    members["arrays/w.npy"] = buffer.getvalue()


def test_arrays_and_header_come_back(bundle):
    header = read_header(bundle)
    arrays = read_arrays(bundle, header)
    assert header["drivers"] == [{"name": "slope", "kind": "continuous"}]
    assert arrays["w"].dtype == np.float32
    assert arrays["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_header(drivers=[]), "does not match its digest"),
        (change_header(format_version=99), "format 99; this plugin reads 1"),
        (change_header(format="other"), "is not a model of this plugin"),
        (lambda members: members.pop("model.json"), "is not a model of this plugin"),
        (lambda members: members.pop("arrays/w.npy"), "list of files"),
        (lambda members: members.update({"evil.py": b""}), "list of files"),
        (other_array, "array w does not match its digest"),
        (huge_array, "arrays/w.npy is larger than its header says"),
        (pickled_array, "array w does not match its digest"),
        (change_header(format_version=-1), "format -1; this plugin reads 1"),
        (change_header(format_version=True), "format True; this plugin reads 1"),
    ],
)
def test_a_changed_bundle_is_refused(bundle, change, message):
    rewrite(bundle, change)
    with pytest.raises(InputError, match=message):
        read_arrays(bundle, read_header(bundle))


@pytest.mark.parametrize("kept", [0, 10, 300])
def test_a_truncated_bundle_is_refused(bundle, kept):
    bundle.write_bytes(bundle.read_bytes()[:kept])
    with pytest.raises(InputError, match="is not a model of this plugin, or is truncated"):
        read_header(bundle)


def test_flipped_bytes_in_an_array_are_refused(bundle):
    content = bytearray(bundle.read_bytes())
    start = content.index(b"arrays/w.npy") + 20
    content[start : start + 8] = b"\xff" * 8
    bundle.write_bytes(content)
    with pytest.raises(InputError, match="damaged or changed"):
        read_arrays(bundle, read_header(bundle))


def test_other_files_and_missing_files_are_refused(tmp_path):
    text = tmp_path / "notes.zip"
    text.write_text("not a zip")
    with pytest.raises(InputError, match="is not a model"):
        read_header(text)
    with pytest.raises(InputError, match="There is no model file"):
        read_header(tmp_path / "nowhere.zip")


def test_drivers_match_by_name_whatever_their_order():
    header = {"drivers": [{"name": "slope"}, {"name": "ndvi"}]}
    assert match_drivers(header, ["ndvi", "slope"]) == [1, 0]
    with pytest.raises(InputError, match=r"missing: ndvi; not known to the model: NDVI"):
        match_drivers(header, ["NDVI", "slope"])


def test_a_trained_network_predicts_the_same_after_saving(tmp_path, stack, points):
    method = CNN(make_preset("standard", epochs=2, activation="tanh")).fit(points, stack)
    curve = Intervals(*np.array([[0.0, 100.0], [1.0, 2.0], [1.5, 3.5]]))
    about = {
        "drivers": [{"name": each.name, "kind": each.kind} for each in stack.encodings],
        "grid": stack.grid.to_dict(),
        "field": "velocity",
        "unit": "mm",
        "positive": "up",
    }
    path = tmp_path / "model.zip"
    method.save(path, stack, curve, points, about)
    loaded, header, xy = CNN.load(path)
    expected = method.predict(stack.grid.window, stack).mean
    assert np.array_equal(loaded.predict(stack.grid.window, stack).mean, expected)
    assert loaded.preset == method.preset
    assert np.array_equal(xy, points.xy)
    assert header["error_by_distance"]["standard_deviation_mm"] == [1.0, 2.0]
    assert Intervals.from_dict(header["error_by_distance"]).predict(0.0) == (1.0, 1.5)


LAID_OUT = {
    "drivers": [{"name": "slope", "kind": "continuous"}],
    "grid": {"crs": "EPSG:32639", "transform": [0.0, 30, 0, 9.0, 0, -30], "width": 3, "height": 3},
    "positive": "up",
    "field": "mm",
    "unit": "mm",
}


def test_what_a_map_is_laid_out_by(tmp_path):
    write_bundle(tmp_path / "m.zip", LAID_OUT, {})
    assert read_summary(tmp_path / "m.zip")["grid"] == LAID_OUT["grid"]


@pytest.mark.parametrize(
    "grid",
    [
        {"width": None},
        {"height": 3.0},
        {"width": True},
        {"transform": ["0", "30", "0", "9", "0", "-30"]},
        {"transform": [0, 30, 0, 9, 0]},
        {"transform": [0, 30, 0, 9, 0, 0]},
        {"crs": 32639},
    ],
)
def test_a_signed_model_without_what_a_map_is_laid_out_by(tmp_path, grid):
    write_bundle(tmp_path / "m.zip", {**LAID_OUT, "grid": {**LAID_OUT["grid"], **grid}}, {})
    with pytest.raises(InputError, match="lacks what a map is laid out by"):
        read_summary(tmp_path / "m.zip")
