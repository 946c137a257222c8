"""The scenarios galaxy and standards: what is observed, and the truth of it."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS

from polarnight.errors import ConfigError
from polarnight.frames import ImageType, ObsMode
from polarnight.polarimetry.standards import find_standard, load_standards
from polarnight.simulation import (
    Galaxy,
    NightSimulator,
    Optics,
    Psf,
    make_options,
    read_truth,
    simulate_night,
)

GALAXY = {
    "size": 420, "n_bias": 1, "n_flats": 1, "n_photometry": 1, "n_stars": 10, "n_calibrators": 2,
}  # fmt: skip


def galaxy(**changes):
    values = {
        "ra": 202.0, "dec": 47.0, "mags": {"B": 10.0, "R": 9.0}, "scale_length": 20.0,
        "bulge_radius": 4.0,
    }  # fmt: skip
    return Galaxy(**(values | changes))


@pytest.mark.parametrize("band", ["B", "R"])
@pytest.mark.parametrize("psf", [None, Psf(3.0)])
def test_all_light_of_a_galaxy_is_on_a_frame_large_enough(band, psf):
    # 400 arcsec: 99.95 % of the disc, and 1 - b^2/(b^2 + R^2) of the bulge.
    optics = Optics(202.0, 47.0, 1.0, 30.0, True, (801, 801))
    light = galaxy().image(band, optics, (801, 801), psf).astype(float).sum()
    assert light == pytest.approx(10.0 ** (-0.4 * galaxy().mags[band]), rel=2e-3)


def test_the_brightness_of_a_galaxy_at_known_places():
    g = galaxy(inclination=0.0, position_angle=0.0)
    zero = np.zeros(1)
    bulge = 0.22 / (np.pi * 4.0**2)
    disc = 0.78 / (2.0 * np.pi * 20.0**2)
    assert g.brightness("R", zero, zero)[0] == pytest.approx(bulge + disc, rel=1e-6)
    # At one scale length to the north the first arm has its crest; a quarter turn on, its trough.
    grown = 1.0 / 1.25
    crest = disc * np.exp(-1.0) * (1.0 + 0.45 * grown)
    trough = disc * np.exp(-1.0) * (1.0 - 0.45 * grown)
    far = bulge / (1.0 + 25.0) ** 2
    assert g.brightness("R", zero, np.array([20.0]))[0] == pytest.approx(crest + far)
    assert g.brightness("R", np.array([20.0]), zero)[0] == pytest.approx(trough + far)
    tilted = galaxy(inclination=60.0, position_angle=90.0)
    # Along the major axis (east) nothing is foreshortened, but twice the light is in a column.
    assert tilted.brightness("R", np.array([20.0]), zero)[0] == pytest.approx(2 * crest + far)
    assert tilted.brightness("R", zero, np.array([10.0]))[0] == pytest.approx(
        2 * trough + 0.22 / (np.pi * 16.0) / (1.0 + 6.25) ** 2
    )


def test_a_night_of_a_galaxy_and_its_true_image(tmp_path):
    path = simulate_night("DOLORES", "2016-06-06", 2, tmp_path, scenario="galaxy", **GALAXY)
    truth = read_truth(path)
    types = [f["imgtype"] for f in truth["frames"]]
    assert [types.count(kind) for kind in ("BIAS", "FLAT", "LIGHT")] == [1, 3, 3]
    light = [f for f in truth["frames"] if f["imgtype"] == "LIGHT"]
    assert [f["band"] for f in light] == ["B", "V", "R"]
    written = [fits.getheader(tmp_path / "2016-06-06" / f["filename"]) for f in light]
    assert [h["FLT_ID"] for h in written] == ["B_JOHN_10", "V_JOHN_11", "R_JOHN_12"]
    night = NightSimulator("DOLORES", "2016-06-06", 2, make_options("DOLORES", "galaxy", GALAXY))
    for frame in light:
        with fits.open(tmp_path / f"2016-06-06.galaxy-{frame['band']}.fits") as hdus:
            model, header = hdus[0].data.astype(float), hdus[0].header
        x, y = WCS(header).all_world2pix(202.469575, 47.195258, 0)
        assert np.hypot(x - 209.5, y - 209.5) < 200.0
        peak = np.unravel_index(np.argmax(model), model.shape)
        assert np.hypot(peak[1] - x, peak[0] - y) < 1.0
        exposure = next(e for e in night.plan if e.filename == frame["filename"])
        data = fits.getdata(tmp_path / "2016-06-06" / frame["filename"]).astype(float)
        sky = frame["sky_adu"]
        found = (data - night.chip.bias) / np.where(
            night.flat(exposure) > 0, night.flat(exposure), 1
        )
        # Light of the model in ADU: 1e-10 of a source of magnitude 0, which gives 25 - 25 = 0.
        zero = 10.0 ** (0.4 * (frame["zero_point"] - 25.0)) * frame["exptime"]
        # A ring of the disc, in which dither and seeing move nothing.
        yy, xx = np.indices(data.shape)
        ring = (np.hypot(xx - x, yy - y) > 30) & (np.hypot(xx - x, yy - y) < 120)
        assert np.median(found[ring]) - sky == pytest.approx(
            np.median(model[ring]) * zero, rel=0.03
        )
    targets = [s for s in truth["sky"] if s["role"] == "target"]
    assert [t["name"] for t in targets] == ["M51"]


def test_the_night_of_the_tutorial_of_2017(tmp_path):
    small = {"size": 64, "n_stars": 2, "n_calibrators": 0}
    path = simulate_night("DOLORES", "2016-06-06", 3, tmp_path, scenario="galaxy", **small)
    frames = read_truth(path)["frames"]
    written = {
        f["filename"]: fits.getheader(tmp_path / "2016-06-06" / f["filename"]) for f in frames
    }
    kinds = [(h["OBS-TYPE"], h["FLT_ID"]) for h in written.values()]
    filters = ("B_JOHN_10", "V_JOHN_11", "R_JOHN_12")
    assert {kind: kinds.count(kind) for kind in kinds} == {
        ("BIAS", "OPEN"): 7,
        **{("FLAT", name): 5 for name in filters},
        **{("OBJECT", name): 5 for name in filters},
    }
    # The first science frame bears the name of the file that the tutorial imports.
    light = [f for f in frames if f["imgtype"] == "LIGHT"]
    assert light[0]["filename"] == "LRS.2016-06-06T20-30-03.925.fits"
    assert written[light[0]["filename"]]["EXPSTART"] == "20:30:03.925"
    starts = [Time(f["jd_start"], format="jd").isot for f in light]
    assert [name[4:-5].replace("T", " ") for name in written][-15:] == [
        start.replace("T", " ").replace(":", "-") for start in starts
    ]
    # They lie one upon the other: a median needs no alignment.
    assert len({tuple(f["wcs"]["crpix_zero_based"]) for f in light}) == 1


def test_a_galaxy_that_is_low_at_the_hour_of_the_tutorial_is_observed_when_it_culminates(tmp_path):
    small = {"size": 64, "n_stars": 2, "n_calibrators": 0, "n_bias": 1, "n_flats": 1}
    path = simulate_night("DOLORES", "2016-12-06", 3, tmp_path, scenario="galaxy", **small)
    light = [f for f in read_truth(path)["frames"] if f["imgtype"] == "LIGHT"]
    assert max(f["airmass"] for f in light) < 2.2
    assert all(f["filename"].endswith(".000.fits") for f in light)


STANDARDS = {"size": 256, "n_bias": 1, "n_flats": 1, "n_stars": 8, "n_calibrators": 0, "visits": 3}


def standards(date="2025-09-13", seed=4, **options):
    chosen = make_options("CAFOS2.2", "standards", STANDARDS | options)
    return NightSimulator("CAFOS2.2", date, seed, chosen)


def test_standards_are_observed_by_turns_at_changing_parallactic_angles():
    night = standards()
    known = load_standards()
    chosen = [find_standard(known, [f.target.name]) for f in night.setting.fields]
    assert sorted(s.polarized for s in chosen) == [False] * 3 + [True] * 4
    light = [e for e in night.plan if e.imgtype is ImageType.LIGHT]
    assert all(e.obsmode is ObsMode.POLARIMETRY for e in light)
    angles = {}
    for e in light:
        field = night.setting.fields[e.pointing]
        assert e.object_name == field.object_name
        angles.setdefault(e.pointing, []).append(
            night.telescope.parallactic_angle(field.ra, field.dec, e.jd_mid)
        )
    spread = [np.ptp(np.unwrap(np.deg2rad(a))) for a in angles.values()]
    assert max(spread) > np.deg2rad(40.0)
    cycles = {}
    for e in light:
        cycles.setdefault(e.cycle, []).append((e.pointing, e.rotangle))
    assert all(
        tuple(a for _, a in v) == night.instrument.angles and len({p for p, _ in v}) == 1
        for v in cycles.values()
    )
    starts = np.array([e.jd_start for e in night.plan])
    ends = starts + np.array([e.exptime for e in night.plan]) / 86400
    assert np.all(starts[1:] > ends[:-1])


def test_standards_are_exposed_without_saturation():
    night = standards()
    seen = set()
    for e in night.plan:
        if e.imgtype is ImageType.LIGHT and e.pointing not in seen:
            seen.add(e.pointing)
            rendered = night.render(e)
            x, y = round(rendered.truth["x"][0]), round(rendered.truth["y"][0])
            peak = rendered.data[y - 8 : y + 9, x - 8 : x + 9].max()
            assert 4000 < peak < 50000, e.object_name


def test_the_truth_of_standards_lies_within_the_errors_of_the_catalogue():
    known = load_standards()
    pulls = []
    for seed in range(40):
        night = standards(seed=seed)
        for i in np.flatnonzero(night.sky.role == "target"):
            value = find_standard(known, [str(night.sky.name[i])]).in_band("R")
            measured = [column[i] for column in night.sky.polarization("R")]
            pulls.append(np.linalg.solve(np.linalg.cholesky(np.array(value.cov)),
                                         np.subtract(measured, (value.q, value.u))))  # fmt: skip
    pulls = np.concatenate(pulls)
    assert abs(pulls.std() - 1.0) < 4.0 / np.sqrt(2 * len(pulls))
    exact = standards(catalogue_scatter=False)
    i = int(np.flatnonzero(exact.sky.role == "target")[0])
    value = find_standard(known, [str(exact.sky.name[i])]).in_band("R")
    assert exact.sky.polarization("R")[0][i] == pytest.approx(value.q)


def test_standards_stand_where_their_proper_motions_have_brought_them():
    star = find_standard(load_standards(), ["G191B2B"])
    night = standards(date="2025-11-09", standards=("G191B2B",))
    moved = SkyCoord(
        star.ra_hms, star.dec_dms, unit=("hourangle", "deg"), obstime=Time("J2000"),
        pm_ra_cosdec=star.pm_ra * u.mas / u.yr, pm_dec=star.pm_dec * u.mas / u.yr,
        distance=1 * u.kpc,
    ).apply_space_motion(new_obstime=Time("2025-11-09"))  # fmt: skip
    i = int(np.flatnonzero(night.sky.role == "target")[0])
    simulated = SkyCoord(night.sky.ra[i], night.sky.dec[i], unit="deg")
    assert simulated.separation(moved).arcsec < 0.05  # whole years; it moved by 2.4


def test_standards_are_the_same_stars_every_night():
    first, second = standards(), standards(date="2025-09-14")
    names = [f.target.name for f in first.setting.fields]
    assert names == [f.target.name for f in second.setting.fields]
    np.testing.assert_array_equal(first.sky.q, second.sky.q)
    np.testing.assert_array_equal(first.sky.ra, second.sky.ra)


def test_bands_have_polarizations_of_their_own():
    night = standards(polarimetry=("V", "R"), standards=("Hiltner 960",), catalogue_scatter=False)
    value = find_standard(load_standards(), ["Hiltner 960"])
    for band in ("V", "R"):
        q, u = night.sky.polarization(band)
        assert (q[0], u[0]) == (
            pytest.approx(value.in_band(band).q), pytest.approx(value.in_band(band).u)
        )  # fmt: skip
    from polarnight.simulation import Sky

    again = Sky.from_rows(night.sky.rows(), night.sky.epoch)
    np.testing.assert_allclose(again.polarization("V"), night.sky.polarization("V"))


def test_standards_that_are_not_there():
    with pytest.raises(ConfigError, match="no standard 'Vega'"):
        standards(standards=("Vega",))
    with pytest.raises(ConfigError, match="has no value in one of: U"):
        standards(standards=("HD 204827",), polarimetry=("U",))


def test_the_telescope_polarizes_with_the_parallactic_angle():
    # Unpolarized standards of one night, seen through a telescope that adds one percent.
    night = standards(
        telescope_polarization=(0.01, 0.0), instrumental={"q0": 0.0, "u0": 0.0, "zero_angle": 0.0},
        catalogue_scatter=False,
    )  # fmt: skip
    zero = find_standard(load_standards(), ["BD+28 4211"]) or load_standards()[0]
    number = next(i for i, f in enumerate(night.setting.fields) if f.target.name == zero.name)
    found = {}
    for e in night.plan:
        if e.imgtype is ImageType.LIGHT and e.pointing == number:
            truth = night.render(e).truth
            flux = [truth["flux_adu" + s][0] for s in ("", "_e")]
            ratio = (flux[1] - flux[0]) / sum(flux)
            found.setdefault(e.cycle, []).append((e.rotangle, ratio, truth["instrumental"]))
    assert len(found) >= 2
    for frames in found.values():
        angles = np.deg2rad([4.0 * f[0] for f in frames])
        design = np.column_stack([np.cos(angles), np.sin(angles)])
        q, u = np.linalg.lstsq(design, np.array([f[1] for f in frames]), rcond=None)[0]
        i = int(np.flatnonzero(night.sky.name == zero.name)[0])
        own = complex(*(column[i] for column in night.sky.polarization("R")))
        turn = np.deg2rad(2.0 * np.mean([f[2]["parallactic_angle"] for f in frames]))
        assert complex(q, u) == pytest.approx(own + 0.01 * np.exp(1j * turn), abs=3e-4)


def test_any_instrument_observes_any_known_target():
    for name in ("Hiltner 960", "hiltner960"):
        options = make_options("AndorT90", "demo", {"target": name, "n_stars": 5, "size": 128})
        night = NightSimulator("AndorT90", "2022-09-18", 1, options)
        assert str(night.sky.name[0]) == "Hiltner960"
        assert night.setting.fields[0].object_name == "Hiltner960"
        assert night.sky.mags["R"][0] == 9.786
    options = make_options("AndorT90", "demo", {"target": "Vega"})
    with pytest.raises(ConfigError, match="no target 'Vega' is known; there are: 2200"):
        NightSimulator("AndorT90", "2022-09-18", 1, options)
