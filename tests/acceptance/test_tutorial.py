"""The calibration tutorial of 2017, from a fresh session on a simulated night."""

import re

import numpy as np
import pytest
from astropy.io import fits
from tutorial import COMMANDS, FILTERS, FRAME, make_night, run_notebook, values

from polarnight.ophidia.terminal import run_terminal
from PyOphidia import cube

pytestmark = pytest.mark.filterwarnings("ignore::PyOphidia.calls.OphidiaWarning")


@pytest.fixture
def night(fresh_database):
    return make_night(fresh_database.datadir)


@pytest.fixture
def client(night, capsys):
    cube.Cube.setclient("anna", "secret", "", "")
    yield cube.Cube.client
    cube.Cube.client = None


def told(capsys, settings, command):
    """Give one command as the tutorial prints it; return exit code and output."""
    code = run_terminal(["-u", "anna", "-e", command], settings)
    said = capsys.readouterr()
    return code, said.out + said.err


def test_the_terminal_section(night, fresh_database, capsys):
    pid, outputs = "", []
    for command in COMMANDS:
        code, said = told(capsys, fresh_database, command.replace("<PID>", pid))
        assert code == 0, said
        outputs.append(said)
        made = re.search(r"http\S+/\d+/\d+$", said, re.MULTILINE)
        pid = made[0] if made and "Output Cube" in said else pid
    pdd, lsd, container, imported, listed, cards, one, _, _ = outputs
    assert pdd == "/\n"
    assert "| d | data/" in lsd
    assert "Output Container" in container
    assert f"\n{pid.rpartition('/')[0]}\n" in container
    # Lost underscores and broken lines are mended, and it is said how.
    assert "Output Cube" in imported
    assert "src path read as src_path" in imported
    [row] = [line for line in listed.splitlines() if pid in line]
    assert [cell.strip() for cell in row.split("|")[1:-1]] == ["c", "FITS2", pid, ""]
    header = fits.getheader(night.directory / FRAME)
    for key in ("FLT_ID", "OBS-TYPE", "EXPSTART", "OBJECT"):
        assert re.search(rf"\| {key} +\| text +\| {header[key]} ", cards)
    # What the tutorial copied from an example of inserting changes nothing in reading.
    values_ = [line for line in one.splitlines() if line.startswith("| ") and "Vocab" not in line]
    assert len(values_) == 1
    assert f"| {header['FLT_ID']} " in values_[0]
    code, said = told(capsys, fresh_database, "ll")
    assert (code, "FITS2" in said) == (0, False)


def test_a_container_with_cubes_is_not_deleted_by_chance(night, fresh_database, capsys):
    for command in COMMANDS[2:4]:
        assert told(capsys, fresh_database, command)[0] == 0
    code, said = told(capsys, fresh_database, COMMANDS[8])
    assert code == 9
    assert "force=yes" in said
    # The hint of the tutorial for starting again: all cubes by the range of their numbers.
    code, said = told(capsys, fresh_database, "oph_delete cube=[1:1]")
    assert code == 0, said
    assert told(capsys, fresh_database, COMMANDS[8])[0] == 0


def test_the_stars_of_the_tutorial_are_no_pid(night, fresh_database, capsys):
    stars = "oph_delete cube=https://ophidialab.cmcc.it/ophidia/***/***;"
    code, said = told(capsys, fresh_database, stars)
    assert code == 8
    assert "put the numbers of a cube in place of the stars" in said


def test_the_notebook_after_the_terminal(night, fresh_database, capsys):
    # The tutorial deletes FITS2 before its notebook imports into it.
    pid = "http://localhost/polarnight/1/1"
    for command in COMMANDS:
        assert told(capsys, fresh_database, command.replace("<PID>", pid))[0] == 0
    cube.Cube.setclient("anna", "secret", "", "")
    made = run_notebook(cube, f"{fresh_database.datadir}/exported")
    assert made["result_R"].pid.startswith("http://localhost/polarnight/2/")
    cube.Cube.client = None


def test_the_notebook_as_published(night, client, fresh_database, capsys):
    made = run_notebook(cube, f"{fresh_database.datadir}/exported")
    assert client.last_response_status == "SUCCESS"
    bias = night.median("BIAS")
    np.testing.assert_array_equal(values(made["bias"]), bias)
    flats = {band: night.median("FLAT", band) - bias for band in FILTERS}
    science = {band: night.median("LIGHT", band) - bias for band in FILTERS}
    # The variable of the bias holds the flat of B when it is taken from the flats of V and R.
    spoiled = {band: night.median("FLAT", band) - flats["B"] for band in ("V", "R")}
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = {"B": science["B"] / flats["B"]}
        expected |= {band: science[band] / spoiled[band] for band in ("V", "R")}
    for band in FILTERS:
        np.testing.assert_array_equal(values(made[f"result_{band}"]), expected[band])
    # Only the last result is exported: that of R.
    with fits.open(fresh_database.datadir / "exported" / "final_file.fits") as hdus:
        np.testing.assert_array_equal(hdus[0].data, expected["R"])
    told = capsys.readouterr().out
    assert told.count("New cube is ") == 1 + 1 + 6 + 6 + 9
    assert "Something went wrong" not in told


def test_the_notebook_run_twice_gives_the_same(night, client, fresh_database):
    output = f"{fresh_database.datadir}/exported"
    first = {name: values(c) for name, c in run_notebook(cube, output).items()}
    again = run_notebook(cube, output)
    for name, image in first.items():
        np.testing.assert_array_equal(values(again[name]), image, err_msg=name)
    assert {c.pid for c in again.values()}.isdisjoint({None})


def test_what_the_overwritten_bias_does_to_v_and_r(night, client, fresh_database):
    output = f"{fresh_database.datadir}/exported"
    printed = {k: values(c) for k, c in run_notebook(cube, output).items()}
    right = {k: values(c) for k, c in run_notebook(cube, output, overwrite_bias=False).items()}
    np.testing.assert_array_equal(printed["result_B"], right["result_B"])
    for band in ("V", "R"):
        # The flat less the flat of B is not about a flat level of thousands any more...
        level = {k: np.median(v[f"net_flat_{band}"]) for k, v in (("p", printed), ("r", right))}
        assert abs(level["p"]) < 0.5 * level["r"]
        # ... but has the bias in it still, and the dust of two filters.
        np.testing.assert_array_equal(
            printed[f"net_flat_{band}"], printed[f"flat_{band}"] - printed["net_flat_B"]
        )
        good = np.isfinite(printed[f"result_{band}"]) & np.isfinite(right[f"result_{band}"])
        off = printed[f"result_{band}"][good] / right[f"result_{band}"][good]
        assert not 0.5 < np.median(off) < 2.0
