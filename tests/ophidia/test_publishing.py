from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from polarnight.ophidia.engine.randoms import random_cube


@pytest.fixture
def cube(client):
    data = np.arange(6 * 8, dtype="f4").reshape(6, 8)
    data[0, 0] = np.nan
    client.write("a.fits", data, OBJECT="<script>alert(1)</script>", EXPTIME=30.0)
    return client, client.pid("oph_importfits src_path=a.fits;container=A;measure=sky")


def test_a_page_tells_what_a_cube_is_and_runs_nothing(cube):
    client, pid = cube
    path = Path(client.ok(f"oph_publish cube={pid};show_index=yes").objects[0].message)
    text = path.read_text()
    assert client.server.settings.datadir in path.parents
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "EXPTIME" in text
    assert "data:image/png;base64," in text
    assert "http-equiv" not in text
    assert pid in text
    client.ok(f"oph_publish cube={pid};content=metadata")
    assert "data:image/png" not in path.read_text()
    client.ok(f"oph_publish cube={pid};content=data")
    assert "EXPTIME" not in path.read_text()
    client.ok(f"oph_unpublish cube={pid}")
    assert not path.exists()
    assert "was not published" in client.error(f"oph_unpublish cube={pid}", 9)


def test_frames_are_appended_to_a_stack(client):
    frames = [np.full((3, 4), n, "i2") for n in range(5)]
    for number, frame in enumerate(frames):
        client.write(f"f{number}.fits", frame)
    pids = [client.pid(f"oph_importfits src_path=f{n}.fits;container=A") for n in range(2)]
    stack = client.pid(f"oph_mergecubes2 cubes={'|'.join(pids)};dim=z")
    longer = client.pid(f"oph_concatfits cube={stack};src_path=f2.fits|f3.fits|f4.fits")
    np.testing.assert_array_equal(client.values(longer), np.stack(frames))
    values = client.rows(f"oph_cubeschema cube={longer};level=1;dim=z")
    assert [float(row[0]) for row in values] == [1, 2, 3, 4, 5]
    far = client.pid(f"oph_concatfits cube={stack};src_path=f2.fits;dim_offset=10")
    values = client.rows(f"oph_cubeschema cube={far};level=1;dim=z")
    assert [float(row[0]) for row in values] == [1, 2, 12]
    wide = client.pid(f"oph_concatfits cube={pids[0]};src_path=f1.fits;dim=NAXIS1")
    assert client.values(wide).shape == (3, 8)
    part = client.pid(
        f"oph_concatfits cube={pids[0]};src_path=f1.fits;dim=NAXIS1;"
        "subset_dims=NAXIS1;subset_filter=0:1"
    )
    assert client.values(part).shape == (3, 6)
    client.write("other.fits", np.zeros((3, 5)))
    for command, said in (
        (f"cube={stack};src_path=other.fits", "is not like the first"),
        (f"cube={pids[0]};src_path=f1.fits", "add dim=<name>"),
        (f"cube={stack};src_path=f1.fits;dim=zz", "did you mean z?"),
        (f"cube={stack};src_path=../../etc/passwd", "is refused"),
        (f"cube={stack};src_path=none.fits", "there is no"),
    ):
        assert said in client.error(f"oph_concatfits {command}"), command


def test_looking_into_a_file(client):
    data = np.arange(12, dtype="f8").reshape(3, 4)
    client.write("a.fits", data, FILTER="V")
    images = client.rows("oph_explorefits src_path=a.fits", "explorefits_summary")
    assert images == [["1", "PRIMARY", "float64", "4 x 3"]]
    cards = client.rows("oph_explorefits src_path=a.fits", "explorefits_metadata")
    assert ["SIMPLE", "T"] in [row[:2] for row in cards]
    assert ["FILTER", "V"] in [row[:2] for row in cards]
    values = client.rows(
        "oph_explorefits src_path=a.fits;level=2;limit_filter=2;show_id=yes", "explorefits_data"
    )
    assert values == [["1", "0.0, 1.0, 2.0, 3.0"], ["2", "4.0, 5.0, 6.0, 7.0"]]
    stats = client.table(
        "oph_explorefits src_path=a.fits;show_stats=1000000011", "explorefits_stats"
    )
    assert stats["rowkeys"] == ["MEAN", "MIN", "QUANTILE 0.05"]
    assert [float(row[0]) for row in stats["rowvalues"]] == [1.5, 5.5, 9.5]
    fit = client.rows("oph_explorefits src_path=a.fits;show_fit=yes", "explorefits_fit")
    assert float(fit[0][1]) == pytest.approx(1.0)
    cut = client.rows(
        "oph_explorefits src_path=a.fits;level=1;subset_dims=NAXIS1;subset_filter=2:3",
        "explorefits_data",
    )
    assert cut[0] == ["1.0, 2.0"]
    assert "is no mask" in client.error("oph_explorefits src_path=a.fits;show_stats=12", 8)
    assert "oph_fs" in client.error("oph_explorefits src_path=/", 8)
    client.error("oph_explorefits src_path=../a.fits", 7)


RANDOM = (
    "container=R;nfrag=2;ntuple=3;measure=noise;measure_type=float;exp_ndim=2;dim=a|b|c;"
    "dim_size=2|3|7"
)


@pytest.mark.parametrize("name", ["oph_randcube", "oph_randcube2"])
def test_random_cubes(client, name):
    pid = client.pid(f"{name} {RANDOM};seed=5")
    again = client.pid(f"{name} {RANDOM};seed=5")
    other = client.pid(f"{name} {RANDOM}")
    values = client.values(pid)
    assert values.shape == (2, 3, 7)
    assert values.dtype == np.float32
    assert 0 <= values.min() < values.max() <= 1000
    np.testing.assert_array_equal(client.values(again), values)
    assert (client.values(other) != values).any()
    assert client.rows(f"oph_cubeelements cube={pid}") == [["42"]]
    warm = client.pid(f"{name} {RANDOM};algorithm=temperatures")
    assert np.abs(np.diff(client.values(warm), axis=-1)).max() < 3
    assert client.ok(f"{name} {RANDOM};run=no").objects[0].title == "Fragments"
    for change, said in (
        ("ntuple=4", "the explicit dimensions have 6 rows"),
        ("dim=a|b", "3 sizes"),
        ("dim=a|a|c", "names one twice"),
        ("exp_ndim=3", "leave one of them implicit"),
        ("dim_size=2|3|9000000000000", "too many"),
        ("measure_type=complex", "is not known"),
    ):
        key = change.split("=")[0]
        kept = ";".join(one for one in RANDOM.split(";") if not one.startswith(f"{key}="))
        assert said in client.error(f"{name} {kept};{change}", 8)


def test_random_numbers_do_not_depend_on_blocks():
    cube = random_cube(["y", "x"], [3000, 700], "double", seed=1)
    values = cube.numpy()
    np.testing.assert_array_equal(cube.subset(y=slice(1490, 1510)).numpy(), values[1490:1510])
    assert abs(values.mean() - 500) < 2
    assert len(np.unique(values[:, 0])) == 3000
