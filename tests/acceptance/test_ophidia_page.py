"""The page on the Ophidia door is run as it is printed."""

from pathlib import Path

import pytest
from told_page import Reader, blocks, difference

PAGE = Path(__file__).parents[2] / "docs" / "ophidia.md"


@pytest.mark.slow
def test_the_page_is_what_the_commands_print(tmp_path):
    reader, count = Reader(tmp_path), 0
    for block in blocks(PAGE.read_text()):
        for command, expected, status, told in reader.follow(block):
            assert status == expected, f"$ {command.shown}\n{told}"
            wrong = difference(command.expected, told)
            assert not wrong, f"$ {command.shown}\n{wrong}; it prints now:\n{told}"
            count += 1
    assert count == 15
