"""Limits of wrong passwords over many names and over many addresses."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from polarnight.config import load_settings, use_settings

from .conftest import PASSWORD

HERE, AWAY = "198.51.100.7", "203.0.113.9"
FILES = "/api/v1/ophidia/files?path=/x"


def log_in(address, name="viewer", password=PASSWORD):
    form = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post("/login/", form)


def basic(address, name="viewer", password=PASSWORD):
    """Return the status at the door of PyOphidia: 404 where one is let in."""
    header = "Basic " + b64encode(f"{name}:{password}".encode()).decode()
    return Client(REMOTE_ADDR=address).get(FILES, HTTP_AUTHORIZATION=header).status_code


@pytest.fixture
def limits(users):
    """Six wrong passwords of an address or a user, and no less than five of both."""
    limits = {"web.login_failures_of_address": 6, "web.login_failures_of_user": 6}
    use_settings(load_settings(overrides=limits))


def attack_user(times=6):
    for number in range(times):
        log_in(f"192.0.2.{number + 1}", password="wrong")


def test_an_address_that_tries_many_names_has_to_wait(limits):
    for number in range(6):
        assert log_in(HERE, f"name{number}", "wrong").status_code == 200
    answer = log_in(HERE)
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert basic(HERE) == 429
    assert log_in(AWAY).status_code == 302


def test_a_network_is_one_address(limits):
    for number in range(6):
        log_in(f"2001:db8::{number + 1:x}", f"name{number}", "wrong")
    assert log_in("2001:db8::ffff").status_code == 429
    assert log_in("2001:db8:0:1::1").status_code == 302


def test_own_success_does_not_end_the_count_of_an_address(limits):
    for number in range(6):
        log_in(HERE, f"name{number}", "wrong")
        log_in(HERE, "observer")
    assert log_in(HERE, "observer").status_code == 429


def test_a_user_who_is_attacked_from_everywhere_is_slowed_down_only(limits):
    from axes.models import AccessAttempt

    attack_user()
    answer = log_in(AWAY)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 20
    assert "seconds" in answer.content.decode()
    assert log_in(AWAY, "observer").status_code == 302
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(seconds=21))
    assert log_in(AWAY, password="wrong").status_code == 200
    assert log_in(HERE).status_code == 429  # one by one
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(seconds=21))
    assert log_in(HERE).status_code == 302


@pytest.mark.parametrize("door", [lambda: log_in(AWAY), lambda: basic(AWAY)])
def test_where_a_user_has_been_before_nobody_waits(limits, door):
    door()
    attack_user()
    assert log_in(HERE).status_code == 429
    assert basic(HERE) == 429
    assert log_in(AWAY).status_code == 302
    assert basic(AWAY) == 404


def test_a_name_that_nobody_has_looks_the_same(limits):
    for number in range(6):
        log_in(f"192.0.2.{number + 1}", "ghost", "wrong")
    assert log_in(AWAY, "ghost").status_code == 429
