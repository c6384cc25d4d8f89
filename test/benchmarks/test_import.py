"""Importing many PS points: 1,000,000 rows x 200 dates, in under 2 minutes and 3 GB."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyogrio
from subsidence_mapper.model.protocol import PROTOCOL_VERSION

from .benchmark import run_worker

ROWS, DATES, STEP = 1_000_000, 200, 50_000


def write_table(path):
    """A table as EGMS gives it."""
    random = np.random.default_rng(0)
    days = [date(2016, 1, 5) + timedelta(days=12 * i) for i in range(DATES)]
    years = np.array([day.toordinal() for day in days]) / 365.25
    writer = None
    for first in range(0, ROWS, STEP):
        pace = random.normal(-5, 4, STEP).round(1)
        series = (years[:, None] - years[0]) * pace + random.normal(0, 2, (DATES, STEP))
        table = pa.table(
            {
                "pid": pa.array(np.arange(first, first + STEP)).cast(pa.string()),
                "easting": random.uniform(3e6, 4e6, STEP).round(1),
                "northing": random.uniform(2e6, 3e6, STEP).round(1),
                "height": random.uniform(0, 500, STEP).round(1),
                "temporal_coherence": random.uniform(0.5, 1, STEP).round(2),
                "los_up": np.full(STEP, 0.77),
                "mean_velocity": pace,
                **{f"{day:%Y%m%d}": row for day, row in zip(days, series.round(1))},
            }
        )
        writer = writer or pa.csv.CSVWriter(path, table.schema)
        writer.write(table)
    writer.close()


def test_a_million_rows_of_200_dates(tmp_path):
    table = tmp_path / "points.csv"
    write_table(table)
    request = {
        "protocol": PROTOCOL_VERSION,
        "task": "importpoints",
        "outputs": ["PS_POINTS"],
        "grid": None,
        "drivers": [],
        "source": {"path": str(table)},
        "parameters": {"projection": "vertical"},
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    took, _, peak = run_worker(tmp_path)
    layer = pyogrio.read_info(tmp_path / "ps_points.gpkg")
    size = table.stat().st_size / 1e9
    print(f"\n{ROWS:,} x {DATES} ({size:.1f} GB) in {took:.0f} s, peak memory {peak:.2f} GB")
    assert layer["features"] == ROWS
    assert sum(field.startswith("D20") for field in layer["fields"]) == DATES
    assert took < 120
    assert peak < 3
