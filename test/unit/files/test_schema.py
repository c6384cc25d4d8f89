import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.tasks.requests import check_request
from subsidence_mapper.test.examples import make_grid

GRID = make_grid(3, 4).to_dict()
ON_GRID = {"grid": GRID, "outputs": [], "drivers": [], "parameters": {}}
OF_POINTS = {**ON_GRID, "points": {"file": "points.npz", "field": "v"}}
WELLS = {**ON_GRID, "task": "wells", "wells": "wells.npz"}
IMAGE = {"name": "red", "kind": "continuous", "file": "drivers/00.tif"}
IDW = {**OF_POINTS, "task": "interpolate", "parameters": {"method": "idw"}}


@pytest.mark.parametrize(
    "request_",
    [
        IDW,
        WELLS,
        {**WELLS, "parameters": {"bandwidth": 2000.0, "filter_values": None, "more": [1, "a"]}},
        {"task": "whole", "outputs": [], "parameters": {}, "file": "/data/a.csv"},
        {**ON_GRID, "task": "importpoints", "grid": None, "source": {"path": "/data/a.csv"}},
        {**ON_GRID, "task": "terrain", "area": GRID, "elevation": "terrain/00.tif"},
        {**ON_GRID, "task": "landuse", "drivers": [IMAGE], "training": "training.json"},
    ],
)
def test_requests_as_qgis_writes_them_are_taken(request_):
    check_request(request_)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({**WELLS, "parameters": {"bandwidth": 1e300}}, "BANDWIDTH was 1e.300; it should be less"),
        ({**WELLS, "parameters": {"x": [10**400]}}, r"X was 1000+\.\.\.0+; it should lie within"),
        ({**WELLS, "parameters": {"x": {}}}, "X is neither a number nor a text"),
        ({**WELLS, "wells": "../wells.npz"}, "wells is not in the job folder"),
        ({**WELLS, "wells": "/dev/zero"}, "wells is not in the job folder"),
        ({**WELLS, "grid": None}, "grid was None"),
        (
            {"task": "importpoints", "outputs": [], "source": {"path": "/a"}, "parameters": {}},
            "grid is missing",
        ),
        ({**WELLS, "grid": {**GRID, "width": -1}}, "grid.width was -1; it should be greater"),
        ({**WELLS, "grid": {**GRID, "width": 2**30, "height": 2**30}}, "10,000,000,000 cells"),
        ({**WELLS, "grid": {**GRID, "crs": "nowhere"}}, "grid.crs is no CRS"),
        ({**WELLS, "grid": {**GRID, "transform": [0.0] * 6}}, "grid has cells of no size"),
        ({**IDW, "parameters": {"method": "idw", "neighbours": 0}}, "NEIGHBOURS was 0; it should"),
        ({**IDW, "points": {"file": "a\0b", "field": "v"}}, "points.file is the name of no file"),
        ({**IDW, "unit": "\ud800"}, "unit was .*it should be a valid string"),
        ({"task": 7}, "task was 7; it should be a valid string"),
        ({}, "task is missing"),
        ({**OF_POINTS, "task": "train"}, "drivers was .*; it should have at least 1 item"),
        (
            {**OF_POINTS, "task": "map", "parameters": {"metod": "idw"}},
            "METOD is not known",
        ),
        ({**OF_POINTS, "task": "map", "parameters": {"seed": 2.7}}, "SEED was 2.7; it should be a"),
    ],
)
def test_other_requests_are_refused_in_a_sentence(changed, message):
    with pytest.raises(InputError, match=message):
        check_request(changed)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("idw", {"power": -1.0}, "POWER was -1.0; it should be greater than 0"),
        (
            "idw",
            {"power": 1e300},
            "POWER was 1e.300; it should be less than or equal to 10000",
        ),
        ("idw", {"neighbours": 1.5}, "NEIGHBOURS was 1.5; it should be a valid integer"),
        ("idw", {"radius": float("nan")}, "RADIUS was nan"),
        ("rbf", {"smoothing": "1"}, "SMOOTHING was '1'; it should be a valid number"),
        ("rbf", {"softness": 1}, "the parameter SOFTNESS is not known"),
        ("kriging", {"estimator": "mine"}, "ESTIMATOR was 'mine'; it should be 'matheron' or"),
        ("kriging", {"sectors": 1000}, "SECTORS was 1000; it should be less than or equal to 32"),
        ("forest", {"trees": 0}, "TREES was 0; it should be greater than or equal to 1"),
        ("regressionkriging", {"neighbours": 0}, "NEIGHBOURS was 0"),
        ("kriging", {"variogram": 60 * "xy"}, "VARIOGRAM"),
    ],
)
def test_methods_are_made_of_what_their_constructors_say(name, parameters, message):
    with pytest.raises(InputError, match=message):
        make(name, **parameters)
