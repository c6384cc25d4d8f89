"""Call `qgis_process` as a user does, and read its results."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

# Debian 12's qgis_process is a wrapper that passes an option which the program refuses.
PROGRAM = shutil.which("qgis_process.bin") or "qgis_process"


def run(algorithm: str | Path, **parameters) -> dict:
    """Run an algorithm or a model's file, print its messages, and give its results by name.

    A list becomes one argument for each of its entries. The program ends here if the
    algorithm fails; QGIS has then printed the reason.
    """
    arguments = [
        f"--{name}={value}"
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    command = [PROGRAM, "run", str(algorithm), *arguments]
    print("$ qgis_process", " ".join(command[1:]), flush=True)
    results, in_results = {}, False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            in_results = in_results or line.strip() == "Results"
            if in_results and ":\t" in line:
                name, _, value = line.strip().partition(":\t")
                results[name] = value
    if process.returncode:
        sys.exit(process.returncode)
    return results


def map_subsidence(points: dict, outputs: Path, **parameters) -> dict:
    """Map the subsidence of some points, with every output, and the map's errors as a surface.

    Parameters
    ----------
    points : dict
        PS_POINTS, VALUE_FIELD and other parameters of the points.
    outputs : Path
        The folder for the outputs.
    **parameters
        The drivers and the method.

    Returns
    -------
    dict
        The results of `mapsubsidence`.
    """
    outputs.mkdir(parents=True, exist_ok=True)
    mapped = run(
        "subsidence:mapsubsidence",
        **points,
        **parameters,
        SURFACE=outputs / "surface.tif",
        UNCERTAINTY=outputs / "uncertainty.tif",
        TRUST=outputs / "trust.tif",
        ERROR_POINTS=outputs / "error_points.gpkg",
        REPORT=outputs / "report.html",
        MODEL=outputs / "model.zip",
    )
    run(
        "subsidence:errormap",
        **points,
        SURFACE=outputs / "surface.tif",
        ERROR_POINTS=outputs / "error_at_all_points.gpkg",
        ERROR_SURFACE=outputs / "error_surface.tif",
    )
    return mapped
