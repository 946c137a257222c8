"""Cubes, console and workflows in a browser, as each kind of user; and PyOphidia from outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings

import pytest

from .conftest import PASSWORD, serve


@pytest.fixture(scope="module")
def served(small_site, tmp_path_factory):
    """The small site behind a real server."""
    root = tmp_path_factory.mktemp("served") / "data"
    shutil.copytree(small_site.root, root)
    with serve(root) as site:
        yield site


def typed(window, line, enter=True):
    """Type a line into the console and wait for its answer."""
    window.page.fill("#command", line)
    if enter:
        before = window.page.locator(".entry").count()
        window.page.press("#command", "Enter")
        window.page.wait_for_function(
            f"() => document.querySelectorAll('.entry').length > {before}"
        )
        window.page.wait_for_selector(".entry:last-child > .foot, .entry:last-child > .note.error")
        window.page.wait_for_selector("#stop", state="hidden")
    return window.page.locator(".entry").last.inner_text() if enter else ""


IMPORT = (
    "oph_importfits src_path=/fits-raw/LRS.002.fits;container=night;measure=image;"
    "imp_dim=NAXIS1;exp_dim=NAXIS2;"
)


def test_an_operator_works_in_the_console(visit):
    window = visit("operator")
    window.go("/cubes/console/")
    window.page.wait_for_function("() => document.getElementById('cwd').textContent === '/'")
    assert "done in" in typed(window, IMPORT)
    assert "Output Cube" in typed(window, "oph_reduce2 operation=max;dim=NAXIS1;")
    assert "there is no operator" in typed(window, "oph_redce2 operation=max;")
    # Completion by TAB, of operators and of arguments.
    typed(window, "oph_cubesch", enter=False)
    window.page.press("#command", "Tab")
    window.page.wait_for_function(
        "() => document.getElementById('command').value === 'oph_cubeschema '"
    )
    window.page.type("#command", "lev")
    window.page.press("#command", "Tab")
    window.page.wait_for_function(
        "() => document.getElementById('command').value.endsWith('level=')"
    )
    window.page.wait_for_selector("#help dl")
    assert "oph_cubeschema" in window.page.inner_text("#help")
    window.page.fill("#command", "oph_cube")
    window.page.press("#command", "Tab")
    window.page.wait_for_selector("#candidates li")
    window.picture("console-completion-light")
    window.page.press("#command", "Escape")
    # History.
    window.page.fill("#command", "")
    window.page.press("#command", "ArrowUp")
    assert window.page.input_value("#command") == "oph_redce2 operation=max;"
    text = typed(window, "ll /")
    assert "night" in text
    assert "DATACUBE PID" in text.upper()
    window.page.locator("#cube a").click()
    window.page.wait_for_selector("svg.provenance")
    assert "oph_reduce2 operation=max" in window.page.inner_text("main")


def test_a_command_is_stopped(visit):
    window = visit("operator")
    window.go("/cubes/console/")
    window.page.wait_for_selector("#stop", state="hidden")
    wait = {"name": "wait", "operator": "oph_wait", "arguments": ["type=clock", "timeout=300"]}
    workflow = {"name": "w", "author": "w", "abstract": "-", "tasks": [wait]}
    window.page.fill("#command", json.dumps(workflow))
    window.page.press("#command", "Enter")
    window.page.wait_for_selector("#stop", state="visible")
    window.page.wait_for_selector(".entry progress")
    # Meanwhile another one of the session that only reads is answered.
    other = visit("operator")
    other.go("/cubes/console/")
    assert "done in" in typed(other, "oph_list")
    window.page.click("#stop")
    window.page.wait_for_selector("#stop", state="hidden")
    assert window.page.locator(".entry:last-child .note.error").count() == 1


def test_viewers_look_and_change_nothing(visit):
    window = visit("viewer", "dark")
    window.expect("status of 403")
    window.go("/cubes/console/")
    assert "DATACUBE" in typed(window, "ll").upper() or "no rows" in typed(window, "ll")
    assert "operator" in typed(window, "oph_createcontainer container=x;dim=a;")
    window.picture("console-viewer-dark")
    assert window.page.locator("#new-session").count() == 0
    answer = window.go("/cubes/workflows/")
    assert answer.status == 403


@pytest.mark.parametrize("role", ["viewer", "observer", "operator", "admin"])
def test_every_role_opens_the_pages(visit, role):
    window = visit(role)
    for path in ("/cubes/", "/cubes/search/", "/cubes/console/"):
        assert window.go(path).status == 200
    assert window.page.inner_text("h1") == "Console"


WORKFLOW = {
    "name": "two", "author": "w", "abstract": "-", "exec_mode": "sync",
    "tasks": [
        {"name": "read", "operator": "oph_importfits",
         "arguments": ["src_path=/fits-raw/LRS.001.fits", "container=W", "measure=image"]},
        {"name": "most", "operator": "oph_reduce2", "arguments": ["operation=max", "dim=NAXIS1"],
         "dependencies": [{"task": "read", "type": "single"}]},
        {"name": "least", "operator": "oph_reduce2", "arguments": ["operation=min", "dim=NAXIS1"],
         "dependencies": [{"task": "read", "type": "single"}]},
    ],
}  # fmt: skip


def test_a_workflow_is_checked_and_run(visit):
    window = visit("operator")
    window.go("/cubes/workflows/")
    window.page.fill("#text", json.dumps(WORKFLOW, indent=1).replace("oph_reduce2", "oph_redce2"))
    window.page.click("#check")
    window.page.wait_for_selector("#told .error")
    assert "oph_redce2" in window.page.inner_text("#told")
    window.page.fill("#text", json.dumps(WORKFLOW, indent=1))
    window.page.click("main button[type=submit]")
    window.page.wait_for_selector("#told .success:has-text('Done')")
    assert window.page.locator("svg.workflow-graph .task.completed").count() == 3
    window.picture("workflow-light")


@pytest.mark.parametrize("scheme", ["light", "dark", "phone"])
def test_the_pages_fit(visit, scheme):
    window = visit("operator", scheme)
    window.go("/cubes/console/")
    typed(window, IMPORT.replace("container=night", f"container=fit-{scheme}"))
    typed(window, "oph_reduce2 operation=max;dim=NAXIS1;")
    typed(window, "ll")
    assert window.fits()
    window.picture(f"console-used-{scheme}")
    cube = window.page.locator("#cube a").get_attribute("href")
    window.go("/cubes/")
    window.page.locator(".tree a.folder").last.click()
    window.settle()
    assert window.fits()
    window.picture(f"cubes-tree-{scheme}")
    number = int(cube.rstrip("/").rpartition("/")[2])
    window.go(f"/cubes/{number - 1}/")
    window.page.wait_for_selector(".into img:not([hidden])")
    assert window.page.evaluate("document.querySelector('.into img').naturalWidth") == 8
    assert "minimum" in window.page.inner_text("[data-figures]")
    window.page.fill("#card-search", "object")
    assert window.page.locator("#cards tr:visible").count() == 1
    window.page.fill("#card-search", "")
    assert window.fits()
    window.picture(f"cube-{scheme}")
    window.go("/cubes/search/?q=EXPTIME%3E%3D20")
    assert window.fits()
    window.picture(f"cubes-found-{scheme}")
    window.go("/cubes/search/?q=EXPTIME%3E")
    assert window.page.locator(".note.error").count() == 1


LINES = (
    "oph_list level=2;cwd=/;",
    "oph_importfits src_path=/fits-raw/LRS.002.fits;container=T;measure=image;imp_dim=NAXIS1;"
    "exp_dim=NAXIS2;",
    "oph_duplicate",
    "oph_reduce2 operation=quantile;order=0.5;dim=NAXIS1;",
    "oph_explorecube",
    "oph_cubeschema",
    "oph_exportfits output_name=x;",
)


def _told(client):
    """Run the calls of the tutorial and return the answers."""
    answers = []
    for line in LINES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a container was made
            client.submit(line, display=False)
        answers.append(json.loads(client.last_response)["response"])
    return answers


def _comparable(answers, root):
    """Return answers without numbers of cubes, times and places, which differ."""
    text = json.dumps(answers).replace(str(root), "ROOT")
    # What is stored of a cube names its file, whose path is of another length.
    text = re.sub(r'"[0-9.]+", "KB"', '"some", "KB"', text)
    text = re.sub(r"/export/[^\"]*", "/export/…", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "when", text)
    text = re.sub(r"/\d+/(\d+)\b", "/cube", text)
    return re.sub(r"\"[^\"]*/export", '"/export', text)


def test_pyophidia_computes_there_as_here(served, small_site, tmp_path, own_database):
    from PyOphidia import client as ophidia

    host = "http://localhost"
    port = served.url.rpartition(":")[2]
    far = ophidia.Client("admin", PASSWORD, host, port)
    there = _told(far)
    root = tmp_path / "here"
    shutil.copytree(small_site.root, root)
    with own_database(root):
        near = ophidia.Client("admin", "", "", "")
        here = _told(near)
    assert _comparable(there, served.root) == _comparable(here, root)
    assert there[-2][-1]["objcontent"][0]["title"] == "SUCCESS"
    with pytest.raises(RuntimeError, match="user or password is wrong"):
        ophidia.Client("admin", "wrong", host, port)


def test_oph_term_runs_commands_there(served, tmp_path):
    env = {**os.environ, "POLARNIGHT_CONFIG": os.devnull, "OPH_PASSWD": PASSWORD}
    env |= {"POLARNIGHT_DATADIR": str(tmp_path / "none"), "HOME": str(tmp_path)}
    port = served.url.rpartition(":")[2]
    call = "import sys; from polarnight.ophidia.terminal import main; sys.exit(main())"
    command = [sys.executable, "-c", call, "-H", "http://localhost"]
    more = ["-P", port, "-u", "admin", "-e", "oph_fs command=ls;dpath=/fits-raw;"]
    done = subprocess.run([*command, *more], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "LRS.001.fits" in done.stdout
