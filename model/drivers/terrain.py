"""Where water runs on a terrain, and how strongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin
from scipy import ndimage

from ..errors import InputError
from ..spatial.raster import writing

MAX_BREACH = 10
FREEMAN_EXPONENT = 1.1

_NODATA = -32768.0  # the library does not know NaN


def specific_area(
    heights: np.ndarray,
    cell_size: tuple[float, float],
    flow: str,
    depressions: str,
    folder: Path,
) -> np.ndarray:
    """Specific upslope area: the area that drains through a cell, by the width it passes.

    The width is the cell size, whatever the flow's direction, as Tarboton has it: on a plane that
    falls at an angle to the grid's axes the area is therefore the distance to the upper edge
    along a column or a row, not along the flow. A cell counts itself; water that flows into
    NoData or over the edge is lost.

    Parameters
    ----------
    heights : ndarray (height, width)
        Metres, NaN where unknown.
    cell_size : tuple of 2 floats
        Cell width and height in metres; of unequal ones the geometric mean is the width.
    flow : str
        "dinf": to one or two neighbours, along the steepest of eight facets (Tarboton, 1997,
        doi:10.1029/96WR03137). "mfd": to every lower neighbour, by slope to the power of 1.1
        (Freeman, 1991, doi:10.1016/0098-3004(91)90048-I).
    depressions : str
        As `drain` takes it.
    folder : Path
        For a passing file.

    Returns
    -------
    ndarray (height, width), float32
        m2 per m, NaN where the height is.

    Raises
    ------
    InputError
        If the library that follows the water is not there.
    """
    side = float(np.sqrt(cell_size[0] * cell_size[1]))
    tools = load_tools()
    terrain = drain(tools, tools.read_raster(str(_write(heights, side, folder))), depressions)
    if flow == "dinf":
        area = tools.hydrology.dinf_flow_accum(input=terrain, out_type="cells")
    else:
        area = tools.hydrology.fd8_flow_accum(
            dem=terrain, out_type="cells", exponent=FREEMAN_EXPONENT
        )
    cells = area.to_numpy(dtype="float32")
    return np.where(np.isnan(heights), np.float32(np.nan), cells * np.float32(side))


def load_tools():
    """The library that follows the water, in its open mode: no licence key, no network."""
    try:
        from whitebox_workflows import WbEnvironment
    except ImportError:  # it is not built for every machine that TensorFlow is built for
        raise InputError(
            "SPI and TWI need the library whitebox-workflows, which is not there for this kind of "
            "computer. ELEVATION, SLOPE and ASPECT can be made without it."
        ) from None
    return WbEnvironment()


def drain(tools, terrain, depressions: str):
    """Drain every cell to the edge or to NoData.

    Parameters
    ----------
    tools : whitebox_workflows.WbEnvironment
    terrain : whitebox_workflows.Raster
    depressions : str
        "fill": up to their lowest rim (Wang and Liu, 2006, doi:10.1080/13658810500433453).
        "breach": through the rim by the channel of at most `MAX_BREACH` cells that cuts least
        (Lindsay and Dhun, 2015, doi:10.1080/13658816.2014.975715), and filled where there is none.
        Flats get a fall of nanometres towards their outlet.

    Returns
    -------
    whitebox_workflows.Raster
        float64.
    """
    if depressions == "breach":
        # Its own filling of what is left does not end within minutes on a flat of 70,000 cells.
        terrain = tools.hydrology.breach_depressions_least_cost(
            dem=terrain, max_dist=MAX_BREACH, fill_deps=False
        )
    # The library's newer filling leaves pits on plains of whole metres.
    return tools.hydrology.fill_depressions_wang_and_liu(
        dem=terrain, fix_flats=True, flat_increment=None
    )


def _write(heights: np.ndarray, side: float, folder: Path) -> Path:
    path = folder / "heights.tif"
    height, width = heights.shape
    with (
        writing(path, 4 * heights.size),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=height,
            width=width,
            count=1,
            dtype="float32",
            nodata=_NODATA,
            transform=from_origin(0, height * side, side, side),
            bigtiff="if_safer",
        ) as raster,
    ):
        raster.write(np.where(np.isnan(heights), _NODATA, heights).astype(np.float32), 1)
    return path


def slope_and_aspect(
    heights: np.ndarray, cell_size: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Slope and aspect from the eight neighbours (Horn, 1981, doi:10.1109/PROC.1981.11918).

    A neighbour that is missing, beside a hole or at the edge, is put where the plane through the
    others has it, so that a plane keeps its slope up to its last cell.

    Parameters
    ----------
    heights : ndarray (height + 2, width + 2)
        Metres, NaN where unknown: the cells and one more around them.
    cell_size : tuple of 2 floats
        Cell width and height in metres.

    Returns
    -------
    slope, aspect : ndarray (height, width)
        Degrees; the aspect is where the slope faces, clockwise from north, NaN on a level cell.
        Both are NaN where the height is, and where neighbours are missing on opposite sides.
    """
    height, width = heights.shape[0] - 2, heights.shape[1] - 2
    near = {
        (row, column): heights[1 + row :, 1 + column :][:height, :width].astype(float)
        for row in (-1, 0, 1)
        for column in (-1, 0, 1)
    }
    corners = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    sides = [(-1, 0), (0, -1), (0, 1), (1, 0)]

    def fill(row, column, value):
        near[row, column] = np.where(np.isnan(near[row, column]), value, near[row, column])

    for row, column in sides + corners:
        fill(row, column, 2 * near[0, 0] - near[-row, -column])
    for row, column in corners:
        fill(row, column, near[row, 0] + near[0, column] - near[0, 0])
    west, east = (near[-1, i] + 2 * near[0, i] + near[1, i] for i in (-1, 1))
    north, south = (near[i, -1] + 2 * near[i, 0] + near[i, 1] for i in (-1, 1))
    eastward = np.where(np.isnan(near[0, 0]), np.nan, (east - west) / (8 * cell_size[0]))
    southward = (south - north) / (8 * cell_size[1])
    slope = np.degrees(np.arctan(np.hypot(eastward, southward)))
    aspect = np.degrees(np.arctan2(-eastward, southward)) % 360
    aspect[aspect == 360] = 0  # the remainder of a tiny negative angle
    aspect[(eastward == 0) & (southward == 0)] = np.nan
    return slope, aspect


def stream_power(area: np.ndarray, slope: np.ndarray, floor: float) -> np.ndarray:
    """Stream power index, SPI = a tan(b), in m2 per m (Moore et al., 1991).

    Parameters
    ----------
    area : ndarray
        Specific upslope area a, m2 per m.
    slope : ndarray
        b, degrees; lower ones count as `floor`.
    """
    return area * np.tan(np.radians(np.maximum(slope, floor)))


def wetness(area: np.ndarray, slope: np.ndarray, floor: float) -> np.ndarray:
    """Topographic wetness index, TWI = ln(a / tan(b)) (Beven and Kirkby, 1979); see above."""
    return np.log(area / np.tan(np.radians(np.maximum(slope, floor))))


def enclosed_holes(heights: np.ndarray) -> tuple[int, int]:
    """Number of NoData areas that land surrounds, and of their cells."""
    areas, count = ndimage.label(np.isnan(heights), structure=np.ones((3, 3)))
    rim = np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]])
    inner = np.setdiff1d(np.arange(1, count + 1), rim)
    return len(inner), int(np.isin(areas, inner).sum()) if len(inner) else 0
