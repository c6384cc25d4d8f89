from __future__ import annotations

from importlib import import_module

import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.catalogue import CATALOGUE, auto_names, make, names


def test_auto_tries_what_has_what_it_needs():
    assert auto_names(False) == ["kriging", "idw", "rbf"]
    assert auto_names(True) == ["kriging", "idw", "rbf", "regressionkriging", "forest", "hybrid"]


def test_names_by_what_they_need_are_all_names():
    assert "idw" in names("none") and "forest" in names("required")
    assert names("optional") == ["hybrid"]
    assert sorted(names("none") + names("optional", "required")) == sorted(names())


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=str)
def test_a_row_says_what_the_class_does(row):
    module, _, name = row.place.rpartition(".")
    cls = getattr(import_module(f"subsidence_mapper.model.methods.{module}"), name)
    assert (cls.name, cls.title, cls.drivers) == (row.name, row.title, row.drivers)


def test_an_unknown_method_is_refused_with_those_known():
    with pytest.raises(InputError, match="Unknown method 'idv'. Known methods: boosting, cnn, "):
        make("idv")
