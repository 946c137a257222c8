"""What reductions must give, from numpy, astropy and whole numbers of Python."""

from __future__ import annotations

import warnings

import numpy as np
from astropy.stats import mad_std

from polarnight.frames.bits import UNUSABLE, Bit

NARROW = ("u1", "i1", "<i2", ">i2", "<u2", ">u2", "f4", ">f4")
WIDE = ("u4", "i4", ">i4", "f8", ">f8")
LONG = ("i8", ">i8", "u8")


def usable_values(array, bits=None):
    """Return the values along the first axis as doubles, NaN where they are left out."""
    values = np.asarray(array, np.float64).copy()
    values[~np.isfinite(values)] = np.nan
    if bits is not None:
        values[(np.asarray(bits) & UNUSABLE) != 0] = np.nan
    return values


def frame_by_frame(function, values, *args, **options):
    """Call a function of numpy that adds up so that it adds one frame after the other.

    Of a single column it would add in pairs; a second one makes it go by frames.
    """
    flat = values.reshape(len(values), -1)
    twice = np.ascontiguousarray(np.concatenate([flat, flat], axis=1))
    found = function(twice, *args, axis=0, **options)
    return found[: flat.shape[1]].reshape(values.shape[1:])


def moment(values, order, *, central, absolute):
    if central:
        values = values - frame_by_frame(np.nanmean, values)
    if absolute:
        values = np.abs(values)
    power = values.copy()
    for _ in range(order - 1):
        power = power * values
    return frame_by_frame(np.nanmean, power)


def expected(values, name, **given):
    """Return the result in float64 for values of `usable_values`; places from 0."""
    some = np.isfinite(values).any(axis=0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        if name == "count":
            return np.isfinite(values).sum(axis=0)
        if name in {"arg_min", "arg_max"}:
            least = name == "arg_min"
            filled = np.where(np.isnan(values), np.inf if least else -np.inf, values)
            place = filled.argmin(axis=0) if least else filled.argmax(axis=0)
            return np.where(some, place, -1)
        if name == "quantile" and given["level"] == 0.5:
            name = "median"
        if name.endswith("moment"):
            return moment(
                values,
                given["order"],
                central=name in {"cmoment", "acmoment"},
                absolute=name in {"acmoment", "armoment"},
            )
        if name == "mad":
            if given["normalised"]:
                return np.asarray(mad_std(values, axis=0, ignore_nan=True))
            return np.nanmedian(np.abs(values - np.nanmedian(values, axis=0)), axis=0)
        if name == "quantile":
            return np.nanquantile(values, given["level"], axis=0)
        if name in {"median", "min", "max"}:
            return getattr(np, f"nan{name}")(values, axis=0)
        found = frame_by_frame(getattr(np, f"nan{name}"), values, **given)
        return np.where(some, found, np.nan)


def expected_bits(values, bits):
    """Return the bits of the least bad usable value; `values` are those that were given."""
    flags = np.zeros(values.shape, np.uint16) if bits is None else np.asarray(bits).copy()
    flags[~np.isfinite(np.asarray(values, np.float64))] |= np.uint16(Bit.NO_DATA)
    usable = (flags & UNUSABLE) == 0
    best = np.where(usable, flags, 0xFFFF).min(axis=0)
    return np.where(usable.any(axis=0), best, flags.min(axis=0) | int(Bit.NO_DATA))
