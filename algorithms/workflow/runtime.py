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
        "Shows, makes or removes the Python environment in which the other algorithms compute. "
        "They need their own, because TensorFlow and QGIS cannot run in one process. It is in your "
        "cache folder and takes 2 GB of disk. Set the variable SUBSIDENCE_PYTHON to use another "
        "Python instead. Add the text that this algorithm shows to bug reports."
    )

    def parameters(self):
        return [
            makers.choice(
                "ACTION",
                "Action",
                "status: test the environment and report. install: make the environment, or check "
                "it and make it again if it is broken. remove: delete all that install made.",
                ["status", "install", "remove"],
                "status",
            ),
            makers.flag(
                "CUDA",
                "Install the NVIDIA CUDA build",
                "For Linux computers with an NVIDIA GPU. It takes 12 GB of disk during the "
                "installation. Only ACTION install uses it.",
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
