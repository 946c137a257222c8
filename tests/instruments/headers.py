"""Raw headers as the instruments write them, as plain dicts."""

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

DIPOL = {
    "NAXIS": 2,
    "BITPIX": 16,
    "NAXIS1": 1100,
    "NAXIS2": 900,
    "BZERO": 32768,
    "TELESCOP": "T90-OSN",
    "INSTRUME": "ASI Camera (1)",
    "IMAGETYP": "Light Frame",
    "EXPTIME": 30.0,
    "EXPOSURE": 30.0,
    "JD": 2460244.40,
    "DATE-OBS": "2023-10-26T21:36:00.12",
    "FILTER": "Red",
    "XBINNING": 2,
    "YBINNING": 2,
    "XORGSUBF": 1500,
    "YORGSUBF": 1000,
    "OBJECT": "BLLac_R_30s",
    "NOTES": "22.5 deg",
    "FLIPSTAT": "",
    "CCD-TEMP": -10.0,
    "SWCREATE": "MaxIm DL Version 6.20",
}

DOLORES = {
    "NAXIS": 2,
    "BITPIX": 16,
    "NAXIS1": 2100,
    "NAXIS2": 2100,
    "TELESCOP": "TNG",
    "INSTRUME": "LRS",
    "OBS-TYPE": "OBJECT",
    "EXPTIME": 120.0,
    "DATE-OBS": "2016-06-06",
    "EXPSTART": "22:10:03.925",
    "FLT_ID": "R_JOHN_12",
    "GRM_ID": "OPEN",
    "SLT_ID": "OPEN",
    "OBJECT": "NGC5364",
    "RA-RAD": 3.66607,
    "DEC-RAD": 0.08754,
    "EQUINOX": 2000.0,
    "CRDELT1": 1,
    "CRDELT2": 1,
    "GAIN_1": 0.97,
    "RMS_1": 9.0,
    "AIRMASS": 1.17,
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
