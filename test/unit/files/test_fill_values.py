"""Which numbers stand for nothing, and that each is said with its count."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.files.fill_values import FillValues

NETCDF = 9.969209968386869e36
LOWEST = -float(np.finfo(np.float32).max)


def remove(*values):
    fill = FillValues("the field v")
    return fill.remove(values).tolist(), fill


@pytest.mark.parametrize(
    "code",
    [-9999, 9999, -99999, -999, -999.25, -32768, 65535, 2147483647, -9999999]
    + [float(np.float32(-9999.9)), LOWEST, NETCDF, 1e20, -1e30, 1e306, 1e12, np.inf, -np.inf],
)
def test_codes_among_ordinary_values_are_taken_out_and_counted(code):
    got, fill = remove(-12.5, code, 3.0, code, np.nan)
    np.testing.assert_array_equal(got, [-12.5, np.nan, 3.0, np.nan, np.nan])
    assert fill.counts == {code: 2}
    assert fill.sentences() == [
        f"In the field v 2 values are {code:.10g}, which means no value beside -12.5 to 3: taken "
        "as NULL."
    ]


@pytest.mark.parametrize(
    "values",
    [
        (9000.0, 9999.0, 11000.0),  # a level among levels
        (1000.0, 1000.0, 999.0),
        (-600.0, 50.0, -999.0),  # strong subsidence, no gap
        (32768.0, 32000.0, 33000.0),
        (2e9, 3e9, 2147483647.0),
        (1e12, 2e12, 5e9),
        (0.0, 0.0),
        (np.nan, np.nan),
        (),
    ],
)
def test_values_among_their_like_stay(values):
    got, fill = remove(*values)
    np.testing.assert_array_equal(got, values)
    assert not fill.counts and not fill.sentences()


def test_several_codes_are_named_one_by_one():
    got, fill = remove(1.0, 2.0, -999.0, -9999.0, -9999.0, NETCDF)
    np.testing.assert_array_equal(got, [1, 2, *[np.nan] * 4])
    assert [sentence.split(",")[0] for sentence in fill.sentences()] == [
        "In the field v 2 values are -9999",
        "In the field v 1 value is -999",
        "In the field v 1 value is 9.969209968e+36",
    ]


def test_of_many_numbers_that_mean_nothing_five_are_named():
    got, fill = remove(1.0, 2.0, *[float(f"{n}e20") for n in range(1, 301)])
    assert np.isnan(got[2:]).all()
    assert len(fill.sentences()) == 6
    assert fill.sentences()[-1] == (
        "In the field v 295 values are of this kind too, from 6e+20 to 3e+22: taken as NULL."
    )


def test_a_field_of_nothing_but_a_code_has_no_value():
    got, fill = remove(-9999.0, -9999.0)
    assert np.isnan(got).all()
    assert fill.sentences() == [
        "In the field v 2 values are -9999, which means no value: taken as NULL."
    ]


def test_batches_are_one_quantity():
    """What is known of earlier batches counts for a batch that has nothing else."""
    fill = FillValues("the field v")
    fill.remove([400.0, 990.0])
    assert fill.remove([999.0]).tolist() == [999.0]
    assert np.isnan(fill.remove([-999.0, -9999.0])).all()
    assert fill.counts == {-999.0: 1, -9999.0: 1}


@pytest.mark.parametrize("code", [999.0, -999.0])
def test_a_code_that_could_be_a_value_is_kept_and_said_where_it_is_all(code):
    got, fill = remove(code, np.nan, code)
    np.testing.assert_array_equal(got, [code, np.nan, code])
    assert not fill.counts
    assert fill.sentences() == [
        f"In the field v 2 values are {code:g}, with nothing to compare with. They are kept; if "
        "they mean no value, make them NULL."
    ]


@pytest.mark.parametrize("more", [[], [np.nan], [-999.0, -9999.0]])
def test_a_code_alone_does_not_hide_those_that_follow(more):
    fill = FillValues("the field v")
    first = [-999.0, -999.0, *more]
    assert fill.is_open(first)
    fill.remove(first)
    assert fill.is_open(first)
    got = fill.remove([-12.5, -999.0, 3.0])
    np.testing.assert_array_equal(got, [-12.5, np.nan, 3.0])
    assert not fill.is_open([-999.0])
    assert fill.sentences()[-1].startswith(f"In the field v {2 + first[2:].count(-999)} values are")


def test_codes_that_turn_out_to_be_values_are_not_said():
    fill = FillValues("the field v")
    assert fill.remove([999.0, 999.0]).tolist() == [999.0, 999.0]
    assert fill.remove([1000.0, 999.0]).tolist() == [1000.0, 999.0]
    assert not fill.sentences()


@pytest.mark.parametrize(("later", "gone"), [([-5.0, 7.0], True), ([-1100.0, -800.0], False)])
def test_values_that_come_later_can_be_known_before(later, gone):
    fill = FillValues("the field v")
    assert fill.is_open([-999.0])
    assert not fill.learn([-999.0, np.nan])
    assert fill.learn([-999.0, *later])
    assert np.isnan(fill.remove([-999.0])).all() == gone
    assert fill.counts == ({-999.0: 1} if gone else {})


def test_what_is_no_code_but_stands_far_apart_is_kept_and_said():
    values = [*np.linspace(-60, 60, 500), 8888.0, 8888.0, -7000.0]
    got, fill = remove(*values)
    assert got == values
    assert fill.sentences() == [
        "In the field v 3 values are more than 100 times as large as all others, up to 8888. They "
        "are kept; if they mean no value, make them NULL."
    ]
    assert fill.sentences(outliers=False) == []


def test_a_bowl_that_deepens_step_by_step_is_nothing_strange():
    values = [*np.random.default_rng(0).normal(0, 0.5, 1000), *np.linspace(0, -300, 60)]
    assert remove(*values)[1].sentences() == []


def test_an_array_of_any_shape_keeps_its_shape():
    fill = FillValues("v")
    got = fill.remove(np.array([[1, -9999], [3, 4]], np.float32))
    np.testing.assert_array_equal(got, [[1, np.nan], [3, 4]])
