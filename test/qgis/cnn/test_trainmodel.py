"""`trainmodel` and `predictsurface` with real layers through the real worker."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest
from qgis.core import QgsProcessingException
from subsidence_mapper.test.results import cells

SIZE = 60


def test_train_predict_and_map_of_a_part(run, region, feedback, tmp_path):
    given = {"PS_POINTS": region["points"], "VALUE_FIELD": "mm", "DRIVERS": region["drivers"]}
    trained = run(
        "trainmodel",
        **given,
        PATCH_SIZE=22,
        EPOCHS=6,
        SEED=3,
        MODEL=str(tmp_path / "model.zip"),
        REPORT=str(tmp_path / "report.html"),
    )
    counts = [trained[f"{part}_COUNT"] for part in ("TRAIN", "VALIDATION", "TEST")]
    assert sum(counts) == 300 and counts[0] == 240
    assert 0 < trained["TRAIN_RMSE"] < region["values"].std()
    header = json.loads(zipfile.ZipFile(trained["MODEL"]).read("model.json"))
    assert header["drivers"] == [
        {"name": "wells", "kind": "continuous"},
        {"name": "clay", "kind": "categorical"},
    ]
    assert "mm" in (tmp_path / "report.html").read_text(encoding="utf-8")

    def predict(name, **options):
        options = {"DRIVERS": region["drivers"], **options}
        place = str(tmp_path / f"{name}.tif")
        return cells(
            run("predictsurface", MODEL=trained["MODEL"], SURFACE=place, **options)["SURFACE"]
        )

    whole = predict("whole", UNCERTAINTY=str(tmp_path / "uncertainty.tif"))
    assert whole.shape == (SIZE, SIZE)
    assert np.sqrt(((whole - region["truth"]) ** 2).mean()) < region["truth"].std()
    deviation, lower, upper = cells(str(tmp_path / "uncertainty.tif"))
    assert (deviation > 0).all() and (upper > lower).all()
    assert np.allclose((lower + upper) / 2, whole, atol=1e-3)
    # The order of the drivers does not matter; far enough from the cut, a part is as in the whole.
    area = "500010,502990,3597010,3598490 [EPSG:32639]"
    part = predict("part", EXTENT=area, DRIVERS=region["drivers"][::-1])
    assert part.shape == (30, 60)
    assert np.allclose(part[15:], whole[45:], atol=1e-3)

    wells, clay = region["drivers"]
    with pytest.raises(QgsProcessingException, match="missing: clay; not known .*: geology"):
        predict("renamed", DRIVERS=[wells, shutil.copy(clay, str(tmp_path / "geology.tif"))])
    assert not (tmp_path / "renamed.tif").exists()


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_model(run, region, tmp_path, content):
    (tmp_path / "model.zip").write_bytes(content)
    with pytest.raises(QgsProcessingException, match="model.zip is not a model of this plugin"):
        run(
            "predictsurface",
            MODEL=str(tmp_path / "model.zip"),
            DRIVERS=region["drivers"],
            SURFACE=str(tmp_path / "surface.tif"),
        )
