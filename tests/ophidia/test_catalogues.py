from __future__ import annotations

import re

import pytest

from polarnight.ophidia.operators.installation.climate import INSTEAD
from polarnight.ophidia.primitives import known
from polarnight.ophidia.primitives.pages import primitive_grids
from polarnight.ophidia.registry import operators


def test_every_operator_is_listed(client):
    rows = client.rows("oph_operators_list")
    assert [row[0] for row in rows] == list(operators())
    part = client.rows("oph_operators_list operator_filter=container")
    assert {row[0] for row in part} >= {"oph_createcontainer", "oph_containerschema"}
    assert len(client.rows("oph_operators_list limit_filter=3")) == 3


def test_every_primitive_is_listed(client):
    table = client.table("oph_primitives_list level=5")
    assert [row[0] for row in table["rowvalues"]] == list(known())
    assert len(table["rowkeys"]) == 6
    numbers = client.rows("oph_primitives_list return_type=number")
    assert [row[0] for row in numbers if "_sd" in row[0]] == ["oph_gsl_sd"]
    assert client.rows("oph_primitives_list primitive_type=aggregate") == []
    assert len(client.rows("oph_primitives_list primitive_filter=quantile")) == 1


@pytest.mark.parametrize("name", sorted(known()))
def test_every_primitive_has_a_page_and_an_example_that_works(name):
    from polarnight.ophidia.primitives import apply_query

    from .primitives.common import cube_of, image

    page, table = primitive_grids(name)
    one = known()[name]
    assert one.summary
    assert one.example in page.message
    assert len(table.rows) == len(one.parameters)
    fitting = {"oph_reduce2": "oph_reduce2(measure,'oph_quantile',0,1,20,0.5)"}
    query = fitting.get(name, one.example)
    cube = cube_of(image((30, 40)))
    if name == "oph_get_subarray3":
        cube = cube_of(image((2, 36000)))
    elif name == "oph_permute":
        cube = cube_of(image((2, 20 * 2048)))
    elif name.endswith("dwt"):
        cube = cube_of(image((3, 64)))
    elif name == "oph_expand":
        cube = cube_of(image((3, 100)))
    elif name == "oph_normalize":
        cube = cube_of(image((3, 90)))
    elif name == "oph_reduce3":
        cube = cube_of(image((3, 10)))
    elif "get_subarray" in name or "count" in name:
        cube = cube_of(image((3, 60)))
    made = apply_query(query, cube).cube
    assert made.numpy().shape == made.shape


def test_the_manual_shows_primitives(client):
    text = client.ok("oph_man function=oph_reduce2;function_type=primitive").objects[0]
    assert text.title == "Primitive oph_reduce2"
    assert "Written: oph_reduce2('in type','out type',measure" in text.message
    assert client.ok("oph_man function=median_filter").objects[0].title == "Primitive median_filter"
    assert client.ok("oph_man function=reduce2").objects[0].title == "Operator oph_reduce2"
    assert "did you mean oph_reduce2" in client.error("oph_man function=oph_reduce22", 3)
    assert "did you mean oph_predicate" in client.error(
        "oph_man function=oph_predicat;function_type=primitive", 3
    )


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_climate_operators_say_what_to_use(client, name):
    said = client.error(f"{name} src_path=x.nc;cube=1", 9)
    assert INSTEAD[name] in said
    assert "\n" not in said
    named = re.findall(r"oph_\w+", INSTEAD[name])
    assert set(named) <= set(operators())


def test_hierarchies_and_grids(client):
    assert client.rows("oph_hierarchy") == [["oph_base"], ["oph_time"]]
    assert client.rows("oph_hierarchy hierarchy=OPH_BASE")[0][0] == "c"
    assert "there are oph_base" in client.error("oph_hierarchy hierarchy=x", 8)
    client.ok("oph_createcontainer container=C;dim=NAXIS2|NAXIS1;dim_type=int")
    assert client.rows("oph_showgrid container=C") == []
    assert "has no grid" in client.error("oph_showgrid container=C;grid=g", 8)
