"""What kind each driver is: continuous, circular or categorical.

numpy is imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

from .driver import Driver, check_names, split_names
from .pixels import valid_cells

MAX_GUESSED_CLASSES = 32

_SAMPLE = 2**20  # cells


def set_kinds(drivers: list[Driver], categorical: str, circular: str, feedback) -> None:
    """Decide what kind each driver is, and log it with the reason.

    Parameters
    ----------
    categorical, circular : str
        As CATEGORICAL and CIRCULAR: names separated by commas; empty to go by what the file states
        or to guess, "none" for none.
    """
    names = [driver.name for driver in drivers]
    given = {"categorical": categorical.strip(), "circular": circular.strip(), "continuous": ""}
    chosen = {}
    for kind, text in (("categorical", categorical), ("circular", circular)):
        listed = [] if text.strip().lower() == "none" else split_names(text)
        check_names(listed, names, kind.upper())
        chosen.update(dict.fromkeys(listed, kind))
    for driver in drivers:
        if driver.name in chosen:
            driver.kind, reason = chosen[driver.name], "as you said"
        elif given.get(driver.stated) == "":
            driver.kind, reason = driver.stated, "as its file says"
        elif not circular.strip() and "aspect" in driver.name.lower():
            driver.kind, reason = "circular", "its name holds 'aspect'"
        elif not categorical.strip():
            driver.kind, reason = _guess(driver)
        else:
            reason = "it is not listed as anything else"
        feedback.pushInfo(f"Driver {driver.name}: {driver.kind}, {reason}.")


def _guess(driver: Driver) -> tuple[str, str]:
    import numpy as np

    from ...model.files.fill_values import ABSURD

    if driver.band.GetRasterBand(1).GetColorTable() is not None:
        return "categorical", "it has a colour table"
    width, height = driver.band.RasterXSize, driver.band.RasterYSize
    count = min(height, max(1, _SAMPLE // width))
    classes: set = set()
    for row in np.linspace(0, height - 1, count).astype(int).tolist():
        # Row by row: GDAL would take a thinned sample from overviews, which hold other values.
        cells = valid_cells(driver, (0, row, width, 1))
        cells = cells[np.abs(cells) < ABSURD]
        if cells.dtype.kind == "c" or (cells != np.floor(cells)).any():
            return "continuous", "it holds decimal numbers"
        classes.update(np.unique(cells).tolist())
        if len(classes) > MAX_GUESSED_CLASSES:
            return (
                "continuous",
                f"it holds more than {MAX_GUESSED_CLASSES} different whole numbers",
            )
    return "categorical", f"it holds only {len(classes)} different whole numbers"
