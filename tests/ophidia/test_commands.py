"""Every essential operator, through a server, as clients use them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from astropy.io import fits


def _pid(client, number):
    return client.server.catalogue.pid(client.server.catalogue.cubes.get(number))


def test_the_terminal_part_of_the_tutorial(client):
    data = np.arange(48, dtype=np.uint16).reshape(6, 8) + 40_000
    name = "LRS.2016-06-06T20-30-03.925.fits"
    client.write(f"data/INDIGO-FITS/fits-raw/{name}", data, FLT_ID="OPEN", OBS__TYPE="BIAS")
    assert client.rows("oph_fs") == [["d", "data/"]]
    made = client.ok(
        "oph_createcontainer container=FITS2;dim=NAXIS2|NAXIS1;dim_type=int|int;"
    ).objects[0]
    assert made.title == "Output Container"
    pid = client.pid(
        "oph importfits src path=[path=/data/INDIGO-FITS/fits-raw;\n"
        f"file={name}];measure=mymeasure;\nexp dim=NAXIS1;imp dim=NAXIS2;container=FITS2"
    )
    assert pid == f"{made.message}/1"
    rows = client.rows("oph_list level=2")
    assert ["c", "FITS2", pid, ""] in rows
    other = pid.replace("http://localhost/polarnight", "https://ophidialab.cmcc.it/ophidia")
    cards = client.rows(f"oph_metadata mode=read;cube={other};")
    assert len(cards) >= 8
    one = client.rows(
        f"oph_metadata mode=read;cube={pid};\nmetadata_key=FLT_ID;metadata_type=text;"
        "metadata_value=test_text;"
    )
    assert [row[2:5] for row in one] == [["FLT_ID", "text", "OPEN"]]
    assert "not empty" in client.error("oph_deletecontainer container=FITS2;")
    np.testing.assert_array_equal(client.values(pid), data)
    client.ok(f"oph_delete cube={pid};")
    assert client.state.cube == ""
    client.ok("oph_deletecontainer container=FITS2;")
    assert client.rows("oph_list level=2") == [["f", "archive/", "", ""]]


def test_stars_of_the_tutorial_are_asked_about(imported):
    told = imported.error("oph_delete cube=https://ophidialab.cmcc.it/ophidia/***/***;", 8)
    assert "in place of the stars" in told
    told = imported.error("oph_delete cube=[***:***]", 8)
    assert "in place of the stars" in told
    told = imported.error("oph_exportfits cube=1;output_path=/home/*****/", 8)
    assert "in place of the stars" in told


def test_the_notebook_of_the_tutorial(imported):
    """Its calls with their arguments of 2017, and how it reads what comes back."""

    def search(key, value):
        imported.ok(
            f"oph_search metadata_key_filter={key};metadata_value_filter={value};exec_mode=sync;"
        )
        last = imported.send(
            f"oph_search metadata_key_filter={key};metadata_value_filter={value};exec_mode=sync;"
        ).to_json()
        return [row[0] for row in json.loads(last)["response"][0]["objcontent"][0]["rowvalues"]]

    def median(pids, name):
        merged = imported.pid(
            f"oph_mergecubes2 cubes={'|'.join(pids)};ncores=2;description={name}_merged;"
            "container=FITS2;exec_mode=sync;dim=z;"
        )
        return imported.pid(
            f"oph_reduce2 cube={merged};description={name}_reduced;operation=quantile;order=0.5;"
            "dim=z;ncores=2;"
        )

    biases = search("FLT_ID", "OPEN")
    assert len(biases) == 3
    bias = median(biases, "OPEN")
    for name in ("B_JOHN_10", "V_JOHN_11"):
        flats = sorted(set(search("FLT_ID", name)) & set(search("OBS_TYPE", "FLAT")))
        objects = sorted(set(search("FLT_ID", name)) & set(search("OBS_TYPE", "OBJECT")))
        assert len(flats) == len(objects) == 2
        expected = [np.median([imported.values(p) for p in one], axis=0).astype(np.float32)
                    for one in (biases, flats, objects)]  # fmt: skip
        flat, science = median(flats, "flat"), median(objects, "science")
        both = [
            imported.pid(
                f"oph_intercube cube={one};cube2={bias};ncores=2;description=d;container=FITS2;"
                "exec_mode=sync;operation=sub;"
            )
            for one in (flat, science)
        ]
        last = imported.pid(f"oph_intercube cube={both[1]};cube2={both[0]};operation=div;")
        calibrated = (expected[2] - expected[0]) / (expected[1] - expected[0])
        np.testing.assert_array_equal(imported.values(last), calibrated)
    # No cube is named: it is the last one.
    written = imported.ok(
        "oph_exportfits export_metadata=no;force=yes;output_name=final_file;"
        "output_path=/home/ada/;ncores=1"
    ).objects[0]
    assert written.message == str(imported.root / "home/ada/final_file.fits")
    np.testing.assert_array_equal(fits.getdata(written.message), calibrated)
    # Run twice, the searches find the same raw cubes.
    assert search("FLT_ID", "OPEN") == biases


def test_a_container_that_does_not_exist_is_made_with_the_axes_of_the_file(frames):
    frames.ok("oph_importfits src_path=/fits-raw/LRS.001.fits;container=NEW")
    container = frames.server.catalogue.containers.get(frames.server.resume(frames.state), "NEW")
    assert [(d["name"], d["type"]) for d in container.dims] == [
        ("NAXIS2", "int"),
        ("NAXIS1", "int"),
    ]
    pid = frames.pid("oph_importfits src_path=/fits-raw/LRS.002.fits")
    assert ["c", "LRS.002.fits", pid, ""] in frames.rows("oph_list level=2")


def test_import_says_what_does_not_fit(frames):
    frames.ok("oph_createcontainer container=climate;dim=lat|lon")
    told = frames.error("oph_importfits src_path=/fits-raw/LRS.001.fits;container=climate", 8)
    assert "has dimensions lat, lon" in told
    frames.ok("oph_createcontainer container=doubles;dim=NAXIS1|NAXIS2")
    told = frames.error("oph_importfits src_path=/fits-raw/LRS.001.fits;container=doubles", 8)
    assert "dim_type=int" in told
    for text, word in (
        ("src_path=/fits-raw/none.fits", "there is no"),
        ("src_path=/fits-raw", "is a directory"),
        ("src_path=[path=/fits-raw;file=*.txt]", "matches no file"),
        ("src_path=[path=/nowhere;file=*]", "there is no"),
        ("src_path=[level=0]", "path, file, recursive"),
        ("", "'src_path' is missing"),
        ("src_path=/fits-raw/LRS.001.fits;exp_dim=NAXIS3", "do not fit the image"),
        ("src_path=/fits-raw/LRS.001.fits;exp_dim=NAXIS1;imp_dim=NAXIS1", "do not fit"),
        ("src_path=/fits-raw/LRS.001.fits;hdu=0", "counted from 1"),
        ("src_path=/fits-raw/LRS.001.fits;hdu=7", "holds no image HDU"),
        ("src_path=/fits-raw/LRS.001.fits;measure=a/b", "cannot be the name of a measure"),
        ("src_path=/fits-raw/LRS.001.fits;subset_dims=NAXIS1;subset_filter=0:99", "within NAXIS1"),
        ("src_path=/fits-raw/LRS.001.fits;container=../x", ""),
    ):
        assert word in frames.error(f"oph_importfits {text}"), text
    assert frames.rows("oph_list level=2") == [
        ["f", "archive/", "", ""], ["c", "climate", "", ""], ["c", "doubles", "", ""],
    ]  # fmt: skip


def test_import_cuts_counts_and_adjusts(frames):
    data = fits.getdata(frames.root / "fits-raw/LRS.001.fits")
    pid = frames.pid(
        "oph_importfits src_path=/fits-raw/LRS.001.fits;container=C;"
        "subset_dims=NAXIS1|NAXIS2;subset_filter=2:4|1"
    )
    np.testing.assert_array_equal(frames.values(pid), data[1:2, 2:5])
    response = frames.ok(
        "oph_importfits src_path=/fits-raw/LRS.001.fits;container=C;nfrag=5;nhost=3"
    )
    assert any("nfrag=5 does not divide 6 rows; 3 fragments" in w for w in response.warnings)
    info = frames.table("oph_cubeschema", "cubeschema_morecubeinfo")["rowvalues"][0]
    assert info[1:5] == ["1", "3", "2", "8"]
    shown = frames.ok("oph_importfits src_path=/fits-raw/LRS.001.fits;nfrag=4;run=no")
    assert "3 fragments of 2 rows" in shown.objects[0].message
    empty = frames.pid(
        "oph_importfits src_path=/fits-raw/LRS.001.fits;container=C;import_metadata=no"
    )
    assert frames.rows(f"oph_metadata cube={empty}") == []


def test_old_arguments_change_nothing_and_strict_refuses_them(frames):
    text = "oph_importfits src_path=/fits-raw/LRS.001.fits;container=C;ndbms=1;ndb=1"
    assert any("ndbms" in w and "changes nothing" in w for w in frames.ok(text).warnings)
    assert "no argument 'ndbms'" in frames.error(f"{text};strict=yes", 6)
    frames.state.strict = True
    assert "did you mean container_filter" in frames.error("oph_list contaner_filter=C", 6)


def test_folders(client):
    client.ok("oph_folder command=mkdir;path=a")
    answer = client.ok("oph_folder command=cd;path=a").objects[0]
    assert (answer.title, answer.message) == ("Current Working Directory", "/a")
    assert client.state.cwd == "/a"
    client.ok("oph_folder command=mkdir;path=b")
    client.ok("oph_createcontainer container=C;dim=x")
    assert client.rows("oph_list") == [["f", "b/"], ["c", "C"]]
    assert client.rows("oph_list level=0") == [["f", "b/"]]
    assert ["c", "a/C"] in client.rows("oph_list path=/;recursive=yes")
    client.ok("oph_folder command=mv;path=b|/c")
    client.ok("oph_folder command=cd")
    assert client.state.cwd == "/"
    assert "not empty" in client.error("oph_folder command=rm;path=a")
    client.ok("oph_folder command=rm;path=c")
    client.error("oph_folder command=cd;path=nowhere")
    client.error("oph_folder command=mkdir;path=../x")
    client.error("oph_folder command=mkdir;path=archive/x")
    assert "mv takes 2 paths" in client.error("oph_folder command=mv;path=a")
    assert client.error("oph_folder command=mkdir").startswith("oph_folder: mkdir takes 1 path")
    from polarnight.ophidia import State

    client.ok("oph_folder command=cd;path=a")
    client.state = State()
    client.ok("oph_list")
    assert client.state.cwd == "/a"  # a new client takes the session up


def test_reductions_know_more_than_ophidia(imported):
    pids = "|".join(_pid(imported, n) for n in (1, 2, 3))
    stack = np.stack([imported.values(str(n)) for n in (1, 2, 3)]).astype(np.float64)
    merged = imported.pid(f"oph_mergecubes2 cubes={pids};dim=z")
    for text, expected in (
        ("operation=median", np.median(stack, axis=0)),
        ("operation=avg", stack.mean(axis=0)),
        ("operation=max", stack.max(axis=0)),
        ("operation=quantile;order=0.25", np.quantile(stack, 0.25, axis=0)),
        ("operation=std", stack.std(axis=0)),
        ("operation=std;ddof=1", stack.std(axis=0, ddof=1)),
        ("operation=count", np.full(stack.shape[1:], 3.0)),
        ("operation=avg;reject_high=1", np.sort(stack, axis=0)[:2].mean(axis=0)),
        ("operation=clipped_mean;nsigma=9;min_sigma=100", stack.mean(axis=0)),
    ):
        found = imported.values(imported.pid(f"oph_reduce2 cube={merged};dim=z;{text}"))
        np.testing.assert_array_equal(found, expected.astype(found.dtype), err_msg=text)
    groups = imported.values(imported.pid(f"oph_reduce cube={merged};operation=sum;group_size=2"))
    np.testing.assert_array_equal(groups, [stack[:2].sum(axis=0), stack[2]])
    for text, word in (
        ("operation=quantile;dim=z", "add order=0.5"),
        ("dim=z", "'operation' is missing"),
        ("operation=medain;dim=z", "did you mean median"),
        ("operation=median;dim=w", "there is no dimension"),
        ("operation=median;dim=z;concept_level=y", "climate"),
        ("operation=max;dim=z;reject_low=1", "reject_low is not for max"),
    ):
        assert word in imported.error(f"oph_reduce2 cube={merged};{text}"), text


def test_clipping_integers_of_little_noise_keeps_their_mean_and_its_error(client):
    rng = np.random.default_rng(7)
    stack = np.rint(rng.normal(300.3, 0.45, (20, 30, 40))).astype("u2")
    stack[3, 5, 6] = 900
    client.write("many.fits", stack)
    cube = client.pid("oph_importfits src_path=many.fits;container=A;exp_dim=NAXIS2|NAXIS3")
    for command in (
        f"oph_reduce2 cube={cube};dim=NAXIS3",
        f"oph_aggregate2 cube={cube};dim=NAXIS3",
        f"oph_aggregate2 cube={cube};dim=NAXIS3;missingvalue=0",
    ):
        made = client.cube(client.pid(f"{command};operation=clipped_mean"))
        mean, error = made.numpy(), np.sqrt(made.variance.compute())
        assert abs(mean.mean() - 300.3) < 0.02, command
        assert abs(mean[5, 6] - 300.3) < 1
        # 1/12 is the noise of rounding.
        expected = np.sqrt((0.45**2 + 1 / 12) / 20)
        assert abs(error.mean() / expected - 1) < 0.1, command
        assert (error > 0).mean() > 0.99
    # Where it is asked for, whatever differs from the median is gone; rounding is left.
    made = client.cube(
        client.pid(f"oph_reduce2 cube={cube};dim=NAXIS3;operation=clipped_mean;min_sigma=0")
    )
    assert np.isclose(made.variance.compute(), 1 / 12).mean() > 0.5


def test_masked_values_are_left_out_of_quantiles(client):
    data = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for number, plane in enumerate(data):
        plane = plane.copy()
        plane[0, 0] = np.nan if number == 0 else plane[0, 0]
        plane[1, 1] = -999
        client.write(f"m{number}.fits", plane)
    client.ok("oph_importfits src_path=[m*.fits];container=M")
    merged = client.pid("oph_mergecubes2 cubes=[container=M];dim=z")
    made = client.pid(
        f"oph_reduce2 cube={merged};operation=quantile;order=0.5;dim=z;missingvalue=-999"
    )
    values = client.values(made)
    assert values[0, 0] == 12
    assert np.isnan(values[1, 1])
    assert values[0, 1] == 7


def test_an_image_meets_every_frame_of_a_stack_and_units_follow(client):
    for name, value, unit in (("a", 10, "adu"), ("b", 20, "adu"), ("s", 2, "s")):
        client.write(f"{name}.fits", np.full((3, 4), value, np.int16), BUNIT=unit)
    client.ok("oph_importfits src_path=[*.fits];container=U")
    merged = client.pid("oph_mergecubes2 cubes=1|2;dim=z")
    made = client.pid(f"oph_intercube cube={merged};cube2=3;operation=div;measure=rate")
    values = client.values(made)
    assert values.dtype == np.float32
    assert values.shape == (2, 3, 4)
    assert set(np.unique(values)) == {5, 10}
    row = client.server.catalogue.cubes.get(made)
    assert row.unit == "adu / s"
    assert row.measure == "rate"
    assert "unit" in client.error("oph_intercube cube=1;cube2=3;operation=sum")
    mean = client.pid("oph_intercube2 cubes=1|2;operation=avg")
    assert set(np.unique(client.values(mean))) == {15}
    for text, word in (
        ("cube=1", "add cube2"),
        ("cubes=1|2|3", "two are needed"),
        ("cube=1;cube2=77", "there is no cube 77"),
        ("cube=1;cube2=2;operation=minus", "operation=minus is not known"),
        ("cube=1;cube2=2;missingvalue=x", "is not a number"),
    ):
        assert word in client.error(f"oph_intercube {text}"), text


def test_cubes_are_merged_along_a_dimension_they_have(imported):
    a, b = (imported.values(str(n)) for n in (1, 2))
    behind = imported.pid("oph_mergecubes cubes=1|2;mode=a")
    np.testing.assert_array_equal(imported.values(behind), np.concatenate([a, b], axis=0))
    taken = imported.pid("oph_mergecubes cubes=1|2;mode=i")
    woven = np.empty((12, 8), a.dtype)
    woven[::2], woven[1::2] = a, b
    np.testing.assert_array_equal(imported.values(taken), woven)
    rows = imported.table(f"oph_cubeschema cube={taken};level=1;dim=NAXIS2")["rowvalues"]
    assert [row[0] for row in rows] == [str(n) for n in range(1, 13)]
    # What was made is made again from the catalogue alone.
    from polarnight.ophidia import Server

    other = Server(imported.server.settings, "ada")
    row = other.catalogue.cubes.get(taken)
    np.testing.assert_array_equal(other.workbench.cube(row).numpy(), woven)
    twice = imported.pid("oph_mergecubes2 cubes=1|2;dim=z;number=2")
    assert imported.values(twice).shape == (3, 6, 8)
    longer = imported.pid(f"oph_mergecubes2 cubes={twice}|3;dim=z")
    assert imported.values(longer).shape == (4, 6, 8)


def test_subsets_by_index_and_coordinate(imported):
    data = imported.values("1")
    for text, part in (
        ("subset_dims=NAXIS1;subset_filter=2:4", data[:, 1:4]),
        ("subset_dims=NAXIS1|NAXIS2;subset_filter=1:2:end|3", data[2:3, ::2]),
        ("subset_dims=NAXIS2;subset_filter=1,5:6", data[[0, 4, 5]]),
        ("subset_dims=NAXIS1;subset_filter=2.6:4.2;subset_type=coord", data[:, 2:4]),
        ("subset_dims=NAXIS1;subset_filter=2:4;subset_type=coord;offset=1", data[:, 0:5]),
        ("subset_dims=NAXIS1;subset_filter=3.4;subset_type=coord", data[:, 2:3]),
    ):
        found = imported.values(imported.pid(f"oph_subset cube=1;{text}"))
        np.testing.assert_array_equal(found, part, err_msg=text)
    for text, word in (
        ("subset_dims=NAXIS4;subset_filter=1", "did you mean NAXIS"),
        ("subset_dims=NAXIS1;subset_filter=0", "from 1 to 8"),
        ("subset_dims=NAXIS1;subset_filter=9", "from 1 to 8"),
        ("subset_dims=NAXIS1;subset_filter=4:2", "the smaller first"),
        ("subset_dims=NAXIS1;subset_filter=x", "selects nothing"),
        ("subset_dims=NAXIS1|NAXIS2;subset_filter=1|2|3", "3 filters for 2"),
        ("subset_filter=1", "without subset_dims"),
        ("subset_dims=NAXIS1;subset_filter=20:30;subset_type=coord", "no element"),
        ("subset_dims=NAXIS1;subset_filter=3,1000;subset_type=coord", "near 1000"),
    ):
        assert word in imported.error(f"oph_subset cube=1;{text}"), text


def test_parts_of_different_places_are_combined_with_a_warning(imported):
    left = imported.pid("oph_subset cube=1;subset_dims=NAXIS1;subset_filter=1:4")
    right = imported.pid("oph_subset cube=1;subset_dims=NAXIS1;subset_filter=3:6")
    other = imported.pid("oph_subset cube=2;subset_dims=NAXIS1;subset_filter=3:6")
    for command in (
        "oph_intercube cubes={};operation=sub",
        "oph_intercube2 cubes={};operation=avg",
        "oph_mergecubes2 cubes={};dim=z",
    ):
        warned = imported.ok(command.format(f"{left}|{right}")).warnings
        assert any("from 1 to 4 in one cube and from 3 to 6" in text for text in warned), warned
        assert imported.ok(command.format(f"{right}|{other}")).warnings == []


def test_apply_sees_rows_and_images(imported):
    data = imported.values("1").astype(np.float64)
    made = imported.pid("oph_apply cube=1;query=oph_sum_scalar(measure,1.5);measure=more")
    np.testing.assert_array_equal(imported.values(made), data + 1.5)
    assert imported.server.catalogue.cubes.get(made).measure == "more"
    filtered = imported.pid("oph_apply cube=1;query=median_filter(measure,3)")
    assert imported.values(filtered).shape == data.shape
    assert "oph_nonsense" in imported.error("oph_apply cube=1;query=oph_nonsense(measure)")


def test_the_schema_and_dimensions_of_size_one(imported):
    table = imported.table("oph_cubeschema cube=1", "cubeschema_cubeinfo")
    assert table["title"] == "Datacube Information"
    assert table["rowkeys"][0] == "PID"
    dims = imported.table("oph_cubeschema cube=1", "cubeschema_diminfo")["rowvalues"]
    assert [(row[0], row[2], row[5]) for row in dims] == [
        ("NAXIS1", "8", "no"),
        ("NAXIS2", "6", "yes"),
    ]
    added = imported.pid("oph_cubeschema cube=1;action=add;dim=w")
    dims = imported.table(f"oph_cubeschema cube={added}", "cubeschema_diminfo")["rowvalues"]
    assert [row[0] for row in dims] == ["NAXIS1", "w", "NAXIS2"]
    cleared = imported.pid(f"oph_cubeschema cube={added};action=clear;dim=w")
    assert imported.values(cleared).shape == (6, 8)
    assert "did you mean NAXIS" in imported.error("oph_cubeschema cube=1;level=1;dim=NAXIS3")
    size = imported.table("oph_cubesize cube=1;byte_unit=KB")
    assert size["title"] == "Cube Size"
    assert float(size["rowvalues"][0][0]) == 5.625


def test_values_are_shown_by_rows(imported):
    data = imported.values("1")
    table = imported.table("oph_explorecube cube=1;limit_filter=2;show_id=yes;show_index=yes")
    assert table["rowkeys"] == ["ID", "NAXIS1 INDEX", "NAXIS1", "image"]
    assert len(table["rowvalues"]) == 2
    assert table["rowvalues"][1][:3] == ["2", "2", "2"]
    assert table["rowvalues"][1][3] == ", ".join(map(str, data[:, 1]))
    table = imported.table(
        "oph_explorecube cube=1;subset_dims=NAXIS1|NAXIS2;subset_filter=3|2:3;base64=yes"
    )
    import base64

    values = np.frombuffer(base64.b64decode(table["rowvalues"][0][1]), "<u2")
    np.testing.assert_array_equal(values, data[1:3, 2])
    # Parts are numbered as in the cube, so that oph_subset finds them again.
    part = "subset_dims=NAXIS1|NAXIS2;subset_filter=3,5:6|2:3;show_index=yes;level=2"
    response = imported.ok(f"oph_explorecube cube=1;{part}")
    shown = [row[:2] for row in response.get("explorecube_data").rows]
    assert shown == [(3, 3), (5, 5), (6, 6)]
    values = [o.rows for o in response.objects if o.key == "explorecube_dimvalues"]
    assert values == [[(3,), (5,), (6,)], [(2,), (3,)]]
    response = imported.ok("oph_explorecube cube=1;level=2;export_metadata=yes;output_name=shown")
    assert response.get("explorecube_dimvalues").title == "NAXIS1"
    assert (imported.root / "shown.json").is_file()
    imported.error("oph_explorecube cube=1;output_name=../shown")
    imported.error("oph_explorecube cube=1;limit_filter=99999")


def test_export_writes_header_history_and_provenance(imported):
    imported.ok("oph_metadata cube=1;mode=insert;metadata_key=OBSERVER;metadata_value=Ada")
    merged = imported.pid("oph_mergecubes2 cubes=1|2|3;dim=z")
    made = imported.pid(f"oph_reduce2 cube={merged};operation=median;dim=z")
    path = (
        imported.ok(f"oph_exportfits cube={made};output_path=/out;output_name=m").objects[0].message
    )
    with fits.open(path) as hdus:
        header = hdus[0].header
        assert header["OBSERVER"] == "Ada"
        assert header["FLT_ID"] == "OPEN"
        assert header["NCOMBINE"] == 3
        assert any("operation=median" in line for line in header["HISTORY"])
        sources = [row[1] for row in hdus["PROVENANCE"].data if row[0] == "input"]
        assert sorted(name.rpartition("/")[2] for name in sources) == [
            f"LRS.{n:03d}.fits" for n in (1, 2, 3)
        ]
    told = imported.error(f"oph_exportfits cube={made};output_path=/out;output_name=m", 9)
    assert "force=yes" in told
    imported.ok(f"oph_exportfits cube={made};output_path=/out;output_name=m.fits;force=yes")
    plain = (
        imported.ok(f"oph_exportfits cube={made};output_path=/out;output_name=p;export_metadata=no")
        .objects[0]
        .message
    )
    assert "FLT_ID" not in fits.getheader(plain)
    template = (
        imported.ok(
            f"oph_exportfits cube={made};output_name=t;misc=yes;"
            "template_path=/fits-raw/LRS.004.fits"
        )
        .objects[0]
        .message
    )
    assert fits.getheader(template)["OBS-TYPE"] == "FLAT"
    assert "/export/" in template
    default = imported.ok("oph_exportfits cube=[1:2]").objects[1]
    assert len(default.rows) == 2


def test_provenance_and_history(imported):
    merged = imported.pid("oph_mergecubes2 cubes=1|2;dim=z")
    made = imported.pid("oph_reduce2 operation=median;dim=z")
    response = imported.ok(f"oph_cubeio cube={made};branch=parent")
    operators = [row[1] for row in response.get("cubeio").rows]
    assert operators == ["oph_importfits"] * 2 + ["oph_mergecubes2"] * 2 + ["oph_reduce2"]
    graph = response.as_dict()["response"][1]
    assert graph["objclass"] == "digraph"
    assert len(graph["objcontent"][0]["nodevalues"]) == 4
    imported.ok(f"oph_delete cube={merged}")
    nodes = imported.ok(f"oph_cubeio cube={made}").get("cubeio_graph").nodes
    assert any("(deleted)" in node[1] for node in nodes)
    commands = imported.rows("oph_resume")
    assert commands[1][3].startswith("oph_mergecubes2 cubes=1|2;dim=z;")
    number = commands[2][0]
    again = imported.ok(f"oph_resume id={number}").objects[0]
    assert (again.title, again.message) == ("Output Cube", made)
    request = imported.ok(f"oph_resume id={number};document_type=request").objects[0].message
    assert request.startswith("oph_reduce2 operation=median;dim=z;")
    rate = imported.rows(f"oph_resume id={number};level=0")[0]
    assert float(rate[1]) == 1
    assert "there is no cube" in imported.error(f"oph_resume id={number};execute=yes")
    imported.ok("oph_resume id=1;level=2")
    imported.error("oph_resume id=99")
    imported.error("oph_resume execute=yes")
    imported.error("oph_resume status_filter=12")


def test_metadata_is_read_inserted_updated_and_deleted(imported):
    def rows(more):
        return imported.rows(f"oph_metadata cube=1;{more}")

    assert rows("metadata_key=obs_type|FLT_ID;metadata_value_filter=OP")[0][2:5] == [
        "FLT_ID", "text", "OPEN",
    ]  # fmt: skip
    imported.ok("oph_metadata cube=1;mode=insert;metadata_key=A|B;metadata_value=1.5|2;"
                "metadata_type=double")  # fmt: skip
    (found,) = rows("metadata_key=A")
    assert found[3:5] == ["double", "1.5"]
    imported.ok(f"oph_metadata cube=1;mode=update;metadata_id={found[0]};metadata_value=7")
    assert rows("metadata_key=A")[0][4] == "7.0"
    imported.ok("oph_metadata cube=1;mode=delete;metadata_key=B")
    assert rows("metadata_key=B") == []
    for text, word in (
        ("mode=delete", "does not say what"),
        ("mode=delete;metadata_key=NOTHING", "match"),
        ("mode=insert;metadata_value=1", "does not say the key"),
        ("mode=insert;metadata_key=A|B;metadata_value=1", "2 keys and 1 values"),
        ("mode=insert;metadata_key=A;metadata_value=x;metadata_type=int", ""),
        ("mode=update;metadata_key=A", "takes one metadata_value"),
        ("mode=look", "allowed: insert, read, update, delete"),
    ):
        assert word in imported.error(f"oph_metadata cube=1;{text}"), text
    assert len(imported.ok("oph_metadata cube=[1:3];metadata_key=FLT_ID").objects[1].rows) == 3


def test_searches(imported):
    def found(more):
        return sorted({row[0].rpartition("/")[2] for row in imported.rows(f"oph_search {more}")})

    assert found("metadata_key_filter=OBS_TYPE;metadata_value_filter=FLAT") == ["4", "5", "8", "9"]
    both = "metadata_key_filter=FLT_ID|OBS_TYPE;metadata_value_filter=B_JOHN_10|FLAT"
    assert found(f"{both};match=all") == ["4", "5"]
    assert len(found(both)) == 6
    assert found("metadata_key_filter=EXPTIME;metadata_value_filter=>=10") == ["10", "11"]
    assert found("container_filter=OTHER") == []
    imported.pid("oph_mergecubes2 cubes=1|2;dim=z")
    assert found("metadata_key_filter=FLT_ID;metadata_value_filter=OPEN") == ["1", "2", "3"]
    assert found("metadata_key_filter=FLT_ID;metadata_value_filter=OPEN;derived=yes") == [
        "1", "12", "2", "3",
    ]  # fmt: skip
    imported.error("oph_search metadata_key_filter=a|b|c;metadata_value_filter=x|y")
    imported.error("oph_search path=/nowhere")


def test_help(client):
    page = client.ok("oph_man function=reduce2").objects
    assert "oph_reduce2 " in page[0].message
    assert any(row[0] == "nsigma" for row in page[1].rows)
    assert "did you mean oph_reduce2" in client.error("oph_man function=oph_redcue2")
    told = client.ok("oph_man function=oph_massive").objects[0].message
    assert "metadata_key" in told


def test_fragments_are_kept_in_the_books(imported):
    split = imported.pid("oph_split cube=1;nsplit=2")
    assert imported.server.catalogue.cubes.get(split).nfrag == 8
    merged = imported.pid(f"oph_merge cube={split};nmerge=4")
    assert imported.server.catalogue.cubes.get(merged).nfrag == 2
    np.testing.assert_array_equal(imported.values(merged), imported.values("1"))
    imported.error("oph_split cube=1;nsplit=1")


def test_every_operator_names_what_is_missing_or_wrong(imported):
    """Each operator, with an argument of nonsense for each of its arguments in turn."""
    from polarnight.ophidia.registry import operators

    before = imported.server.catalogue.cubes.get("1").recipe.key
    for name, cls in operators().items():
        for argument in cls.arguments:
            if name in {"oph_wait", "oph_script"}:
                continue
            response = imported.send(f"{name} {argument.name}=\u2603 no such;exec_mode=sync")
            assert "Traceback" not in response.error
            assert "unforeseen" not in response.error, (name, argument.name, response.error)
    assert imported.server.catalogue.cubes.get("1").recipe.key == before


@pytest.mark.parametrize("answer", ["all", "none", "search"])
def test_objects_are_chosen_by_their_key(imported, answer):
    response = imported.ok(f"oph_search objkey_filter={answer}")
    assert bool(response.objects) is (answer != "none")
    last = json.loads(response.to_json())["response"][-1]
    assert last["objkey"] == "status"
    assert last["objcontent"][0]["title"] == "SUCCESS"


def test_the_folder_one_stands_in_goes_or_moves(client):
    for name in ("a", "a/b", "c"):
        client.ok(f"oph_folder command=mkdir;path={name}")
    client.ok("oph_folder command=cd;path=a/b")
    moved = client.ok("oph_folder command=mv;path=/a|/c")
    assert (client.state.cwd, moved.objects[0].message) == ("/c/a/b", "/c/a/b")
    assert "current folder /a/b was moved" in moved.warnings[0]
    removed = client.ok("oph_folder command=rm;path=/c/a/b")
    assert (client.state.cwd, removed.objects[0].message) == ("/c/a", "/c/a")
    assert removed.warnings == [
        "oph_folder: the current folder /c/a/b was removed; you are in /c/a"
    ]
    client.ok("oph_folder command=rm;path=.")
    assert client.rows("oph_list") == []
    assert client.ok("oph_folder command=mkdir;path=/cc").warnings == []
    assert client.ok("oph_folder command=rm;path=/cc").warnings == []
    assert client.state.cwd == "/c"
