"""Land use from pictures whose classes are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from sklearn.metrics import accuracy_score
from subsidence_mapper.model.drivers.land_use import (
    Clusters,
    Forest,
    Reclassification,
    accuracy,
    legend,
)
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.polygons import cells_within
from subsidence_mapper.model.tasks import landuse as task
from subsidence_mapper.test.examples import RecordingMonitor, make_grid, write_driver

NAN = np.nan
LEFT, TOP, CELL = 500_000.0, 3_600_000.0, 30.0


def box(row, column, height, width):
    """A polygon around cells, as GeoJSON."""
    west, north = LEFT + CELL * column, TOP - CELL * row
    east, south = west + CELL * width, north - CELL * height
    ring = [[west, north], [east, north], [east, south], [west, south], [west, north]]
    return {"type": "Polygon", "coordinates": [ring]}


class TestRules:
    def test_codes_lists_and_ranges(self):
        rules = Reclassification.parse("50 = 1 built-up; 40, 30=2 vegetation\n 111 - 142 = 1;-9=3")
        codes = np.array([50, 40, 30, 111, 130, 142, 143, -9, 0])
        assert rules.apply(codes).tolist() == [1, 2, 2, 1, 1, 1, 0, 3, 0]
        assert rules.names == {1: "built-up", 2: "vegetation", 3: "class 3"}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("50 : 1", "RULES holds '50 : 1'. Write codes = class"),
            ("1=1 a; trees = 2", "RULES holds 'trees = 2'"),
            ("1.5 = 2", "RULES holds '1.5 = 2'"),
            ("50 = 0", "RULES holds '50 = 0'. Classes are numbers from 1 to 255"),
            ("50 = 256 x", "RULES holds '50 = 256 x'. Classes are numbers"),
            ("9-3 = 1", "RULES holds '9-3 = 1', where 9 is more than 3"),
            ("1 = 1 a; 2 = 1 b", "RULES calls class 1 both 'a' and 'b'"),
            ("1-5 = 1; 3 = 2", "hold the code 3: '1-5 = 1' and '3 = 2'"),
            ("7 = 1; 7 = 1", "hold the code 7: '7 = 1' and '7 = 1'"),
            (" ;\n", "RULES is empty"),
        ],
    )
    def test_what_cannot_be_understood_is_named(self, text, message):
        with pytest.raises(InputError, match=message):
            Reclassification.parse(text)

    def test_worldcover(self):
        rules = Reclassification.preset("worldcover")
        named = [rules.names.get(code) for code in rules.apply(np.arange(0, 110, 10))]
        assert named == [
            None,
            "trees and orchards",
            "grass and shrubs",
            "grass and shrubs",
            "cropland",
            "built-up",
            "bare",
            "snow and ice",
            "water",
            "wetland",
            "grass and shrubs",
        ]

    def test_corine_by_code_and_by_grid_code(self):
        rules = Reclassification.preset("corine")
        codes = np.flatnonzero(rules.apply(np.arange(1000)))
        assert codes[:44].tolist() == list(range(1, 45))
        assert (len(codes), codes[44], codes[-1]) == (88, 111, 523)
        # Grid codes number the 44 classes of level 3 in order.
        assert np.array_equal(rules.apply(codes[:44]), rules.apply(codes[44:]))
        assert [rules.names[code] for code in rules.apply(np.array([112, 211, 311, 335, 512]))] == [
            "built-up",
            "cropland",
            "trees and orchards",
            "snow and ice",
            "water",
        ]

    def test_names_that_are_known_have_their_colours(self):
        colours = legend({1: "Built-up", 7: "moor"})
        assert colours[1] == ("Built-up", "#d7301f")
        assert colours[7][0] == "moor" and len(colours[7][1]) == 7


class TestPolygons:
    def test_cells_whose_centre_is_within(self):
        grid = make_grid(10, 12)
        rows, columns = cells_within(box(2, 3, 2, 4), grid)
        assert sorted(zip(rows.tolist(), columns.tolist())) == [
            (row, column) for row in (2, 3) for column in (3, 4, 5, 6)
        ]
        assert len(cells_within(box(2.6, 3.6, 0.5, 0.5), grid)[0]) == 0

    def test_what_hangs_over_the_edge(self):
        grid = make_grid(10, 12)
        rows, columns = cells_within(box(-5, -5, 7, 6), grid)
        assert sorted(zip(rows.tolist(), columns.tolist())) == [(0, 0), (1, 0)]
        for beside in (box(-9, 0, 5, 5), box(0, 40, 5, 5)):
            assert len(cells_within(beside, grid)[0]) == 0


def patchy(seed=0):
    """Polygons that each have a colour of their own: 8 of each of 2 classes, 40 cells each."""
    random = np.random.default_rng(seed)
    polygons = np.repeat(np.arange(16), 40)
    labels = polygons % 2 + 1
    colour = random.normal(0, 3, (16, 4))[polygons] + labels[:, None]
    return colour + random.normal(0, 0.1, (640, 4)), labels, polygons


class TestForest:
    def test_polygons_held_out_are_the_honest_figure(self):
        cells, labels, polygons = patchy()
        forest = Forest(seed=1).fit(cells, labels, polygons)
        # A polygon's cells look alike, so seeing some tells the others; the class hardly does.
        assert accuracy(labels, forest.out_of_bag_) > 0.99
        assert accuracy(labels, forest.held_out_) < 0.9

    def test_no_polygon_is_judged_by_a_forest_that_saw_it(self):
        cells, labels, polygons = patchy()
        fold = Forest(seed=1)._folds(labels, polygons)
        for polygon in np.unique(polygons):
            assert len(np.unique(fold[polygons == polygon])) == 1
        for held in np.unique(fold):
            assert set(labels[fold != held]) == {1, 2}

    def test_a_class_of_one_polygon_is_never_held_out(self):
        cells, labels, polygons = patchy()
        labels = np.where(polygons == 0, 3, labels)
        forest = Forest(seed=1).fit(cells, labels, polygons)
        assert (forest.held_out_[labels == 3] == 0).all()
        assert (forest.held_out_[labels != 3] > 0).all()
        stated = labels != 3
        assert accuracy(labels, forest.held_out_) == accuracy_score(
            labels[stated], forest.held_out_[stated]
        )
        assert accuracy(labels[:1], np.zeros(1)) is None

    def test_the_band_that_tells_is_the_important_one(self):
        random = np.random.default_rng(0)
        labels = np.repeat([1, 2], 200)
        cells = random.normal(size=(400, 3))
        cells[:, 1] += 5 * labels
        forest = Forest().fit(cells, labels, np.arange(400) // 20)
        assert forest.importance_[1] > 0.9
        assert forest.importance_.sum() == pytest.approx(1)
        assert np.array_equal(forest.predict(cells), labels)


class TestClusters:
    def blobs(self):
        random = np.random.default_rng(0)
        truth = np.repeat([0, 1, 2], [500, 200, 300])
        centres = np.array([[50.0, 0.001], [10.0, 0.003], [30.0, 0.009]])
        spread = np.array([1.0, 0.0002])
        return truth, centres, centres[truth] + spread * random.normal(size=(1000, 2))

    @pytest.mark.parametrize("seed", [0, 7])
    def test_codes_follow_the_first_band_whatever_the_seed(self, seed):
        truth, centres, cells = self.blobs()
        clusters = Clusters(3, seed).fit(cells)
        assert np.array_equal(clusters.predict(cells), np.array([3, 1, 2])[truth])
        assert np.allclose(clusters.centres_, centres[[1, 2, 0]], rtol=0.02)
        scaled = (cells - clusters.centres_[[2, 0, 1]][truth]) / cells.std(axis=0)
        assert clusters.inertia_ == pytest.approx((scaled**2).sum(axis=1).mean(), rel=1e-3)

    def test_too_few_different_cells(self):
        cells = np.tile([[1.0, 2.0], [3.0, 4.0]], (50, 1))
        with pytest.raises(InputError, match="only 2 different cells, too few for 3 classes"):
            Clusters(3).fit(cells)
        assert set(Clusters(2).fit(cells).predict(cells)) == {1, 2}


HEIGHT, WIDTH = 40, 60


@pytest.fixture
def job(tmp_path):
    """A picture of three stripes, and a function that classifies it."""
    random = np.random.default_rng(0)
    truth = np.repeat([1, 2, 3], WIDTH // 3)[None, :] * np.ones((HEIGHT, 1), int)
    bands = [
        random.normal(0, 0.3, truth.shape) + value[truth - 1]
        for value in (np.array([0.0, 3.0, 6.0]), np.array([5.0, 0.0, 5.0]))
    ]
    bands[1][5, 5] = NAN
    drivers = [
        write_driver(tmp_path, name, "continuous", each)
        for name, each in zip(("red", "nir"), bands)
    ]
    outputs = ["LAND_USE", "REPORT"]

    def run(method, drivers=drivers, training=(), **parameters):
        polygons = [{"class": label, "geometry": shape} for label, shape in training]
        (tmp_path / "training.json").write_text(json.dumps(polygons))
        request = {
            "grid": make_grid(HEIGHT, WIDTH).to_dict(),
            "drivers": drivers,
            "training": "training.json",
            "parameters": {"method": method, **parameters},
            "outputs": outputs,
        }
        log = RecordingMonitor()
        result = task.run(tmp_path, request, log)
        with rasterio.open(tmp_path / result["files"]["LAND_USE"]) as raster:
            assert (raster.dtypes, raster.nodata) == (("uint8",), 0)
            assert raster.tags(1)["KIND"] == "categorical"
            codes, colours = raster.read(1), raster.colormap(1)
        page = (tmp_path / result["files"]["REPORT"]).read_text(encoding="utf-8")
        return codes, result, page, log.warnings, colours

    run.folder, run.truth, run.drivers = tmp_path, truth, drivers
    return run


TRAINING = [
    ("bare", box(1, 1, 8, 8)),
    ("bare", box(25, 5, 8, 8)),
    ("cropland", box(1, 22, 8, 8)),
    ("cropland", box(25, 28, 8, 8)),
    ("built-up", box(1, 42, 8, 8)),
    ("built-up", box(25, 48, 8, 8)),
]


def test_forest(job):
    codes, result, page, warnings, colours = job("forest", training=TRAINING)
    assert result["classes"]["LAND_USE"] == {"1": "bare", "2": "built-up", "3": "cropland"}
    expected = np.array([0, 1, 3, 2])[job.truth]
    expected[5, 5] = 0
    assert np.array_equal(codes, expected)
    assert colours[2][:3] == (0xD7, 0x30, 0x1F)
    assert result["numbers"] == {"OOB_ACCURACY": 1, "POLYGON_ACCURACY": 1, "CLASSES": 3}
    assert warnings == ["Training cells not used because a band has no value there: 1."]
    for text in ("Out-of-bag accuracy 100.0%", "Producer&#39;s accuracy", "User&#39;s accuracy"):
        assert text in page
    assert "127" in page  # the cells of bare, less the one without a value


def test_classes_that_are_numbers_keep_them(job):
    numbers = {"bare": "40", "cropland": "7", "built-up": "111"}
    training = [(numbers[label], shape) for label, shape in TRAINING]
    codes, result, *_ = job("forest", training=training)
    assert result["classes"]["LAND_USE"] == {"7": "7", "40": "40", "111": "111"}
    assert codes[0, [0, 25, 50]].tolist() == [40, 7, 111]


def test_training_cells_that_cannot_be_used_are_counted(job):
    training = [
        *TRAINING,
        ("cropland", box(1, 5, 8, 8)),  # over half of the first
        ("water", box(100, 100, 4, 4)),
        ("snow", box(30.6, 30.6, 0.2, 0.2)),
    ]
    codes, result, page, warnings, _ = job("forest", training=training)
    assert warnings[:2] == [
        "Training polygons outside the image or smaller than a cell: 2.",
        "Training cells not used because they lie in more than one polygon: 64.",
    ]
    assert "Classes without a usable training cell: snow, water." in warnings
    assert "water" not in result["classes"]["LAND_USE"].values()


def test_a_class_with_one_polygon_is_named(job):
    _, result, page, warnings, _ = job("forest", training=TRAINING[1:])
    assert "Classes with one polygon only, which cannot be held out: bare." in warnings
    assert result["numbers"]["POLYGON_ACCURACY"] == 1
    _, result, page, *_ = job("forest", training=TRAINING[1::2])
    assert "POLYGON_ACCURACY" not in result["numbers"]
    assert "no class has a second polygon" in page


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ([("a", box(90, 0, 5, 5)), ("b", box(-9, 0, 5, 5))], "No cell centre of the image lies in"),
        (TRAINING[:2], "hold one class only, bare. Give polygons of at least two"),
        ([*TRAINING[:2], ("water", box(90, 0, 5, 5))], "hold one class only, bare"),
        ([("a", box(5, 5, 1, 1)), ("b", box(90, 0, 5, 5))], "hold no usable cell"),
    ],
)
def test_training_that_cannot_teach(job, training, message):
    with pytest.raises(InputError, match=message):
        job("forest", training=training)


def test_kmeans(job):
    codes, result, page, warnings, _ = job("kmeans", classes=3, seed=2)
    expected = job.truth.copy()
    expected[5, 5] = 0
    assert np.array_equal(codes, expected)
    assert result["numbers"] == {"CLASSES": 3}
    assert "Centres of the clusters" in page and "cluster 3" in page


def test_kmeans_without_a_complete_cell(job):
    halves = np.full((2, HEIGHT, WIDTH), NAN)
    halves[0, :20], halves[1, 20:] = 1, 2
    drivers = [
        write_driver(job.folder, f"h{i}", "continuous", half) for i, half in enumerate(halves)
    ]
    with pytest.raises(InputError, match="No cell of the image has a value in every band"):
        job("kmeans", drivers=drivers, classes=2)


@pytest.fixture
def codes(job):
    cells = np.full((HEIGHT, WIDTH), 50.0)
    cells[:10], cells[10:12], cells[12, :7], cells[13, 0] = 10, 40, 42, NAN
    return [write_driver(job.folder, "cover", "categorical", cells)]


def test_reclassify_by_a_preset(job, codes):
    got, result, page, warnings, colours = job("reclassify", codes, table="worldcover")
    assert warnings == ["Codes without a rule are NoData: 42 (7 cells)."]
    assert result["numbers"] == {"CLASSES": 3}
    assert result["classes"]["LAND_USE"]["4"] == "trees and orchards"
    assert (got[:10] == 4).all() and (got[10:12] == 2).all() and (got[14:] == 1).all()
    assert (got[12, :7] == 0).all() and got[13, 0] == 0
    assert "tree cover" in page and "600" in page


def test_reclassify_by_own_rules(job, codes):
    rules = "40-50 = 2 dry; 10 = 1 green"
    got, result, _, warnings, _ = job("reclassify", codes, table="own", rules=rules)
    assert warnings == []
    assert result["classes"]["LAND_USE"] == {"1": "green", "2": "dry"}
    assert np.bincount(got.ravel()).tolist() == [1, 600, HEIGHT * WIDTH - 601]


def test_rules_for_another_map(job, codes):
    with pytest.raises(InputError, match=r"None of .* has a rule: 10 \(600 cells\), 40 .*TABLE"):
        job("reclassify", codes, table="own", rules="1 = 1")


def test_an_image_is_no_map_of_classes(job):
    with pytest.raises(InputError, match="holds more than 1000 different values"):
        job("reclassify", job.drivers[:1], table="corine")
