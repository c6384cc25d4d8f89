"""Which persistent scatterers are good enough."""

from __future__ import annotations

from qgis.core import QgsFeatureRequest, QgsProcessingException

from .. import base
from ..layers.copies import fields_for
from ..layers.sources import check_geometry
from ..outputs import Outputs
from ..parameters import makers
from ..run import Job
from . import selection


class SelectPsPoints(base.SubsidenceAlgorithm):
    """Keeps the points that fulfil every rule."""

    NAME = "selectpspoints"
    TITLE = "Select PS points"
    GROUP_ID = "points"
    TAGS = ["ps", "insar", "filter", "quality", "coherence", "amplitude dispersion", "subsidence"]
    HELP = (
        "Keeps the persistent scatterers that are good enough: stable in amplitude, coherent, "
        "precise, in an area, and measured on enough dates. The log says how many points each "
        "rule removes, alone and after the rules before it. A rule also removes points without a "
        "value, or with a number that means NoData, such as -9999. A rule is skipped with a "
        "warning if the layer lacks its field, or if the field is empty."
    )
    NUMBERS = {"COUNT": "Points that remain", "REMOVED": "Points that were removed"}

    def parameters(self):
        return [
            makers.vector(
                "INPUT",
                "PS points",
                "Persistent scatterers, for instance from 'Import PS points'.",
            ),
            makers.number(
                "MAX_DISPERSION",
                "Maximum amplitude dispersion",
                "Points with a larger amplitude dispersion index are removed. Usual limits are 0.2 "
                "to 0.4. 0: no such rule.",
                0.25,
                low=0,
            ),
            makers.number(
                "MIN_COHERENCE",
                "Minimum temporal coherence",
                "Points with a smaller temporal coherence are removed. It ranges from 0 to 1. 0: "
                "no such rule.",
                0.7,
                low=0,
                high=1,
            ),
            makers.number(
                "MAX_VELOCITY_STD",
                "Maximum standard deviation of the velocity (mm/yr)",
                "Points with a larger standard deviation of the velocity, in millimetres per year, "
                "are removed. Empty or 0: no such rule.",
                low=0,
            ),
            makers.vector(
                "AREA",
                "Area",
                "Polygons in any CRS. Points outside of them are removed; points on their border "
                "are kept. Empty: no such rule.",
                kind="polygon",
                optional=True,
            ),
            makers.number(
                "MIN_DATES",
                "Minimum number of dates",
                "Points with fewer values in the time series are removed. The time series are the "
                "numeric fields called DYYYYMMDD, such as D20141009. Empty: no such rule.",
                low=1,
                whole=True,
            ),
            makers.field(
                "DISPERSION_FIELD",
                "Field of the amplitude dispersion",
                "The numeric field that MAX_DISPERSION applies to.",
                "INPUT",
                numeric=True,
                default="amplitude_dispersion",
                advanced=True,
            ),
            makers.field(
                "COHERENCE_FIELD",
                "Field of the temporal coherence",
                "The numeric field that MIN_COHERENCE applies to.",
                "INPUT",
                numeric=True,
                default="coherence",
                advanced=True,
            ),
            makers.field(
                "VELOCITY_STD_FIELD",
                "Field of the velocity's standard deviation",
                "The numeric field that MAX_VELOCITY_STD applies to, in millimetres per year.",
                "INPUT",
                numeric=True,
                default="velocity_std",
                advanced=True,
            ),
            makers.points_output(
                "PS_POINTS",
                "Selected PS points",
                "The points that fulfil all rules, with all their fields. Choose a file for "
                "millions of points, because a temporary layer stays in memory.",
            ),
        ]

    def run_job(self, parameters, context, feedback):
        """Copy the points that fulfil the rules; no worker is needed."""
        outputs = Outputs(self, parameters, context, self._inputs)
        job = Job(self, parameters, context, feedback, self._sources, folder=None)
        source = job.source("INPUT")
        check_geometry(source)
        chosen = selection.Selection(selection.rules(job, source))
        fields = fields_for(outputs.places.get("PS_POINTS", ""), source, feedback)
        feedback.setProgressText("Selecting the points")
        found = selection.features(source, QgsFeatureRequest(), feedback)
        layer = fields, source.wkbType(), source.sourceCrs()
        with outputs.delivery() as delivery:
            delivery.write("PS_POINTS", *layer, filter(chosen.keeps, found))
            if not chosen.kept:
                raise QgsProcessingException(f"No point fulfils all rules. Relax one. {chosen}")
        for rule in chosen.rules:
            for sentence in rule.fill.sentences(outliers=False) if rule.fill else ():
                feedback.pushWarning(sentence)
        feedback.pushInfo(str(chosen))
        removed = chosen.count - chosen.kept
        return {**delivery.places, "COUNT": chosen.kept, "REMOVED": removed}
