"""Cubes of real frames: plain ones of CAFOS, compressed tiles of MOPTOP and PANOPTES."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from polarnight.cubes import Cube, combine, list_hdus, merge
from polarnight.cubes.fits.writing import cube_header
from polarnight.frames import wcs_from_header

DATA = Path(os.environ.get("POLARNIGHT_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
FRAMES = sorted(DATA.rglob("*.fits*"))

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FRAMES, reason=f"no real frames in {DATA}"),
]


def read(path, index):
    """Pixels and header as astropy has them; unsigned integers stay integers.

    Scaled pixels are made in double precision: in single, as astropy does it, those of
    MOPTOP lose the last two of their decimals.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, uint=True, memmap=False) as hdus:
            header = hdus[index].header.copy()  # reading the pixels changes it
            values = np.array(hdus[index].data)
        with fits.open(path, do_not_scale_image_data=True, memmap=False) as hdus:
            raw, scales = np.array(hdus[index].data), hdus[index].header
            if values.dtype.kind == "f" and raw.dtype.kind == "i":
                wide = raw.astype("f8") * scales["BSCALE"] + scales["BZERO"]
                assert abs(values - wide).max() < 0.01
                values = wide.astype(values.dtype)
    return values, header


@pytest.mark.parametrize("path", FRAMES, ids=lambda path: path.name)
def test_every_frame_is_what_astropy_reads(path):
    [(index, _, shape, _), *_] = list_hdus(path)
    cube = Cube.open_fits(path)
    values, header = read(path, index)
    assert cube.shape == shape == values.shape
    found = cube.numpy()
    assert found.dtype == values.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, values)
    part = cube.subset(NAXIS2=slice(100, 140), NAXIS1=slice(7, 300)).numpy()
    np.testing.assert_array_equal(part, values[100:140, 7:300])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for card in header.cards:
            if card.keyword in ("COMMENT", "HISTORY", "", "XTENSION", "CHECKSUM", "DATASUM"):
                continue
            value = card.value if not isinstance(card.value, fits.card.Undefined) else None
            assert cube.metadata[card.keyword] == value, card.keyword


def test_a_stack_of_real_frames(tmp_path):
    folder = DATA / "cafos-ngc2420"
    paths = sorted(folder.glob("uamA_00[24]*.fits"))
    views = [Cube.open_fits(path) for path in paths]
    shape = views[-1].shape
    views = [view for view in views if view.shape == shape]
    stack = merge(views)
    arrays = [read(view.source, 0)[0] for view in views]
    np.testing.assert_array_equal(stack.numpy(), np.stack(arrays))
    median = stack.reduce("median", "z").compute()
    reference = combine(arrays, "median")
    np.testing.assert_array_equal(median.numpy(), reference.value)
    scaled = (stack - median) / median
    with np.errstate(all="ignore"):
        wanted = (np.stack(arrays).astype("f4") - reference.value) / reference.value
    np.testing.assert_array_equal(scaled.numpy(), wanted)
    out = tmp_path / "out.fits"
    scaled.to_fits(out)
    with fits.open(out, checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[0].data, wanted)
        assert hdus[0].header["OBJECT"] == views[0].metadata["OBJECT"]
        assert len(hdus["PROVENANCE"].data) >= len(views) + 3


def test_compressed_tiles_in_a_stack():
    paths = sorted((DATA / "moptop-rotation1").glob("3_e_*.fz"))[:6]
    if not paths:
        pytest.skip("no frames of MOPTOP")
    stack = merge([Cube.open_fits(path) for path in paths])
    arrays = np.stack([read(path, list_hdus(path)[0][0])[0] for path in paths])
    np.testing.assert_array_equal(stack.numpy(), arrays)
    mean = stack.reduce("mean", "z").numpy()
    np.testing.assert_allclose(mean, arrays.astype("f8").mean(axis=0), rtol=1e-6)


def test_the_sky_of_a_solved_frame():
    path = DATA / "panoptes" / "solved.fits.fz"
    if not path.is_file():
        pytest.skip("no solved frame of PANOPTES")
    cube = Cube.open_fits(path)
    whole = wcs_from_header(cube_header(cube))
    part = wcs_from_header(cube_header(cube.subset(NAXIS1=slice(50, 400), NAXIS2=slice(20, 300))))
    np.testing.assert_allclose(
        part.all_pix2world(10.0, 30.0, 0), whole.all_pix2world(60.0, 50.0, 0), rtol=0, atol=1e-10
    )
