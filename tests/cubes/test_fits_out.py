"""Cubes written as FITS: what any reader finds is what the cube was."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from polarnight.cubes import Card, Cube, Metadata, merge
from polarnight.cubes.fits.writing import FitsTarget
from polarnight.cubes.running.light import da
from polarnight.cubes.running.runner import Runner
from polarnight.errors import BadFrame, CubeError
from polarnight.frames import atomic

TYPES = ["?", "u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


def numbers(rng, shape, dtype):
    kind = np.dtype(dtype)
    if kind.kind == "f":
        values = rng.normal(size=shape).astype(kind)
        values.flat[0] = np.nan
        return values
    if kind.kind == "b":
        return rng.random(shape) > 0.5
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)


@settings(max_examples=30, deadline=None)
@given(
    dtype=st.sampled_from(TYPES),
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple),
    planes=st.tuples(st.booleans(), st.booleans()),
    chunk=st.integers(1, 7),
    seed=st.integers(0, 2**32),
)
def test_what_comes_back(tmp_path_factory, dtype, shape, planes, chunk, seed):
    rng = np.random.default_rng(seed)
    values = numbers(rng, shape, dtype)
    variance = rng.random(shape).astype("f4") if planes[0] else None
    bits = rng.integers(0, 65536, shape).astype("u2") if planes[1] else None
    path = tmp_path_factory.mktemp("f") / "deep" / "a.fits"
    data = da.from_array(values, chunks=chunk)
    cube = Cube.from_array(data, variance=variance, bits=bits, unit="adu")
    cube.to_fits(path)
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        np.testing.assert_array_equal(hdus[0].data, values)
        names = [hdu.name for hdu in hdus]
        assert names == ["SCI"] + ["VAR"] * planes[0] + ["BITS"] * planes[1] + ["PROVENANCE"]
        assert hdus[0].header["BUNIT"] == "adu"
        if planes[1]:
            np.testing.assert_array_equal(hdus["BITS"].data, bits)
    back = Cube.open_fits(path)
    assert back.dtype == (np.dtype("u1") if dtype == "?" else np.dtype(dtype))
    found = back.compute()
    np.testing.assert_array_equal(found.numpy(), values)
    assert (found.variance is None, found.bits is None) == (not planes[0], not planes[1])
    if planes[0]:
        np.testing.assert_array_equal(found.variance.compute(), variance)
    assert [entry.name for entry in path.parent.iterdir()] == ["a.fits"]


def test_equal_cubes_give_equal_bytes(tmp_path):
    values = np.arange(60.0).reshape(5, 12)
    for name, chunk in (("a", 3), ("b", 12)):
        cube = Cube.from_array(values) / 3
        again = Cube.from_array(da.from_array(values / 3, chunks=chunk), recipe=cube.recipe)
        again.to_fits(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


CARDS = [
    Card("OBJECT", "NGC 5364", "target"),
    Card("EXPTIME", 12.5, "seconds"),
    Card("NUMBER", 1 << 40),
    Card("FLAG", True, "yes"),
    Card("PHASE", 1.0 + 2.0j),
    Card("NOTHING", None, "no value"),
    Card("HISTORY", "first"),
    Card("COMMENT", "a remark"),
    Card("HISTORY", "second"),
    Card("ESO DET CHIP1 ID", "x", "chip"),
    Card("LONG", "word " * 40),
]


def test_the_header_comes_back(tmp_path):
    path = tmp_path / "a.fits"
    Cube.from_array(np.zeros((2, 3)), metadata=CARDS).to_fits(path)
    found = Cube.open_fits(path).metadata.derived()
    for card in CARDS:
        if not card.is_commentary:
            [same] = found.select(card.key)
            value = card.value.rstrip() if isinstance(card.value, str) else card.value
            assert (same.value, type(same.value)) == (value, type(value))
            assert same.comment == card.comment
    assert [card.value for card in found.select("HISTORY")][:2] == ["first", "second"]
    assert found["COMMENT"].strip() == "a remark"


def test_cards_that_fits_cannot_hold(tmp_path):
    cards = [
        Card("TEMP", float("nan")),
        Card("GREEK", "α\nβ"),
        Card("a very long key indeed", 1, "with a comment " * 8),
        Card("units", "adu", variable="z"),
        Card("odd=key", 2),
        Card("HUGE" * 30, "x" * 100),
        Card("BAD\x00KEY", 3),
        Card("HISTORY", "ö" * 100),
        Card("NAXIS1", 77),
        Card("BZERO", 5.0),
    ]
    path = tmp_path / "a.fits"
    Cube.from_array(np.ones((2, 3)), metadata=cards).to_fits(path)
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        header = hdus[0].header
    assert (header["TEMP"], header["GREEK"]) == ("nan", "???")
    assert header["HIERARCH a very long key indeed"] == 1
    assert header["z units"] == "adu"
    assert header["NAXIS1"] == 3
    assert "BZERO" not in header
    np.testing.assert_array_equal(Cube.open_fits(path).numpy(), 1)


@pytest.mark.parametrize("kind", ["header", "metadata", "mapping", "none"])
def test_another_header(tmp_path, kind):
    given_header = {
        "header": fits.Header([("OBJECT", "M1"), ("NAXIS", 9)]),
        "metadata": Metadata([Card("OBJECT", "M1"), Card("BITPIX", 9)]),
        "mapping": {"OBJECT": "M1"},
        "none": Metadata(),
    }[kind]
    path = tmp_path / "a.fits"
    cube = Cube.from_array(np.zeros((2, 3)), metadata={"OBJECT": "M2", "FILTER": "R"})
    cube.to_fits(path, header=given_header)
    found = Cube.open_fits(path).metadata
    assert found.get("OBJECT") == (None if kind == "none" else "M1")
    assert "FILTER" not in found
    assert (found["NAXIS"], found["BITPIX"]) == (2, -64)


def test_where_it_comes_from(tmp_path):
    paths = [tmp_path / f"{k}.fits" for k in range(3)]
    for path in paths:
        fits.PrimaryHDU(np.ones((4, 5), "u2")).writeto(path)
    stack = merge([Cube.open_fits(path) for path in paths])
    made = (stack - stack.reduce("median", "z")).subset(NAXIS1=slice(1, 3))
    made.to_fits(tmp_path / "out.fits")
    with fits.open(tmp_path / "out.fits") as hdus:
        history = list(hdus[0].header["HISTORY"])
        rows = [(row["kind"], row["name"]) for row in hdus["PROVENANCE"].data]
        recipe = hdus["PROVENANCE"].header["RECIPE"]
    assert history[0] == "Axes: NAXIS1 (2), NAXIS2 (4), z (3)"
    told = [line.split(":")[0] for line in history]
    assert [line for line in told if line in ("merge of 3 cubes", "reduce", "subset")] == [
        "merge of 3 cubes", "reduce", "subset",
    ]  # fmt: skip
    assert [row for row in rows if row[0] == "input"] == [("input", str(path)) for path in paths]
    assert [name for kind, name in rows if kind == "stage"] == [
        "merge", "reduce", "combine_pair", "subset",
    ]  # fmt: skip
    assert recipe == made.key


def test_nothing_is_overwritten_unasked(tmp_path):
    path = tmp_path / "a.fits"
    path.write_text("precious")
    cube = Cube.from_array(np.zeros((2, 3)))
    with pytest.raises(CubeError, match="exists; write it with overwrite=True"):
        cube.to_fits(path)
    assert path.read_text() == "precious"
    cube.to_fits(path, overwrite=True)
    assert Cube.open_fits(path).shape == (2, 3)
    with pytest.raises(CubeError, match="is a directory"):
        cube.to_fits(tmp_path, overwrite=True)


@pytest.mark.parametrize("old", [True, False])
def test_failures_leave_nothing_behind(tmp_path, old):
    source = tmp_path / "in.fits"
    fits.PrimaryHDU(np.ones((4, 5), "u2")).writeto(source)
    cube = Cube.open_fits(source) + 1
    source.unlink()
    path = tmp_path / "out.fits"
    if old:
        path.write_text("precious")
    with pytest.raises(BadFrame):
        cube.to_fits(path, overwrite=True)
    assert [p.read_text() for p in tmp_path.iterdir()] == (["precious"] if old else [])


def test_a_full_disk(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        Cube.from_array(np.zeros((2, 3))).to_fits(tmp_path / "a.fits")
    assert list(tmp_path.iterdir()) == []


def test_flushed_before_it_gets_its_name(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(atomic, "flush_to_disk", lambda path: seen.append(path.name))
    Cube.from_array(np.zeros((2, 3))).to_fits(tmp_path / "a.fits")
    assert seen[0].endswith(".part")


@pytest.mark.parametrize("shape", [(), (0, 3)])
def test_no_image(tmp_path, shape):
    with pytest.raises(CubeError, match="empty or a single value"):
        Cube.from_array(np.zeros(shape)).to_fits(tmp_path / "a.fits")


def test_a_cube_larger_than_the_memory_allowed(tmp_path):
    made = da.random.default_rng(1).random((8, 512, 512), chunks=(1, 128, 512))
    cube = Cube.from_array(made.astype("f4"))
    path = tmp_path / "a.fits"
    tracemalloc.start()
    cube.to_fits(path, runner=Runner("threads", workers=1, memory="2 MiB"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < cube.nbytes / 2
    np.testing.assert_array_equal(Cube.open_fits(path).numpy(), made.astype("f4").compute())


def test_any_block_finds_its_place(tmp_path):
    values = np.arange(2 * 3 * 4 * 5, dtype="i4").reshape(2, 3, 4, 5)
    path = tmp_path / "raw"
    target = FitsTarget(str(path), 100, values.shape, values.dtype)
    path.write_bytes(b"\0" * (100 + target.padded))
    regions = [
        (slice(a, a + 1), slice(b, b + 2), slice(c, c + 3), slice(d, d + 3))
        for a in range(2) for b in (0, 2) for c in (0, 3) for d in (0, 3)
    ]  # fmt: skip
    for region in regions:
        inside = tuple(
            slice(s.start, min(s.stop, n)) for s, n in zip(region, values.shape, strict=True)
        )
        target.write(inside, values[inside])
    assert path.read_bytes()[100:580] == values.astype(">i4").tobytes()


def test_writing_needs_no_web_and_no_stores(tmp_path):
    code = (
        "import sys, numpy as np\nfrom polarnight.cubes import Cube\n"
        f"Cube.from_array(np.zeros((2, 3))).to_fits({str(tmp_path / 'a.fits')!r})\n"
        "print(sorted({'django', 'distributed', 'xarray', 'zarr', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_history_tells_operations_and_what_they_were_given(tmp_path):
    stack = Cube.from_array(np.ones((4, 3, 5), "f4"), ("z", "NAXIS2", "NAXIS1"))
    made = stack.reduce("quantile", "z", level=0.25) - 3.0
    made.to_fits(tmp_path / "made.fits")
    assert [str(line) for line in fits.getheader(tmp_path / "made.fits")["HISTORY"]] == [
        "reduce: operation=quantile, dim=z, level=0.25",
        "combine_number: number=3.0, operation=sub, swapped=false",
    ]


def test_history_is_broken_between_words(tmp_path):
    said = "VARIANCE: " + "the noise of the bias is in every one of them and does not average " * 3
    stack = Cube.from_array(np.ones((4, 3, 5), "f4"), ("z", "NAXIS2", "NAXIS1"))
    stack = stack.with_metadata(stack.metadata.with_card("HISTORY", said.strip()))
    made = stack.reduce("clipped_mean", "z", nsigma=2.5, max_iterations=11, min_sigma=0.125)
    made.to_fits(tmp_path / "made.fits")
    lines = [str(line) for line in fits.getheader(tmp_path / "made.fits")["HISTORY"]]
    assert max(map(len, lines)) <= 72
    assert len(lines) > 4
    told = " ".join(line.strip() for line in lines)
    assert said.strip() in told
    assert "reduce: operation=clipped_mean, dim=z, nsigma=2.5, max_iterations=11," in told
    assert "min_sigma=0.125" in told
