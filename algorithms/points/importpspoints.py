"""PS points of any processor."""

from __future__ import annotations

from qgis.core import QgsProcessingException

from ...model.scatterers import formats
from .. import base
from ..layers.copies import save_layer
from ..layers.sources import check_filled, check_source
from ..parameters import makers

UNITS = ["auto", "mm", "cm", "m", "inch"]


class ImportPsPoints(base.SubsidenceAlgorithm):
    """Reads a file or a layer and writes standard fields."""

    NAME = "importpspoints"
    TITLE = "Import PS points"
    GROUP_ID = "points"
    TAGS = ["ps", "insar", "egms", "sarproz", "mintpy", "stamps", "licsbas", "tre", "csv", "import"]
    HELP = (
        "Makes a clean layer of PS points from what an InSAR processor gives. Formats are "
        "recognised by the names of their columns: EGMS L2 and L3, SARPROZ, MintPy (points and "
        "HDF-EOS5), StaMPS (tables and StaMPS-Visualizer), LiCSBAS (cum.h5), TRE ALTAMIRA, and any "
        "table whose columns you name. Where only the time series is there, the velocity is "
        "fitted to it by least squares, and the displacement is its last value minus its first. "
        "Numbers that stand for nothing, such as -9999, become NULL. "
        "The log tells what was recognised, and counts what was left out and why."
    )
    TASK = "importpoints"
    NUMBERS = {"COUNT": "Number of points", "DATES": "Number of dates"}

    def parameters(self):
        return [
            makers.vector(
                "LAYER",
                "Layer",
                "The points, or a table with columns of positions. Multipoints count as their "
                "points. What the layer shows counts: edits, joins, virtual fields and filters. "
                "Empty: FILE is read.",
                kind="any",
                optional=True,
            ),
            makers.file_input(
                "FILE",
                "File",
                "A file that is no layer yet: CSV or text, also in a .gz or .zip, Shapefile, "
                "GeoPackage or HDF5. Layers of a file with the same columns are all read. The "
                "fastest way for millions of points. Empty: LAYER is read.",
                "PS points (*.csv *.txt *.tsv *.dat *.gz *.zip *.shp *.gpkg *.h5 *.he5);;"
                "All files (*)",
                optional=True,
            ),
            makers.choice(
                "FORMAT",
                "Format",
                f"auto: recognised by its columns. {formats.explain()} table: any other table; "
                "name its columns in COLUMNS.",
                formats.keys(),
                "auto",
            ),
            makers.words(
                "COLUMNS",
                "Columns",
                "Which column is what, as name=column, separated by semicolons: velocity=Vel; "
                "coherence=Coer; los_up=cosU. It goes before what the format says; velocity= with "
                "nothing leaves that column out. Names: ps_id, x, y, longitude, latitude, velocity "
                "(per year), displacement (total), coherence, amplitude_dispersion, height (m), "
                "velocity_std, los_up (a cosine) and incidence_angle (degrees). Columns named by "
                "dates, such as D20141009, 20141009 or 09-Oct-2014, are the time series. Empty: as "
                "the format says. A column whose name holds a semicolon goes in double quotes.",
            ),
            *self._units(),
            makers.choice(
                "POSITIVE",
                "Positive values mean",
                "up: uplift, or motion towards the satellite. subsidence: the signs are turned, so "
                "that the result is positive up. auto: as the format says.",
                ["auto", "up", "subsidence"],
                "auto",
            ),
            makers.choice(
                "PROJECTION",
                "Direction of the result",
                "line_of_sight: as it is. vertical: divided by los_up or by the cosine of the "
                "incidence angle, on the assumption that nothing moves horizontally.",
                ["line_of_sight", "vertical"],
                "line_of_sight",
            ),
            makers.crs(
                "CRS",
                "CRS of x and y",
                "For tables and files that do not tell it. What the file or the format says goes "
                "before it, unless COLUMNS names x and y. Longitude and latitude are WGS 84.",
            ),
            makers.vector_output(
                "PS_POINTS",
                "PS points",
                "Points with ps_id, velocity_mm_yr, displacement_mm, coherence, "
                "amplitude_dispersion, height_m, velocity_std (mm per year) and, in mm, one field "
                "for each date, such as D20141009. Positive is up. What the source does not have "
                "is NULL.",
            ),
        ]

    @staticmethod
    def _units():
        for kind, many, per in (
            ("velocity", "velocities", " per year"),
            ("displacement", "displacements", ""),
        ):
            yield makers.choice(
                f"{kind.upper()}_UNIT",
                f"Unit of the {kind}",
                f"The unit of the source's {many}{per}; the result is in mm{per}. auto: as the "
                "format or the column's name (velocity_cm) says, or as the other one and the time "
                "series tell.",
                UNITS,
                "auto",
            )

    def request(self, job):
        file = job.value("FILE")
        source = self.parameterAsSource(job.parameters, "LAYER", job.context)
        if bool(file) == bool(source):
            raise QgsProcessingException(
                "Give either LAYER or FILE, not both."
                if file
                else "LAYER and FILE are both empty. Give one of them."
            )
        given = {"path": file}
        if source:
            check_filled(source)
            if not job.value("CRS"):
                check_source(source)
            layer = self.parameterAsVectorLayer(job.parameters, "LAYER", job.context)
            asked = job.parameters["LAYER"]
            given = save_layer(source, layer, asked, job.folder, job.feedback)
        settings = job.values(
            "FORMAT",
            "COLUMNS",
            "VELOCITY_UNIT",
            "DISPLACEMENT_UNIT",
            "POSITIVE",
            "PROJECTION",
            "CRS",
        )
        return job.request(None, source=given, parameters=settings)
