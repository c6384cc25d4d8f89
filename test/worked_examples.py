"""The worked examples of CONTRIBUTING.md: which files they touch, and a copy where it is done."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

PLUGIN = Path(__file__).absolute().parents[1]
GUIDE = (PLUGIN / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST = {"a method": 6, "a format of PS points": 3, "an algorithm": 6, "a driver": 9}


@dataclass(frozen=True)
class Step:
    """A file to touch: its whole content, or the change of what is there as a diff."""

    path: str
    language: str
    block: str

    def apply(self, plugin: Path) -> None:
        """Do it in a copy of the plugin."""
        file = plugin / self.path
        if self.language == "python":
            assert not file.exists(), f"{self.path} is there already"
            file.write_text(self.block, encoding="utf-8")
            return
        text = file.read_text(encoding="utf-8")
        for hunk in self.block.split("@@\n"):
            lines = [line if line.strip() else " \n" for line in hunk.splitlines(keepends=True)]
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            assert before in text, f"{self.path} does not have {before!r}"
            text = text.replace(before, after, 1)
        file.write_text(text, encoding="utf-8")


def steps(kind: str) -> list[Step]:
    """What the section on adding a thing of some kind has one do, in order."""
    section = re.search(rf"^## Add {kind}$(.*?)^## ", GUIDE, re.DOTALL | re.MULTILINE)
    found = re.findall(
        r"^(\d+)\. `([^`\n]+)`(?:(?!^\d+\. ).)*?^   ```(\w+)\n(.*?)^   ```$",
        section[1],
        re.DOTALL | re.MULTILINE,
    )
    assert [int(number) for number, *_ in found] == list(range(1, len(found) + 1))
    return [Step(path, language, dedent(block)) for _, path, language, block in found]


def counts() -> dict[str, int]:
    """How many files the table says that each kind takes."""
    rows = re.findall(r"^\| (an? .+) \| (\d+) \|$", GUIDE, re.MULTILINE)
    return {kind: int(count) for kind, count in rows}


def copy_with_examples(folder: Path) -> Path:
    """A copy of the plugin in which all examples are followed."""
    ignored = shutil.ignore_patterns("build", "shared", ".*", "__pycache__")
    plugin = Path(shutil.copytree(PLUGIN, folder / "subsidence_mapper", ignore=ignored))
    for kind in MOST:
        for step in steps(kind):
            step.apply(plugin)
    return plugin
