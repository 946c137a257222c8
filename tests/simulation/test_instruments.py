"""Every instrument that can be simulated: its headers say the truth, its frames are noise and
light as they should be, and the same seed writes the same bytes.
"""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from polarnight.config import load_settings
from polarnight.errors import ConfigError
from polarnight.frames import ImageType, ObsMode
from polarnight.instruments import all_instruments, classify_file, get_instrument
from polarnight.instruments.observatories import OBSERVATORIES
from polarnight.simulation import (
    NightSimulator,
    SimulatedInstrument,
    all_simulations,
    get_simulation,
    make_options,
    read_truth,
    registry,
    scenarios_of,
    simulate_night,
)

from .conftest import GARDEN, NIGHTS

pytestmark = pytest.mark.usefixtures("garden")

SMALL = {
    "size": 256, "window_size": (200, 250), "n_bias": 1, "n_flats": 1, "n_stars": 20,
    "n_calibrators": 2, "n_photometry": 1, "visits": 1, "dark_exptime": 5.0,
}  # fmt: skip


def small(name, scenario, **options):
    values = dict(SMALL)
    if get_instrument(name).polarimeter is not None and scenario != "field":
        values["n_cycles"] = 1
    if name == "Cameras":
        values["rotator"] = (25.0,)
    if scenario == "grid":
        values["n_sources"] = 4
    return NightSimulator(name, NIGHTS[name], 3, make_options(name, scenario, values | options))


def some_of(plan):
    """The first frame of every kind, band, mode, angle and beam."""
    seen = {}
    for e in plan:
        seen.setdefault((e.imgtype, e.obsmode, e.band, e.rotangle, e.beam), e)
    return list(seen.values())


def test_all_instruments_can_be_simulated(garden):
    assert set(all_simulations()) >= {*garden, "AndorT90", "AndorT150", "CAFOS2.2", "DIPOL",
                                      "DOLORES", "RoperT90"}  # fmt: skip
    assert set(all_simulations()) <= set(all_instruments())
    assert scenarios_of(get_simulation("DOLORES")) == ("demo", "galaxy", "grid", "field")
    assert "standards" in scenarios_of(get_simulation("Polaroids"))
    assert "standards" not in scenarios_of(get_simulation("Camera"))


@pytest.mark.parametrize("name", NIGHTS)
@pytest.mark.parametrize("scenario", ["demo", "grid", "field", "standards"])
def test_headers_say_the_truth(tmp_path, name, scenario):
    if scenario not in scenarios_of(get_simulation(name)):
        with pytest.raises(ConfigError, match="no scenario 'standards'"):
            make_options(name, scenario, {})
        return
    night = small(name, scenario)
    instrument = night.instrument
    for exposure in some_of(night.plan):
        frame = night.write(exposure, tmp_path)
        info = classify_file(tmp_path / exposure.filename)
        assert (info.instrument, info.telescope) == (name, night.telescope.name)
        assert info.night == NIGHTS[name]
        for key in ("imgtype", "obsmode", "rotangle", "exptime", "beam"):
            assert getattr(info, key) == getattr(exposure, key), key
        if info.obsmode is not ObsMode.NONE:
            assert info.band == exposure.band
        assert info.jd_start == pytest.approx(exposure.jd_start, abs=1.2e-8)  # 1 ms
        camera = night.simulation.camera_of(exposure.beam)
        assert (info.gain, info.read_noise) == (camera.gain, camera.read_noise)
        assert info.binning == (night.options.binning, night.options.binning)
        assert info.pixel_scale == pytest.approx(camera.scale * night.options.binning, rel=0.01)
        rows, columns = night.setting.shape
        if exposure.window is not None:
            assert instrument.windows
            assert info.origin == exposure.window[:2]
            columns, rows = exposure.window[2:]
        assert (info.height, info.width) == (rows, columns)
        polarimetry = info.obsmode is ObsMode.POLARIMETRY
        shows = polarimetry or (instrument.pairs_always and info.obsmode is ObsMode.PHOTOMETRY)
        assert info.has_pairs == (instrument.pair is not None and shows)
        if info.imgtype is ImageType.LIGHT:
            assert ("x_e" in frame) == info.has_pairs
            assert info.object_name == exposure.object_name
            assert info.airmass == pytest.approx(frame["airmass"], abs=1e-4)
            assert info.instrument_angle == (25.0 if name == "Cameras" else None)
            if info.pointing_equinoxes[0] != "date":
                said = SkyCoord(info.ra, info.dec, unit="deg")
                assert said.separation(SkyCoord(*frame["wcs"]["crval"], unit="deg")).arcsec < 120


def test_each_plan_is_in_order_and_has_what_is_required():
    for name in NIGHTS:
        night = small(name, "demo")
        kinds = {e.imgtype for e in night.plan}
        assert kinds >= night.instrument.requires | {ImageType.LIGHT}, name
        times = [e.jd_start for e in night.plan]
        assert times == sorted(times)
        cycle = [e.rotangle for e in night.plan if e.cycle == 0 and e.beam in ("", "O")]
        assert tuple(cycle) == night.instrument.angles
        dates = {night.telescope.night_of(e.jd_start).isoformat() for e in night.plan}
        assert dates == {NIGHTS[name]}


@pytest.mark.parametrize("name", ["DIPOL", "Cameras", "Circular", "DOLORES"])
def test_same_seed_same_bytes(tmp_path, name):
    options = dict(SMALL) | {"n_cycles": 0 if name == "DOLORES" else 1}
    first, again = (
        simulate_night(name, NIGHTS[name], 5, tmp_path / d, **options) for d in ("a", "b")
    )
    assert read_truth(first) == read_truth(again)
    for frame in read_truth(first)["frames"]:
        path = first.parent / NIGHTS[name] / frame["filename"]
        assert path.read_bytes() == (again.parent / NIGHTS[name] / path.name).read_bytes()


def test_a_declared_camera_has_the_detector_of_the_night():
    options = make_options("Camera", "demo", SMALL)
    assert NightSimulator("Camera", "2026-01-20", 1, options).camera.gain == 1.2
    assert NightSimulator("Camera", "2026-02-20", 1, options).camera.gain == 2.4
    # 0.3 m for 0.9 m in R, what is declared, and a frame without filter.
    assert get_simulation("Camera").camera.zero_points["R"] == pytest.approx(
        22.94 + 5 * np.log10(0.4 / 0.9)
    )
    assert get_simulation("Camera").camera.zero_points["Clear"] > 22.0
    assert get_simulation("Double").camera.zero_points["R"] == 22.5


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("simulation: {diametre: 0.3}", "simulation.diametre"),
        ("simulation: {seeing: -1}", "simulation.seeing"),
    ],
)
def test_wrong_simulation_tables(line, words):
    text = GARDEN.replace("  size: [420, 360]\n", f"  size: [420, 360]\n  {line}\n", 1)
    OBSERVATORIES.adopt((("garden.yaml", text),))
    try:
        with pytest.raises(ConfigError, match=words):
            get_simulation("Camera")
    finally:
        OBSERVATORIES.adopt((("garden.yaml", GARDEN),))


def test_an_entry_point_goes_before_what_is_derived(monkeypatch):
    special = replace(get_simulation("Camera"), brightest_star=3.0)
    monkeypatch.setattr(registry, "load_plugins", lambda group: {"Camera": special})
    assert get_simulation("Camera") is special
    assert isinstance(all_simulations()["Double"], SimulatedInstrument)


def test_an_entry_point_that_is_no_simulation_is_left_out(monkeypatch):
    derived, other = get_simulation("Camera"), get_simulation("Double")
    for wrong in ("nonsense", other):
        monkeypatch.setattr(registry, "load_plugins", lambda group, it=wrong: {"Camera": it})
        with pytest.warns(UserWarning, match="'Camera'.*no SimulatedInstrument of that name"):
            assert get_simulation("Camera").camera == derived.camera
        with pytest.warns(UserWarning, match="'Camera'.*is left out"):
            assert all_simulations()["Camera"].camera == derived.camera
    monkeypatch.setattr(registry, "load_plugins", lambda group: {"CAFOS2.2": 5})
    with (
        pytest.warns(UserWarning, match="a int, no SimulatedInstrument"),
        pytest.raises(ConfigError, match="its package offers no simulation"),
    ):
        get_simulation("CAFOS2.2")


def test_an_instrument_that_is_not_known_is_told_with_the_place_of_its_file(tmp_path, monkeypatch):
    for given, place in (({}, tmp_path / "instruments"), ({"instruments_path": "/a"}, "/a")):
        settings = load_settings(environ={}, overrides={"datadir": str(tmp_path), **given})
        monkeypatch.setattr(registry, "get_settings", lambda found=settings: found)
        with pytest.raises(ConfigError) as refused:
            get_simulation("Camara")
        told = str(refused.value)
        assert "did you mean Camera?" in told
        assert told.endswith(f"once the YAML file that declares it is in {place}")


@pytest.mark.parametrize(
    ("option", "meant"), [("cloud", "clouds"), ("n_star", "n_stars"), ("fault", "faults")]
)
def test_options_that_are_misspelt_are_told_with_the_nearest(option, meant):
    with pytest.raises(ConfigError) as refused:
        make_options("Camera", "field", {option: 1})
    assert str(refused.value) == f"no simulation option {option!r}; did you mean {meant}?"
    with pytest.raises(ConfigError, match=r"there are: target, .*disturbances"):
        make_options("Camera", "field", {"zzz": 1})


def test_instruments_that_read_headers_by_code_are_not_derived():
    from polarnight.simulation.instruments.generic import derive_simulation

    assert derive_simulation(get_instrument("CAFOS2.2")) is None


def test_trusted_coordinates_are_those_of_the_truth(tmp_path):
    night = small("Cameras", "demo")
    for beam in ("O", "E"):
        exposure = next(e for e in night.plan if e.beam == beam and e.imgtype is ImageType.LIGHT)
        truth = night.write(exposure, tmp_path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(fits.getheader(tmp_path / exposure.filename))
        sky = night.sky
        places = wcs.all_world2pix(sky.ra[truth["source"]], sky.dec[truth["source"]], 0)
        for found, key in zip(places, ("x", "y"), strict=True):
            off = found - np.array(truth[key])
            # Dither, and the distortion that a header leaves out.
            assert np.abs(off).max() < 8.0
            assert np.std(off) < 0.3


def test_both_cameras_look_through_the_same_air_but_are_two():
    night = small("Cameras", "grid", clouds=1.0)
    o, e = (next(x for x in night.plan if x.beam == beam and x.cycle == 0) for beam in ("O", "E"))
    assert o.jd_start == e.jd_start
    first, second = night.render(o).truth, night.render(e).truth
    for key in ("transparency", "fwhm_px", "airmass"):
        assert first[key] == second[key]
    assert first["wcs"]["cd"] != second["wcs"]["cd"]
    assert not np.array_equal(night.chip_of("O").bias, night.chip_of("E").bias)
    assert not np.array_equal(night.flat(o), night.flat(e))


def test_a_rotator_turns_the_field_as_it_turns_the_polarization():
    # North through east by 25 degrees: what was up in the frame is there where 25 degrees were.
    straight, turned = (small("Cameras", "demo", rotator=(a,)) for a in (0.0, 25.0))
    exposure = next(e for e in straight.plan if e.imgtype is ImageType.LIGHT)
    for night in (straight, turned):
        optics = night.weather.optics(exposure)
        x0, y0 = optics.centre
        ra, dec = optics.sky(np.array([x0]), np.array([y0 + 50.0]))
        up = SkyCoord(optics.ra, optics.dec, unit="deg").position_angle(
            SkyCoord(ra[0], dec[0], unit="deg")
        )
        angle = night.weather.instrument_angle(exposure)
        expected = (angle - night.camera.rotation) % 360.0
        assert up.deg % 360.0 == pytest.approx(expected, abs=0.1)


def sums(night, exposure, suffix=""):
    """Flux within 5 FWHM of each source in ADU, its error and truth, with the true detector."""
    rendered = night.render(exposure)
    truth, camera = rendered.truth, night.simulation.camera_of(exposure.beam)
    chip = night.chip_of(exposure.beam)
    if exposure.window is not None:
        x0, y0, columns, rows = exposure.window
        chip = chip.cut(slice(y0, y0 + rows), slice(x0, x0 + columns))
    flat = night.flat(exposure).astype(float)
    expected = truth["sky_adu"] * flat + chip.dark * exposure.exptime / camera.gain
    signal = rendered.data - chip.bias.astype(float) - expected - truth["bias_offset_adu"]
    read = camera.read_noise if chip.noise is None else chip.noise.astype(float)
    noise = (read / camera.gain) ** 2 * np.ones(flat.shape) + 1.0 / 12.0
    half = int(np.ceil(2.0 * truth["fwhm_px"]))
    rows = []
    for x, y, flux in zip(*(truth[k + suffix] for k in ("x", "y", "flux_adu")), strict=True):
        ix, iy = round(x), round(y)
        if min(ix, iy) < half or iy + half >= flat.shape[0] or ix + half >= flat.shape[1]:
            continue
        box = (slice(iy - half, iy + half + 1), slice(ix - half, ix + half + 1))
        weight = 1.0 / flat[box]
        variance = ((expected[box] / camera.gain + noise[box]) * weight**2).sum()
        variance += flux / camera.gain * weight.mean()
        rows.append(((signal[box] * weight).sum(), np.sqrt(variance), flux))
    return np.array(rows).T


@pytest.mark.parametrize("name", ["Polaroids", "Double", "Circular", "Cameras", "DIPOL"])
def test_light_and_noise(name):
    quiet = {
        "size": None, "n_sources": None, "n_stars": 0, "psf": "gaussian", "hot_pixels": False,
        "cosmic_rays": False, "sky_gradient": 0.0, "p_range": (0.0, 0.3), "v_range": (-0.2, 0.2),
        "beam_gain": 0.02, "clouds": 0.2, "n_calibrators": 2, "mag_range": (13.5, 16.0),
    }  # fmt: skip
    if name == "DIPOL":
        quiet |= {"size": 1100, "window_size": (1000, 1000), "seeing": 1.0}
    night = small(name, "grid", **quiet)
    pulls = []
    for exposure in [e for e in night.plan if e.imgtype is ImageType.LIGHT][:8]:
        for suffix in ("", "_e") if night.instrument.pair is not None else ("",):
            if f"x{suffix}" not in night.render(exposure).truth:
                continue
            flux, error, truth = sums(night, exposure, suffix)
            pulls.append((flux - truth) / error)
    pulls = np.concatenate(pulls)
    n = len(pulls)
    assert n > 60
    assert abs(pulls.mean()) < 4.0 / np.sqrt(n)
    assert abs(pulls.std() - 1.0) < 4.0 / np.sqrt(2 * n)


def test_the_read_noise_of_a_cmos_detector_is_that_of_its_pixels():
    night = small("Double", "demo", hot_pixels=False, n_bias=2)
    one, two = (night.render(e).data.astype(float) for e in night.plan[:2])
    difference = (one - two) * night.camera.gain
    difference -= difference.mean()
    noise = night.chip.noise
    assert np.sqrt((noise.astype(float) ** 2).mean()) == pytest.approx(6.0, rel=0.01)
    expected = 2.0 * (noise**2).mean() + 2.0 * night.camera.gain**2 / 12.0
    assert difference.var() == pytest.approx(expected, rel=4.0 * np.sqrt(3.0 / one.size))
    loud = noise > np.quantile(noise, 0.9)
    assert difference[loud].std() > 1.3 * difference[~loud].std()


@pytest.mark.slow
def test_a_wide_frame_of_dipol():
    night = NightSimulator("DIPOL", NIGHTS["DIPOL"], 1, make_options("DIPOL", "demo", {}))
    exposure = next(e for e in night.plan if e.imgtype is ImageType.LIGHT)
    assert exposure.window is None
    night.render(exposure)  # the flat is made once a night
    data = night.render(exposure).data
    assert data.shape == (2822, 4144)
    window = next(e for e in night.plan if e.window is not None)
    assert night.render(window).data.shape == (900, 1100)
