"""From apertures to Stokes parameters: spoilt beams and frames, clouds, cameras, every plate."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.frames import Bit
from polarnight.pipeline.catalogue import _only_pair
from polarnight.pipeline.groups.exposures import exposures_of
from polarnight.pipeline.groups.outcome import GroupParameters, rotator_range
from polarnight.pipeline.groups.records import ApertureRow, SourceRecord
from polarnight.pipeline.groups.stokes import stokes_of_source
from polarnight.polarimetry import Transparency

Q, U, V = 0.06, -0.035, 0.02
FOUR = (0.0, 22.5, 45.0, 67.5)
SIXTEEN = tuple(22.5 * n for n in range(16))
LEVEL = 1e6


def instrument(polarimeter="half-wave plate", beams="image", **more):
    values = {
        "name": "Some",
        "polarimeter": polarimeter,
        "beams": beams,
        "min_angles": 4,
        "angle_sense": 1,
        "angle_period": 180.0 if polarimeter == "polaroids" else 360.0,
        "retardance": 90.0,
    }
    return SimpleNamespace(**values | more)


def frame(key, angle, beam="", exptime=60.0, minutes=None):
    info = SimpleNamespace(
        instrument="Some",
        band="R",
        exptime=exptime,
        rotangle=angle,
        jd_mid=2460000.5 + (2 * key if minutes is None else minutes) / 1440,
        beam=beam,
        instrument_angle=None,
    )
    return SimpleNamespace(ref=SimpleNamespace(id=key, info=info))


def aperture(key, pair, flux, bits=0):
    return ApertureRow(
        frame=key,
        source=1,
        pair=pair,
        aperpix=5.0,
        r_in=8.0,
        r_out=14.0,
        flux_counts=flux,
        flux_counts_err=np.sqrt(flux),
        area=78.0,
        n_sky=300,
        bkg_flux_counts=10.0,
        bkg_flux_counts_err=0.1,
        x_px=0.0,
        y_px=0.0,
        forced=False,
        crowded=False,
        fwhm=2.0,
        fwhm_source=None,
        bits=bits,
        bits_left=bits,
    )


class Sky:
    """What the stars say: given factors, or nothing."""

    def __init__(self, factor=None, chi2=1e4, change=0.0):
        self.factor, self.chi2, self.asked, self.change = factor, chi2, 0, change

    def clouds_told_by_few(self, source):
        return self.change, 2

    def of(self, source):
        self.asked += 1
        if self.factor is None:
            raise AlgorithmFailed("too few constant stars", stars=2)
        factor = np.array(self.factor) / np.mean(self.factor)
        return Transparency(factor, 0.001 * factor, 20, self.chi2, len(factor) - 1)


def wave(angle, q=Q, u=U):
    turn = np.radians(4 * angle)
    return q * np.cos(turn) + u * np.sin(turn)


def pair_rows(angles, clouds=None, gain=1.05, change=lambda key, pair: (1.0, 0), modulation=wave):
    clouds = np.ones(len(angles)) if clouds is None else clouds
    rows = []
    for key, angle in enumerate(angles):
        for pair, sign in (("O", -1), ("E", 1)):
            factor, bits = change(key, pair)
            level = LEVEL * clouds[key] * (gain if pair == "E" else 1.0) * factor
            rows.append(aperture(key, pair, level * (1 + sign * modulation(angle)), bits))
    return rows


def measure(plugin, angles, rows, *, sky=None, source=None, frames=None, losses=None, **settings):
    frames = frames or [frame(key, angle) for key, angle in enumerate(angles)]
    return stokes_of_source(
        plugin,
        exposures_of(plugin, frames),
        rows,
        source or SourceRecord(1, "BL Lac", 330.0, 42.0),
        losses=losses or {},
        sky=sky or Sky(),
        parameters=GroupParameters(**settings),
    )


def right(found, q=Q, u=U, within=1e-9):
    assert (found.stokes.q, found.stokes.u) == pytest.approx((q, u), abs=within)


@pytest.mark.parametrize("angles", [FOUR, SIXTEEN])
@pytest.mark.parametrize("method", ["fit", "ratios"])
def test_two_beams_through_clouds(angles, method):
    clouds = np.linspace(1.0, 0.4, len(angles))
    sky = Sky()
    found = measure(instrument(), angles, pair_rows(angles, clouds), sky=sky, method=method)
    right(found)
    assert ("ratios" in found.stokes.method) == (method == "ratios")
    assert found.trusted
    assert found.remarks == ()  # the ratio of two beams knows nothing of clouds
    assert sky.asked == 1  # whether it was clouds


def test_two_beams_under_a_clear_sky_need_no_stars():
    sky = Sky()
    assert measure(instrument(), FOUR, pair_rows(FOUR), sky=sky).remarks == ()
    assert sky.asked == 0


def foreign(share, *keys):
    """Unpolarized light in both beams of some exposures: no plate modulates it."""
    return lambda angles: [
        replace(row, flux_counts=row.flux_counts + share * LEVEL) if row.frame in keys else row
        for row in pair_rows(angles)
    ]


def test_light_of_a_satellite_in_both_beams_is_no_polarization():
    clear = Sky(np.ones(16), chi2=0.0)
    found = measure(instrument(), SIXTEEN, foreign(0.3, 5)(SIXTEEN), sky=clear)
    right(found)
    assert found.remarks == ("left out, the light changed unlike that of the stars: 112.5 deg",)
    assert not found.stokes.used[5]
    assert found.stokes.used.sum() == 15
    assert found.stokes.intensity == pytest.approx(LEVEL * 2.05, rel=0.01)
    # Where the stars lost and gained as much, it was a cloud.
    clouds = np.ones(16)
    clouds[5] = 1.3
    found = measure(instrument(), SIXTEEN, pair_rows(SIXTEEN, clouds), sky=Sky(clouds))
    right(found)
    assert found.stokes.used.all()
    assert found.remarks == ()


def test_light_of_a_satellite_at_one_of_four_angles_is_refused():
    rows = foreign(0.3, 2)(FOUR)
    with pytest.raises(AlgorithmFailed, match="unlike that of the stars, at 45 deg") as caught:
        measure(instrument(), FOUR, rows, sky=Sky(np.ones(4), chi2=0.0))
    assert caught.value.numbers["change"] == pytest.approx(0.3, abs=0.02)
    # Without stars nothing tells a satellite from a cloud.
    assert measure(instrument(), FOUR, rows, sky=Sky()).stokes.used.all()


def test_a_source_that_changes_is_no_row_of_satellites():
    rise = np.linspace(1.0, 1.4, 16)
    found = measure(instrument(), SIXTEEN, pair_rows(SIXTEEN, rise), sky=Sky(np.ones(16), chi2=0.0))
    right(found)
    assert found.stokes.used.all()
    assert found.remarks == ("the light of the source changed from angle to angle",)


def test_angles_against_north_through_east():
    found = measure(instrument(angle_sense=-1), FOUR, pair_rows(FOUR))
    right(found, Q, -U)


def test_a_beam_with_a_bad_pixel_leaves_the_other():
    def change(key, pair):
        return (1.4, int(Bit.COSMIC_RAY)) if (key, pair) == (2, "O") else (1.0, 0)

    found = measure(instrument(), FOUR, pair_rows(FOUR, change=change))
    right(found)
    assert found.stokes.method == "single beam (extraordinary)"
    assert found.trusted
    assert "the ordinary beam is spoilt: bad pixels at 45 deg" in found.remarks[0]


def test_a_beam_alone_is_freed_of_clouds_by_the_stars():
    clouds = np.array([1.0, 0.4, 0.7, 0.9])

    def change(key, pair):
        return (1.0, int(Bit.BAD_PIXEL)) if (key, pair) == (1, "E") else (1.0, 0)

    rows = pair_rows(FOUR, clouds, change=change)
    found = measure(instrument(), FOUR, rows, sky=Sky(clouds))
    right(found)
    assert found.sky.n_stars == 20
    assert found.stokes.field_err is None  # sums of both beams are not modulated
    with pytest.raises(AlgorithmFailed, match=r"clouds or a spoilt frame.*too few constant stars"):
        measure(instrument(), FOUR, rows)


def test_one_spoilt_beam_of_four_angles_is_told_by_the_other():
    """Nothing marks it; the extraordinary beam agrees with itself, the ordinary does not."""
    rows = pair_rows(FOUR, change=lambda key, pair: (1.4 if (key, pair) == (1, "O") else 1.0, 0))
    clear = Sky(np.ones(4), chi2=0.0)
    found = measure(instrument(), FOUR, rows, sky=clear)
    right(found)
    assert found.stokes.method == "single beam (extraordinary)"
    assert "does not agree with itself" in found.remarks[0]
    assert not found.sky_unknown
    # Where no star tells of clouds, a beam may agree with itself by chance.
    with pytest.raises(AlgorithmFailed, match="too few to tell which of them is spoilt"):
        measure(instrument(), FOUR, rows)


def test_light_of_some_exposures_only_behind_clouds_is_known_as_such():
    clouds = np.array([1.0, 0.9, 0.5, 0.7, 1.0, 1.0, 0.8, 0.6])
    rows = pair_rows(SIXTEEN[:8], clouds)
    whole = measure(instrument(), SIXTEEN[:8], rows)
    assert (whole.partial, whole.unsteady) == (False, True)
    fewer = [row for row in rows if row.frame != 2]
    assert measure(instrument(), SIXTEEN[:8], fewer).partial
    known = measure(instrument(), SIXTEEN[:8], fewer, sky=Sky(clouds))
    assert (known.partial, known.unsteady) == (False, False)
    clear = measure(instrument(), SIXTEEN[:8], pair_rows(SIXTEEN[:8]))
    assert (clear.partial, clear.unsteady) == (False, False)


def test_a_plate_that_stood_wrong_spoils_both_beams():
    """Neither is chosen, though one may agree with itself by chance behind thin clouds.

    What is given is what the four angles cannot show: within some sigma, where a chosen beam
    would be tens or hundreds away.
    """
    rng = np.random.default_rng(8)
    worst, refused = 0.0, 0
    for _ in range(300):
        light = rng.poisson(LEVEL, (4, 2)) / LEVEL
        turn = rng.uniform(0, 2 * np.pi)
        q, u = 0.03 * np.cos(turn), 0.03 * np.sin(turn)
        stood, clouds = (0.0, 0.0, 45.0, 67.5), 1.0 + 0.02 * rng.standard_normal(4)
        rows = [
            aperture(
                key, pair, LEVEL * clouds[key] * light[key][n] * (1 + sign * wave(angle, q, u))
            )
            for key, angle in enumerate(stood)
            for n, (pair, sign) in enumerate((("O", -1), ("E", 1)))
        ]
        try:
            found = measure(instrument(), FOUR, rows)
        except AlgorithmFailed:
            refused += 1
            continue
        off = (found.stokes.q - q) / found.stokes.q_err, (found.stokes.u - u) / found.stokes.u_err
        worst = max(worst, *np.abs(off))
    assert refused > 200
    assert worst < 8.0


def test_one_beam_without_stars_says_that_clouds_are_unknown():
    angles = (0.0, 45.0, 90.0, 135.0)
    rows = [aperture(key, "O", LEVEL) for key in range(4)]
    alone = measure(instrument("polaroids", "one"), angles, rows)
    assert alone.sky_unknown
    assert "nothing tells whether there were clouds" in alone.remarks[0]
    for known in ({"sky": Sky(np.ones(4), chi2=0.0)}, {"transparency": "never"}):
        assert not measure(instrument("polaroids", "one"), angles, rows, **known).sky_unknown
    assert not measure(instrument(), FOUR, pair_rows(FOUR)).sky_unknown


def test_a_spoilt_frame_of_four_angles_is_refused():
    rows = pair_rows(
        FOUR, change=lambda key, pair: ({"O": 1.4, "E": 0.8}[pair] if key == 1 else 1.0, 0)
    )
    with pytest.raises(AlgorithmFailed, match="too few to tell which of them is spoilt"):
        measure(instrument(), FOUR, rows)


@pytest.mark.parametrize("angles", [SIXTEEN[:8], SIXTEEN])
@pytest.mark.parametrize("size", [1.02, 1.4])
def test_one_spoilt_angle_of_more_is_left_out(angles, size):
    rows = pair_rows(angles, change=lambda key, pair: (size if (key, pair) == (5, "O") else 1.0, 0))
    found = measure(instrument(), angles, rows)
    right(found)
    assert np.flatnonzero(~found.stokes.used).tolist() == [5]
    assert found.remarks == ("left out as outliers: 112.5 deg",)
    assert found.stokes.scale == 1.0


def test_two_spoilt_angles_of_sixteen_are_left_out():
    spoilt = {(3, "O"): 1.3, (9, "E"): 1.2}
    rows = pair_rows(SIXTEEN, change=lambda key, pair: (spoilt.get((key, pair), 1.0), 0))
    found = measure(instrument(), SIXTEEN, rows)
    right(found)
    assert np.flatnonzero(~found.stokes.used).tolist() == [3, 9]


def test_flux_without_a_clouded_angle_stays_on_the_scale_of_the_cycle():
    """Its calibrators have all angles; the cloud must not brighten the source."""
    clouds = np.ones(16)
    clouds[5] = 0.3
    rows = pair_rows(
        SIXTEEN, clouds, change=lambda key, pair: (1.4 if (key, pair) == (5, "O") else 1.0, 0)
    )
    found = measure(instrument(), SIXTEEN, rows, sky=Sky(clouds))
    right(found)
    whole = measure(instrument(), SIXTEEN, pair_rows(SIXTEEN, clouds))
    assert found.stokes.intensity == pytest.approx(whole.stokes.intensity, rel=0.002)


@pytest.mark.parametrize("beam", ["O", "E"])
def test_the_catalogue_may_ask_for_one_beam(beam):
    other = "E" if beam == "O" else "O"
    rows = pair_rows(SIXTEEN, change=lambda key, pair: (0.5 if pair == other else 1.0, 0))
    source = SourceRecord(1, "Mrk 421", 166.0, 38.0, only_pair={"Some": beam, "Other": other})
    found = measure(instrument(min_angles=8), SIXTEEN, rows, source=source)
    right(found)
    assert found.stokes.method.startswith("single beam")
    assert "asks" in found.remarks[0]


def test_only_pair_in_both_spellings():
    nested = {"DIPOL": {"polarimetry": {"only_pair": "O"}}}
    assert _only_pair(nested) == {"DIPOL": "O"}
    assert _only_pair({"DIPOL.polarimetry.only_pair": "E", "x": 1}) == {"DIPOL": "E"}
    assert _only_pair({"DIPOL": {"polarimetry": {"only_pair": "X"}}, "CAFOS2.2": "E"}) == {}
    assert _only_pair(None) == {}


POLAROIDS = (0.0, 90.0, 45.0, -45.0)
T90 = {"polarimeter": "polaroids", "beams": "one"}


def polaroid_rows(clouds=(1.0, 1.0, 1.0, 1.0), q=Q, u=U):
    turn = np.radians(2 * np.array(POLAROIDS))
    flux = LEVEL * np.array(clouds) * (1 + q * np.cos(turn) + u * np.sin(turn))
    return [aperture(key, "O", value) for key, value in enumerate(flux)]


CLOUDS = (1.0, 0.4, 0.7, 0.9)


def test_polaroids_behind_clouds_with_stars():
    found = measure(instrument(**T90), POLAROIDS, polaroid_rows(CLOUDS), sky=Sky(CLOUDS))
    right(found)
    assert found.stokes.field_err == 0.003
    assert "it changed by 0.99 mag" in found.remarks[0]
    assert found.stokes.q_err > 1.0 / np.sqrt(2 * LEVEL)


def test_polaroids_behind_clouds_without_stars_are_refused():
    rows = polaroid_rows(CLOUDS)
    with pytest.raises(AlgorithmFailed, match=r"clouds or a spoilt frame.*too few constant stars"):
        measure(instrument(**T90), POLAROIDS, rows)
    with pytest.raises(AlgorithmFailed, match=r"polarimetry\.transparency"):
        measure(instrument(**T90), POLAROIDS, rows, sky=Sky(CLOUDS), transparency="never")


def test_a_spoilt_polaroid_is_refused():
    with pytest.raises(AlgorithmFailed, match="a spoilt frame"):
        measure(
            instrument(**T90), POLAROIDS, polaroid_rows((1, 1, 1, 1.3)), sky=Sky((1, 1, 1, 1), 1.0)
        )


def test_polaroids_under_a_clear_sky_take_the_losses_alone():
    from polarnight.pipeline.groups.aperture_losses import RelativeLoss

    held = (1.0, 0.98, 1.01, 1.01)
    losses = {key: RelativeLoss(factor, 0.0005, 9) for key, factor in enumerate(held)}
    rows, quiet = polaroid_rows(held), Sky((1.0, 1.001, 0.999, 1.0), chi2=1.0)
    found = measure(instrument(**T90), POLAROIDS, rows, sky=quiet, losses=losses)
    right(found)
    assert found.sky is None
    assert found.stokes.field_err is None
    forced = measure(
        instrument(**T90), POLAROIDS, rows, sky=quiet, losses=losses, transparency="always"
    )
    right(forced, within=1e-3)
    assert forced.sky is not None


def test_a_plate_with_one_beam_only():
    plugin = instrument(beams="one")
    rows = [aperture(key, "O", LEVEL * (1 + wave(angle))) for key, angle in enumerate(SIXTEEN)]
    right(measure(plugin, SIXTEEN, rows))
    with pytest.raises(AlgorithmFailed, match="both beams"):
        measure(instrument("quarter-wave plate", "one"), SIXTEEN, rows)


def camera_frames(angles, without=()):
    frames, rows = [], []
    for n, angle in enumerate(angles):
        for number, (beam, sign) in enumerate((("O", -1), ("E", 1))):
            key = 2 * n + number
            if key in without:
                continue
            frames.append(frame(key, angle, beam, exptime=4.0, minutes=0.1 * n + 0.01 * number))
            rows.append(aperture(key, beam, LEVEL * (0.8 if beam == "E" else 1.0)
                                 * (1 + sign * wave(angle))))  # fmt: skip
    return frames, rows


def test_two_cameras():
    plugin = instrument(beams="cameras")
    frames, rows = camera_frames(SIXTEEN)
    found = measure(plugin, SIXTEEN, rows, frames=frames)
    right(found)
    assert found.stokes.n_used == 16
    assert found.stokes.k == pytest.approx(-0.2 / 1.8)


def test_two_cameras_of_which_one_misses_a_frame():
    frames, rows = camera_frames(SIXTEEN, without=(7,))
    found = measure(instrument(beams="cameras"), SIXTEEN, rows, frames=frames)
    right(found)
    assert found.stokes.n_used == 15
    assert not found.stokes.used[3]


def test_quarter_wave_plate():
    def circular(angle):
        turn = np.radians(2 * angle)
        return Q * np.cos(turn) ** 2 + U * np.sin(turn) * np.cos(turn) + V * np.sin(turn)

    angles = SIXTEEN[:8]
    rows = pair_rows(angles, modulation=circular)
    found = measure(instrument("quarter-wave plate"), angles, rows)
    right(found)
    assert found.stokes.v == pytest.approx(V, abs=1e-9)
    assert found.stokes.v_err > 0


def test_too_few_angles_say_how_many():
    def change(key, pair):
        return (1.0, int(Bit.SATURATED)) if key == 2 else (1.0, 0)

    with pytest.raises(AlgorithmFailed, match="not saturated") as caught:
        measure(instrument(), FOUR, pair_rows(FOUR, change=change))
    assert caught.value.numbers == {"good": 3, "needed": 4}
    assert "the ordinary image is saturated at 45 deg" in str(caught.value)
    assert "the extraordinary image is saturated at 45 deg" in str(caught.value)


def test_clouds_that_a_few_stars_show_are_refused_even_where_the_angles_agree():
    """Four fluxes behind clouds that chance to agree, with a polarization of 30 %."""
    angles, plugin = (0.0, 45.0, 90.0, 135.0), instrument("polaroids", "one")
    clouds = (1.0, 0.7, 0.55, 0.85)
    rows = [aperture(key, "O", LEVEL * cloud) for key, cloud in enumerate(clouds)]
    agreed = measure(plugin, angles, rows)
    assert agreed.stokes.chi2 < 1.0
    assert np.hypot(agreed.stokes.q, agreed.stokes.u) > 0.28
    with pytest.raises(AlgorithmFailed, match=r"clouds: the other stars changed by 0\.64 mag"):
        measure(plugin, angles, rows, sky=Sky(change=0.64))
    measure(plugin, angles, rows, sky=Sky(change=0.64), transparency="never")


def test_an_image_beyond_the_edge_leaves_the_other():
    rows = [row for row in pair_rows(FOUR) if (row.frame, row.pair) != (1, "E")]
    found = measure(instrument(), FOUR, rows)
    right(found)
    assert found.beam == "O"
    told = "the extraordinary image lies beyond the edge of the detector at 22.5 deg"
    assert told in found.remarks[0]
    none = [row for row in pair_rows(FOUR) if row.pair == "E" and row.frame != 1]
    with pytest.raises(AlgorithmFailed) as caught:
        measure(instrument(), FOUR, none)
    assert "the ordinary image lies beyond the edge of the detector at every angle" in str(
        caught.value
    )
    assert told in str(caught.value)


def test_doubtful_apertures_serve_where_there_are_no_others():
    def change(key, pair):
        return (1.0, int(Bit.BAD_PIXEL)) if key in (1, 2) else (1.0, 0)

    found = measure(instrument(), FOUR, pair_rows(FOUR, change=change))
    right(found)
    assert not found.trusted


def test_rotator_of_a_cycle():
    assert rotator_range([359.0, 1.0, 0.5]) == pytest.approx(2.0)
    assert rotator_range([None, None]) == 0.0
