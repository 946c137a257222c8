"""Commands say what a variance does not know, and count what they can."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def stacks(imported):
    """PIDs of the means of three biases, of two flats and of two objects."""

    def mean(*numbers):
        pids = [imported.server.catalogue.cubes.get(number) for number in numbers]
        listed = "|".join(imported.server.catalogue.pid(row) for row in pids)
        merged = imported.pid(f"oph_mergecubes2 cubes={listed};dim=z")
        return imported.pid(f"oph_reduce2 cube={merged};dim=z;operation=avg")

    return {"bias": mean(1, 2, 3), "flat": mean(4, 5), "object": mean(6, 7)}


def warned(response):
    return [text for text in response.warnings if "in common" in text]


def less(client, one, other, **more):
    extra = "".join(f";{key}={value}" for key, value in more.items())
    return client.ok(f"oph_intercube cube={one};cube2={other};operation=sub{extra}")


def test_a_common_bias_is_warned_of(imported, stacks):
    one = less(imported, stacks["flat"], stacks["bias"])
    two = less(imported, stacks["object"], stacks["bias"])
    assert warned(one) == warned(two) == []
    both = less(imported, one.objects[0].message, two.objects[0].message)
    assert len(warned(both)) == 1
    assert "counts its cubes as independent" in warned(both)[0]
    # It is in the header too, and is not warned of again.
    made = both.objects[0].message
    cards = imported.rows(f"oph_metadata cube={made};metadata_key=HISTORY")
    assert any("independent" in " ".join(map(str, row)) for row in cards)
    later = less(imported, made, made)
    assert warned(later) == []
    np.testing.assert_array_equal(imported.cube(later.objects[0].message).variance.compute(), 0)


def test_it_is_found_behind_what_was_computed(imported, stacks):
    one = imported.pid(f"oph_intercube cube={stacks['flat']};cube2={stacks['bias']};operation=sub")
    two = imported.pid(
        f"oph_intercube cube={stacks['object']};cube2={stacks['bias']};operation=sub"
    )
    # Reductions are computed at once: what is behind them is known to the catalogue alone.
    rows = [
        imported.pid(f"oph_aggregate2 cube={pid};dim=NAXIS1;operation=avg") for pid in (one, two)
    ]
    assert len(warned(less(imported, *rows))) == 1
    many = imported.ok(f"oph_intercube2 cubes={rows[0]}|{rows[1]};operation=avg")
    assert len(warned(many)) == 1
    biggest = imported.ok(f"oph_intercube2 cubes={rows[0]}|{rows[1]};operation=max")
    assert warned(biggest) == []


def test_noise_that_a_whole_stack_has_is_warned_of(imported, stacks):
    numbers = [imported.server.catalogue.cubes.get(n) for n in (4, 5)]
    flats = "|".join(imported.server.catalogue.pid(row) for row in numbers)
    merged = imported.pid(f"oph_mergecubes2 cubes={flats};dim=z")
    bare = imported.ok(f"oph_reduce2 cube={merged};dim=z;operation=avg")
    assert warned(bare) == []
    lessened = imported.pid(f"oph_intercube cube={merged};cube2={stacks['bias']};operation=sub")
    loud = imported.ok(f"oph_reduce2 cube={lessened};dim=z;operation=avg")
    assert len(warned(loud)) == 1
    # Subtracted while reducing, it is counted, once.
    quiet = imported.ok(f"oph_reduce2 cube={merged};dim=z;operation=avg;bias={stacks['bias']}")
    assert warned(quiet) == []
    found, wanted = (imported.cube(r.objects[0].message) for r in (quiet, loud))
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-6)
    bias = imported.cube(stacks["bias"])
    np.testing.assert_allclose(
        found.variance.compute(),
        imported.cube(bare.objects[0].message).variance.compute() + bias.variance.compute(),
        rtol=1e-5,
    )


def test_calibration_while_reducing(imported, stacks):
    rows = [imported.server.catalogue.cubes.get(number) for number in (4, 5)]
    flats = "|".join(imported.server.catalogue.pid(row) for row in rows)
    raw = [imported.values(str(number)).astype(float) for number in (4, 5)]
    merged = imported.pid(f"oph_mergecubes2 cubes={flats};dim=z")
    bias, dark = (imported.values(stacks[name]) for name in ("bias", "object"))
    command = f"oph_reduce2 cube={merged};dim=z;operation=avg"
    made = imported.pid(
        f"{command};bias={stacks['bias']};dark={stacks['object']};dark_scale=1|2;scale=0.5|0.25"
    )
    wanted = ((raw[0] - bias - dark) * 0.5 + (raw[1] - bias - dark * 2) * 0.25) / 2
    np.testing.assert_allclose(imported.values(made), wanted, rtol=1e-5)
    capped = imported.values(imported.pid(f"{command};saturation=1"))
    assert np.isnan(capped).all()
    assert "scale=a is no number" in imported.error(f"{command};scale=a")
    assert "add dark=" in imported.error(f"{command};dark_scale=2")
    assert "2 of them" in imported.error(f"{command};scale=1|2|3")
    assert "must have the dimensions" in imported.error(f"{command};bias={merged}")


def test_means_of_integers_over_several_dimensions(client):
    pixels = np.arange(24, dtype="u2").reshape(2, 3, 4)
    client.write("three.fits", pixels)
    cube = client.pid("oph_importfits src_path=three.fits;container=A;exp_dim=NAXIS2|NAXIS3")
    made = client.values(client.pid(f"oph_aggregate cube={cube};operation=avg"))
    np.testing.assert_allclose(made.ravel(), pixels.mean(axis=(0, 1)))


def test_exposures_of_a_stack(imported):
    rows = [imported.server.catalogue.cubes.get(number) for number in (1, 2, 3)]
    pids = "|".join(imported.server.catalogue.pid(row) for row in rows)
    merged = imported.pid(f"oph_mergecubes2 cubes={pids};dim=z")
    for operation, exptime in (("sum", 6.0), ("avg", 2.0)):
        made = imported.pid(f"oph_reduce2 cube={merged};dim=z;operation={operation}")
        row = imported.server.catalogue.cubes.get(made)
        cards = imported.server.workbench.metadata(row)
        assert (cards["EXPTIME"], cards["TEXPTIME"], cards["NCOMBINE"]) == (exptime, 6.0, 3)


def test_what_is_in_common_is_named_by_its_file(imported, stacks):
    # The flat is computed and stored; of the bias in it the catalogue knows only the recipe.
    net = less(imported, stacks["flat"], stacks["bias"]).objects[0].message
    flat = imported.pid(f"oph_reduce2 cube={net};dim=NAXIS1;operation=avg")
    one = less(imported, stacks["object"], stacks["bias"]).objects[0].message
    (told,) = warned(imported.ok(f"oph_intercube cube={one};cube2={flat};operation=sub"))
    source = imported.server.catalogue.cubes.get(1).source.rsplit("/", 1)[-1]
    assert f"in common {source} (reduce " in told
