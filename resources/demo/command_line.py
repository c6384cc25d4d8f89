"""Call `qgis_process` as a person would, and read its results back."""

from __future__ import annotations

import shutil
import subprocess
import sys

# Debian 12's qgis_process is a wrapper that passes an option which the program refuses.
PROGRAM = shutil.which("qgis_process.bin") or "qgis_process"


def run(algorithm: str, **parameters) -> dict:
    """Run an algorithm, let its messages through, and give its results by output name.

    A list becomes one argument for each of its entries. The program ends here if the
    algorithm fails: QGIS has then said why.
    """
    arguments = [
        f"--{name}={value}"
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    command = [PROGRAM, "run", algorithm, *arguments]
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
