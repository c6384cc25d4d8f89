#!/bin/bash
# Install what is missing: QGIS, the plugin in QGIS's profile, the worker environment.
# Run again, it takes seconds. The worker's interpreter is left in build/worker-python.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Debian 12's qgis_process is a wrapper that passes an option which the program refuses.
qgis_process() {
    local program
    program=$(type -P qgis_process.bin || type -P qgis_process)
    "$program" "$@"
}

has_qgis() {
    { type -P qgis_process && type -P gdalwarp &&
        "$QGIS_PYTHON" -c "import ensurepip, osgeo.gdal, qgis.core, venv"; } >/dev/null 2>&1
}

if ! has_qgis; then
    type -P apt-get >/dev/null || {
        echo "QGIS 3.22 or newer with its Python ($QGIS_PYTHON) is needed; please install it." >&2
        exit 1
    }
    as_root=(env DEBIAN_FRONTEND=noninteractive)
    [ "$(id -u)" = 0 ] || as_root=(sudo "${as_root[@]}")
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" apt-get install -q -y --no-install-recommends \
        qgis qgis-providers python3-qgis python3-venv python3-gdal gdal-bin
fi

major=$("$QGIS_PYTHON" -c "from qgis.core import Qgis; print(Qgis.QGIS_VERSION_INT // 10000)")
profile=${XDG_DATA_HOME:-$HOME/.local/share}/QGIS/QGIS$major/profiles/default
link=$profile/python/plugins/subsidence_mapper
if [ -e "$link" ] && [ ! -L "$link" ]; then
    echo "$link is there already and is not a link; uninstall that plugin in QGIS first." >&2
    exit 1
fi
mkdir -p "${link%/*}" build
ln -sfn "$PWD" "$link"
grep -qs '^subsidence_mapper=true' "$profile/QGIS/QGIS$major.ini" ||
    qgis_process plugins enable subsidence_mapper

qgis_process run subsidence:runtime -- ACTION=install | tee build/install.log
sed -n 's/^INTERPRETER:[[:space:]]*//p' build/install.log >build/worker-python
