"""The instruments under test."""

import pytest

from polarnight.instruments import get_instrument


@pytest.fixture
def andor():
    return get_instrument("AndorT90")


@pytest.fixture
def cafos():
    return get_instrument("CAFOS2.2")
