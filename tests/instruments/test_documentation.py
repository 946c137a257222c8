"""The page about plug-ins: its declarations are right, and no key is missing."""

import re
from pathlib import Path

import pytest

from polarnight.instruments.declaration import Declaration, Keywords, packaged_tables
from polarnight.instruments.generic import read_observatory

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_whole_observatory_is_whole():
    found = read_observatory(BLOCKS[0], "home.yaml")
    assert list(found.instruments) == ["HOME-CCD"]
    assert "image_type" in packaged_tables("standard.toml")["keywords"]


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_polarimeters_are_added_to_it(block):
    camera = read_observatory(BLOCKS[0] + block, "home.yaml").instruments["HOME-CCD"]
    assert camera.polarimeter is not None
    assert camera.min_angles >= 3


@pytest.mark.parametrize("name", [*Declaration.model_fields, *Keywords.model_fields])
def test_every_key_is_on_the_page(name):
    assert re.search(rf"^\| .*`\[*{name}\]*`.* \|", PAGE, re.MULTILINE), name
