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
    TAGS = ["ps", "insar", "csv", "import", *formats.keys()[1:-1]]
    HELP = (
        "Makes a clean layer of PS points from the files of any InSAR processor. FORMAT lists the "
        "formats that are recognised by the names of their columns. You can import any other table "
        "if you name its columns. If there is only a time series, the velocity is its "
        "least-squares slope, and the displacement is its last value minus its first. Numbers that "
        "mean NoData, such as -9999, become NULL. The log says what was recognised, and counts "
        "what was skipped and why."
    )
    TASK = "importpoints"
    NUMBERS = {"COUNT": "Number of points", "DATES": "Number of dates"}

    def parameters(self):
        return [
            makers.vector(
                "LAYER",
                "Layer",
                "The points, or a table with columns of positions. The parts of a multipoint are "
                "points of their own. Edits, joins, virtual fields and filters of the layer are "
                "respected. Empty: FILE is read.",
                kind="any",
                optional=True,
            ),
            makers.file_input(
                "FILE",
                "File",
                "A file that you have not loaded: CSV or text, also in a .gz or .zip, Shapefile, "
                "GeoPackage or HDF5. All layers of the file with the same columns are read. Use it "
                "for millions of points, because it is fastest. Empty: LAYER is read.",
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
                "The meaning of columns, as name=column, separated by semicolons. Example: "
                "velocity=Vel; coherence=Coer; los_up=cosU. This overrides the format; velocity= "
                "without a column skips it. Names: ps_id, x, y, longitude, latitude, velocity (per "
                "year), displacement (total), coherence, amplitude_dispersion, height (m), "
                "velocity_std, los_up (a cosine), incidence_angle (degrees). Columns named by "
                "dates, such as D20141009, 20141009 or 09-Oct-2014, are the time series. Put a "
                "column in double quotes if its name contains a semicolon. Empty: as the format "
                "says.",
            ),
            *self._units(),
            makers.choice(
                "POSITIVE",
                "Positive values mean",
                "up: uplift, or motion towards the satellite. subsidence: the signs are inverted, "
                "so that the result is positive up. auto: as the format says.",
                ["auto", "up", "subsidence"],
                "auto",
            ),
            makers.choice(
                "PROJECTION",
                "Direction of the result",
                "line_of_sight: unchanged. vertical: divided by los_up or by the cosine of the "
                "incidence angle. This assumes that there is no horizontal motion.",
                ["line_of_sight", "vertical"],
                "line_of_sight",
            ),
            makers.crs(
                "CRS",
                "CRS of x and y",
                "For tables and files that do not state their CRS. A CRS that the file or the "
                "format states is used instead, unless COLUMNS names x and y. Longitude and "
                "latitude are WGS 84.",
            ),
            makers.vector_output(
                "PS_POINTS",
                "PS points",
                "Points with ps_id, velocity_mm_yr, displacement_mm, coherence, "
                "amplitude_dispersion, height_m and velocity_std (mm per year). Each date is a "
                "field in mm, such as D20141009. Positive is up. Values that the source does not "
                "have are NULL.",
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
                f"The unit of the source's {many}{per}; the result is in mm{per}. auto: from the "
                "format, the column's name (such as velocity_cm), the other unit or the time "
                "series.",
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
