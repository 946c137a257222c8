"""oph_master: masters of calibration frames as the pipeline makes them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.ophidia.answers.response import Grid, Text
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
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.files.paths import products
from polarnight.ophidia.language.arguments import Argument, cubes
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.calibration import CalibrationGroup, MasterRules

__all__ = ["MasterFrames"]


@operator
class MasterFrames(Operator):
    """Masters of calibration frames."""

    name = "oph_master"
    title = "Make master biases, darks and flats as the pipeline does."
    text = (
        "One for each group of frames that belong together: kind, night, size, binning, filter "
        "and the like. Odd frames are left out, bias and dark subtracted, defects marked, errors "
        "carried. cubes=[path=/archive/<telescope>/<night>] makes all of a night; other frames "
        "among the cubes are passed over. The pixels are those of the pipeline, to the last bit."
    )
    arguments = (
        cubes(),
        Argument("kind", "enum", "all", choices=("all", *KINDS), help="Kind of masters to make."),
        *MASTERS[:2],
        CANDIDATES,
        Argument("method", "enum", "auto",
                 choices=("auto", "median", "mean", "clipped_mean", "clipped_median"),
                 help="How frames are combined; auto is as the settings say."),
        Argument("nsigma", "float", "auto", words=("auto",), minimum=0.1,
                 help="Limit of clipping, in robust sigmas."),
        Argument("max_iterations", "int", "auto", words=("auto",), minimum=0,
                 help="Rounds of clipping at most."),
        *PLACE,
    )  # fmt: skip
    objects = ("master", "master_list")
    extension = True

    def run(self, given: Given, context: Context) -> Answer:
        """Make them: biases first, then darks, then flats."""
        from polarnight.calibration import group_calibrations
        from polarnight.instruments import get_instrument

        frames = raw_frames(context.rows(given["cubes"]), context)
        by_name = {(frame.info.night, frame.info.filename): frame for frame in frames}
        choice = MasterChoice.of({**given, "flat": "none"}, context)
        groups: list[CalibrationGroup] = []
        for name in sorted({frame.info.instrument for frame in frames}):
            own = [frame.info for frame in frames if frame.info.instrument == name]
            groups += group_calibrations(own, flat_angles=get_instrument(name).flat_angles)
        order = list(KINDS.values())
        groups = [g for g in groups if given["kind"] in {"all", str(g.kind).lower()}]
        groups.sort(key=lambda group: order.index(group.kind))
        if not groups:
            msg = f"{self.name}: there are no calibration frames among the {len(frames)} raw ones"
            raise BadValue(msg, "biases, darks and flats are told by their headers")
        answer = Answer(warnings=changed_recipes(context))
        rows = []
        for number, group in enumerate(groups):
            context.check()
            context.progress(f"{self.name}: {group}", number / len(groups))
            members = [by_name[info.night, info.filename] for info in group.infos]
            path, warnings = self._make(group, members, choice, given, context)
            inputs = [frame.row for frame in members]
            made = show_product(path, given, inputs, context, str(group))
            row = context.row(str(made.cube))
            # What was just made serves what comes next: biases for darks, both for flats.
            choice.made.append(Master.of_row(row, context))
            answer.cubes += made.cubes
            answer.warnings += [*made.warnings, *warnings]
            rows.append((made.cube, str(group.kind), str(group), len(members)))
        answer.cube = answer.cubes[-1]
        answer.objects = [
            Text("master", "Output Cube", answer.cube),
            Grid("master_list", "Masters", ("OUTPUT", "KIND", "GROUP", "FRAMES"), rows),
        ]
        return answer

    def _make(
        self,
        group: CalibrationGroup,
        members: list[RawFrame],
        choice: MasterChoice,
        given: Given,
        context: Context,
    ) -> tuple[Path, list[str]]:
        """Make the master of a group, or find the one made before of the same."""
        from polarnight.calibration import group_recipe_key
        from polarnight.calibration.master_file import write_master
        from polarnight.calibration.master_keys import MASTER_VERSION
        from polarnight.calibration.masters import (
            MasterGroup,
            combine_frames,
            mark_defects,
            select_frames,
        )
        from polarnight.frames import ImageType, StageRecord
        from polarnight.instruments import get_instrument

        first = group.infos[0]
        bias = dark = None
        if group.kind is not ImageType.BIAS:
            bias = choice.choose(first, "bias")
        if group.kind is ImageType.FLAT:
            dark = choice.choose(first, "dark")
        rules = self._rules(first.instrument, given, context)
        paths = [frame.path for frame in members]
        known = input_keys([*paths, *(m.path for m in (bias, dark) if m)], self.name)
        key = group_recipe_key(
            group.kind,
            group.infos,
            paths,
            bias=bias.path if bias else None,
            dark=dark.path if dark else None,
            recipe={"rules": rules.to_dict(), "version": MASTER_VERSION},
            keys=known,
        )
        out = products(context.settings) / f"master{str(group.kind).lower()}-{key[:24]}.fits"
        if out.is_file():
            return out, []
        loaded = MasterGroup.load(
            group.kind,
            group.infos,
            paths,
            bias=bias.path if bias else None,
            dark=dark.path if dark else None,
            corner_windows=get_instrument(first.instrument).windows,
        )
        chosen = select_frames(loaded, rules)
        stacked = combine_frames(loaded, chosen, rules)
        bits = mark_defects(group.kind, stacked, rules)
        stage = StageRecord(
            f"master{str(group.kind).lower()}", MASTER_VERSION, json.dumps(rules.to_dict())
        )
        result = write_master(
            out, loaded, chosen, stacked, bits, stages=(stage,), recipe_key=key,
            recommended_frames=rules.recommended_frames, keys=known,
        )  # fmt: skip
        return out, result.warnings

    def _rules(self, instrument: str, given: Given, context: Context) -> MasterRules:
        from polarnight.calibration import MasterRules
        from polarnight.instruments import get_instrument

        calibration = context.settings.calibration
        rules = MasterRules(
            method=calibration.combine,
            nsigma=calibration.nsigma,
            max_iterations=calibration.max_iterations,
            recommended_frames=calibration.recommended_frames,
            low_flat=get_instrument(instrument).low_flat,
        )
        asked = {
            name: given[name]
            for name in ("method", "nsigma", "max_iterations")
            if given[name] != "auto"
        }
        return replace(rules, **asked)
