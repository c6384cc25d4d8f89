"""Write the reference of the algorithms from their own help, so that it stands in one place.

Run it with the Python of QGIS: python3 make_reference.py docs/reference/algorithms.md
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from qgis.core import QgsApplication

PLUGIN = Path(__file__).absolute().parents[2]


def reference(provider) -> str:
    """The reference as Markdown: each algorithm with its inputs and outputs."""
    text = ["# Algorithms", "", "Written by `make docs` from the help that the dialogs show."]
    for algorithm in sorted(provider.algorithms(), key=lambda each: each.id()):
        text += ["", f"## {algorithm.displayName()} (`{algorithm.id()}`)", "", algorithm.HELP, ""]
        text += ["| parameter | | |", "|---|---|---|"]
        for parameter in algorithm.parameterDefinitions():
            cells = (parameter.name(), parameter.description(), parameter.help())
            text.append("| `{}` | {} | {} |".format(*(cell.replace("|", "/") for cell in cells)))
        results = [
            output
            for output in algorithm.outputDefinitions()
            if not algorithm.parameterDefinition(output.name())
        ]
        if results:
            text += [
                "",
                "Also returned: "
                + "; ".join(f"`{output.name()}`, {output.description()}" for output in results)
                + ".",
            ]
    return "\n".join(text) + "\n"


def main(path: Path) -> None:
    """Load the provider without a window and write the reference."""
    sys.path.insert(0, str(PLUGIN.parent))
    provider = import_module(f"{PLUGIN.name}.algorithms.provider").SubsidenceProvider()
    provider.loadAlgorithms()
    path.write_text(reference(provider), encoding="utf-8")


if __name__ == "__main__":
    application = QgsApplication([], False)
    application.initQgis()
    main(Path(sys.argv[1]))
    application.exitQgis()
