"""Recipes are changed by YAML, what is printed is what runs, and only what changed is stale."""

import json
from dataclasses import fields
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from polarnight.config import load_settings
from polarnight.db import ReducedFit
from polarnight.errors import ConfigError
from polarnight.frames import Bit, ImageType, read_frame, read_provenance, recipe_key
from polarnight.instruments import classify_file
from polarnight.pipeline.groups.outcome import GroupParameters
from polarnight.pipeline.recipes import master as master_recipe
from polarnight.pipeline.recipes.book import DESCRIPTIONS, RecipeBook, default_recipes
from polarnight.pipeline.recipes.measurement import free_parameters
from polarnight.pipeline.recipes.text import yaml_text

NIGHT = "OSN-T090/2022-09-18"


@pytest.fixture
def book(tmp_path):
    """Make a book of recipes from the text of recipes.yaml, and options of the command line."""

    def make(text="", *options):
        (tmp_path / "recipes.yaml").write_text(text)
        return RecipeBook(load_settings(options=options, overrides={"datadir": tmp_path}))

    return make


def threshold(book, *place):
    return book.get("light", *place).recipe.stage("detect").threshold


def test_every_recipe_is_listed_and_every_parameter_explained():
    assert list(default_recipes()) == list(DESCRIPTIONS)
    for recipe in default_recipes().values():
        for stage in recipe.stages:
            assert stage.summary().endswith("."), stage
            assert all(entry.description for entry in stage.describe()), stage


def test_narrower_changes_win_and_the_configuration_beats_the_file(book):
    made = book(
        "all: {detect: {threshold: 2}}\n"
        "AndorT90: {detect: {threshold: 3}}\n"
        "OSN-T090/2024-04-01..2024-04-30:\n"
        "  detect: {threshold: 4}\n"
        "  AndorT90: {detect: {threshold: 5.5}}\n"
        "T090/240408: {detect: {threshold: 6}}\n"
    )
    assert threshold(made) == threshold(made, "CAFOS2.2", "CAHA-T220", "2024-04-08") == 2.0
    assert threshold(made, "AndorT90", "OSN-T090", "2024-03-31") == 3.0
    assert threshold(made, "AndorT90", "OSN-T090", date(2024, 4, 30)) == 5.5
    assert threshold(made, "RoperT90", "OSN-T090", "2024-04-30") == 4.0
    assert threshold(made, "AndorT90", "OSN-T090", "2024-04-08") == 6.0
    settled = made.get("light", "AndorT90", "OSN-T090", "2024-04-30")
    assert settled.origin("detect", "threshold").startswith("recipes.yaml, OSN-T090/2024-04-01")
    option = "recipes.AndorT90.detect.threshold=7"
    made = book("AndorT90: {detect: {threshold: 3}}", option)
    assert threshold(made, "AndorT90") == 7.0
    assert made.get("light", "AndorT90").origin("detect", "threshold").startswith("command line")


def test_a_stage_of_several_recipes_is_changed_in_one_or_in_all(book):
    made = book("combine: {nsigma: 3}\nflat: {combine: {method: median}}\n")
    combine = {name: made.get(name).recipe.stage("combine") for name in ("bias", "flat")}
    assert [(c.nsigma, c.method) for c in combine.values()] == [
        (3.0, "clipped_mean"), (3.0, "median")
    ]  # fmt: skip
    # A setting gives the value where no recipe does.
    made = book("flat: {combine: {nsigma: 3}}", "calibration.nsigma=5")
    assert made.get("flat").recipe.stage("combine").nsigma == 3.0
    assert made.get("bias").recipe.stage("combine").nsigma == 5.0
    assert made.get("bias").origin("combine", "nsigma") == "command line, calibration.nsigma"


def test_what_the_instrument_declares_is_shown_as_such(book):
    settled = book().get("association", "CAFOS2.2")
    assert settled.origin("associate", "validity_days") == "declared by CAFOS2.2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("AndorT90: {detect: {treshold: 2}}", "recipes.yaml: AndorT90 > detect > treshold: stage "
         "detect has no parameter 'treshold'; it has: max_saturated, threshold (did you mean"),
        ("2024-04-08 10:00:00: {detect: {threshold: 2}}", "is not a night; use yyyy-mm-dd"),
        ("AndorT90: {detekt: {threshold: 2}}", "'detekt' is no stage, recipe, instrument or night "
         "(did you mean detect?); stages: select, combine"),
        ("AndorT91: {detect: {threshold: 2}}", "did you mean AndorT90?"),
        ("flat: {detect: {threshold: 2}}", "recipe flat has no stage 'detect'; it has: select"),
        ("detect: {threshold: high}", "detect.threshold = 'high': expected float, such as 1.5"),
        ("detect: {threshold: .nan}", "expected float"),
        ("detect: {threshold: -1}", "must be above 0"),
        ("cosmic_rays: {search: 1}", "expected bool"),
        ("apertures: {annulus_sigma: [5]}", "expected a list of 2"),
        ("polarization: {debias: best}", "choose one of mas, wardle-kronberg, none"),
        ("detect: 2", "expected 'key: value' lines"),
        ("stages: columns.pattern", "expected a list of plug-ins"),
        ("stages: [nobody.pattern]", "the stage 'nobody.pattern' is asked for, and no installed "
         "package offers it in polarnight.stages"),
        ("OSN-T090/2024-04-30..2024-04-01: {}", "the last night comes before the first"),
        ("OSN-T090/2024-13-01: {}", "is not a night"),
        ("Hubble/2024-04-01: {}", "Hubble"),
        ("- detect", "expected 'key: value' lines"),
    ],
)  # fmt: skip
def test_mistakes_name_the_file_the_key_and_what_there_is(book, text, words):
    with pytest.raises(ConfigError) as error:
        book(text)
    assert words in str(error.value)
    assert str(error.value).startswith("recipes.yaml")


def another(entry):
    """Another value that a parameter may have."""
    value = entry.value
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return [value[0], value[1] * 1.5]
    if isinstance(value, str):
        return next(choice for choice in entry.choices if choice != value)
    return value + 1 if isinstance(value, int) else value * 0.5 + 0.01


def test_every_parameter_can_be_changed_and_changes_the_key(book):
    keys, plain = set(), book()
    for name, recipe in default_recipes().items():
        keys.add(recipe_key((), plain.get(name).key_part(), {}))
        for stage in recipe.stages:
            for entry in stage.describe():
                text = yaml.safe_dump({name: {stage.name: {entry.name: another(entry)}}})
                settled = book(text).get(name)
                keys.add(recipe_key((), settled.key_part(), {}))
                before = json.loads(json.dumps(plain.get(name).record()))
                told = settled.difference(before)
                assert told.startswith(f"parameter {stage.name}.{entry.name} changed")
                assert told.endswith(f"(recipes.yaml, {name})")
    parameters = sum(len(s.describe()) for r in default_recipes().values() for s in r.stages)
    assert len(keys) == parameters + len(DESCRIPTIONS)
    assert parameters > 45


def test_no_parameter_of_a_group_belongs_to_no_stage():
    # What is left shapes no method: where things are, and what other products give.
    assert set(free_parameters(GroupParameters())) <= {"stars", "instrumental"}


@pytest.mark.parametrize("kind", ["BIAS", "FLAT"])
def test_masters_use_the_parameters_of_their_stages_and_no_others(
    night, kind, tmp_path, monkeypatch
):
    paths = sorted(night.directory.glob(f"{kind.title()}*R.fit" if kind == "FLAT" else "Bias*"))
    infos = [classify_file(path) for path in paths]
    # A rule that no stage declares is not there.
    monkeypatch.setattr(master_recipe, "MasterRules", SimpleNamespace)
    kind = ImageType(kind)

    def levels(name, **changes):
        recipe = master_recipe.master_recipe(kind).with_parameters(changes)
        out = tmp_path / f"{name}.fits"
        job = master_recipe.MasterJob(kind, infos, paths, None, None, out, recipe, "key")
        result = master_recipe.run_master(job).result
        return read_frame(out), result

    frame, _ = levels("plain")
    # Of three frames the median is taken, whatever the method, unless as few may be clipped.
    mean, result = levels("mean", combine={"method": "mean", "min_clip": 1})
    assert np.abs(mean.data - frame.data).max() > 0
    assert any("at least 5 are recommended" in warning for warning in result.warnings)
    few = levels("few", combine={"recommended_frames": 3})[1].warnings
    assert not any("recommended" in warning for warning in few)
    if kind is ImageType.FLAT:
        low, _ = levels("low", defects={"low_flat": 0.95})
        assert np.sum(low.bits & Bit.LOW_FLAT > 0) > np.sum(frame.bits & Bit.LOW_FLAT > 0) + 100


def test_a_parameter_in_the_file_makes_stale_what_it_shaped(reduced):
    (reduced.root / "recipes.yaml").write_text("AndorT90: {detect: {threshold: 12.0}}\n")
    before = dict(ReducedFit.objects.values_list("filename", "n_detections"))
    plan = reduced.pending()
    told = "parameter detect.threshold changed 1.5 -> 12.0 (recipes.yaml, AndorT90)"
    assert plan.count(told) == 6
    assert "master" not in plan
    assert reduced.run("why", f"{NIGHT}/BLLac-0001R.fit") == 0
    assert f"STALE      frame: {told}" in reduced.out
    assert reduced.run("run", NIGHT, "--only", "reduce") == 0
    after = ReducedFit.objects.get(filename="BLLac-0001R.fit")
    assert after.n_detections < before["BLLac-0001R.fit"]
    # What is printed is what ran, and what the file says.
    assert reduced.run("recipe", "show", "light", "--instrument", "AndorT90") == 0
    line = next(line for line in reduced.out.splitlines() if line.split()[:1] == ["threshold"])
    assert line.split()[1:3] == ["12", "sigma"]
    assert line.rstrip().endswith("recipes.yaml, AndorT90")
    stages = {s.name: json.loads(s.parameters) for s in read_provenance(after.filepath).stages}
    assert stages["detect"]["threshold"] == 12.0
    assert after.provenance["recipe"]["parameters"]["detect"]["threshold"] == 12.0
    # Other nights and instruments are not meant.
    (reduced.root / "recipes.yaml").write_text(
        "RoperT90: {detect: {threshold: 1.0}}\nT090/220919: {detect: {threshold: 1.0}}\n"
        "AndorT90: {detect: {threshold: 12.0}}\n"
    )
    assert "reduce" not in reduced.pending()
    (reduced.root / "recipes.yaml").unlink()
    assert "changed 12.0 -> 1.5 (default)" in reduced.pending()


def test_what_the_first_release_kept_of_a_recipe_can_be_compared(book):
    """It knew versions by the name of the stage, and no parameters."""
    settled = book().get("light", "AndorT90")
    versions = {stage.name: stage.version for stage in settled.recipe.stages}
    assert settled.difference(versions) == ""
    del versions["window"]
    told = settled.difference({**versions, "detect": "0", "gone": "1"})
    assert "stage window is new" in told
    assert "stage gone is gone" in told
    assert f"stage detect changed from version 0 to {versions['detect']}" in told
    assert "parameter" not in told


def test_measurements_name_their_parameter_too(reduced):
    (reduced.root / "recipes.yaml").write_text("polarimetry: {polarization: {debias: none}}\n")
    plan = reduced.pending()
    assert "polarization.debias changed mas -> none (recipes.yaml, polarimetry)" in plan
    assert "1 products are not current" in plan


def test_yaml_fed_back_changes_nothing(reduced):
    for arguments in (["--instrument", "AndorT90"], []):
        assert reduced.run("recipe", "show", "--yaml", *arguments) == 0
        text = reduced.out
        assert set(next(iter(yaml.safe_load(text).values()))) == set(DESCRIPTIONS)
        (reduced.root / "recipes.yaml").write_text(text)
        assert "0 products are not current" in reduced.pending()


def test_numbers_survive_their_text(book):
    text = "solve: {radius_deg: 0.123456789012345, scale_tolerance: 1.0e-07}\n"
    settled = book(text).get("light")
    again = book(yaml_text([settled])).get("light")
    assert again.recipe == settled.recipe


def test_recipes_as_citations_and_as_a_list(archive):
    assert archive.run("recipe", "list") == 0
    assert [line.split()[0] for line in archive.out.splitlines()[1:]] == list(DESCRIPTIONS)
    assert archive.run("recipe", "show", "--citations") == 0
    assert "Plaszczynski et al. 2014, MNRAS 439, 4048  (polarimetry: polarization)" in archive.out
    assert archive.run("recipe", "show", "nothing") == 2
    assert "recipes: bias, dark, flat" in archive.err


def test_fields_of_stages_are_parameters():
    for recipe in default_recipes().values():
        for stage in recipe.stages:
            assert all("description" in entry.metadata for entry in fields(stage)), stage
