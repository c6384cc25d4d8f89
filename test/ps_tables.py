"""Six points as their publishers would write them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from subsidence_mapper.model.scatterers.series import spans

DAYS = [date(2016, 1, 5) + timedelta(days=12 * i) for i in range(40)]
YEARS = np.array([day.toordinal() for day in DAYS]) / 365.25
PACE = np.array([-12.0, -7.0, -3.0, 2.0, 5.0, -9.0])  # mm per year
SERIES = PACE[:, None] * (YEARS - YEARS[0])  # mm, (points, dates)
SERIES = SERIES + np.random.default_rng(0).normal(0, 0.05, SERIES.shape)
FITTED = np.polyfit(YEARS - YEARS[0], SERIES.T, 1)[0]
LONGITUDE, LATITUDE = 51.5 + np.arange(6) / 100, 32.5 + np.arange(6) / 200
POINTS = range(6)


def series(name="D%Y%m%d", scale=1.0):
    return {day.strftime(name): scale * SERIES[:, i] for i, day in enumerate(DAYS)}


def published():
    """Column names of the publishers' documentation, and what is expected of them."""
    place = {"latitude": LATITUDE, "longitude": LONGITUDE}
    laea = {"easting": 4e6 + np.arange(6) * 100, "northing": 3e6 + np.arange(6) * 100}
    ids, rest = [f"id{i}" for i in POINTS], np.arange(6) / 10
    motion = {"mean_velocity": PACE, "mean_velocity_std": rest + 1, "acceleration": rest}
    return {
        "EGMS L2": {
            "pid": ids,
            "mp_type": rest,
            **place,
            **laea,
            "height": rest + 100,
            "height_wgs84": rest,
            "line": rest,
            "pixel": rest,
            "rmse": rest,
            "temporal_coherence": rest + 0.4,
            "amplitude_dispersion": rest,
            "incidence_angle": rest + 39,
            "track_angle": rest,
            "los_east": rest,
            "los_north": rest,
            "los_up": rest / 10 + 0.7,
            **motion,
            "seasonality": rest,
            **series("%Y%m%d"),
        },
        "EGMS L3": {
            "pid": ids,
            **laea,
            "height": rest + 100,
            "rmse": rest,
            **motion,
            "seasonality": rest,
            "seasonality_std": rest,
            **series("%Y%m%d"),
        },
        "SARPROZ": {
            "ID": ids,
            "LAT": LATITUDE,
            "LON": LONGITUDE,
            "HEIGHT": rest + 100,
            "HEIGHT WRT DEM": rest,
            "SIGMA HEIGHT": rest,
            "VEL": PACE,
            "SIGMA VEL": rest + 1,
            "SEASONAL": rest,
            "CUMUL.DISP.": spans(SERIES.T),
            "COHER": rest + 0.4,
            "SVET": rest,
            "LVET": rest,
            "IN": rest,
            "FIN": rest,
            "STDEV": rest,
            **series("%Y%m%d"),
        },
        "MintPy points": {
            "LAT": LATITUDE,
            "LON": LONGITUDE,
            "CODE": ids,
            "HEIGHT": rest + 100,
            "H_STDEV": rest,
            "VEL": PACE,
            "V_STDEV": rest + 1,
            "COHERENCE": rest + 0.4,
            "EFF_AREA": rest,
            **series(),
        },
        "TRE ALTAMIRA": {
            "CODE": ids,
            "LAT": LATITUDE,
            "LON": LONGITUDE,
            "HEIGHT": rest + 100,
            "VEL": PACE,
            "V_STDEV": rest + 1,
            "COHERENCE": rest + 0.4,
            **series(),
        },
        "StaMPS table": {
            "CODE": ids,
            "LON": LONGITUDE,
            "LAT": LATITUDE,
            "HEIGHT": rest + 100,
            "COHERENCE": rest + 0.4,
            "VLOS": PACE,
            "D_A": rest,
            **series(),
        },
    }
