"""The instruments under test."""

import pytest

from polarnight.instruments import get_instrument


@pytest.fixture
def andor():
    return get_instrument("AndorT90")


@pytest.fixture
def cafos():
    return get_instrument("CAFOS2.2")


@pytest.fixture
def roper():
    return get_instrument("RoperT90")


@pytest.fixture
def t150():
    return get_instrument("AndorT150")


@pytest.fixture
def dipol():
    return get_instrument("DIPOL")


@pytest.fixture
def dolores():
    return get_instrument("DOLORES")
