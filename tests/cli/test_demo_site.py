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
    from polarnight.cli.demo_site import ELSEWHERE
    from polarnight.config import load_settings

    options = [f"{key}=null" for key in ELSEWHERE]
    options.append(f'cubes.import_roots=["{tmp_path}"]')
    settings = load_settings(options=[*options, f"datadir={tmp_path}"])
    assert settings.cubes.import_roots == (tmp_path,)
    assert settings.database_url is None


def test_a_whole_demonstration_is_served_as_it_is(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from polarnight.cli import demo
    from polarnight.cli.common import GlobalOptions, Status
    from polarnight.pipeline.demo.run import fresh_directory, mark_finished
    from polarnight.web import preparing

    web = SimpleNamespace(host="127.0.0.1", port=0)
    done = []
    monkeypatch.setattr(demo, "set_up", lambda *_: SimpleNamespace(web=web))
    monkeypatch.setattr(demo, "_make", lambda *_, **__: done.append("made") or Status.WELL)
    monkeypatch.setattr(preparing, "use_site_settings", lambda: None)
    monkeypatch.setattr(demo, "serve_demo", lambda *_: done.append("served") or 0)
    context = SimpleNamespace(obj=GlobalOptions())

    def run(**given):
        done.clear()
        assert demo.demo(context, tmp_path / "demo", **given) == 0
        return done

    place = fresh_directory(tmp_path / "demo")
    assert run(serve=True, seed=4, port=None, full=False) == ["made", "served"]  # half a one
    mark_finished(place, 4)
    flagged = place / "data" / "iop4.db"
    flagged.parent.mkdir()
    flagged.touch()
    assert run(serve=True, seed=4, port=None, full=False) == ["served"]
    assert flagged.exists()
    assert run(serve=True, seed=5, port=None, full=False) == ["made", "served"]
    assert not flagged.exists()
    mark_finished(place, 5)
    assert run(serve=False, seed=5, port=None, full=False) == ["made"]
