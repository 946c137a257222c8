"""The cube: which command a method gives, and what it returns."""

import inspect

import pytest

from polarnight.ophidia.answers.response import Grid, Response
from PyOphidia import cube
from PyOphidia.calls import Calls

Cube = cube.Cube
PID = "http://localhost/polarnight/1/2"


def test_a_method_that_makes_a_cube(server, capsys):
    made = Cube(pid=PID).reduce2(operation="quantile", order=0.5, dim="z", ncores=2)
    assert server.commands == [
        f"oph_reduce2 dim=z;operation=quantile;exec_mode=sync;order=0.5;ncores=2;cube={PID};"
    ]
    assert isinstance(made, Cube)
    assert made.pid == Cube.client.cube == "http://localhost/polarnight/1/1"
    assert capsys.readouterr().out == f"New cube is {made.pid}\n"


def test_cubes_are_taken_as_objects_and_texts(server):
    one, two = Cube(pid="http://a/1/5"), "http://a/1/6"
    for given in ("http://a/1/5|http://a/1/6", [one, two], (c for c in (one, two))):
        Cube.mergecubes2(cubes=given, dim="z")
        assert server.commands[-1] == (
            "oph_mergecubes2 exec_mode=sync;cubes=http://a/1/5|http://a/1/6;dim=z;"
        )
    Cube(pid=PID).intercube(cube2=one, operation="div")
    assert server.commands[-1] == (
        f"oph_intercube cube2=http://a/1/5;operation=div;exec_mode=sync;cube={PID};"
    )
    Cube.mergecubes2(cubes="[container=FITS2;level=0]", dim="z")
    assert server.commands[-1].startswith("oph_mergecubes2 exec_mode=sync;cubes=[container=FITS2;")


def test_texts_with_separators_are_quoted(server):
    Cube(pid=PID).duplicate(description="first; second")
    assert 'description="first; second";' in server.commands[-1]


def test_unknown_arguments_reach_the_server(server):
    Cube(pid=PID).duplicate(ndbms=1, ndb=1)
    assert server.commands[-1] == f"oph_duplicate exec_mode=sync;ndbms=1;ndb=1;cube={PID};"


def test_what_tells_something_prints_or_returns(server, capsys):
    grid = Grid("search", "Searching results", ("Datacube", "Key", "Value"), [(PID, "A", "b")])
    server.answers += [Response([grid]), Response([grid])]
    told = Cube.search(metadata_key_filter="A", display=False)
    assert told["response"][0]["objcontent"][0]["rowvalues"] == [[PID, "A", "b"]]
    assert capsys.readouterr().out == ""
    assert Cube.search(metadata_key_filter="A") is None
    assert "Searching results\n-----" in capsys.readouterr().out


def test_importfits_of_one_file_and_of_several(server, capsys):
    assert Cube.importfits(src_path="/a.fits", container="c").pid.endswith("/1/1")
    assert server.commands[-1] == "oph_importfits container=c;src_path=/a.fits;exec_mode=sync;"
    columns = ("OPH JOB ID", "INPUT", "OUTPUT")
    rows = [
        ("1", "/a.fits", "http://a/1/8"),
        ("2", "/b.fits", ""),
        ("3", "/c.fits", "http://a/1/9"),
    ]
    grid = Grid("massive", "Massive Operation Task List", columns, rows)
    server.answers += [Response([grid]), Response([])]
    made = Cube.importfits(src_path="[path=/;file=*.fits]")
    assert [c.pid for c in made] == ["http://a/1/8", "http://a/1/9"]
    assert Cube.importfits(src_path="/a.fits", run="no") is None
    assert Cube(src_path="/a.fits", measure="m").pid.startswith("http://localhost")
    assert "measure=m;" in server.commands[-1]


def test_a_cube_without_client_or_pid_says_what_to_do(server):
    with pytest.raises(RuntimeError, match="has no PID"):
        Cube().reduce2(operation="max", dim="z")
    with pytest.raises(RuntimeError, match="without PID"):
        Cube.mergecubes2(cubes=[Cube()])
    Cube.client = None
    with pytest.raises(RuntimeError, match="setclient"):
        Cube.list()


def info_answers():
    info = Grid("cubeschema_cubeinfo", "Datacube Information",
                ("PID", "CREATION DATE", "MEASURE", "MEASURE TYPE", "LEVEL",
                 "NUMBER OF FRAGMENTS", "SOURCE FILE"),
                [(PID, "2026-01-01 10:00:00", "adu", "short", "0", "4", "/a.fits")])  # fmt: skip
    more = Grid("cubeschema_morecubeinfo", "Datacube Additional Information",
                ("DESCRIPTION", "HOST x CUBE", "FRAGMENTS x DATABASE", "ROWS x FRAGMENT",
                 "ELEMENTS x ROW", "COMPRESSED", "CUBE SIZE", "UNIT", "NUMBER OF ELEMENTS"),
                [("", "1", "4", "25", "60", "no", "0.01", "MB", "6000")])  # fmt: skip
    dims = Grid("cubeschema_diminfo", "Dimension Information",
                ("NAME", "TYPE", "SIZE", "HIERARCHY", "CONCEPT LEVEL", "ARRAY", "LEVEL",
                 "LATTICE NAME"),
                [("NAXIS1", "int", "100", "oph_base", "c", "no", "1", ""),
                 ("NAXIS2", "int", "60", "oph_base", "c", "yes", "2", "")])  # fmt: skip
    size = Grid("cubesize", "Cube Size", ("CUBE SIZE", "UNIT"), [("0.01", "MB")])
    return [Response([size]), Response([info, more, dims])]


def test_info_fills_the_attributes(server, capsys):
    server.answers += info_answers()
    one = Cube(pid=PID)
    assert (one.level, one.dim_info) == (None, None)
    assert one.info() is None
    assert "Dimension Information" in capsys.readouterr().out
    assert (one.measure, one.measure_type, one.level) == ("adu", "short", "0")
    assert (one.rowsxfrag, one.elementsxrow, one.size) == ("25", "60", "0.01 MB")
    assert one.dim_info[1] == {
        "name": "NAXIS2", "type": "int", "size": "60", "hierarchy": "oph_base",
        "concept_level": "c", "array": "yes", "level": "2", "lattice_name": "",
    }  # fmt: skip


def test_a_cube_is_shown_also_before_info(server, capsys):
    server.answers += info_answers()
    Cube.client.last_response = "kept"
    one = Cube(pid=PID)
    assert repr(one) == f"<PyOphidia cube {PID}>"
    text = str(one)
    assert f"{'Measure (type)':>30}: adu (short)" in text
    assert f"{'Num. of rows/fragment (total)':>30}: 25 (100)" in text
    assert text.splitlines()[-2].split() == ["NAXIS2", "int", "60", "oph_base", "c", "yes", "2"]
    # To look at a cube does not disturb what a script is about to read.
    assert Cube.client.last_response == "kept"
    assert len(server.commands) == 2
    assert "<td>NAXIS2</td>" in one._repr_html_()
    assert len(server.commands) == 2


def test_a_cube_that_is_gone_is_shown_as_its_pid(server):
    server.answers.append(Response(error="there is no cube", code=9))
    assert str(Cube(pid="http://a/<1>/2")) == "<PyOphidia cube http://a/<1>/2>"
    server.answers.append(Response(error="there is no cube", code=9))
    assert "&lt;1&gt;" in Cube(pid="http://a/<1>/2")._repr_html_()
    assert repr(Cube()) == "<PyOphidia cube without PID>"


def test_functions_of_python_are_called(server):
    assert (
        Cube.script(script=lambda a, b: f"{a} and {b}", args="x|y", python_code=True) == "x and y"
    )
    assert server.commands == []


METHODS = [
    name
    for name, value in inspect.getmembers(Cube)
    if not name.startswith("_") and callable(value) and name not in vars(Calls)
]
OPERATORS = {
    "explore": "explorecube", "provenance": "cubeio", "operators": "operators_list",
    "primitives": "primitives_list",
}  # fmt: skip
OTHERS = {
    "setclient",
    "info",
    "export_array",
    "to_cube",
    "to_dataset",
    "to_dataframe",
    "to_ccddata",
}


@pytest.mark.parametrize("name", sorted(set(METHODS) - OTHERS))
def test_every_method_gives_its_operator(server, name):
    method = getattr(Cube(pid=PID), name)
    method(**({"display": False} if "display" in inspect.signature(method).parameters else {}))
    command = server.commands[-1]
    assert command.split()[0] == f"oph_{OPERATORS.get(name, name)}"
    own = not inspect.ismethod(getattr(Cube, name))
    assert (f"cube={PID}" in command) is own
    # Only what was given is sent: an operator never sees a default that it does not know.
    sent = {part.split("=")[0] for part in command.partition(" ")[2].split(";") if part}
    assert sent <= ({"exec_mode", "cube"} if own else {"exec_mode"})
