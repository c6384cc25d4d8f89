"""One parameter of each kind, with its help; the names of Processing's classes stay in here."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

GEOMETRIES = {
    "point": QgsProcessing.TypeVectorPoint,
    "polygon": QgsProcessing.TypeVectorPolygon,
    "any": QgsProcessing.TypeVector,
}


def _helped(parameter, text: str, advanced: bool = False):
    """A parameter with its help, and among the advanced ones if wanted."""
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
    return parameter


def number(name, title, text, default=None, *, low, high=1e9, whole=False, advanced=False):
    """A number from `low` to `high`; optional where it has no default."""
    kind = QgsProcessingParameterNumber.Integer if whole else QgsProcessingParameterNumber.Double
    parameter = QgsProcessingParameterNumber(name, title, kind, default, default is None, low, high)
    return _helped(parameter, text, advanced)


def choice(name, title, text, options, default=None, advanced=False):
    """One word of a list, the same in the dialog, in models and on the command line."""
    parameter = QgsProcessingParameterEnum(
        name, title, options, False, default, default is None, usesStaticStrings=True
    )
    return _helped(parameter, text, advanced)


def choices(name, title, text, options, default, advanced=False):
    """Some words of a list, at least one."""
    parameter = QgsProcessingParameterEnum(
        name, title, options, True, default, usesStaticStrings=True
    )
    return _helped(parameter, text, advanced)


def words(name, title, text, default=None, advanced=False, multiline=False):
    """A text, which may be empty where it has no default."""
    optional = default is None
    return _helped(
        QgsProcessingParameterString(name, title, default, multiline, optional), text, advanced
    )


def flag(name, title, text, default=False, advanced=False):
    """Yes or no."""
    return _helped(QgsProcessingParameterBoolean(name, title, default), text, advanced)


def date(name, title, text, advanced=False):
    """A day, or nothing."""
    day = QgsProcessingParameterDateTime.Type.Date
    return _helped(QgsProcessingParameterDateTime(name, title, day, optional=True), text, advanced)


def crs(name, title, text, advanced=False):
    """A coordinate reference system, or nothing."""
    return _helped(QgsProcessingParameterCrs(name, title, optional=True), text, advanced)


def extent(name, title, text, advanced=False):
    """A rectangle, or nothing."""
    return _helped(QgsProcessingParameterExtent(name, title, optional=True), text, advanced)


def vector(name, title, text, kind="point", optional=False):
    """A vector layer; kind "any" takes tables too."""
    return _helped(
        QgsProcessingParameterFeatureSource(name, title, [GEOMETRIES[kind]], None, optional), text
    )


def field(name, title, text, layer, numeric=False, optional=True, default=None, advanced=False):
    """A field of the vector layer that the parameter `layer` gives."""
    kind = QgsProcessingParameterField.Numeric if numeric else QgsProcessingParameterField.Any
    return _helped(
        QgsProcessingParameterField(name, title, default, layer, kind, optional=optional),
        text,
        advanced,
    )


def raster(name, title, text, optional=False, advanced=False):
    """A raster layer."""
    return _helped(QgsProcessingParameterRasterLayer(name, title, None, optional), text, advanced)


def rasters(name, title, text, optional=False):
    """Several raster layers."""
    return _helped(
        QgsProcessingParameterMultipleLayers(
            name, title, QgsProcessing.TypeRaster, optional=optional
        ),
        text,
    )


def file_input(name, title, text, file_filter, optional=False, advanced=False):
    """A file that is there, or whose name the user writes."""
    return _helped(
        QgsProcessingParameterFile(name, title, fileFilter=file_filter, optional=optional),
        text,
        advanced,
    )


def raster_output(name, title, text, optional=False):
    """A GeoTIFF that the job makes."""
    return _helped(QgsProcessingParameterRasterDestination(name, title, None, optional), text)


def points_output(name, title, text, optional=False):
    """A point layer that the job makes."""
    sink = QgsProcessingParameterFeatureSink(
        name, title, QgsProcessing.TypeVectorPoint, None, optional
    )
    return _helped(sink, text)


def table_output(name, title, text, optional=False):
    """A table without geometry that the job makes."""
    sink = QgsProcessingParameterFeatureSink(name, title, QgsProcessing.TypeVector, None, optional)
    return _helped(sink, text)


def vector_output(name, title, text, optional=False):
    """A GeoPackage of points that the worker writes whole, because there may be millions."""
    sink = QgsProcessingParameterVectorDestination(
        name, title, QgsProcessing.TypeVectorPoint, None, optional
    )
    return _helped(sink, text)


def file_output(name, title, text, file_filter, optional=False):
    """Another file that the job makes."""
    return _helped(
        QgsProcessingParameterFileDestination(name, title, file_filter, None, optional), text
    )
