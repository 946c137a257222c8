from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def stacked(client):
    """Three frames of 6 x 8 stacked along z; explicit NAXIS2, implicit NAXIS1 and z."""
    rng = np.random.default_rng(4)
    frames = rng.integers(100, 200, (3, 6, 8)).astype("u2")
    frames[1, 2, 3] = 65535
    pids = []
    for number, frame in enumerate(frames):
        client.write(f"f{number}.fits", frame)
        pids.append(
            client.pid(f"oph_importfits src_path=f{number}.fits;container=A;exp_dim=NAXIS2")
        )
    return client, client.pid(f"oph_mergecubes2 cubes={'|'.join(pids)};dim=z"), frames


def test_a_query_sees_the_row_in_the_order_of_the_dimensions(stacked):
    client, pid, frames = stacked
    made = client.pid(f"oph_apply cube={pid};query=oph_reduce(measure,'oph_quantile',3,0.5)")
    found = np.moveaxis(client.values(made), client.cube(made).axis("z"), 0)
    np.testing.assert_array_equal(found[0], np.median(frames, axis=0))
    dims = [row[0] for row in client.rows(f"oph_cubeschema cube={made}", "cubeschema_diminfo")]
    assert dims == ["NAXIS2", "NAXIS1", "z"]


def test_lazy_results_are_made_again_by_another_server(stacked):
    from polarnight.ophidia import Server

    client, pid, _ = stacked
    made = client.pid(
        f"oph_apply cube={pid};query=where(measure>60000,nan,measure)-median_filter(measure,3);"
        "measure=rest;description=no stars"
    )
    row = client.server.catalogue.get(made)
    assert row.measure == "rest"
    assert not client.server.workbench.is_stored(row)
    other = Server(client.server.settings, "ada")
    again = other.workbench.cube(other.catalogue.get(made))
    assert again.key == row.key
    np.testing.assert_array_equal(again.numpy(), client.values(made))
    other.close()


def test_what_was_noticed_is_a_warning(client):
    variance = np.full((4, 5), 2.0, "f4")
    from astropy.io import fits

    client.root.mkdir(parents=True, exist_ok=True)
    hdus = [fits.PrimaryHDU(np.ones((4, 5), "f4"))]
    fits.HDUList(hdus).writeto(client.root / "a.fits")
    pid = client.pid("oph_importfits src_path=a.fits;container=A")
    response = client.ok(f"oph_apply cube={pid};query=floor(measure)")
    assert response.warnings == []
    from polarnight.cubes.cube import Cube
    from polarnight.ophidia.primitives import apply_query

    applied = apply_query("floor(measure)", Cube.from_array(np.ones((4, 5)), variance=variance))
    assert "the variance is dropped" in applied.remarks[0]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("oph_sum_scaler(measure,2)", "did you mean oph_sum_scalar?"),
        ("measure +", "the query ends here"),
        ("oph_reduce(measure,'max',7)", "24 elements are not made of groups of 7"),
        ("dimension", "one implicit dimension"),
    ],
)
def test_errors_name_the_place(stacked, query, said):
    client, pid, _ = stacked
    error = client.error(f"oph_apply cube={pid};query={query}", 8)
    assert said in error
    assert ">>>" in error


def test_semicolons_and_bars_in_a_query(stacked):
    client, pid, frames = stacked
    made = client.pid(f"oph_apply cube={pid};query=convolve(measure,'0,0,0|0,1,0|0,0,0')")
    np.testing.assert_array_equal(client.values(made), frames)
    either = client.pid(f"oph_apply cube={pid};query=measure==65535 or measure<=120")
    expected = (frames == 65535) | (frames <= 120)
    np.testing.assert_array_equal(client.values(either), expected)
