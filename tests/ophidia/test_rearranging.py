from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits


@pytest.fixture
def stack(client):
    """A cube of 4 x 6 x 5, explicit NAXIS3 and NAXIS2, implicit NAXIS1."""
    rng = np.random.default_rng(2)
    data = rng.normal(100, 5, (4, 6, 5)).astype("f4")
    data[1, 2, 3] = np.nan
    client.root.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(data).writeto(client.root / "stack.fits")
    pid = client.pid("oph_importfits src_path=stack.fits;container=C;measure=counts")
    return client, pid, data


def axes(client, pid):
    rows = client.rows(f"oph_cubeschema cube={pid}", "cubeschema_diminfo")
    return [(row[0], row[5]) for row in rows]


def test_roll_up_and_drill_down_change_roles_only(stack):
    client, pid, data = stack
    rolled = client.pid(f"oph_rollup cube={pid}")
    assert axes(client, rolled) == [("NAXIS3", "no"), ("NAXIS2", "yes"), ("NAXIS1", "yes")]
    all_implicit = client.pid(f"oph_rollup cube={pid};ndim=2;description=flat")
    assert axes(client, all_implicit) == [("NAXIS3", "yes"), ("NAXIS2", "yes"), ("NAXIS1", "yes")]
    back = client.pid(f"oph_drilldown cube={all_implicit};ndim=2")
    assert axes(client, back) == axes(client, pid)
    np.testing.assert_array_equal(client.values(back), data)
    assert client.server.catalogue.get(back).level == 2
    assert "has 2 explicit dimensions" in client.error(f"oph_rollup cube={pid};ndim=3", 8)
    assert "they are NAXIS1" in client.error(f"oph_drilldown cube={pid};ndim=2", 8)


def test_permuting_orders_what_is_inside_a_row(stack):
    client, pid, data = stack
    rolled = client.pid(f"oph_rollup cube={pid};ndim=2")
    turned = client.pid(f"oph_permute cube={rolled};dim_pos=2,3,1")
    assert [name for name, _ in axes(client, turned)] == ["NAXIS1", "NAXIS3", "NAXIS2"]
    np.testing.assert_array_equal(client.values(turned), data)
    for wrong in ("1,2", "1,2,2", "a", "0,1,2"):
        assert "does not order" in client.error(f"oph_permute cube={rolled};dim_pos={wrong}", 8)


def test_a_copy_lives_on_when_the_original_is_deleted(stack):
    client, pid, data = stack
    client.ok(f"oph_metadata mode=insert;cube={pid};metadata_key=NOTE;metadata_value=mine")
    copy = client.pid(f"oph_duplicate cube={pid};description=copy")
    assert copy != pid
    assert client.rows(f"oph_metadata cube={copy};metadata_key=NOTE")[0][4] == "mine"
    client.ok(f"oph_delete cube={pid}")
    np.testing.assert_array_equal(client.values(copy), data)


REFERENCES = {"max": np.nanmax, "min": np.nanmin, "avg": np.nanmean, "sum": np.nansum,
              "median": np.nanmedian, "std": np.nanstd}  # fmt: skip


@pytest.mark.parametrize("operation", REFERENCES)
def test_aggregating_a_dimension(stack, operation):
    client, pid, data = stack
    made = client.pid(f"oph_aggregate2 cube={pid};dim=NAXIS3;operation={operation}")
    expected = REFERENCES[operation](data.astype("f8"), axis=0).astype("f4")
    np.testing.assert_allclose(client.values(made), expected, rtol=3e-7)
    assert [name for name, _ in axes(client, made)] == ["NAXIS2", "NAXIS1"]
    assert client.server.workbench.is_stored(client.server.catalogue.get(made))


@pytest.mark.parametrize("operation", ["count", "max", "min", "avg", "sum"])
def test_aggregating_all_rows(stack, operation):
    client, pid, data = stack
    made = client.pid(f"oph_aggregate cube={pid};operation={operation}")
    flat = data.astype("f8").reshape(24, 5)
    expected = {**REFERENCES, "count": lambda v, axis: (~np.isnan(v)).sum(axis)}[operation](flat, 0)
    np.testing.assert_allclose(client.values(made), expected, rtol=3e-7)


def test_aggregating_groups_of_rows(stack):
    client, pid, data = stack
    made = client.pid(f"oph_aggregate cube={pid};operation=max;group_size=3")
    expected = np.nanmax(data.reshape(4, 2, 3, 5), axis=2)
    np.testing.assert_array_equal(client.values(made), expected)
    assert "no groups of 4" in client.error(
        f"oph_aggregate cube={pid};operation=max;group_size=4", 8
    )


def test_the_defaults_and_the_errors_of_aggregating(stack):
    client, pid, data = stack
    last = client.pid(f"oph_aggregate2 cube={pid};operation=quantile;order=0.25")
    np.testing.assert_allclose(
        client.values(last), np.nanquantile(data.astype("f8"), 0.25, axis=1), rtol=3e-7
    )
    masked = client.pid(
        f"oph_aggregate2 cube={pid};operation=count;missingvalue={float(data[0, 0, 0])!r}"
    )
    assert client.values(masked)[0, 0] == 5
    for command, said in (
        ("oph_aggregate2 operation=max;dim=NAXIS9", "did you mean NAXIS"),
        ("oph_aggregate2 operation=max;dim=NAXIS1", "oph_reduce2 reduces implicit ones"),
        ("oph_aggregate2 operation=max;concept_level=M", "belongs to calendars"),
        ("oph_aggregate2 operation=maxx", "did you mean max?"),
        ("oph_aggregate operation=median", "over several explicit dimensions"),
        ("oph_aggregate operation=avg;reject_high=1", "reject_high over several"),
        ("oph_aggregate2 operation=quantile", "add order=0.5 for the median"),
        ("oph_aggregate2 operation=max;missingvalue=x", "is not a number"),
    ):
        assert said in client.error(f"{command};cube={pid}", 8)


def test_numbers_of_a_cube_and_of_a_container(stack):
    client, pid, _ = stack
    assert client.rows(f"oph_cubeelements cube={pid}") == [["120"]]
    assert client.rows(f"oph_cubeelements cube={pid};algorithm=count") == [["119"]]
    rows = client.rows("oph_containerschema container=C", "containerschema_info")
    assert rows[0][1] == "C"
    assert rows[0][5] == "1"
    dims = client.rows("oph_containerschema container=C", "containerschema_diminfo")
    assert [row[0] for row in dims] == ["NAXIS3", "NAXIS2", "NAXIS1"]
    assert "D" in client.error("oph_containerschema container=D")


def test_containers_are_renamed_and_moved(stack):
    client, pid, data = stack
    client.ok("oph_movecontainer container=C|D")
    client.ok("oph_folder command=mkdir;path=sub")
    client.ok("oph_movecontainer container=D|sub/E")
    np.testing.assert_array_equal(client.values(pid), data)
    assert client.rows("oph_list path=sub;level=2")[0][2] == pid
    assert "container=old|new" in client.error("oph_movecontainer container=E", 8)
    client.ok("oph_createcontainer container=F;dim=x;dim_type=int")
    for wrong in ("C|D", "F|sub/E", "F|../x", "F|/archive/F", "sub/E|F"):
        client.error(f"oph_movecontainer container={wrong}")
