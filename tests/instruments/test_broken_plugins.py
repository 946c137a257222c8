"""Plug-ins of packages that do not load, hang, exit or are something else: left out, and told."""

import warnings
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from polarnight import plugins
from polarnight.instruments import all_instruments, get_instrument, identify
from polarnight.telescopes import all_telescopes, get_telescope

from .headers import ANDOR

MODULES = {
    "raises": "import no_such_module",
    "exits": "import sys; sys.exit(3)",
    "hangs": "import time; time.sleep(600)",
    "unwritten": "camera = ",
    "empty": "",
    "another": "from polarnight.telescopes import get_telescope\ncamera = get_telescope('T090')",
    "asking": "from polarnight.telescopes import get_telescope\nget_telescope('T090')\ncamera = 5",
    "text": "camera = 'AndorT90'",
    "named": "from polarnight.instruments import get_instrument\n"
    "def camera():\n    from polarnight.instruments.osn import AndorT90\n    return AndorT90()",
}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install packages with these modules, each with an instrument and a telescope."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plugins, "PATIENCE", 0.5)
    real = plugins.entry_points

    def install(*names):
        for name in names:
            (tmp_path / f"broken_{name}.py").write_text(MODULES[name])

        def points(group):
            own = [EntryPoint(name, f"broken_{name}:camera", group) for name in names]
            wanted = group in ("polarnight.instruments", "polarnight.telescopes")
            return [*real(group=group), *(own if wanted else [])]

        monkeypatch.setattr(plugins, "entry_points", points)
        plugins.installed_plugins.cache_clear()

    yield install
    plugins.installed_plugins.cache_clear()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("raises", "does not load: ModuleNotFoundError"),
        ("exits", "it would end the program: SystemExit"),
        ("hangs", "it is not loaded after 0.5 s; correct or uninstall its package"),
        ("unwritten", "does not load: SyntaxError"),
        ("empty", "does not load: AttributeError"),
        ("another", "a Telescope without recognises, classify"),
        ("asking", "a int without recognises, classify"),
        ("text", "a str without recognises"),
        ("named", "a AndorT90 without name = 'named' is no instrument of that name"),
    ],
)
def test_one_that_is_broken_stops_nothing(installed, name, told):
    installed(name)
    with pytest.warns(UserWarning, match=rf"'{name}'") as warned:
        found = all_instruments()
    assert told in "\n".join(str(warning.message) for warning in warned)
    assert name not in found
    assert "AndorT90" in found
    if name not in ("another", "asking"):  # a telescope; told before, when it asked for one
        with pytest.warns(UserWarning, match=rf"'{name}'"):
            assert name not in all_telescopes()
    with warnings.catch_warnings(action="ignore"):  # every time, for those of the wrong kind
        assert get_telescope("T090").name == "OSN-T090"
        assert identify(ANDOR, "a.fit") is get_instrument("AndorT90")


def test_our_own_are_loaded_as_ever(monkeypatch):
    # In this thread: what comes with the program neither hangs nor exits.
    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr(plugins.threading, "Thread", refuse)
    point = SimpleNamespace(dist=SimpleNamespace(name="polarnight"), load=lambda: "a plug-in")
    assert plugins._loaded(point) == "a plug-in"
