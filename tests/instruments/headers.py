"""Raw headers as the two instruments write them, as plain dicts."""

ANDOR = {
    "NAXIS": 2,
    "BITPIX": 16,
    "NAXIS1": 2048,
    "NAXIS2": 2048,
    "TELESCOP": "T90-OSN",
    "INSTRUME": "AndorT90",
    "IMAGETYP": "LIGHT",
    "EXPTIME": 60.0,
    "JD": 2459841.46187,
    "DATE-OBS": "2022-09-18T23:05:05.57",
    "FILTER": "R",
    "XBINNING": 1,
    "YBINNING": 1,
    "OBJECT": "BLLac",
    "OBJCTRA": "22 02 43.3",
    "OBJCTDEC": "+42 16 40",
    "AIRMASS": 1.05,
}

CAFOS = {
    "NAXIS": 2,
    "BITPIX": 16,
    "NAXIS1": 800,
    "NAXIS2": 800,
    "TELESCOP": "CA-2.2",
    "INSTRUME": "CAFOS 2.2",
    "IMAGETYP": "science",
    "EXPTIME": 5.0,
    "DATE": "2025-09-13T21:44:40",
    "DATE-OBS": "2025-09-13T21:43:38",
    "UT_START": 78218.0,
    "OBJECT": "Hiltner960",
    "RA": 306.2,
    "DEC": 39.4,
    "EQUINOX": 2000.0,
    "CCDBINX": 1,
    "CCDBINY": 1,
    "CCDSPEED": "normal",
    "CCDGAIN": 20.0,
    "CCDSENS": 1.43,
    "CCDRON": 7.4,
    "CCDSAT": 180000.0,
    "CCDSEC": "[625,625:1424,1424]",
    "INSTRMOD": "Polarizer",
    "INSPOFPI": "Wollaston",
    "INSPOROT": 22.48,
    "INSFLNAM": "CousinsR  ",
    "INSGRNAM": "FREE",
    "AIRMASS": 1.1,
}


def change(header, **changes):
    """Return a copy with values changed; None removes, ``__`` in a name is a hyphen."""
    copy = dict(header)
    for name, value in changes.items():
        key = name.replace("__", "-")
        if value is None:
            copy.pop(key)
        else:
            copy[key] = value
    return copy
