"""The feedback that tests give to algorithms."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback


class Feedback(QgsProcessingFeedback):
    """Records the log, its warnings and errors, and the titles of the progress bar."""

    def __init__(self):
        super().__init__(False)
        self.infos, self.warnings, self.errors, self.texts = [], [], [], []

    def pushInfo(self, text):
        super().pushInfo(text)
        self.infos.append(text)

    def pushWarning(self, text):
        super().pushWarning(text)
        self.warnings.append(text)

    def reportError(self, text, fatal=False):
        super().reportError(text, fatal)
        self.errors.append(text)

    def setProgressText(self, text):
        super().setProgressText(text)
        self.texts.append(text)
