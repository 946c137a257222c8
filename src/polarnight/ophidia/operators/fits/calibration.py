"""oph_calibrate: raw frames calibrated as the pipeline does it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from polarnight.ophidia.calibration.calibrating import (
    KINDS,
    Master,
    MasterChoice,
    RawFrame,
    changed_recipes,
    input_keys,
    raw_frames,
)
from polarnight.ophidia.calibration.parts import CANDIDATES, MASTERS, PLACE, show_product
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.files.paths import products
from polarnight.ophidia.language.arguments import Argument, cube, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["Calibrate"]


@operator
class Calibrate(Operator):
    """Raw frames calibrated."""

    name = "oph_calibrate"
    title = "Calibrate a raw frame as the pipeline does."
    text = (
        "Overscan, bias and dark subtracted, divided by the flat; variances from gain, read "
        "noise, signal and masters; bits of bad and saturated pixels and of cosmic rays; cut to "
        "the part that holds light. cube=[path=/archive/<telescope>/<night>;level=0;"
        "metadata_key=...] does it for many. The pixels are those of the pipeline, to the last "
        "bit."
    )
    arguments = (
        cube(),
        *MASTERS,
        CANDIDATES,
        Argument("cosmic_rays", "enum", "auto", choices=("auto", "yes", "no"),
                 help="Look for cosmic rays; auto is as the settings say."),
        Argument("allow_missing", "enum", "auto", choices=("auto", "yes", "no"),
                 help="Go on, flagged, where a master is missing; auto is as the settings say."),
        Argument("low_flat", "float", "auto", words=("auto",), minimum=0, maximum=1,
                 help="Pixels below this value of the flat are marked."),
        Argument("edge", "int", "auto", words=("auto",), minimum=0,
                 help="Width of the border that is marked, pixels."),
        yes_no("interpolate", False, "Replace unusable pixels by their neighbours, marked."),
        *PLACE,
    )  # fmt: skip
    objects = ("calibrate",)
    extension = True
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Calibrate one."""
        from polarnight.frames import ImageType

        row = context.row(given["cube"])
        found = raw_frames([row], context)
        if not found:
            msg = f"{self.name}: {given['cube']} is no raw frame in use"
            raise BadValue(msg, "name a cube of level 0")
        frame = found[0]
        if frame.info.imgtype is not ImageType.LIGHT:
            msg = f"{self.name}: {frame.path.name} is a {str(frame.info.imgtype).lower()} frame"
            raise BadValue(msg, "oph_master makes masters of these")
        choice = MasterChoice.of(given, context)
        needed = self._needed(frame)
        masters = {name: choice.choose(frame.info, name) for name in KINDS if name in needed}
        chosen = {name: master for name, master in masters.items() if master is not None}
        path = self._make(frame, chosen, given, context)
        told = ", ".join(f"{name} {one.path.name}" for name, one in chosen.items()) or "no masters"
        inputs = [row, *(one.row for one in chosen.values() if one.row is not None)]
        answer = show_product(path, given, inputs, context, f"calibrated with {told}")
        answer.warnings += changed_recipes(context)
        return answer

    def _needed(self, frame: RawFrame) -> set[str]:
        from polarnight.instruments import get_instrument

        wanted = get_instrument(frame.info.instrument).required_masters(frame.info)
        return {name for name, kind in KINDS.items() if kind in wanted}

    def _make(
        self, frame: RawFrame, masters: dict[str, Master], given: Given, context: Context
    ) -> Path:
        """Write the calibrated frame, or find the one made before of the same."""
        from polarnight.calibration import CosmicRayRules, ReduceRules, reduce_frame
        from polarnight.calibration.reduction import REDUCE_VERSION, mark_cosmic_rays
        from polarnight.frames import (
            InputRecord,
            Provenance,
            StageRecord,
            recipe_key,
            write_frame,
        )
        from polarnight.instruments import get_instrument

        plugin = get_instrument(frame.info.instrument)
        calibration = context.settings.calibration
        allow = _yes(given["allow_missing"], calibration.allow_missing)
        rules = ReduceRules(
            low_flat=plugin.low_flat if given["low_flat"] == "auto" else given["low_flat"],
            edge=plugin.edge if given["edge"] == "auto" else given["edge"],
            allow_missing=allow,
        )
        search = _yes(given["cosmic_rays"], calibration.cosmic_rays)
        interpolate = given["interpolate"] == "yes"
        known = input_keys([frame.path, *(one.path for one in masters.values())], self.name)
        parameters: dict[str, Any] = {
            "info": json.dumps(frame.info.to_dict(), sort_keys=True),
            "rules": rules.to_dict(),
            "cosmic_rays": search,
            "interpolate": interpolate,
        }
        roles = {"raw": frame.path, **{name: one.path for name, one in masters.items()}}
        keys = {role: known[str(path)] for role, path in roles.items()}
        key = recipe_key(keys, parameters, {"reduce": REDUCE_VERSION})
        out = products(context.settings) / f"{frame.path.stem[:80]}-{key[:24]}.fits"
        if out.is_file():
            return out
        made = reduce_frame(
            frame.path,
            frame.info,
            **{name: one.path for name, one in masters.items()},
            required=plugin.required_masters(frame.info),
            cosmic_rays=False,
            rules=rules,
            corner_windows=plugin.windows,
        )
        if search:
            made, figures = mark_cosmic_rays(made, CosmicRayRules())
            made = made.replace(meta={**made.meta, "cosmic_rays": figures})
        if interpolate:
            from polarnight.calibration.interpolation import interpolate_unusable

            made = interpolate_unusable(made)
        records = tuple(
            InputRecord(path.name, "raw" if role == "raw" else f"master{role}", keys[role])
            for role, path in roles.items()
        )
        stages = (StageRecord("calibrate", REDUCE_VERSION, json.dumps(rules.to_dict())),)
        try:
            write_frame(out, made, provenance=Provenance(records, stages, key))
        except OSError as error:
            msg = f"{self.name}: {out} cannot be written: {error.strerror}"
            raise OperatorFailed(msg) from error
        return out


def _yes(text: str, default: bool) -> bool:
    return default if text == "auto" else text == "yes"
