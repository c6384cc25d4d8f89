"""The whole way from raw inputs to drivers: the model in resources, and real data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsVectorLayer,
)

RESOURCES = Path(__file__).resolve().parents[3] / "resources"


WORLD_COVER_CLASSES = {50: 1, 40: 2, 60: 3, 10: 4, 80: 5}


KINDS = {
    "altitude": "continuous",
    "slope": "continuous",
    "aspect": "circular",
    "spi": "continuous",
    "twi": "continuous",
    "ndvi_change": "continuous",
    "land_use": "categorical",
    "well_distance": "continuous",
    "water_table_change": "continuous",
}


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    folder = tmp_path_factory.mktemp("region")
    make = [sys.executable, "-B", RESOURCES / "demo" / "make_region.py", folder]
    subprocess.run([*make, "--size", "120", "100"], check=True)
    return folder / "inputs"


@pytest.fixture(scope="module")
def stack(provider, region, tmp_path_factory):
    """The stack that the model makes: name of each band to its cells, and its kind."""
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(RESOURCES / "models" / "prepare_drivers.model3"))
    fine, problems = model.validate()
    assert fine, problems
    folder = tmp_path_factory.mktemp("drivers")
    scenes = {
        name: sorted(map(str, region.glob(f"{band}_*.tif")))
        for name, band in (("RED", "red"), ("NIR", "nir"), ("CLOUD_MASK", "quality"))
    }
    results, fine = model.run(
        {
            "DEM": str(region / "dem.tif"),
            **scenes,
            "PRODUCT": "landsat_c2l2",
            "LAND_COVER": str(region / "land_cover.tif"),
            "WELLS": str(region / "wells.gpkg"),
            "ACTIVE": "active",
            "PIEZOMETERS": str(region / "piezometers.gpkg"),
            "DATE": "date",
            "LEVEL": "level_m",
            "START": "2014-01-01",
            "END": "2021-01-01",
            "stack:STACK": str(folder / "stack.tif"),
            "stack:REPORT": str(folder / "report.html"),
        },
        QgsProcessingContext(),
        QgsProcessingFeedback(False),
    )
    assert fine
    raster = gdal.Open(results["stack:STACK"])
    bands = [raster.GetRasterBand(number + 1) for number in range(raster.RasterCount)]
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "water_table_change" in report
    return {
        band.GetDescription(): (band.ReadAsArray(), band.GetMetadataItem("KIND")) for band in bands
    }


def read(path):
    return gdal.Open(str(path)).ReadAsArray().astype(float)


def centres(path):
    left, dx, _, top, _, dy = gdal.Open(str(path)).GetGeoTransform()
    rows, columns = np.indices(read(path).shape)
    return left + dx * (columns + 0.5), top + dy * (rows + 0.5)


def places(path, condition):
    layer = QgsVectorLayer(str(path))
    layer.setSubsetString(condition)
    return np.array(
        [(f.geometry().asPoint().x(), f.geometry().asPoint().y()) for f in layer.getFeatures()]
    )


def test_the_model_makes_all_nine_with_their_kinds(stack):
    assert {name: kind for name, (_, kind) in stack.items()} == KINDS
    for name, (cells, kind) in stack.items():
        assert np.isfinite(cells).mean() > (0.95 if kind == "circular" else 0.999), name


def test_the_models_terrain_is_the_dems(stack, region):
    dem = read(region / "dem.tif")
    assert np.abs(stack["altitude"][0] - dem).max() < 1e-3
    smooth_rows = dem[:-2] + 2 * dem[1:-1] + dem[2:]
    smooth_columns = dem[:, :-2] + 2 * dem[:, 1:-1] + dem[:, 2:]
    east = (smooth_rows[:, 2:] - smooth_rows[:, :-2]) / (8 * 150)
    south = (smooth_columns[2:] - smooth_columns[:-2]) / (8 * 150)
    horn = np.degrees(np.arctan(np.hypot(east, south)))
    assert stack["slope"][0][1:-1, 1:-1] == pytest.approx(horn, abs=1e-3)
    tangent = np.tan(np.radians(np.maximum(stack["slope"][0], 0.1)))
    area = stack["spi"][0] / tangent
    assert stack["twi"][0] == pytest.approx(np.log(area / tangent), abs=1e-4)
    assert area.min() == pytest.approx(150)  # a cell without any above it


def test_the_models_land_use_is_the_land_cover(stack, region):
    cover = read(region / "land_cover.tif")
    for code, name in WORLD_COVER_CLASSES.items():
        assert np.unique(stack["land_use"][0][cover == code]).size == 1, (code, name)
    assert np.unique(stack["land_use"][0]).size == np.unique(cover).size


def test_the_models_distance_is_to_the_nearest_active_well(stack, region):
    wells = places(region / "wells.gpkg", "active = 1")
    assert len(wells) == 36
    x, y = centres(region / "dem.tif")
    distance = np.hypot(x[..., None] - wells[:, 0], y[..., None] - wells[:, 1]).min(axis=-1)
    assert np.abs(stack["well_distance"][0] - distance).max() < 0.01


def test_the_models_water_table_falls_as_the_piezometers_say(stack, region):
    change = stack["water_table_change"][0]
    source = ogr.Open(str(region / "piezometers.gpkg"))
    levels: dict = {}
    for feature in source.GetLayer():
        if feature["date"] in ("2014-01-01", "2021-01-01"):
            known = levels.setdefault(feature["piezometer"], {})
            known[feature["date"]] = feature["level_m"]
            known["xy"] = feature.geometry().GetPoint_2D()
    left, dx, _, top, _, dy = gdal.Open(str(region / "dem.tif")).GetGeoTransform()
    pairs = [
        (
            known["2021-01-01"] - known["2014-01-01"],
            change[int((known["xy"][1] - top) / dy), int((known["xy"][0] - left) / dx)],
        )
        for known in levels.values()
        if len(known) == 3
    ]
    measured, mapped = np.array(pairs).T
    assert len(pairs) > 10
    assert np.abs(measured - mapped).mean() < 0.5
    assert np.corrcoef(measured, mapped)[0, 1] > 0.95


def test_isfahans_own_drivers_train_a_network(run, real_data, tmp_path):
    dem, cover, table = (
        str(real_data(f"isfahan/{name}"))
        for name in ("dem_globe_30arcsec.tif", "landcover_2024.tif", "ps.csv")
    )
    terrain = {
        name: str(tmp_path / f"{name.lower()}.tif")
        for name in ("ELEVATION", "SLOPE", "ASPECT", "SPI", "TWI")
    }
    run("terraindrivers", DEM=dem, CELL_SIZE=300, **terrain)
    run(
        "landusedriver",
        IMAGE=cover,
        METHOD="reclassify",
        TABLE="own",
        RULES="1 = 1 built-up; 2 = 2 vegetation; 3 = 3 bare",
        NODATA="*=255",
        REFERENCE=terrain["ELEVATION"],
        LAND_USE=str(tmp_path / "land_use.tif"),
    )
    stack = str(tmp_path / "stack.tif")
    run("driverstack", DRIVERS=[*terrain.values(), str(tmp_path / "land_use.tif")], STACK=stack)
    points = QgsVectorLayer(
        f"file://{table}?delimiter=,&xField=x&yField=y&crs=EPSG:32639&detectTypes=yes",
        "ps",
        "delimitedtext",
    )
    trained = run(
        "trainmodel",
        PS_POINTS=points,
        VALUE_FIELD="subsidence_mm",
        POSITIVE="subsidence",
        DRIVERS=[stack],
        PATCH_SIZE=22,
        EPOCHS=5,
        SPLIT="block",
        MODEL=str(tmp_path / "model.zip"),
    )
    counts = [trained[f"{part}_COUNT"] for part in ("TRAIN", "VALIDATION", "TEST")]
    assert 1500 < sum(counts) < 4524  # the land cover reaches over about half of them
    assert 0 < trained["TRAIN_R2"] < 1, trained
