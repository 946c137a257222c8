"""The blind search is asked for a place only; the package is a stand-in with its interface."""

import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from polarnight.astrometry import DetectionFlag, Detections, blind_pointing
from polarnight.errors import AlgorithmFailed, ConfigError

PLACE = (123.4, -56.7)


@dataclass
class _SizeHint:
    lower_arcsec_per_pixel: float
    upper_arcsec_per_pixel: float


class _Solver:
    asked = []
    finds = True

    def __init__(self, index_files):
        self.index_files = index_files

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def solve(self, stars, size_hint, position_hint, solution_parameters):
        from astropy.wcs import WCS

        _Solver.asked.append((self.index_files, stars, size_hint, position_hint))
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval, wcs.wcs.crpix = PLACE, (400.5, 300.5)
        wcs.wcs.cdelt = -1e-4, 1e-4
        match = SimpleNamespace(astropy_wcs=lambda: wcs)
        return SimpleNamespace(has_match=lambda: _Solver.finds, best_match=lambda: match)


@pytest.fixture
def package(monkeypatch):
    module = ModuleType("astrometry")
    module.Solver, module.SizeHint = _Solver, _SizeHint
    module.SolutionParameters = lambda **given: given
    monkeypatch.setitem(sys.modules, "astrometry", module)
    monkeypatch.setattr(_Solver, "asked", [])
    monkeypatch.setattr(_Solver, "finds", True)


@pytest.fixture
def stars(tmp_path):
    folder = tmp_path / "astrometry.net"
    folder.mkdir()
    (folder / "index-5200-00.fits").write_bytes(b"")
    return tmp_path


@pytest.fixture
def found():
    rng = np.random.default_rng(1)
    return Detections.from_positions(*rng.uniform(0, 600, (2, 200)), rng.uniform(1, 9, 200))


def _ask(found, stars):
    return blind_pointing(found, stars, shape=(600, 800), pixel_scale=0.36)


def test_the_place_is_the_centre_of_the_frame(package, found, stars):
    found.flags[0] = DetectionFlag.NOT_STELLAR
    ra, dec, label = _ask(found, stars)
    assert (ra, dec) == pytest.approx(PLACE, abs=1e-9)
    assert label == "blind search"
    ((files, given, hint, position),) = _Solver.asked
    assert [file.name for file in files] == ["index-5200-00.fits"]
    assert position is None
    assert len(given) == 150
    # pixels from 1, brightest first, nothing unlike a star
    assert given[0] == [found.x[1] + 1, found.y[1] + 1]
    assert hint.lower_arcsec_per_pixel < 0.36 < hint.upper_arcsec_per_pixel < 0.38


def test_what_is_absent_is_named(monkeypatch, package, found, stars, tmp_path):
    with pytest.raises(ConfigError, match="no index files"):
        _ask(found, tmp_path / "elsewhere")
    _Solver.finds = False
    with pytest.raises(AlgorithmFailed, match="found no place"):
        _ask(found, stars)
    with pytest.raises(AlgorithmFailed, match="too few sources"):
        _ask(found.select(np.arange(3)), stars)
    monkeypatch.setitem(sys.modules, "astrometry", None)
    with pytest.raises(ConfigError, match=r"polarnight\[blind\]"):
        _ask(found, stars)


def test_the_stage_asks_last_and_proves_it_itself(package, stars, field, monkeypatch):
    """A header that points elsewhere: the frame is solved at the place, with our catalogue."""
    from polarnight.astrometry import MemoryCatalogue
    from polarnight.frames import Frame, FrameInfo, ImageType, ObsMode
    from polarnight.pipeline.recipes import frame as frame_recipe
    from polarnight.pipeline.recipes.stage import Product

    rng = np.random.default_rng(3)
    camera = field.Camera(*PLACE, shape=(600, 800), scale=0.53, rotation=20.0)
    sky = field.make_sky(rng, *PLACE, 0.3, 3000)
    seen = camera.observe(rng, sky, most=60)
    info = FrameInfo(
        telescope="CAHA-T220", instrument="CAFOS2.2", filename="f", night="2021-03-28",
        imgtype=ImageType.LIGHT, obsmode=ObsMode.PHOTOMETRY, band="R", rotangle=None,
        exptime=60.0, jd_start=2459302.46, jd_mid=2459302.465, width=800, height=600,
        binning=(1, 1), gain=1.4, read_noise=7.0, saturation=6e4, nonlinear=6e4,
        pixel_scale=0.53, object_name="X", ra=10.0, dec=20.0,
    )  # fmt: skip
    monkeypatch.setattr(frame_recipe, "LocalCatalogue", lambda _: MemoryCatalogue(sky))
    frame = Frame(np.zeros(camera.shape, np.float32), info=info)
    product = Product(
        {"frame": frame, "detections": seen, "stars": stars, "object_place": None, "ties": None}
    )
    refused = frame_recipe.Solve().run(product)
    assert refused["solution"] is None
    assert not _Solver.asked
    solved = frame_recipe.Solve(blind=True).run(product)["solution"]
    assert camera.corner_error(solved.wcs) < 0.6
    assert solved.evidence["pointing"] == "blind search"
    _Solver.finds = False
    neither = frame_recipe.Solve(blind=True).run(product)
    assert neither["solution"] is None
    assert "found no place" in neither.notes["solve"]
