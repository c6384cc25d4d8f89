"""The Processing provider: what the toolbox shows."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .base import ICONS, homepage


class SubsidenceProvider(QgsProcessingProvider):
    """Lists the algorithms; each is `subsidence:` and its name."""

    def loadAlgorithms(self):
        from .cnn.predictsurface import PredictSurface
        from .cnn.trainmodel import TrainModel
        from .cnn.tunemodel import TuneModel
        from .drivers.driverstack import DriverStack
        from .drivers.landusedriver import LandUseDriver
        from .drivers.ndvidriver import NdviDriver
        from .drivers.terraindrivers import TerrainDrivers
        from .drivers.watertable import WaterTable
        from .drivers.welldistance import WellDistance
        from .evaluation.comparemethods import CompareMethods
        from .evaluation.driverimportance import DriverImportance
        from .evaluation.errormap import ErrorMap
        from .evaluation.zonesummary import ZoneSummary
        from .interpolation.boosting import Boosting
        from .interpolation.forest import Forest
        from .interpolation.hybrid import Hybrid
        from .interpolation.idw import Idw
        from .interpolation.kriging import Kriging
        from .interpolation.movingleastsquares import MovingLeastSquares
        from .interpolation.rbf import Rbf
        from .interpolation.regressionkriging import RegressionKriging
        from .points.amplitudedispersion import AmplitudeDispersion
        from .points.importpspoints import ImportPsPoints
        from .points.selectpspoints import SelectPsPoints
        from .workflow.mapsubsidence import MapSubsidence
        from .workflow.runtime import Runtime

        for algorithm in (
            MapSubsidence,
            TrainModel,
            TuneModel,
            PredictSurface,
            Kriging,
            RegressionKriging,
            Idw,
            Rbf,
            MovingLeastSquares,
            Forest,
            Boosting,
            Hybrid,
            CompareMethods,
            ErrorMap,
            ZoneSummary,
            DriverImportance,
            TerrainDrivers,
            NdviDriver,
            WellDistance,
            WaterTable,
            LandUseDriver,
            DriverStack,
            ImportPsPoints,
            SelectPsPoints,
            AmplitudeDispersion,
            Runtime,
        ):
            self.addAlgorithm(algorithm())

    def id(self):
        return "subsidence"

    def name(self):
        return "Subsidence Mapper"

    def icon(self):
        return QIcon(str(ICONS / "subsidence.svg"))

    def helpId(self):
        return homepage()

    def supportedOutputRasterLayerExtensions(self):
        return ["tif", "vrt"]
