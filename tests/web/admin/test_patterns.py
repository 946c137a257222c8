"""Patterns of file names: those that are taken, those that are refused, and the deadline."""

from __future__ import annotations

import re
import time

import pytest
from django.db import DatabaseError, connection

from polarnight.errors import ConfigError
from polarnight.web.admin.deadline import deadline
from polarnight.web.admin.patterns import check_pattern


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("BLLac", "x-BLLac-1.fit", True),
        (r"^BLLac-\d{4}R\.fit$", "BLLac-0001R.fit", True),
        (r"^BLLac-\d{4}R\.fit$", "BLLac-001R.fit", False),
        ("flat|bias", "mybias.fit", True),
        ("[A-C]x+", "Bxx", True),
        (r"a\+b", "a+b", True),
        ("", "anything", True),
        (".*R.*fit", "1R.fits", True),
    ],
)
def test_taken(pattern, name, fits):
    assert bool(re.search(check_pattern(pattern), name)) is fits


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b", "(a|a)*", "a**", "a*+", "(?:a)", r"(a)\1", "a*b*c*", "[[:alpha:]]", "[", "a{5,2}",
        "x" * 81, "(?i)a", "a{100}", r"\b", r"\Z", "a\x00", "ä", "\n", "[z-a]", "*a", "(?=a)",
    ],
)  # fmt: skip
def test_refused(pattern):
    with pytest.raises(ConfigError, match="pattern"):
        check_pattern(pattern)


def test_what_is_taken_ends_soon():
    worst = check_pattern("a*a*" + "[ab]" + "c")
    began = time.perf_counter()
    assert re.search(worst, "a" * 200) is None
    assert time.perf_counter() - began < 30  # without the bound, longer than the world is old


def test_a_query_is_given_up(db):
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
        "SELECT count(*) FROM n"
    )
    began = time.perf_counter()
    with pytest.raises(DatabaseError), deadline("default", 0.1), connection.cursor() as cursor:
        cursor.execute(endless)
    assert time.perf_counter() - began < 30  # it would count for minutes
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
