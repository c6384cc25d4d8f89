"""Scan the plugin's zip as QGIS's plugin hub scans what is uploaded, and refuse what it refuses.

Run it with the Python of the tools: python scan_package.py build/subsidence_mapper.zip. The hub
(github.com/qgis/QGIS-Plugins-Website, `security_scanner.py` and the rules beside it) runs bandit
and detect-secrets, and lists files that have no place in a plugin.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

UNWELCOME = {".bat", ".cmd", ".dll", ".dylib", ".exe", ".ps1", ".sh", ".so"}
# The hub's only rule that is off and would find something here: importing subprocess.
SKIPPED = "B404"


def bandit(folder: Path) -> list[str]:
    """What bandit finds."""
    template = "{relpath}:{line}: {test_id} {msg}"
    command = ["bandit", "--quiet", "--recursive", ".", "--skip", SKIPPED]
    lines = run([*command, "--format", "custom", "--msg-template", template], folder)
    return [line for line in lines if line.strip()]


def secrets(folder: Path) -> list[str]:
    """What looks like a password or a key."""
    command = ["detect_secrets", "scan", "--all-files", "--no-verify", "."]
    command += ["--exclude-files", r"metadata\.txt"]
    found = json.loads("\n".join(run(command, folder)))["results"]
    return [
        f"{file}:{each['line_number']}: {each['type']}"
        for file, several in found.items()
        for each in several
    ]


def unwelcome(archive: zipfile.ZipFile) -> list[str]:
    """Hidden files, programs, and Python files that may be executed."""
    found = []
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename)
        executable = path.suffix == ".py" and entry.external_attr >> 16 & 0o111
        if path.name.startswith(".") or path.suffix.lower() in UNWELCOME or executable:
            found.append(f"{path}: a hidden file, a program, or executable")
    return found


def run(command: list[str], folder: Path) -> list[str]:
    """The lines that a module of this Python writes; it ends with 1 if it finds something."""
    module = [sys.executable, "-m", *command]
    finished = subprocess.run(module, cwd=folder, capture_output=True, text=True)
    if finished.returncode > 1 or "Traceback" in finished.stderr:
        sys.exit(finished.stderr)
    return finished.stdout.splitlines()


def main(package: Path) -> int:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
        found = [*bandit(Path(folder)), *secrets(Path(folder)), *unwelcome(archive)]
    print(*found, f"{package}: {len(found)} findings", sep="\n")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
