from __future__ import annotations

from datetime import date

import pytest
from subsidence_mapper.model.dates import find_dates, parse_day, parse_days
from subsidence_mapper.model.errors import InputError

DAY, LEAP = date(2014, 10, 9), date(2020, 2, 29)


@pytest.mark.parametrize(
    "texts",
    [
        ["2014-10-09", "2020-02-29"],
        ["2014-10-09T12:30:00", "2020-02-29 00:00:00+01"],
        ["20141009", "20200229"],
        ["20141009T123000Z", "20200229T0000"],
        ["2014/10/9", "2020/2/29"],
        ["2014_10_09", "2020_02_29"],
        ["9.10.2014", "29.02.2020"],
        ["10/09/2014", "02/29/2020 9:15"],
    ],
)
def test_days_in_many_forms(texts):
    assert parse_days(["", *texts, ""], "when") == [None, DAY, LEAP, None]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["01/02/2014", "03/04/2014"], "Day and month in when are ambiguous, .*01/02/2014"),
        (["13/02/2014", "03/14/2014"], "Day and month in when are ambiguous"),
        (["2014-02-30", "2014-02-28"], "1 of 2 dates in when cannot be read, .*2014-02-30"),
        (["spring", "spring", "2014-02-28"], "2 of 3 dates in when cannot be read, .*spring"),
        (["12/31/14"], "cannot be read"),
        (["2014-02-28 2015-02-28"], "cannot be read"),
    ],
)
def test_days_that_cannot_be_read(texts, message):
    with pytest.raises(InputError, match=message):
        parse_days(texts, "when")


def test_a_single_day_has_its_year_first():
    assert parse_day("2014-10-09") == DAY
    assert parse_day("29.02.2020") is None
    assert parse_day("29.02.2020", day_first=True) == LEAP


@pytest.mark.parametrize(
    "name",
    ["D20141009", "x20141009", "20141009", "2014-10-09", "level_2014_10_09", "d2014.10.09"]
    + ["D20141009_1", " D20141009 "],
)
def test_columns_that_are_dates(name):
    assert find_dates(["id", name]) == {DAY: name}


@pytest.mark.parametrize("name", ["Nombre", "id20150101", "id12345678901", "2014", "2014-1009"])
def test_columns_that_are_no_dates(name):
    assert find_dates([name]) == {}


def test_columns_come_in_the_order_of_time():
    assert list(find_dates(["D20200229", "20141009"]).values()) == ["20141009", "D20200229"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["D20161301"], "'D20161301' is no date"),
        (["D20150101", "D20150101_1"], "'D20150101' and 'D20150101_1' are the same date"),
        (["D20150101", "2015-01-01"], "are the same date"),
    ],
)
def test_columns_that_are_refused(names, message):
    with pytest.raises(InputError, match=message):
        find_dates(names)
