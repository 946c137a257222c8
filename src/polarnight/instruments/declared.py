"""An instrument described by a data file; subclasses add what is special."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from polarnight.frames import FrameInfo, ImageType, ObsMode, Section
from polarnight.instruments.base import Detector, Instrument, Polarimeter
from polarnight.instruments.declaration import Declaration, read_declaration, valid_entry
from polarnight.instruments.keywords import HeaderReader, degrees_from_text
from polarnight.instruments.times import jd_from_isot
from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.telescopes import Telescope, get_telescope

if TYPE_CHECKING:
    from datetime import date
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = ["BANDS", "DeclaredInstrument"]

BANDS = ("U", "B", "V", "R", "I")
"""Photometric bands (Johnson-Cousins)."""

_SECONDS_PER_DAY = 86400.0
_FIRST_JD, _LAST_JD = 2_400_000.5, 2_500_000.5  # 1858 to 2132
# Beyond these a value is a mistake of the header, whatever the instrument.
_LARGEST_BINNING = 64
_GAINS = (1e-3, 1e3)  # electrons per ADU
_LARGEST_NOISE = 1e4  # electrons


class DeclaredInstrument(Instrument):
    """Instrument whose keywords, detector and constants are read from a TOML file.

    The hooks `image_type`, `band` and `mode_and_angle` are what most instruments override.

    Parameters
    ----------
    path : Path or importlib Traversable
        The data file.

    Raises
    ------
    ConfigError
        Where the file is wrong.
    """

    def __init__(self, path: Path | Traversable) -> None:
        d = read_declaration(path)
        self.declaration: Declaration = d
        self.name = d.name
        self.telescopes = d.telescopes
        self.pixel_scale = d.pixel_scale
        self.field_arcmin = d.field_arcmin
        self.pair = d.pair
        self.polarimeter = cast("Polarimeter | None", d.polarimeter)
        self.angles = d.angles
        self.min_angles = d.min_angles
        self.requires = d.requires
        self.validity_days = d.validity_days
        self.low_flat = d.low_flat
        self.edge = d.edge

    # -- what a plug-in may override ---------------------------------------------------

    def image_type(self, reader: HeaderReader) -> ImageType:
        """Return the type of exposure from the table ``image_types``.

        Raises
        ------
        BadFrame
            Where the header has no type or one that the table does not know.
        """
        text = reader.required_text(self.declaration.keywords.image_type, "type of exposure")
        found = self.declaration.image_types.get(text.upper())
        if found is None:
            known = ", ".join(self.declaration.image_types)
            key = " or ".join(self.declaration.keywords.image_type)
            raise reader.fail(
                f"{key} = {text!r} is no type of exposure of {self.name}", f"one of: {known}"
            )
        return found

    def band(self, reader: HeaderReader, imgtype: ImageType) -> str:
        """Return the photometric band, ``""`` where it has no meaning."""
        raise NotImplementedError

    def mode_and_angle(
        self, reader: HeaderReader, imgtype: ImageType
    ) -> tuple[ObsMode, float | None]:
        """Return mode of observation and angle of polaroid or plate (degrees)."""
        return ObsMode.PHOTOMETRY, None

    def extra_values(self, reader: HeaderReader, info: FrameInfo) -> dict[str, Any]:
        """Return further values for `FrameInfo.extra`."""
        return {}

    # -- what all share ----------------------------------------------------------------

    def recognises(self, header: Mapping[str, Any]) -> bool:
        """Return whether TELESCOP and the keywords of the table ``recognise`` fit."""
        return self._is_telescope(header) and all(
            str(header.get(key, "")).strip() in values
            for key, values in self.declaration.recognise.items()
        )

    def _is_telescope(self, header: Mapping[str, Any]) -> bool:
        return self._telescope(header) is not None

    def _telescope(self, header: Mapping[str, Any]) -> Telescope | None:
        written = str(header.get("TELESCOP", "")).strip()
        for name in self.telescopes:
            telescope = get_telescope(name)
            if written in telescope.header_values:
                return telescope
        return None

    def detector(self, night: date | str | None = None) -> Detector:
        """Return the declared detector at a date, by default the latest one."""
        entry = valid_entry(self.declaration.detector, night)
        return Detector(
            entry.gain, entry.read_noise, entry.saturation, entry.nonlinear, entry.dark_current
        )

    def instrumental_polarization(
        self, band: str, night: date | str | None = None
    ) -> InstrumentalPolarization:
        """Return the declared constants at a band and date.

        Where none are declared for the band, those declared without bands hold; where there
        are none at all, nothing is corrected and `origin` says so.
        """
        entries = self.declaration.instrumental_polarization
        fitting = tuple(e for e in entries if band in e.bands) or tuple(
            e for e in entries if not e.bands
        )
        if not fitting:
            return InstrumentalPolarization(origin=f"none declared for {self.name} in {band}")
        entry = valid_entry(fitting, night)
        return InstrumentalPolarization(**entry.model_dump(exclude={"start", "bands"}))

    def classify(self, header: Mapping[str, Any], filename: str) -> FrameInfo:
        """Translate a raw header; see `Instrument.classify`."""
        reader = HeaderReader(header, filename)
        keys = self.declaration.keywords
        telescope = self._telescope(header)
        if telescope is None:
            raise reader.fail(
                f"TELESCOP = {header.get('TELESCOP')!r} is no telescope of {self.name}",
                f"one of: {', '.join(self.telescopes)}",
            )
        width, height = self._size(reader)
        imgtype = self.image_type(reader)
        exptime = self._exptime(reader, imgtype)
        jd = self._jd_start(reader)
        night = telescope.night_of(jd).isoformat()
        mode, angle = (
            (ObsMode.NONE, None)
            if imgtype in (ImageType.BIAS, ImageType.DARK)
            else self.mode_and_angle(reader, imgtype)
        )
        binning = self._binning(reader)
        gain, read_noise, saturation, nonlinear = self._response(reader, night)
        ra, dec = self._pointing(reader)
        info = FrameInfo(
            telescope=telescope.name,
            instrument=self.name,
            filename=filename,
            night=night,
            imgtype=imgtype,
            obsmode=mode,
            band="" if mode is ObsMode.NONE else self.band(reader, imgtype),
            rotangle=angle,
            exptime=exptime,
            jd_start=jd,
            jd_mid=jd + exptime / 2.0 / _SECONDS_PER_DAY,
            width=width,
            height=height,
            binning=binning,
            gain=gain,
            read_noise=read_noise,
            saturation=saturation,
            nonlinear=nonlinear,
            pixel_scale=self.pixel_scale * binning[0],
            readmode="/".join(filter(None, (reader.text((k,)) for k in keys.readmode))),
            object_name=reader.text(keys.object),
            ra=ra,
            dec=dec,
            pointing_equinoxes=self.declaration.pointing_equinoxes,
            airmass=self._airmass(reader),
            trim=self._trim(width, height),
            origin=self._origin(reader),
            has_pairs=mode is ObsMode.POLARIMETRY and self.pair is not None,
        )
        return info.replace(extra=self.extra_values(reader, info))

    def _size(self, reader: HeaderReader) -> tuple[int, int]:
        naxis = reader.required_number(["NAXIS"], "number of axes")
        if naxis != 2:
            raise reader.fail(f"NAXIS = {naxis:g}, a frame has 2 axes", "not a frame")
        bitpix = reader.required_number(["BITPIX"], "pixel type")
        if bitpix not in (16, 32):
            raise reader.fail(
                f"BITPIX = {bitpix:g}, but raw frames of {self.name} are integers of 16 bits",
                "give the raw file, not a product",
            )
        width = int(reader.required_number(["NAXIS1"], "width"))
        height = int(reader.required_number(["NAXIS2"], "height"))
        if width < 1 or height < 1:
            raise reader.fail(f"the image is empty (NAXIS1 = {width}, NAXIS2 = {height})")
        return width, height

    def _exptime(self, reader: HeaderReader, imgtype: ImageType) -> float:
        keys = self.declaration.keywords.exptime
        exptime = reader.number(keys)
        if exptime is None and imgtype is ImageType.BIAS:
            return 0.0
        exptime = reader.required_number(keys, "exposure time in seconds")
        if exptime < 0:
            raise reader.fail(f"{keys[0]} = {exptime:g} s is negative", "correct the header")
        if exptime == 0 and imgtype is ImageType.LIGHT:
            raise reader.fail(
                f"{keys[0]} = 0 s: no light falls into no time", "correct the header, or the type"
            )
        if exptime > _SECONDS_PER_DAY:
            raise reader.fail(
                f"{keys[0]} = {exptime:g} s is longer than a day", "correct the header"
            )
        return exptime

    def _jd_start(self, reader: HeaderReader) -> float:
        keys = self.declaration.keywords
        jd = reader.number(keys.jd)
        if jd is not None:
            if not _FIRST_JD < jd < _LAST_JD:
                raise reader.fail(
                    f"{keys.jd[0]} = {jd:.5f} is no Julian date of an observation",
                    "correct the header",
                )
            return jd
        text = reader.required_text(keys.date_obs, "time of start (UTC)")
        remedy = "write it as YYYY-MM-DDThh:mm:ss (UTC)"
        try:
            jd = jd_from_isot(text, reader.number(keys.seconds_of_day))
        except ValueError as error:
            raise reader.fail(f"{' or '.join(keys.date_obs)}: {error}", remedy) from error
        if not _FIRST_JD < jd < _LAST_JD:
            raise reader.fail(
                f"{' or '.join(keys.date_obs)}: {text!r} is no time of an observation", remedy
            )
        return jd

    def _binning(self, reader: HeaderReader) -> tuple[int, int]:
        keys = self.declaration.keywords
        values = []
        for names in (keys.binning_x, keys.binning_y):
            value = reader.number(names) or 1.0
            if not 1 <= value <= _LARGEST_BINNING or value != int(value):
                raise reader.fail(f"{names[0]} = {value:g} is no binning", "correct the header")
            values.append(int(value))
        return values[0], values[1]

    def _response(self, reader: HeaderReader, night: str) -> tuple[float, float, float, float]:
        """Gain, read noise, saturation and end of linearity, from the header where it has them."""
        keys = self.declaration.keywords
        declared = self.detector(night)
        gain = reader.number(keys.gain)
        gain = declared.gain if gain is None or gain <= 0 else gain
        if not _GAINS[0] <= gain <= _GAINS[1]:
            raise reader.fail(
                f"{' or '.join(keys.gain)} = {gain:g} electrons per ADU cannot be",
                "correct the header",
            )
        noise = reader.number(keys.read_noise)
        noise = declared.read_noise if noise is None or noise <= 0 else noise
        if noise > _LARGEST_NOISE:
            raise reader.fail(
                f"{' or '.join(keys.read_noise)} = {noise:g} electrons cannot be",
                "correct the header",
            )
        well = reader.number(keys.full_well)
        saturation = declared.saturation
        if well is not None and well > 0:
            saturation = min(saturation, well / gain)
        return gain, noise, saturation, min(declared.nonlinear, saturation)

    def _pointing(self, reader: HeaderReader) -> tuple[float | None, float | None]:
        """Right ascension and declination in degrees, (None, None) where they say nothing."""
        keys = self.declaration.keywords
        dec = degrees_from_text(reader.value(keys.dec)[1])
        ra = degrees_from_text(reader.value(keys.ra_degrees)[1])
        hours = degrees_from_text(reader.value(keys.ra_hours)[1])
        if hours is not None:
            # Degrees have been written where hours belong; above 24 there is no doubt.
            ra = hours * 15.0 if 0.0 <= hours < 24.0 else hours
        if ra is None or dec is None or not (0.0 <= ra <= 360.0 and -90.0 <= dec <= 90.0):
            return None, None
        return ra % 360.0, dec

    def _airmass(self, reader: HeaderReader) -> float | None:
        value = degrees_from_text(reader.value(self.declaration.keywords.airmass)[1])
        return value if value is not None and value >= 1.0 else None

    def _trim(self, width: int, height: int) -> Section | None:
        t = self.declaration.trim
        section = Section(t.left, width - t.right, t.bottom, height - t.top)
        if section == Section(0, width, 0, height) or section.x1 <= section.x0:
            return None
        return section if section.y1 > section.y0 else None

    def _origin(self, reader: HeaderReader) -> tuple[int, int]:
        """First pixel of a window in pixels of the full (binned) chip; (0, 0) by default."""
        return 0, 0
