"""What the door says of cubes whose files changed, and of files that it wrote itself."""

import numpy as np


def test_provenance_warns_of_what_changed(imported):
    view = imported.pid("oph_importfits src_path=/fits-raw/LRS.002.fits;measure=image")
    made = imported.pid(
        f"oph_apply cube={view};query=oph_sum_scalar('oph_float','oph_float',measure,1)"
    )
    assert imported.ok(f"oph_cubeio cube={made}").warnings == []
    imported.write("fits-raw/LRS.002.fits", np.zeros((60, 80), np.uint16))
    for pid in (view, made):
        (said,) = imported.ok(f"oph_cubeio cube={pid}").warnings
        assert said.startswith("stale: ")
        assert "LRS.002.fits has " in said


def test_an_exported_cube_is_not_raw_when_it_is_imported(imported):
    view = imported.pid("oph_importfits src_path=/fits-raw/LRS.002.fits;measure=image")
    made = imported.pid(
        f"oph_apply cube={view};query=oph_sum_scalar('oph_float','oph_float',measure,1)"
    )
    cube = imported.cube(made)
    cube.to_fits(imported.root / "made.fits")
    again = imported.pid("oph_importfits src_path=/made.fits;measure=image")
    row = imported.server.catalogue.cubes.get(again)
    assert row.level == cube.level > 0
    assert row.parents == [cube.key]
    assert imported.server.catalogue.cubes.get(view).level == 0
