"""A small disk that is nearly full, for what happens then."""

from __future__ import annotations

import os
import subprocess

import pytest

SIZE = 1_000_000  # bytes, the smallest that is of use


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own of about a megabyte; `fill` leaves only so many bytes free."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount, which makes a small disk")
    if done.returncode:
        pytest.skip(f"only root can make a small disk: {done.stderr.strip()}")

    class Disk:
        path = folder

        @staticmethod
        def fill(free: int) -> None:
            found = os.statvfs(folder)
            with open(folder / "filling", "wb") as file:
                file.write(bytes(max(0, found.f_bavail * found.f_frsize - free)))

    yield Disk
    subprocess.run(["umount", "-l", str(folder)], check=True)
