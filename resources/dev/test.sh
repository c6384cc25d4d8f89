#!/bin/bash
# Run every test: those of the numeric core in the worker's Python and, beside them, the others in
# QGIS's, since each leaves a core idle.
set -uo pipefail
cd "$(dirname "$0")/../.."

failed=0
PYTHONPATH=build/worker-tools "$(cat build/worker-python)" -m pytest test/unit >build/unit.log 2>&1 &
unit=$!
# Layers that some traceback still holds would outlive a QGIS that pytest-qgis ends, and crash.
build/venv-qgis/bin/python -m pytest --qgis_disable_exit test/qgis test/cli test/faults || failed=1
wait $unit || failed=1
cat build/unit.log
exit $failed
