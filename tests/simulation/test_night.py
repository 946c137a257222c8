"""A night: its files say what the truth says, and the same seed writes the same bytes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import FK5, SkyCoord
from astropy.io import fits

import polarnight
from polarnight.errors import BadFrame, ConfigError
from polarnight.frames import ImageType, ObsMode
from polarnight.instruments import classify_file, get_instrument
from polarnight.simulation import (
    FAULTS,
    NightSimulator,
    make_options,
    read_truth,
    simulate_night,
    sky_of_truth,
)

SMALL = {
    "size": 160,
    "n_bias": 2,
    "n_flats": 1,
    "n_photometry": 1,
    "n_cycles": 1,
    "n_stars": 20,
    "n_calibrators": 3,
}
NIGHTS = {"AndorT90": "2022-09-18", "CAFOS2.2": "2025-09-13"}


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """A small night of each instrument: directory of the frames and truth."""
    made = {}
    for name, night in NIGHTS.items():
        out = tmp_path_factory.mktemp("night")
        truth = simulate_night(name, night, 1, out, **SMALL)
        made[name] = (out / night, read_truth(truth))
    return made


@pytest.mark.parametrize("name", NIGHTS)
def test_headers_are_understood_and_say_the_truth(nights, name):
    directory, truth = nights[name]
    assert sorted(p.name for p in directory.iterdir()) == sorted(
        f["filename"] for f in truth["frames"]
    )
    for frame in truth["frames"]:
        info = classify_file(directory / frame["filename"])
        assert (info.instrument, info.telescope, info.night) == (
            name,
            truth["telescope"],
            NIGHTS[name],
        )
        for key in ("imgtype", "obsmode", "rotangle", "exptime"):
            assert getattr(info, key) == frame[key], key
        if info.obsmode is not ObsMode.NONE:
            assert info.band == frame["band"]
        assert info.jd_start == pytest.approx(frame["jd_start"], abs=2e-9)
        assert info.jd_mid == pytest.approx(frame["jd_mid"], abs=2e-9)
        assert (info.gain, info.read_noise) == (truth["gain"], truth["read_noise"])
        assert [info.height, info.width] == truth["shape"]
        assert info.pixel_scale == pytest.approx(truth["pixel_scale"], rel=0.01)
        light = info.imgtype is ImageType.LIGHT
        assert info.has_pairs == (
            get_instrument(name).pair is not None and info.obsmode is ObsMode.POLARIMETRY
        )
        if light:
            assert info.object_name == truth["object"]
            assert info.airmass == pytest.approx(frame["airmass"], abs=1e-4)


@pytest.mark.parametrize("name", NIGHTS)
def test_header_pointing_leads_to_the_field(nights, name):
    directory, truth = nights[name]
    frame = next(f for f in truth["frames"] if f["imgtype"] == "LIGHT")
    info = classify_file(directory / frame["filename"])
    equinox = "J2000"
    if info.pointing_equinoxes[0] == "date":
        equinox = f"J{2000 + (info.jd_start - 2451545) / 365.25:.4f}"
    said = SkyCoord(info.ra, info.dec, unit="deg", frame=FK5(equinox=equinox))
    real = SkyCoord(*frame["wcs"]["crval"], unit="deg")
    assert said.transform_to("icrs").separation(real).arcsec < 120
    if name == "CAFOS2.2":  # read as J2000, as EQUINOX has it, it leads astray
        assert SkyCoord(info.ra, info.dec, unit="deg").separation(real).deg > 0.1


def test_same_seed_same_bytes_other_seed_other_noise(tmp_path, nights):
    directory, truth = nights["AndorT90"]
    again = simulate_night("AndorT90", "2022-09-18", 1, tmp_path / "a", **SMALL)
    other = simulate_night("AndorT90", "2022-09-18", 2, tmp_path / "b", **SMALL)
    assert read_truth(again) == truth
    for frame in truth["frames"]:
        name = frame["filename"]
        written = (directory / name).read_bytes()
        assert (again.parent / "2022-09-18" / name).read_bytes() == written
        assert (other.parent / "2022-09-18" / name).read_bytes() != written


def test_a_frame_does_not_depend_on_the_others(nights):
    directory, _ = nights["CAFOS2.2"]
    alone = NightSimulator("CAFOS2.2", "2025-09-13", 1, make_options("CAFOS2.2", "demo", SMALL))
    exposure = alone.plan[-1]
    np.testing.assert_array_equal(
        alone.render(exposure).data, fits.getdata(directory / exposure.filename)
    )


@pytest.mark.parametrize("name", NIGHTS)
def test_exposures_follow_one_another(name):
    plan = NightSimulator(name, NIGHTS[name], 1, make_options(name, "demo", {})).plan
    assert len({e.filename for e in plan}) == len(plan)
    starts = np.array([e.jd_start for e in plan])
    ends = starts + np.array([e.exptime for e in plan]) / 86400
    assert np.all(starts[1:] > ends[:-1])
    seconds = (starts - 0.5) % 1 * 86400
    np.testing.assert_allclose(seconds, np.rint(seconds), atol=1e-3)
    cycles = {e.cycle for e in plan if e.obsmode is ObsMode.POLARIMETRY and e.cycle is not None}
    for cycle in cycles:
        angles = [e.rotangle for e in plan if e.cycle == cycle]
        assert tuple(angles) == get_instrument(name).angles


def test_the_references_are_those_of_the_literature(nights):
    for name, (r, p, chi) in {
        "AndorT90": (13.38, 0.14, 14.7),
        "CAFOS2.2": (9.786, 0.0521, 54.54),
    }.items():
        target = nights[name][1]["sky"][0]
        assert target["role"] == "target"
        assert target["mags"]["R"] == r
        assert (target["p"], target["chi"]) == pytest.approx((p, chi))


def test_truth_gives_the_sky_back(nights):
    truth = nights["AndorT90"][1]
    assert sky_of_truth(truth).rows() == truth["sky"]


def test_constants_are_drawn_for_each_cycle(tmp_path):
    options = make_options("AndorT90", "demo", SMALL | {"n_cycles": 2})
    night = NightSimulator("AndorT90", "2022-09-18", 1, options)
    drawn = {}
    for exposure in night.plan:
        if exposure.cycle is not None:
            drawn.setdefault(exposure.cycle, set()).add(
                json.dumps(night.render(exposure).truth["instrumental"])
            )
    assert [len(v) for v in drawn.values()] == [1, 1]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("kind", FAULTS)
def test_faults(tmp_path, kind):
    options = SMALL | {"faults": {kind: 0}}
    truth = read_truth(simulate_night("AndorT90", "2022-09-18", 1, tmp_path, **options))
    spoilt = [f for f in truth["frames"] if f["fault"]]
    assert [f["fault"] for f in spoilt] == [kind]
    path = tmp_path / "2022-09-18" / spoilt[0]["filename"]
    clean = NightSimulator("AndorT90", "2022-09-18", 1, make_options("AndorT90", "demo", SMALL))
    exposure = next(e for e in clean.plan if e.filename == path.name)
    clean.write(exposure, tmp_path)
    assert path.read_bytes() != (tmp_path / path.name).read_bytes()
    refused = {
        "zero_byte", "wrong_bitpix", "float_pixels", "missing_exptime", "missing_filter",
        "missing_date", "unknown_filter", "wrong_telescope",
    }  # fmt: skip
    if kind in refused:
        with pytest.raises(BadFrame, match=path.name):
            classify_file(path)
    elif kind != "truncated":  # noticed only when the pixels are read
        info = classify_file(path)
        sound = classify_file(tmp_path / path.name)
        if kind == "wrong_pointing":
            assert info.dec - sound.dec == pytest.approx(0.3, abs=1e-3)
        if kind == "swapped_pointing":
            assert info.ra == pytest.approx(sound.ra, abs=1e-3)  # understood all the same
        if kind == "empty_pointing":
            assert (info.ra, info.dec) == (None, None)


@pytest.mark.parametrize("kind", ["wrong_pointing", "swapped_pointing", "empty_pointing"])
def test_pointings_of_cafos_that_lie(tmp_path, nights, kind):
    directory, truth = nights["CAFOS2.2"]
    simulate_night("CAFOS2.2", "2025-09-13", 1, tmp_path, **SMALL, faults={kind: 0})
    name = next(f["filename"] for f in truth["frames"] if f["imgtype"] == "LIGHT")
    info, sound = classify_file(tmp_path / "2025-09-13" / name), classify_file(directory / name)
    expected = {
        "wrong_pointing": (sound.ra, sound.dec + 0.3),
        "swapped_pointing": (sound.ra / 15.0, sound.dec),
        "empty_pointing": (None, None),
    }[kind]
    assert (info.ra, info.dec) == (
        expected if expected[0] is None else pytest.approx(expected, abs=1e-5)
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scenario": "opera"}, "no scenario 'opera' for AndorT90; there is: demo, grid"),
        ({"sizes": 3}, "no simulation option 'sizes'"),
        ({"size": 3}, "size = 3 makes no sense"),
        ({"n_flats": -1}, "n_flats = -1"),
        ({"faults": {"flood": 0}}, "no fault 'flood'"),
        ({"faults": {"truncated": 99}}, "no frame 99"),
        ({"faults": "flood"}, "option faults = 'flood' makes no sense: .*dictionary"),
        ({"size": "1e9"}, "option size = '1e9' makes no sense"),
        ({"photometry": ["X"]}, "AndorT90 has no band 'X'; there are: U, B, V, R, I"),
        ({"photometry": 5}, "option photometry"),
        ({"n_bias": 10**9}, "n_bias = 1000000000"),
        ({"n_stars": -5}, "n_stars = -5"),
        ({"n_stars": 1e12}, "n_stars = 1000000000000"),
        ({"seeing": float("inf")}, "option seeing = inf makes no sense: .*finite"),
        ({"clouds": float("nan")}, "option clouds = nan makes no sense: .*finite"),
        ({"instrumental": {"q0": float("nan")}}, "option instrumental.* makes no sense"),
        ({"pauses": {"a": 1}}, "option pauses.* makes no sense"),
        ({"pauses": [1]}, "option pauses.* makes no sense"),
        ({"start_hour": 1e10}, "start_hour = 10000000000.0 makes no sense"),
        ({"rotator": ["a"]}, r"option rotator\[0\] = \('a',\) makes no sense"),
        ({"missing": [-1]}, "missing = "),
        ({"missing": [999]}, "missing: the night has no science frame 999; its last is "),
        ({"pauses": {999: 1.0}}, "pauses: the night has no exposure 999; its last is "),
        ({"disturbances": {"satellite": 999}}, "no science frame 999"),
        ({"disturbances": {"satellite": "Bias-0001.fit"}}, "no science frame 'Bias-0001.fit'"),
        ({"beta": 0}, r"beta = 0.0 makes no sense: give 1.01 to 100"),
        ({"seeing_scatter": -3}, r"seeing_scatter = -3.0 makes no sense: give 0 to 1"),
        ({"clouds": -1}, r"clouds = -1.0 makes no sense: give 0 or more"),
        ({"vignetting": 1.5}, r"vignetting = 1.5 makes no sense: give 0 to 0.99"),
        ({"p_range": (0.2, 0.1)}, r"p_range = .* two numbers, 0 to 1"),
        ({"binning": 3}, "binning = 3 makes no sense: give one of 1, 2, 4"),
        ({"instrumental": {"q9": 0.0}}, "instrumental = .* give some of q0, u0"),
    ],
)
def test_wrong_options_are_named(tmp_path, options, words):
    with pytest.raises(ConfigError, match=words):
        simulate_night("AndorT90", "2022-09-18", 1, tmp_path, **(SMALL | options))


def test_a_night_of_another_instrument_is_refused(tmp_path):
    """Frames of RoperT90 after AndorT90 came are AndorT90's by their headers."""
    with pytest.raises(ConfigError, match="RoperT90 was not in use on 2023-09-18"):
        simulate_night("RoperT90", "2023-09-18", 1, tmp_path, **SMALL)
    assert not list(tmp_path.iterdir())


def test_a_night_of_several_fields_has_no_pauses(tmp_path):
    options = {**SMALL, "scenario": "standards", "pauses": {1: 1.0}}
    with pytest.raises(ConfigError, match="pauses: a night of several fields has none"):
        simulate_night("AndorT90", "2022-09-18", 1, tmp_path, **options)


def test_nothing_that_reduces_knows_of_simulations():
    """The truth of a night is for those who compare with it: the demonstration and tests."""
    package = Path(polarnight.__file__).parent
    knowing = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"polarnight\.simulation|read_truth|truth\.json", path.read_text("utf-8"))
    }
    assert "pipeline/demo/run.py" in knowing
    outside = ("simulation/", "pipeline/demo/", "cli/simulate.py", "cli/instruments.py")
    assert [name for name in sorted(knowing) if not name.startswith(outside)] == []


def test_a_used_directory_is_left_alone(tmp_path):
    (tmp_path / "2022-09-18").mkdir()
    (tmp_path / "2022-09-18" / "mine.fit").write_text("precious")
    with pytest.raises(ConfigError, match="not empty"):
        simulate_night("AndorT90", "2022-09-18", 1, tmp_path, **SMALL)
    assert [p.name for p in (tmp_path / "2022-09-18").iterdir()] == ["mine.fit"]
