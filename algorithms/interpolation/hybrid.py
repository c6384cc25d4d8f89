"""The hybrid of kriging, trees and networks."""

from __future__ import annotations

from ..parameters import interpolation
from .interpolate import InterpolationAlgorithm


class Hybrid(InterpolationAlgorithm):
    """Kriging with drivers, corrected by trees, and by networks in wide gaps."""

    NAME = "hybrid"
    TITLE = "Hybrid"
    TAGS = ["hybrid", "kriging", "machine learning", "trees", "neural network", "interpolation"]
    HELP = (
        "Combines kriging, decision trees and small neural networks. It holds out blocks of points "
        "of several sizes and predicts them by kriging from the other points. It does so in the "
        "plane, and in a space where places with similar driving forces are near each other. Trees "
        "learn to correct the residuals. In wide gaps the surface is drawn towards networks that "
        "learn from the driving forces alone, as far as the held-out points support it. "
        "Without drivers, or with fewer than 200 points, it is ordinary kriging; the log says so."
    )

    def own_parameters(self):
        return [interpolation.training_samples()]

    def outputs(self):
        return [
            *super().outputs(),
            interpolation.standard_deviation(
                "Standard deviation of the surface's error, in millimetres. It is estimated at "
                "held-out points with a similar kriging variance."
            ),
        ]
