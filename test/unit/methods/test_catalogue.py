from __future__ import annotations

import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.catalogue import auto_names, make, names


def test_auto_tries_what_has_what_it_needs():
    assert auto_names(False) == ["kriging", "idw", "rbf"]
    assert auto_names(True) == ["kriging", "idw", "rbf", "regressionkriging", "forest", "hybrid"]


def test_names_by_what_they_need_are_all_names():
    assert "idw" in names("none") and "forest" in names("required")
    assert names("optional") == ["hybrid"]
    assert sorted(names("none") + names("optional", "required")) == sorted(names())


def test_an_unknown_method_is_refused_with_those_known():
    with pytest.raises(InputError, match="Unknown method 'idv'. Known methods: boosting, cnn, "):
        make("idv")
