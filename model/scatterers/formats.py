"""The formats of PS points, a row for each: read by the importer, its parameters and its help.

Columns are known by their names, never by their position. Upper and lower case, dots, spaces and
underscores in names do not matter. Only the standard library is imported here, so that QGIS can
ask too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WGS84 = "EPSG:4326"
STANDARD = (
    "ps_id",
    "x",
    "y",
    "longitude",
    "latitude",
    "velocity",
    "displacement",
    "coherence",
    "amplitude_dispersion",
    "height",
    "velocity_std",
    "los_up",
    "incidence_angle",
)
POSITIONS = {"longitude": "longitude|lon", "latitude": "latitude|lat", "x": "x", "y": "y"}


@dataclass(frozen=True)
class Format:
    """One format as its publisher describes it.

    Parameters
    ----------
    key : str
        The user's word for it; a product with several layouts has several formats of one key.
    title : str
    marks : tuple of str
        The columns that together identify this format.
    columns : dict
        Standard name to published name; alternatives are separated by a bar.
    unit : str, optional
        Of displacements, and per year of velocities; None where the user must give it.
    crs : str, optional
        Of x and y, if the format says so; longitude and latitude are WGS 84.
    signed : bool
        Whether positive is known to be up, or towards the satellite.
    vertical : bool
        Whether displacements are not along the line of sight.
    unless : tuple of str
        The columns that show another format, where the user leaves the choice to us.
    known_by : str
        What the `marks` are: "columns" of any table, the "header" of a text file, or "datasets" of
        an HDF5 file.
    """

    key: str
    title: str
    marks: tuple
    columns: dict = field(default_factory=dict)
    unit: str | None = "mm"
    crs: str | None = None
    signed: bool = True
    vertical: bool = False
    unless: tuple = ()
    known_by: str = "columns"


_EGMS = {
    "ps_id": "pid",
    "x": "easting",
    "y": "northing",
    "velocity": "mean_velocity",
    "velocity_std": "mean_velocity_std",
    "coherence": "temporal_coherence",
    "amplitude_dispersion": "amplitude_dispersion",
    "height": "height|height_ortho",
    "los_up": "los_up",
    "incidence_angle": "incidence_angle",
}
_TRE = {
    "ps_id": "code",
    "velocity": "vel",
    "velocity_std": "v_stdev",
    "coherence": "coherence",
    "height": "height",
}
_TRE_MARKS = ("code", "vel", "v_stdev", "coherence")
EOS = "HDFEOS/GRIDS/timeseries"
# MintPy's documentation of HDF-EOS5.
MINTPY_GRID = Format(
    "mintpy",
    "MintPy HDF-EOS5",
    (f"{EOS}/observation/displacement", f"{EOS}/observation/date"),
    {
        "coherence": f"{EOS}/quality/temporalCoherence",
        "height": f"{EOS}/geometry/height",
        "incidence_angle": f"{EOS}/geometry/incidenceAngle",
        "longitude": f"{EOS}/geometry/longitude",
        "latitude": f"{EOS}/geometry/latitude",
    },
    unit="m",
    known_by="datasets",
)
# Positive is towards the satellite. Its coh_avg is no temporal coherence, so it is left.
LICSBAS = Format(
    "licsbas",
    "LiCSBAS",
    ("cum", "imdates", "corner_lat", "corner_lon", "post_lat", "post_lon"),
    {"velocity": "vel", "velocity_std": "vstd", "height": "hgt", "los_up": "U.geo"},
    known_by="datasets",
)
# Its columns have no names: each point is a row of its place, its velocity and its series.
VISUALIZER = Format(
    "stamps", "StaMPS-Visualizer", ("export_res_1", "export_res_2"), known_by="header"
)
FORMATS = (
    # Copernicus Land Monitoring Service, EGMS product description and format specification.
    Format("egms", "EGMS L2", ("pid", "mean_velocity", "los_up"), _EGMS, crs="EPSG:3035"),
    Format(
        "egms",
        "EGMS L3",
        ("pid", "mean_velocity", "easting", "northing"),
        _EGMS,
        crs="EPSG:3035",
        vertical=True,
    ),
    # SARPROZ manual, sparse data export.
    Format(
        "sarproz",
        "SARPROZ",
        ("vel", "sigma_vel", "coher"),
        {
            "ps_id": "id",
            "velocity": "vel",
            "velocity_std": "sigma_vel",
            "displacement": "cumul_disp",
            "coherence": "coher",
            "height": "height",
        },
    ),
    # MintPy's save_qgis follows the columns of TRE ALTAMIRA.
    Format(
        "mintpy",
        "MintPy points",
        ("code", "vel", "v_stdev", "h_stdev", "coherence", "eff_area"),
        _TRE,
    ),
    MINTPY_GRID,
    # The scripts ps_export_gis.m that go with StaMPS.
    Format(
        "stamps",
        "StaMPS table",
        ("code", "lon", "lat", "height", "coherence"),
        {
            "ps_id": "code",
            "velocity": "vlos",
            "coherence": "coherence",
            "amplitude_dispersion": "d_a",
            "height": "height",
        },
        unless=_TRE_MARKS,
    ),
    VISUALIZER,
    LICSBAS,
    Format("tre", "TRE ALTAMIRA", _TRE_MARKS, _TRE),
)
TABLE = Format(
    "table",
    "table",
    (),
    {
        **{name: name for name in STANDARD if name not in POSITIONS},
        "velocity": "velocity|velocity_mm_yr",
        "displacement": "displacement|displacement_mm",
        "height": "height|height_m",
    },
    unit=None,
    signed=False,
)


def keys() -> list[str]:
    """The words for the formats, as FORMAT takes them."""
    return ["auto", *dict.fromkeys(each.key for each in (*FORMATS, TABLE))]


def explain() -> str:
    """What stands behind each word, and the unit of its displacements, for the help of FORMAT."""
    products: dict[str, list] = {}
    for each in FORMATS:
        unit = f" ({each.unit})" if each.unit else ""
        products.setdefault(each.key, []).append(each.title + unit)
    return " ".join(f"{key}: {', '.join(titles)}." for key, titles in products.items())
