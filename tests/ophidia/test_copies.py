"""Frames that are there twice, such as after a second import."""

import numpy as np
import pytest


@pytest.mark.parametrize("command", ["oph_mergecubes2 dim=z;", "oph_mergecubes mode=a;"])
def test_a_stack_tells_of_copies(client, command):
    rng = np.random.default_rng(4)
    for number in range(5):
        client.write(f"bias{number}.fits", rng.integers(90, 110, (3, 4)).astype("u2"))
    for _ in range(2):
        client.ok("oph_importfits src_path=[path=/;file=bias*.fits];container=B")
    alone = client.ok(f"{command}cubes=[1:5]")
    assert not [text for text in alone.warnings if "copies" in text]
    both = client.ok(f"{command}cubes=[container=B;level=0]")
    (told,) = [text for text in both.warnings if "copies" in text]
    assert "5 of 10 cubes are copies of others (6 is 1, 7 is 2, 8 is 3, ...)" in told


def test_one_cube_taken_several_times_is_no_copy(client):
    client.write("bias.fits", np.arange(12, dtype="u2").reshape(3, 4))
    client.ok("oph_importfits src_path=bias.fits;container=B")
    made = client.ok("oph_mergecubes2 cubes=1;dim=z;number=3")
    assert not [text for text in made.warnings if "copies" in text]
