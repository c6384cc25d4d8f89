#!/bin/bash
# Run every test in two lanes that take about as long: those of the numeric core in the worker's
# Python; beside them those of QGIS's side, and then those of the core that start processes anyway.
set -uo pipefail
cd "$(dirname "$0")/../.."

core() {
    PYTHONPATH=build/worker-tools "$(cat build/worker-python)" -m pytest "$@"
}

late=(test/unit/test_worker.py test/unit/test_engine.py test/unit/test_contributing.py)
failed=0
core test/unit "${late[@]/#/--ignore=}" >build/unit.log 2>&1 &
unit=$!
# Layers that some traceback still holds would outlive a QGIS that pytest-qgis ends, and crash.
build/venv-qgis/bin/python -m pytest --qgis_disable_exit test/qgis test/cli test/faults || failed=1
core "${late[@]}" || failed=1
wait $unit || failed=1
cat build/unit.log
exit $failed
