"""Headers and file names by a declaration, the other way round."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from polarnight.errors import ConfigError
from polarnight.frames import ImageType, ObsMode
from polarnight.instruments.times import isot_from_jd
from polarnight.instruments.values import SECONDS
from polarnight.simulation.headers import precess_to_date, sexagesimal, wcs_cards
from polarnight.telescopes import get_telescope

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.instruments.declaration import Declaration
    from polarnight.simulation.exposure import Exposure
    from polarnight.simulation.plugin import FrameSetting

__all__ = ["declared_filename", "declared_header"]

_MJD_ZERO = 2_400_000.5
_DAY = 86400.0


def declared_header(
    exposure: Exposure, setting: FrameSetting, *, declaration: Declaration
) -> Header:
    """Return a header that the declaration reads back.

    Raises
    ------
    ConfigError
        Where the declaration has no word for what is exposed.
    """
    from astropy.io.fits import Header

    d, keys = declaration, declaration.keywords
    light = exposure.imgtype is ImageType.LIGHT
    lit = light or exposure.imgtype is ImageType.FLAT
    header = Header()
    _recognise(header, exposure, d)
    words = [text for text, kind in d.image_types.items() if kind is exposure.imgtype]
    if not words:
        msg = f"image_types of {d.name} has no word for {exposure.imgtype.value}; add one"
        raise ConfigError(msg)
    _put(header, keys.image_type, words[0])
    _put(header, keys.exptime, exposure.exptime / SECONDS[d.exptime_unit])
    _put(header, keys.object, exposure.object_name)
    _put(header, keys.binning_x, setting.binning)
    _put(header, keys.binning_y, setting.binning)
    _put(header, keys.origin_x, setting.origin[0])
    _put(header, keys.origin_y, setting.origin[1])
    _put(header, keys.gain, setting.camera.gain)
    _put(header, keys.read_noise, setting.camera.read_noise)
    _date(header, exposure, d)
    if d.camera_beams is not None and d.camera_beams.keyword is not None:
        header[_card(d.camera_beams.keyword)] = _camera_word(d, exposure.beam)
    if lit:
        _light_path(header, exposure, d)
    if light:
        _pointing(header, exposure, setting, d)
        _put(header, keys.airmass, round(setting.pointing.airmass, 5))
        if setting.instrument_angle is not None:
            _put(header, keys.instrument_angle, setting.instrument_angle)
        if d.trusted_wcs and setting.optics is not None:
            header.update(wcs_cards(setting.optics))
    header["SWCREATE"] = "polarnight simulate"
    return header


def declared_filename(exposure: Exposure, number: int, *, declaration: Declaration) -> str:
    """Return names such as ``BLLac_R_22.5-0001.fits``, with the camera where names tell it.

    Raises
    ------
    ConfigError
        Where no name can be found from which the declaration reads the camera.
    """
    light = exposure.imgtype is ImageType.LIGHT
    stem = exposure.object_name if light else exposure.imgtype.value.capitalize()
    parts = [re.sub(r"[^\w.+-]", "", part) for part in (stem, exposure.band) if part]
    if exposure.rotangle is not None:
        parts.append(f"{exposure.rotangle:g}")
    name = f"{'_'.join(parts)}-{number:04d}"
    told = declaration.camera_beams
    if told is None:
        return f"{name}.fits"
    word = _camera_word(declaration, exposure.beam)
    if told.filename is None:
        return f"{name}_{word}.fits"
    for form in (f"{name}_{word}.fits", f"{word}_{name}.fits", f"{word}{name}.fits",
                 f"{name}-{word}.fits", f"cam{word}_{name}.fits", f"{name}_cam{word}.fits",
                 f"{name}.{word}.fits"):  # fmt: skip
        match = re.search(told.filename, form)
        if match is not None and match.group(1) == word:
            return form
    msg = (
        f"camera_beams.filename of {declaration.name} ({told.filename!r}) fits no name that the "
        f"simulation can think of; declare a keyword instead"
    )
    raise ConfigError(msg)


def _card(key: str) -> str:
    return key if len(key) <= 8 else f"HIERARCH {key}"


def _put(header: Header, keys: tuple[str, ...], value: Any) -> None:
    if keys:
        header[_card(keys[0])] = value


def _recognise(header: Header, exposure: Exposure, d: Declaration) -> None:
    telescope = get_telescope(d.telescopes[0])
    if telescope.header_values:
        header["TELESCOP"] = telescope.header_values[0]
    night = telescope.night_of(exposure.jd_start)
    fitting = [entry for entry in d.recognise if entry.start <= night < entry.until]
    if not fitting:
        msg = f"{d.name} was not in use on {night}; simulate another night"
        raise ConfigError(msg)
    for key, values in fitting[0].values.items():
        header[_card(key)] = values[0]


def _date(header: Header, exposure: Exposure, d: Declaration) -> None:
    later = {"start": 0.0, "middle": 0.5, "end": 1.0}[d.date_is] * exposure.exptime / _DAY
    jd = exposure.jd_start + later
    _put(header, d.keywords.jd, jd)
    _put(header, d.keywords.mjd, jd - _MJD_ZERO)
    if not d.keywords.date_obs:
        return
    text = isot_from_jd(jd)
    hours = text[11:].split(":")
    seconds = 3600.0 * int(hours[0]) + 60.0 * int(hours[1]) + float(hours[2])
    _put(header, d.keywords.seconds_of_day, round(seconds, 3))
    _put(header, d.keywords.time_of_day, text[11:])
    _put(header, d.keywords.date_obs, text)


def _camera_word(d: Declaration, beam: str) -> str:
    values = {} if d.camera_beams is None else d.camera_beams.values
    return next((word for word, seen in values.items() if seen == beam), beam)


def _light_path(header: Header, exposure: Exposure, d: Declaration) -> None:
    """Write filter, polaroid and plate."""
    polarimetry = exposure.obsmode is ObsMode.POLARIMETRY
    shared_wheel = d.polarimeter == "polaroids" and not d.keywords.polaroid
    if polarimetry and shared_wheel:
        _put(header, d.keywords.filter, _polaroid(exposure, d))
    else:
        _put(header, d.keywords.filter, _filter(exposure.band, d))
    if not polarimetry:
        open_places = [name for name, angle in d.polaroids.items() if angle is None]
        if open_places:
            _put(header, d.keywords.polaroid, open_places[0])
        for key in d.polarimetry_when:
            if _card(key) not in header:
                header[_card(key)] = "OUT"
        return
    for key, values in d.polarimetry_when.items():
        header[_card(key)] = values[0]
    if d.polarimeter == "polaroids":
        _put(header, d.keywords.polaroid, _polaroid(exposure, d))
    else:
        _put(header, d.keywords.angle, exposure.rotangle)


def _filter(band: str, d: Declaration) -> str:
    """Return the text of a band's filter, and no polaroid's."""
    if not d.filters:
        return band
    others = () if d.keywords.polaroid else d.polaroids  # that have places in the same wheel
    texts = [text for text, meant in d.filters.items() if meant == band and text not in others]
    if not texts:
        msg = f"filters of {d.name} has no filter for the band {band!r}"
        raise ConfigError(msg)
    return texts[0]


def _polaroid(exposure: Exposure, d: Declaration) -> str:
    names = [name for name, angle in d.polaroids.items() if angle == exposure.rotangle]
    shared_wheel = not d.keywords.polaroid
    in_band = [
        name
        for name in names
        if not shared_wheel or d.filters.get(name, exposure.band) == exposure.band
    ]
    if not in_band:
        msg = f"{d.name} has no polaroid at {exposure.rotangle} deg in {exposure.band!r}"
        raise ConfigError(msg)
    return in_band[0]


def _pointing(header: Header, exposure: Exposure, setting: FrameSetting, d: Declaration) -> None:
    keys = d.keywords
    ra, dec = setting.pointing.ra % 360.0, setting.pointing.dec
    readings = [reading for reading in d.pointing_equinoxes if reading != "object"]
    if readings and readings[0] == "date":
        ra, dec = precess_to_date(ra, dec, exposure.jd_start)
    if keys.ra_hours:
        _put(header, keys.ra_hours, sexagesimal(ra / 15.0, 2))
    else:
        _put(header, keys.ra_degrees or keys.ra, round(ra, 7))
    _put(header, keys.dec, sexagesimal(dec, 1, sign=True))
