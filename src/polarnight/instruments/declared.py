"""An instrument described by a data file; subclasses add what is special."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from polarnight.errors import BadFrame
from polarnight.frames import FrameInfo, ImageType, ObsMode, Section
from polarnight.instruments import values
from polarnight.instruments.base import Detector, Instrument
from polarnight.instruments.declaration import (
    Declaration,
    is_band,
    read_declaration,
    valid_entry,
)
from polarnight.instruments.keywords import HeaderReader
from polarnight.telescopes import Telescope, get_telescope

if TYPE_CHECKING:
    from datetime import date
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from polarnight.instruments.declaration import Recognition
    from polarnight.polarimetry.instrumental import InstrumentalPolarization

__all__ = ["BANDS", "DeclaredInstrument"]

BANDS = ("U", "B", "V", "R", "I")
"""Photometric bands (Johnson-Cousins)."""

_NO_POLAROID = ("", "NONE", "OPEN", "FREE", "CLEAR", "EMPTY", "OUT")

_NOT_IN_FRAMES = {"simulation", "instrumental_polarization"}
"""Tables of a declaration by which no header is translated."""


class DeclaredInstrument(Instrument):
    """Instrument whose keywords, detector and constants are read from a data file.

    What the file cannot say, a subclass does by overriding `image_type`, `band`,
    `mode_and_angle`, `beam`, `instrument_angle`, `origin`, `pointing`, `start` or `extra_values`.

    Parameters
    ----------
    source : Path, importlib Traversable or Declaration
        The data file (TOML), or what was read from one.

    Raises
    ------
    ConfigError
        Where the file is wrong.
    """

    def __init__(self, source: Path | Traversable | Declaration) -> None:
        d = source if isinstance(source, Declaration) else read_declaration(source)
        self.declaration: Declaration = d
        self.name = d.name
        self.telescopes = d.telescopes
        self.pixel_scale = d.pixel_scale
        self.field_arcmin = d.field_arcmin
        self.pair = d.pair
        self.polarimeter = d.polarimeter
        self.beams_on_cameras = d.beams == "cameras"
        self.retardance = d.retardance
        self.angle_sense = d.angle_sense
        self.windows = d.windows
        self.flat_in_windows = d.flat_in_windows
        self.flat_angles = d.flat_angles
        self.trusted_wcs = d.trusted_wcs
        self.pairs_always = d.pairs_always
        self.angles = d.angles
        self.min_angles = d.min_angles
        self.requires = d.requires
        self.validity_days = d.validity_days
        self.low_flat = d.low_flat
        self.edge = d.edge

    # -- what a plug-in may override ---------------------------------------------------

    def image_type(self, reader: HeaderReader) -> ImageType:
        """Return the type of exposure from the table ``image_types``.

        A frame that is LIGHT by that table, but whose OBJECT has one of ``object_words``, is the
        calibration that the word means.

        Raises
        ------
        BadFrame
            Where the header has no type or one that the table does not know.
        """
        keys = self.declaration.keywords.image_type
        text = reader.required_text(keys, "type of exposure")
        found = self.declaration.image_types.get(text.upper())
        if found is None:
            known = ", ".join(self.declaration.image_types)
            raise reader.fail(
                f"{' or '.join(keys)} = {text!r} is no type of exposure of {self.name}",
                f"one of: {known}",
            )
        return self._meant_by_object(reader) if found is ImageType.LIGHT else found

    def band(self, reader: HeaderReader, imgtype: ImageType) -> str:
        """Return the photometric band, ``""`` where it has no meaning.

        By the table ``filters``; without one, the text of the header itself, or the letter of
        ``Johnson V`` and the like. A header without filter has the band that is declared for
        all frames.

        Raises
        ------
        BadFrame
            Where the filter is missing or not in the table, or a frame of the sky has none.
        """
        d = self.declaration
        keys, text = d.keywords.filter, _place_in_wheel(reader.text(d.keywords.filter))
        if not text and d.band is not None:
            return d.band
        if not text and not (imgtype is ImageType.FLAT and any(k in reader.header for k in keys)):
            raise reader.fail(
                f"the header has no {' or '.join(keys) or 'filter'}",
                "add the filter to the header, or declare the band of all frames",
            )
        if d.filters:
            found = d.filters.get(text.upper())
            if found is None:
                raise reader.fail(
                    f"{keys[0]} = {text!r} is no filter of {self.name}",
                    f"one of: {', '.join(d.filters)}",
                )
        else:
            found = values.johnson_cousins(text) or text
            if not is_band(found):
                raise reader.fail(
                    f"{keys[0]} = {text!r} cannot be the name of a band",
                    "give it a short one in the table filters",
                )
        if not found and imgtype is ImageType.LIGHT:
            raise reader.fail(
                f"{keys[0]} = {text!r}: a frame of the sky through no band",
                "give it a band in the table filters",
            )
        return found

    def mode_and_angle(
        self, reader: HeaderReader, imgtype: ImageType
    ) -> tuple[ObsMode, float | None]:
        """Return mode of observation and angle of polaroid or plate (degrees).

        A polaroid that the table ``polaroids`` names, or an angle of the plate where the table
        ``polarimetry_when`` holds, is POLARIMETRY; everything else is PHOTOMETRY.
        """
        if self.polarimeter is None:
            return ObsMode.PHOTOMETRY, None
        polaroids = self.polarimeter == "polaroids"
        angle = self._polaroid(reader) if polaroids else self._plate(reader)
        return (ObsMode.PHOTOMETRY if angle is None else ObsMode.POLARIMETRY), angle

    def beam(self, reader: HeaderReader, imgtype: ImageType) -> str:
        """Return ``"O"`` or ``"E"`` where each beam has its camera, ``""`` elsewhere.

        By the table ``camera_beams``: a keyword of the header or a part of the file's name.
        """
        told = self.declaration.camera_beams
        if told is None:
            return ""
        if told.keyword is not None:
            text, where = reader.required_text([told.keyword], "camera"), told.keyword
        else:
            match = re.search(told.filename or "", reader.filename)
            text, where = "" if match is None else match.group(1), "the name of the file"
        found = told.values.get(text)
        if found is None:
            raise reader.fail(
                f"{where} = {text!r} is no camera of {self.name}",
                f"one of: {', '.join(told.values)}",
            )
        return found

    def instrument_angle(self, reader: HeaderReader) -> float | None:
        """Return the position angle of the instrument (degrees, N through E), None if fixed."""
        return reader.number(self.declaration.keywords.instrument_angle)

    def origin(self, reader: HeaderReader) -> tuple[int, int]:
        """Return the first pixel (x, y) of a window, in binned pixels of the full chip."""
        return values.window_origin(reader, self.declaration.keywords)

    def pointing(self, reader: HeaderReader) -> tuple[float | None, float | None]:
        """Return right ascension and declination in degrees, None where they say nothing."""
        return values.pointing(reader, self.declaration.keywords)

    def start(self, reader: HeaderReader, exptime: float) -> float:
        """Return the UTC Julian date at the start of the exposure (of `exptime` seconds)."""
        jd = values.julian_date(reader, self.declaration.keywords)
        return values.to_start(jd, exptime, self.declaration.date_is)

    def extra_values(self, reader: HeaderReader, info: FrameInfo) -> dict[str, Any]:
        """Return further values for `FrameInfo.extra`."""
        return {}

    # -- what all share ----------------------------------------------------------------

    def recognises(self, header: Mapping[str, Any]) -> bool:
        """Return whether TELESCOP and an entry of the table ``recognise`` fit."""
        telescope = self._telescope(header)
        return telescope is not None and any(
            _says(header, entry.values) and self._in_time(entry, header, telescope)
            for entry in self.declaration.recognise
        )

    def doubt(self, header: Mapping[str, Any]) -> BadFrame | None:
        """Return what is wrong with the date of a header that else would be its own."""
        told = any(
            _says(header, entry.values) for entry in self.declaration.recognise if not entry.always
        )
        site = str(header.get("TELESCOP", "")).strip()
        known = any(site in get_telescope(name).header_values for name in self.telescopes)
        if not told or not known:
            return None
        try:
            self.start(HeaderReader(header, ""), 0.0)
        except BadFrame as error:
            return error
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
        # Here, not above: it brings scipy, which whoever asks for a site only need not load.
        from polarnight.polarimetry.instrumental import InstrumentalPolarization

        fitting = self._constants(band)
        if not fitting:
            return InstrumentalPolarization(origin=f"none declared for {self.name} in {band}")
        entry = valid_entry(fitting, night)
        return InstrumentalPolarization(**entry.model_dump(exclude={"start", "bands", "measured"}))

    def polarization_measured(self, band: str, night: date | str | None = None) -> bool:
        """Return whether the declared constants were measured with this instrument."""
        fitting = self._constants(band)
        return bool(fitting) and valid_entry(fitting, night).measured

    @property
    def translation_key(self) -> str:
        """A hash of the class, the declaration and the sites; see `Instrument.translation_key`."""
        told = self.declaration.model_dump(exclude=_NOT_IN_FRAMES)
        told["sites"] = [repr(get_telescope(name)) for name in self.telescopes]
        text = json.dumps(told, sort_keys=True, default=_as_json)
        return hashlib.sha256(f"{super().translation_key} {text}".encode()).hexdigest()

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
        width, height = values.image_size(reader, self.declaration.bitpix, self.name)
        imgtype = self.image_type(reader)
        exptime = values.exposure_time(reader, keys.exptime, imgtype, self.declaration.exptime_unit)
        jd = self.start(reader, exptime)
        night = telescope.night_of(jd).isoformat()
        mode, angle = (
            (ObsMode.NONE, None)
            if imgtype in (ImageType.BIAS, ImageType.DARK)
            else self.mode_and_angle(reader, imgtype)
        )
        binning = values.binning(reader, keys)
        gain, read_noise, saturation, nonlinear = values.response(
            reader, keys, self.detector(night)
        )
        ra, dec = self.pointing(reader)
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
            jd_mid=jd + exptime / 2.0 / values.SECONDS_PER_DAY,
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
            airmass=values.airmass(reader, keys),
            trim=self._trim(width, height),
            origin=self.origin(reader),
            has_pairs=self._shows_pairs(mode),
            beam=self.beam(reader, imgtype),
            instrument_angle=self.instrument_angle(reader),
        )
        return info.replace(extra=self.extra_values(reader, info))

    # -- details -----------------------------------------------------------------------

    def _telescope(self, header: Mapping[str, Any]) -> Telescope | None:
        """Return the telescope that TELESCOP names, or that an entry knows by another name."""
        written = str(header.get("TELESCOP", "")).strip()
        for name in self.telescopes:
            telescope = get_telescope(name)
            if written in telescope.header_values or not telescope.header_values:
                return telescope
        first = get_telescope(self.telescopes[0])
        for entry in self.declaration.recognise:
            named = entry.values.get("TELESCOP", ())
            if written in named and self._in_time(entry, header, first):
                return first
        return None

    def _in_time(self, entry: Recognition, header: Mapping[str, Any], telescope: Telescope) -> bool:
        if entry.always:
            return True
        try:
            night = telescope.night_of(self.start(HeaderReader(header, ""), 0.0))
        except BadFrame:
            return False
        return entry.start <= night < entry.until

    def _meant_by_object(self, reader: HeaderReader) -> ImageType:
        """Return the calibration that OBJECT names, LIGHT where it names none."""
        d = self.declaration
        name, filename = reader.text(d.keywords.object).lower(), reader.filename.lower()
        for word, meant in d.object_words.items():
            if word in name and (word in filename or not d.object_words_in_filename):
                return meant
        return ImageType.LIGHT

    def _constants(self, band: str) -> tuple[Any, ...]:
        entries = self.declaration.instrumental_polarization
        return tuple(e for e in entries if band in e.bands) or tuple(
            e for e in entries if not e.bands
        )

    def _polaroid(self, reader: HeaderReader) -> float | None:
        d = self.declaration
        keys = d.keywords.polaroid or d.keywords.filter
        text = _place_in_wheel(reader.text(keys)).upper()
        known = text in d.polaroids or text in _NO_POLAROID
        # A wheel of its own holds polaroids only; one shared with filters holds those as well.
        if d.keywords.polaroid and not known:
            raise reader.fail(
                f"{keys[0]} = {text!r} is no polaroid of {self.name}",
                f"one of: {', '.join(d.polaroids)}",
            )
        return d.polaroids.get(text)

    def _plate(self, reader: HeaderReader) -> float | None:
        d = self.declaration
        if not _says(reader.header, d.polarimetry_when):
            return None
        key, written = reader.value(d.keywords.angle)
        angle = None if isinstance(written, bool) else values.leading_number(str(written))
        if written is not None and angle is None:
            raise reader.fail(
                f"{key} = {written!r} is no angle of the plate", "write it in degrees"
            )
        if angle is None and d.polarimetry_when:
            raise reader.fail(
                f"the header has no {' or '.join(d.keywords.angle)}",
                "add the angle of the plate to the header",
            )
        return angle

    def _shows_pairs(self, mode: ObsMode) -> bool:
        return self.pair is not None and (
            mode is ObsMode.POLARIMETRY or (self.pairs_always and mode is ObsMode.PHOTOMETRY)
        )

    def _trim(self, width: int, height: int) -> Section | None:
        t = self.declaration.trim
        section = Section(t.left, width - t.right, t.bottom, height - t.top)
        if section == Section(0, width, 0, height) or section.x1 <= section.x0:
            return None
        return section if section.y1 > section.y0 else None


def _as_json(value: object) -> object:
    """Return a set in a fixed order, and anything else as a text."""
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _place_in_wheel(text: str) -> str:
    """Return the name of a filter; ``2`` where its place was written as the real number ``2.0``."""
    return re.sub(r"^(\d+)\.0*$", r"\1", text)


def _says(header: Mapping[str, Any], wanted: Mapping[str, tuple[str, ...]]) -> bool:
    """Return whether every keyword has one of its values."""
    return all(str(header.get(key, "")).strip() in texts for key, texts in wanted.items())
