"""What every algorithm shares: its texts, its checks, and how its job is run.

An algorithm file is a declaration: its texts, its `parameters`, and a `request` that turns what the
user gave into one job for the worker.
"""

from __future__ import annotations

import configparser
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from qgis.core import (
    QgsCsException,
    QgsMessageLog,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingMultiStepFeedback,
    QgsProcessingOutputNumber,
)
from qgis.PyQt.QtGui import QIcon

from ..model import protocol
from ..model.errors import InputError
from . import styling
from .delivery import WriteFailed
from .layers.driver import Source
from .layers.files import files_of, files_of_vector
from .layers.rasters import name_classes
from .layers.sources import check_layer, table_of
from .outputs import Outputs, read_table, save_table, warn_of_cut_names
from .run import Job
from .values import check, is_empty, why_refused, why_unknown
from .worker import client
from .worker.folders import KEPT, job_folder
from .worker.interpreter import PLUGIN, RuntimeMissing, worker_python
from .worker.process import JobCancelled, stop_if_cancelled

ICONS = PLUGIN / "resources" / "icons"

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
        known = {definition.name(): definition for definition in self.parameterDefinitions()}
        for name in parameters.keys() - known.keys():
            return False, why_unknown(name, known)
        # What is wrong is said before what is missing.
        for name in sorted(known, key=lambda name: is_empty(parameters.get(name))):
            problem = check(known[name], parameters.get(name), context)
            if problem:
                return False, problem
        return super().checkParameterValues(parameters, context)

    def prepareAlgorithm(self, parameters, context, feedback):
        self._sources, self._inputs = {}, {}
        take = {
            "file": self._take_file,
            "source": self._take_vector,
            "raster": self._take_rasters,
            "multilayer": self._take_rasters,
        }
        with _explained():
            for definition in self.parameterDefinitions():
                name, kind = definition.name(), definition.type()
                if kind in take and not is_empty(parameters.get(name)):
                    for file in take[kind](definition, parameters, context, feedback):
                        self._inputs[file] = name
        return True

    def _take_file(self, definition, parameters, context, feedback) -> list[tuple]:
        """See that a file can be read.

        As all do here, it gives the files that the input rests on, each with the table in it that
        the input is, empty if it is the file as a whole.
        """
        path = self.parameterAsFile(parameters, definition.name(), context)
        _check_readable(definition.name(), path)
        return [(path, "")]

    def _take_vector(self, definition, parameters, context, feedback) -> list[tuple]:
        layer = self.parameterAsVectorLayer(parameters, definition.name(), context)
        if layer is None:
            return []
        check_layer(layer, feedback)
        table = table_of(layer)
        return [(file, table) for file in files_of_vector(layer)]

    def _take_rasters(self, definition, parameters, context, feedback) -> list[tuple]:
        """Describe the layers too: they may be touched in this thread only."""
        name, value = definition.name(), parameters[definition.name()]
        if definition.type() == "raster":
            opened = [self.parameterAsRasterLayer(parameters, name, context)]
        else:
            opened = self.parameterAsLayerList(parameters, name, context)
        if not all(opened) or isinstance(value, (list, tuple)) and len(opened) < len(value):
            raise QgsProcessingException(why_refused(definition, value))
        self._sources[name] = [Source.of(layer) for layer in opened]
        return [(file, "") for layer in opened for file in files_of(layer.source())]

    def processAlgorithm(self, parameters, context, feedback):
        with _explained():
            return self.run_job(parameters, context, feedback)

    def run_job(self, parameters, context, feedback) -> dict:
        """Make the request, let the worker do it, and put the results in their places.

        The job folder is removed afterwards, except when the worker failed or the results could
        not be written: the message then says where it is.

        Returns
        -------
        dict
            Paths, layers and numbers by output name.

        Raises
        ------
        RuntimeMissing, JobFailed, JobCancelled, InputError, QgsProcessingException
        """
        python = worker_python()
        outputs = Outputs(self, parameters, context, self._inputs)
        if not outputs.places and not self.NUMBERS:
            raise QgsProcessingException("No output is selected. Give at least one output a name.")
        with job_folder(kept_after=client.JobFailed) as folder:
            try:
                before = QgsProcessingMultiStepFeedback(round(100 / client.PREPARED), feedback)
                job = Job(self, parameters, context, before, self._sources, folder)
                request = {
                    "task": self.TASK,
                    "outputs": list(outputs.places),
                    **self.request(job),
                }
                if self.parameterDefinition("ENGINE"):
                    request["engine"] = job.value("ENGINE")
                protocol.write_request(folder, request)
            except OSError as problem:
                raise QgsProcessingException(
                    f"The job folder {folder} cannot be written: {problem.strerror}. Free some "
                    "space there, or set TMPDIR to another folder."
                ) from problem
            try:
                result = client.run_job(folder, feedback, python)
                stop_if_cancelled(feedback)
                return self._deliver(job, request["grid"], result, outputs)
            except client.JobFailed as failure:
                raise client.JobFailed(
                    f"{failure} The job is kept {KEPT} in {folder}."
                ) from failure
            except WriteFailed as failure:
                kept = ", ".join(_keep(folder, request["grid"], result, outputs))
                raise client.JobFailed(
                    f"{failure} The results are finished and kept {KEPT} in {folder}; fetch them "
                    f"there: {kept}."
                ) from failure

    def _deliver(self, job: Job, grid: dict | None, result: dict, outputs: Outputs) -> dict:
        files, tables = result.get("files", {}), result.get("points", {})
        crs = grid["crs"] if grid else None
        for name, classes in result.get("classes", {}).items():
            name_classes(str(job.folder / files[name]), classes)
        with outputs.delivery() as delivery:
            for name in outputs.places:
                if name in files:
                    delivery.copy(name, job.folder / files[name])
                elif name in tables:
                    table = read_table(job.folder / tables[name], crs)
                    delivery.write(name, *table)
                    warn_of_cut_names(delivery.places[name], table[0], job.feedback)
        for name, place in delivery.places.items():
            styling.dress(job, self.parameterDefinition(name), place)
        return {**result.get("numbers", {}), **delivery.places}


@lru_cache
def homepage() -> str:
    """The plugin's home page."""
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(PLUGIN / "metadata.txt", encoding="utf-8")
    return metadata["general"]["homepage"]


def _keep(folder: Path, grid: dict | None, result: dict, outputs: Outputs) -> Iterator[str]:
    """The names of the finished files in the job folder, tables among them as layers."""
    crs = grid["crs"] if grid else None
    for name in outputs.places:
        if name in result.get("files", {}):
            yield result["files"][name]
        elif name in result.get("points", {}):
            yield save_table(folder / result["points"][name], crs)


@contextmanager
def _explained() -> Iterator[None]:
    """Explain to the user in a sentence why there is no result, never by a traceback."""
    try:
        yield
    except QgsProcessingException:
        raise
    except (RuntimeMissing, JobCancelled, client.JobFailed, WriteFailed, InputError) as problem:
        raise QgsProcessingException(str(problem)) from problem
    except QgsCsException as problem:
        raise QgsProcessingException(
            "Coordinates of a layer cannot be transformed to the working grid's CRS. Check that "
            f"each layer has the right CRS. {problem}"
        ) from problem
    except Exception as problem:
        QgsMessageLog.logMessage(traceback.format_exc(), "Subsidence Mapper")
        raise QgsProcessingException(
            f"The plugin failed unexpectedly ({type(problem).__name__}: {problem}). The tab "
            "'Subsidence Mapper' of QGIS's log messages has the details; please report it."
        ) from problem


def _check_readable(name: str, path: str) -> None:
    """Refuse a file that is there and cannot be read; the worker reports one that is not there."""
    try:
        if Path(path).exists():
            if not Path(path).is_file():  # of a pipe one would wait for ever
                raise OSError(0, "it is a folder, a pipe or the like")
            with open(path, "rb"):
                pass
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise QgsProcessingException(
            f"{name} cannot be read from {path}: {reason}. Choose another file."
        ) from problem
