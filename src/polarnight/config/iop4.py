"""Keys of an IOP4 configuration file, in the words of Polarnight."""

from __future__ import annotations

from typing import Any

__all__ = ["UNUSED", "translate"]

_ARCHIVES = {"caha": "CAHA-T220", "osn_t090": "OSN-T090", "osn_t150": "OSN-T150"}

_KEYS: dict[str, tuple[str, ...]] = {"nthreads": ("workers",)}
for _prefix, _telescope in _ARCHIVES.items():
    for _field in ("address", "user", "password"):
        _KEYS[f"{_prefix}_{_field}"] = ("archives", _telescope, _field)

UNUSED = frozenset(
    {
        "astrometry_cache_path",
        "astrometry_timeout",
        "basedir",
        "iop4admin",
        "osn_fnames_patterns",
        "osn_source_list_path",
    }
)
"""Keys of IOP4 that mean nothing here: accepted, so that its file can be used as it is."""


def translate(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Put the keys of an IOP4 file into the words of Polarnight; leave all others alone.

    Parameters
    ----------
    values : dict
        Top-level keys of one place.

    Returns
    -------
    translated : dict
    names : dict
        The key as the user wrote it, by our dotted key, for messages.
    unused : list of str
        Keys that were dropped.
    """
    translated: dict[str, Any] = {}
    names: dict[str, str] = {}
    unused = []
    for key, value in values.items():
        if key in UNUSED:
            unused.append(key)
        elif key in _KEYS:
            path = _KEYS[key]
            names[".".join(path)] = key
            place = translated
            for part in path[:-1]:
                place = place.setdefault(part, {})
            place[path[-1]] = value
        elif isinstance(value, dict) and isinstance(translated.get(key), dict):
            translated[key] = {**translated[key], **value}
        else:
            translated[key] = value
    return translated, names, unused
