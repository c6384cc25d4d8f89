"""The algorithm that shows, makes and removes the worker environment."""

from __future__ import annotations

from qgis.core import QgsProcessingOutputString

from ..base import SubsidenceAlgorithm
from ..parameters import makers


class Runtime(SubsidenceAlgorithm):
    """Show, make or remove the Python environment that runs the worker."""

    NAME = "runtime"
    TITLE = "Worker environment"
    GROUP_ID = "workflow"
    ICON = "subsidence.svg"
    TAGS = ["python", "tensorflow", "install", "setup", "status", "diagnostics", "gpu", "cuda"]
    HELP = (
        "The other algorithms compute in a Python environment of their own, beside QGIS's, because "
        "TensorFlow and QGIS cannot live in one process. This algorithm shows its state for a bug "
        "report, makes it in your cache folder (once; it takes 2 GB of disk) or removes it. The "
        "variable SUBSIDENCE_PYTHON names another Python to be used instead."
    )

    def parameters(self):
        return [
            makers.choice(
                "ACTION",
                "Action",
                "status: try the environment out and report. install: make it, or check it and "
                "make it anew if it is broken. remove: delete all that install has made.",
                ["status", "install", "remove"],
                "status",
            ),
            makers.flag(
                "CUDA",
                "Install the NVIDIA CUDA build",
                "For a computer with an NVIDIA GPU and Linux; takes 12 GB of disk while it is "
                "made. Only install looks at it.",
            ),
        ]

    def initAlgorithm(self, configuration=None):
        super().initAlgorithm(configuration)
        self.addOutput(QgsProcessingOutputString("INTERPRETER", "Interpreter of the worker"))
        self.addOutput(QgsProcessingOutputString("DEVICE", "Device"))
        self.addOutput(QgsProcessingOutputString("STATUS", "Ready, or the problem"))

    def run_job(self, parameters, context, feedback):
        """Do what ACTION says and report the state."""
        from ..worker import installer

        action = self.parameterAsEnumString(parameters, "ACTION", context)
        device = None
        if action == "install":
            cuda = self.parameterAsBoolean(parameters, "CUDA", context)
            device = installer.install(feedback, cuda)
        elif action == "remove":
            installer.remove(feedback)
        state = installer.status(feedback, device)
        feedback.pushInfo(f"\n{state['text']}\n")
        return {
            "INTERPRETER": state["interpreter"],
            "DEVICE": state["device"],
            "STATUS": state["problem"] or "ready",
        }
