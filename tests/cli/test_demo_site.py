"""``polarnight demo --serve``: the user of the demonstration, and the processes that serve it."""

from __future__ import annotations

import re


def test_the_demonstration_has_a_user_of_its_own(fresh_database, capsys, monkeypatch, tmp_path):
    from django.contrib.auth.models import User

    from polarnight.cli import demo_site
    from polarnight.web import serving

    begun = []
    monkeypatch.setattr(serving, "supervise", lambda children: begun.extend(children) or 0)
    assert demo_site.serve_demo(fresh_database, tmp_path, None) == 0
    name, password = re.search(
        r"log in as (\S+) with the password (\S+)", capsys.readouterr().out
    ).groups()
    user = User.objects.get(username=name)
    assert user.check_password(password)
    assert [group.name for group in user.groups.all()] == ["admin"]
    assert [child.name for child in begun] == ["server", "worker"]
    for child in begun:
        assert str(fresh_database.datadir) in child.command
        assert "database_url=null" in child.command
    # Another demonstration has another password.
    demo_site.serve_demo(fresh_database, tmp_path, None)
    assert not User.objects.get(username=name).check_password(password)


def test_its_options_are_known(tmp_path):
    from polarnight.cli.demo import ELSEWHERE
    from polarnight.config import load_settings

    options = [f"{key}=null" for key in ELSEWHERE]
    options.append(f'cubes.import_roots=["{tmp_path}"]')
    settings = load_settings(options=[*options, f"datadir={tmp_path}"])
    assert settings.cubes.import_roots == (tmp_path,)
    assert settings.database_url is None
