"""What every algorithm shares: its texts, the error style, the one way to run a job.

An algorithm file is a declaration: its texts, its `parameters`, and a `request` that turns what the
user gave into one job for the worker.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingMultiStepFeedback,
    QgsProcessingOutputNumber,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType, QVariant
from qgis.PyQt.QtGui import QIcon

from ..model import protocol
from ..model.errors import InputError
from . import client, layers, styling
from .child import JobCancelled
from .environment import PLUGIN, RuntimeMissing, worker_python
from .job import Job, is_empty

_UNBOUNDED = 1e300  # where QGIS ends numbers that have no end

ICONS = PLUGIN / "resources" / "icons"

# The one place for differences between versions: QGIS 3.38 moved field types to QMetaType.
NUMBER, TEXT = (
    (QMetaType.Type.Double, QMetaType.Type.QString)
    if Qgis.QGIS_VERSION_INT >= 33800
    else (QVariant.Double, QVariant.String)
)

GROUPS = {
    "workflow": "Workflow",
    "points": "PS points",
    "drivers": "Driving forces",
    "cnn": "CNN",
    "interpolation": "Interpolation",
    "evaluation": "Evaluation",
}

# Layers that the worker writes whole: what they are, and how their names end.
LAYER_FILES = {
    "rasterDestination": ("GeoTIFF", (".tif", ".tiff")),
    "vectorDestination": ("GeoPackage", (".gpkg",)),
}


class SubsidenceAlgorithm(QgsProcessingAlgorithm):
    """An algorithm of this plugin.

    Attributes
    ----------
    NAME, TITLE, GROUP_ID : str
        Id, name in the toolbox, and key of `GROUPS`.
    TAGS : list of str
        What else a user may search for.
    HELP : str
        What the algorithm does and when to use it.
    ICON : str
        File in resources/icons; the group's if empty.
    TASK : str
        The worker's name for it.
    NUMBERS : dict
        Name and title of each number among the results.
    LAYER_FILES : dict
        What layers that the worker writes whole are, and how their names may end.
    """

    NAME = TITLE = GROUP_ID = HELP = ICON = TASK = ""
    TAGS: list = []
    NUMBERS: dict = {}
    LAYER_FILES = LAYER_FILES

    def parameters(self) -> list:
        """The parameters, inputs before outputs, each with its help."""
        raise NotImplementedError

    def request(self, job: Job) -> dict:
        """The worker's request, without its task and outputs; writes its files into the folder."""
        raise NotImplementedError

    def initAlgorithm(self, configuration=None):
        for parameter in self.parameters():
            self.addParameter(parameter)
        for name, title in self.NUMBERS.items():
            self.addOutput(QgsProcessingOutputNumber(name, title))

    def createInstance(self):
        return type(self)()

    def name(self):
        return self.NAME

    def displayName(self):
        return self.TITLE

    def group(self):
        return GROUPS[self.GROUP_ID]

    def groupId(self):
        return self.GROUP_ID

    def tags(self):
        return self.TAGS

    def icon(self):
        return QIcon(str(ICONS / (self.ICON or f"{self.GROUP_ID}.svg")))

    def helpUrl(self):
        return homepage()

    def shortHelpString(self):
        entries = (
            f"<p><b>{each.description()}</b> ({each.name()}): {each.help()}</p>"
            for each in self.parameterDefinitions()
        )
        return f"<p>{self.HELP}</p>{''.join(entries)}"

    def checkParameterValues(self, parameters, context):
        for definition in self.parameterDefinitions():
            value = parameters.get(definition.name())
            if not is_empty(value) and not definition.checkValueIsAcceptable(value, context):
                return False, _why_refused(definition, value)
        return super().checkParameterValues(parameters, context)

    def prepareAlgorithm(self, parameters, context, feedback):
        self._sources, self._inputs = {}, set()
        for definition in self.parameterDefinitions():
            name, value = definition.name(), parameters.get(definition.name())
            if definition.type() == "raster" and not is_empty(value):
                opened = [self.parameterAsRasterLayer(parameters, name, context)]
            elif definition.type() == "multilayer" and not is_empty(value):
                opened = self.parameterAsLayerList(parameters, name, context)
            elif definition.type() == "source" and not is_empty(value):
                layer = self.parameterAsVectorLayer(parameters, name, context)
                self._inputs.add(_path_of(layer.source()) if layer else "")
                continue
            else:
                continue
            if not all(opened) or isinstance(value, (list, tuple)) and len(opened) < len(value):
                raise QgsProcessingException(_why_refused(definition, value))
            self._sources[name] = [layers.Source.of(layer) for layer in opened]
            self._inputs |= {_path_of(layer.source()) for layer in opened}
        return True

    def processAlgorithm(self, parameters, context, feedback):
        try:
            return self.run_job(parameters, context, feedback)
        except JobCancelled:
            return {}
        except (RuntimeMissing, client.JobFailed, InputError) as problem:
            raise QgsProcessingException(str(problem)) from problem
        except QgsCsException as problem:
            raise QgsProcessingException(
                "Coordinates of a layer cannot be brought to the working grid's CRS. Check that "
                f"each layer has the right CRS. {problem}"
            ) from problem

    def run_job(self, parameters, context, feedback) -> dict:
        """Make the request, let the worker do it, and put the results where the user wants them.

        The job folder is removed afterwards, except when the worker failed: the message then says
        where it is.

        Returns
        -------
        dict
            Paths, layers and numbers by output name.

        Raises
        ------
        RuntimeMissing, JobFailed, JobCancelled, InputError, QgsProcessingException
        """
        python = worker_python()
        outputs = self._outputs(parameters, context)
        if not outputs and not self.NUMBERS:
            raise QgsProcessingException("Nothing is asked for. Give at least one output a name.")
        folder = Path(tempfile.mkdtemp(prefix="subsidence-"))
        keep = False
        try:
            before = QgsProcessingMultiStepFeedback(round(100 / client.PREPARED), feedback)
            job = Job(self, parameters, context, before, self._sources, folder)
            request = {"task": self.TASK, "outputs": list(outputs), **self.request(job)}
            if self.parameterDefinition("ENGINE"):
                request["engine"] = job.value("ENGINE")
            protocol.write_request(folder, request)
            result = client.run_job(folder, feedback, python)
            if feedback.isCanceled():
                raise JobCancelled("Cancelled.")
            return self._deliver(job, request["grid"], result, outputs)
        except client.JobFailed as failure:
            keep = True
            raise client.JobFailed(f"{failure} The job is kept in {folder}.") from failure
        except OSError as problem:
            raise QgsProcessingException(
                f"The job folder {folder} cannot be written: {problem.strerror}."
            ) from problem
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _outputs(self, parameters, context) -> dict[str, str]:
        """The outputs that the user wants, each with its place, which can be written."""
        wanted = {}
        for definition in self.destinationParameterDefinitions():
            name = definition.name()
            place = self.parameterAsFileOutput(parameters, name, context)
            if not place:
                continue
            database = re.search(r"dbname='([^']+)'", place)
            if database or not re.match(r"\w\w+:", place):
                _check_writable(name, Path(database.group(1) if database else place).absolute())
            if _path_of(place) in self._inputs:
                raise QgsProcessingException(
                    f"{name} would be written over the input {place}. Choose another place."
                )
            title, suffixes = self.LAYER_FILES.get(definition.type(), ("", ("",)))
            if not place.lower().endswith(suffixes):
                raise QgsProcessingException(
                    f"{name} is a {title}: give it a name that ends in {suffixes[0]}, not {place}."
                )
            wanted[name] = place
        return wanted

    def _deliver(self, job: Job, grid: dict | None, result: dict, outputs: dict) -> dict:
        """Copy the results beside their final names and, when all are there, rename them."""
        files, tables = result.get("files", {}), result.get("points", {})
        delivered, partials = dict(result.get("numbers", {})), {}
        place = ""
        try:
            for name, place in outputs.items():
                if name in files:
                    if self.parameterDefinition(name).type() in LAYER_FILES:
                        place = self.parameterAsOutputLayer(job.parameters, name, job.context)
                    final = Path(place).absolute()
                    final.parent.mkdir(parents=True, exist_ok=True)
                    partials[final] = final.with_name(f".{final.name}.partial")
                    shutil.copyfile(job.folder / files[name], partials[final])
                    delivered[name] = place
                elif name in tables:
                    delivered[name] = self._fill_sink(
                        job, name, grid["crs"], job.folder / tables[name]
                    )
            for final, partial in partials.items():
                os.replace(partial, final)
                # A former result's statistics and overviews would be taken for this one's.
                for stale in (f"{final}.aux.xml", f"{final}.ovr"):
                    Path(stale).unlink(missing_ok=True)
            for name, classes in result.get("classes", {}).items():
                if name in delivered:
                    layers.name_classes(delivered[name], classes)
        except OSError as problem:
            raise client.JobFailed(f"{place} cannot be written: {problem.strerror}.") from problem
        finally:
            for partial in partials.values():
                partial.unlink(missing_ok=True)
        for name in outputs.keys() & delivered.keys():
            definition = self.parameterDefinition(name)
            styling.dress(job, definition, delivered[name])
        return delivered

    def _fill_sink(self, job: Job, name: str, crs: str, table: Path) -> str:
        import numpy as np

        with np.load(table, allow_pickle=False) as arrays:
            columns = {field: arrays[field].tolist() for field in arrays.files}
        positions = columns.pop("xy", None)
        fields = QgsFields()
        for field, column in columns.items():
            is_text = bool(column) and isinstance(column[0], str)
            fields.append(QgsField(field, TEXT if is_text else NUMBER))
        sink, place = self.parameterAsSink(
            job.parameters,
            name,
            job.context,
            fields,
            QgsWkbTypes.NoGeometry if positions is None else QgsWkbTypes.Point,
            QgsCoordinateReferenceSystem.fromWkt("" if positions is None else crs),
        )
        if sink is None:
            raise client.JobFailed(self.invalidSinkError(job.parameters, name))
        for i, row in enumerate(zip(*columns.values())):
            feature = QgsFeature(fields)
            if positions is not None:
                feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(*positions[i])))
            feature.setAttributes([None if cell != cell else cell for cell in row])  # NaN is NULL
            if not sink.addFeature(feature, QgsFeatureSink.FastInsert):
                reason = sink.lastError()
                del sink
                Path(place).unlink(missing_ok=True)
                raise OSError(0, reason)
        return place


@lru_cache
def homepage() -> str:
    """The plugin's home page."""
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(PLUGIN / "metadata.txt", encoding="utf-8")
    return metadata["general"]["homepage"]


def _path_of(source: str) -> str:
    """The whole path of the file that a layer comes from."""
    return os.path.realpath(source.split("|")[0])


def _check_writable(name: str, path: Path) -> None:
    folder = next(parent for parent in path.parents if parent.exists())
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        raise QgsProcessingException(
            f"{name} cannot be written to {path}: {problem.strerror}. Choose another place."
        ) from problem


def _why_refused(definition, value) -> str:
    """A sentence in the place of QGIS's 'Incorrect parameter value'."""
    got = f"{definition.name()} ({definition.description()}) was {value!r}"
    if definition.type() == "enum":
        return f"{got}; give one of {', '.join(definition.options())}."
    if definition.type() in ("source", "raster", "multilayer"):
        return f"{got}; not all of that can be opened as a layer. Check names and paths."
    if definition.type() == "number":
        low, high = definition.minimum(), definition.maximum()
        if high >= _UNBOUNDED:
            return f"{got}; give a number from {low:g} upwards."
        return f"{got}; give a number from {low:g} to {high:g}."
    return f"{got}, which cannot be used. {definition.help()}"
