"""Nights on which things go wrong: each does to the frame what its name says, and no more."""

import json

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from polarnight.errors import ConfigError
from polarnight.frames import ImageType, ObsMode
from polarnight.instruments import classify_file
from polarnight.simulation import (
    DISTURBANCES,
    NightSimulator,
    make_options,
    read_truth,
    simulate_night,
)

SMALL = {
    "size": 256, "n_bias": 1, "n_flats": 1, "n_stars": 20, "n_calibrators": 2, "n_photometry": 1,
    "n_cycles": 2, "photometry": ("R",), "cosmic_rays": False, "ip_per": "night",
}  # fmt: skip
DATES = {"CAFOS2.2": "2025-09-13", "AndorT90": "2022-09-18"}


def night_of(name="CAFOS2.2", scenario="demo", **options):
    return NightSimulator(name, DATES[name], 6, make_options(name, scenario, SMALL | options))


def science(night):
    return [e for e in night.plan if e.imgtype is ImageType.LIGHT]


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_a_disturbance_spoils_one_frame_alone(tmp_path, kind):
    clean, spoilt = night_of(), night_of(disturbances={kind: 3})
    for number, exposure in enumerate(science(spoilt)[:5]):
        same = np.array_equal(clean.render(exposure).data, spoilt.render(exposure).data)
        assert same == (number != 3)
    exposure = science(spoilt)[3]
    assert spoilt.write(exposure, tmp_path)["disturbance"] == kind
    # The header knows nothing of it.
    assert classify_file(tmp_path / exposure.filename).rotangle == exposure.rotangle
    assert spoilt.header(exposure).tostring() == clean.header(exposure).tostring()


def test_a_stuck_plate_has_the_light_of_the_angle_before():
    night = night_of(disturbances={"stuck_plate": 2})
    before, stuck = science(night)[1:3]
    assert (before.rotangle, stuck.rotangle) == (0.0, 22.48)
    truth = night.render(stuck).truth
    assert truth["plate_angle"] == 0.0
    assert night.render(before).truth["plate_angle"] == 0.0
    ratios = []
    for exposure in (before, stuck):
        t = night.render(exposure).truth
        o, e = (dict(zip(t["source" + s], t["flux_adu" + s], strict=True)) for s in ("", "_e"))
        ratios.append((e[0] - o[0]) / (e[0] + o[0]))
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-4)
    right = night_of().render(stuck).truth
    assert right["plate_angle"] == 22.48


@pytest.mark.parametrize(("kind", "magnitudes"), [("cloud", 1.0), ("thick_cloud", 5.0)])
def test_clouds(kind, magnitudes):
    clean, cloudy = night_of(), night_of(disturbances={kind: 0})
    exposure = science(cloudy)[0]
    clear, dim = clean.render(exposure).truth, cloudy.render(exposure).truth
    assert clear["zero_point"] - dim["zero_point"] == pytest.approx(magnitudes)
    assert dim["sky_adu"] == clear["sky_adu"]


def test_trails_satellites_and_open_shutters():
    clean = night_of("AndorT90")
    exposure = science(clean)[0]
    expected = clean.render(exposure)
    x, y = round(expected.truth["x"][0]), round(expected.truth["y"][0])
    box = (slice(y - 15, y + 16), slice(x - 15, x + 16))
    level = np.median(expected.data)

    def frame(kind):
        return night_of("AndorT90", disturbances={kind: 0}).render(exposure)

    trailed = frame("trailed")
    assert trailed.data[box].max() - level < 0.5 * (expected.data[box].max() - level)
    assert trailed.truth["flux_adu"] == expected.truth["flux_adu"]
    satellite = frame("satellite").data.astype(float) - expected.data
    assert (np.abs(satellite) > 5 * np.sqrt(level / 4.5)).sum() > 256
    assert satellite[box].max() > 100.0
    assert frame("saturated").data[box].max() == 65535
    assert frame("dome").data.mean() < 0.1 * expected.data.mean() + clean.camera.bias + 5.0


def test_a_satellite_has_a_trail_in_each_beam():
    clean = night_of()
    exposure = next(e for e in science(clean) if e.obsmode is ObsMode.POLARIMETRY)
    number = science(clean).index(exposure)
    expected = clean.render(exposure)
    spoilt = night_of(disturbances={"satellite": number}).render(exposure)
    extra = spoilt.data.astype(float) - expected.data
    gain = clean.camera.gain
    for end in ("", "_e"):
        x, y = round(spoilt.truth["x" + end][0]), round(spoilt.truth["y" + end][0])
        # 3000 electrons for each pixel of its way.
        assert extra[y - 6 : y + 7, x - 6 : x + 7].sum() > 10 * 3000 / gain
    assert spoilt.truth["flux_adu"] == expected.truth["flux_adu"]


def test_missing_frames_and_pauses(tmp_path):
    options = SMALL | {"missing": (2,), "pauses": {5: 1.5}}
    truth = read_truth(simulate_night("CAFOS2.2", DATES["CAFOS2.2"], 6, tmp_path, **options))
    written = {p.name for p in (tmp_path / DATES["CAFOS2.2"]).iterdir()}
    light = [f for f in truth["frames"] if f["imgtype"] == "LIGHT"]
    assert [f["missing"] for f in light].index(True) == 2
    assert {f["filename"] for f in truth["frames"]} - written == {light[2]["filename"]}
    gaps = np.diff([f["jd_start"] for f in light]) * 24.0
    assert int(np.argmax(gaps)) == 4
    assert gaps[4] == pytest.approx(1.5, abs=0.05)
    assert np.delete(gaps, 4).max() < 0.05


def test_a_target_near_the_edge():
    night = night_of(target_at=(0.93, 0.5), dither=0.0, pointing_error=0.0)
    for exposure in science(night)[:2]:
        truth = night.render(exposure).truth
        assert truth["source"][0] == 0
        assert truth["x"][0] == pytest.approx(127.5 + 0.43 * 256)
        assert truth["y"][0] == pytest.approx(127.5)


def test_moonlight_grows_has_a_direction_and_is_polarized():
    night = night_of(
        "AndorT90", moonlight=8.0, moon_gradient=0.4, moon_polarization=0.5, n_cycles=3, n_stars=0,
        n_calibrators=0, sky_gradient=0.0, sky_polarization=0.0, vignetting=0.0,
        pauses={6: 3.0},
    )  # fmt: skip
    frames = science(night)
    polar = [e for e in frames if e.obsmode is ObsMode.POLARIMETRY]
    # Halves, where a polaroid would let half of unpolarized light through.
    levels = {e.cycle: [] for e in polar}
    for e in polar:
        levels[e.cycle].append(night.render(e).truth["sky_adu"])
    means = [np.mean(v) for v in levels.values()]
    assert means == sorted(means)
    last = levels[2]
    a = dict(zip(night.instrument.angles, last, strict=True))
    q = (a[0.0] - a[90.0]) / (a[0.0] + a[90.0])
    u = (a[45.0] - a[-45.0]) / (a[45.0] + a[-45.0])
    assert np.hypot(q, u) == pytest.approx(0.5 * 8.0 / 9.0, abs=0.06)
    first, final = (night.weather.conditions(e, np.random.default_rng(1), 0.0)
                    for e in (frames[0], frames[-1]))  # fmt: skip
    assert (first.sky_factor, final.sky_factor) == (1.0, 9.0)
    assert np.hypot(*final.sky_gradient) == pytest.approx(0.4 * 8.0 / 9.0)
    # The light comes from the direction across which it is polarized.
    towards = np.rad2deg(np.arctan2(final.sky_gradient[1], final.sky_gradient[0]))
    chi = np.rad2deg(0.5 * np.arctan2(final.sky_polarization[1], final.sky_polarization[0]))
    assert (chi - towards - 90.0) % 180.0 == pytest.approx(0.0, abs=1e-6)
    data = night.render(frames[-1]).data.astype(float) - night.camera.bias
    slope = [
        np.polyfit(np.linspace(-0.5, 0.5, 256), np.median(data, axis=axis), 1)[0] / np.median(data)
        for axis in (0, 1)
    ]
    np.testing.assert_allclose(slope, final.sky_gradient, atol=0.05)


@pytest.mark.parametrize("per", ["night", "cycle"])
def test_constants_are_drawn_per_night_or_per_cycle(per):
    night = night_of(ip_per=per)
    polar = [e for e in science(night) if e.cycle is not None]
    drawn = {json.dumps(night.render(e).truth["instrumental"]) for e in polar}
    assert len(drawn) == {"night": 1, "cycle": 2}[per]


def test_given_constants_hold_in_all_nights():
    given = {"q0": 0.01, "u0": -0.02, "zero_angle": 33.0, "efficiency": 0.9}
    told = set()
    for date in ("2025-09-13", "2025-09-14"):
        options = make_options(
            "CAFOS2.2", "demo",
            SMALL | {"instrumental": given, "telescope_polarization": (0.01, 0.0)},
        )  # fmt: skip
        night = NightSimulator("CAFOS2.2", date, 6, options)
        exposure = next(e for e in science(night) if e.cycle is not None)
        truth = night.render(exposure).truth["instrumental"]
        assert {key: truth[key] for key in given} == given
        field = night.setting.fields[0]
        angle = night.telescope.parallactic_angle(field.ra, field.dec, exposure.jd_mid)
        assert truth["parallactic_angle"] == angle
        told.add(truth["telescope_q"])
    assert told == {0.01}


def test_wrong_pointing_anywhere_mirrored_and_turned(tmp_path):
    for ra, dec in ((0.02, 10.0), (120.0, 89.9), (266.4, -12.0)):
        night = night_of(
            "AndorT90", "field", ra=ra, dec=dec, n_stars=300, rotation=77.0, mirrored=True,
            pointing_offset=(0.2, -0.3), pointing_error=0.0, dither=0.0, n_cycles=0,
        )  # fmt: skip
        exposure = science(night)[0]
        truth = night.write(exposure, tmp_path)
        assert 200 < len(truth["x"]) < 400
        info = classify_file(tmp_path / exposure.filename)
        real = SkyCoord(*truth["wcs"]["crval"], unit="deg")
        assert real.separation(SkyCoord(ra, dec, unit="deg")).arcsec < 1e-3
        off = real.separation(SkyCoord(info.ra, info.dec, unit="deg")).deg
        assert off == pytest.approx(np.hypot(0.2, 0.3), rel=0.02)
        cd = np.array(truth["wcs"]["cd"])
        assert np.linalg.det(cd) > 0  # mirrored
        assert np.rad2deg(np.arctan2(-cd[1, 0], cd[1, 1])) == pytest.approx(77.0)
        # Sky and pixels belong together, over the pole and the wrap of right ascension.
        stars = SkyCoord(night.sky.ra, night.sky.dec, unit="deg")[truth["source"]]
        r = stars.separation(real).arcsec / (night.camera.scale * night.options.binning)
        x0, y0 = truth["wcs"]["crpix_zero_based"]
        np.testing.assert_allclose(np.hypot(np.array(truth["x"]) - x0, np.array(truth["y"]) - y0),
                                   r, atol=0.2)  # fmt: skip


def test_fields_of_eight_and_of_three_thousand_stars():
    for n in (8, 3000):
        night = night_of("AndorT90", "field", n_stars=n, n_cycles=0, size=1024)
        inside = len(night.render(science(night)[0]).truth["x"])
        assert 0.5 * n < inside < 1.6 * n


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"disturbances": {"earthquake": 0}}, "no disturbance 'earthquake'"),
        ({"disturbances": {"trailed": 99}}, "no science frame 99"),
        ({"instrumental": {"q1": 0.0}}, "instrumental"),
        ({"target_at": (0.5, 1.5)}, "target_at"),
        ({"ip_per": "hour"}, "ip_per"),
        ({"dec": 91.0}, "dec"),
        ({"moonlight": -1.0}, "moonlight"),
    ],
)
def test_options_that_make_no_sense(options, words):
    with pytest.raises(ConfigError, match=words):
        night_of(**options)
