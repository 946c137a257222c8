"""What people paste."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polarnight.ophidia.errors import OphidiaError, UnknownArgument, UnknownOperator
from polarnight.ophidia.language.tolerant import join_lines, read_command, split_commands

IMPORT = {
    "src_path": "[path=/data/INDIGO-FITS/fits-raw;file=LRS.2016-06-06T20-30-03.925.fits]",
    "measure": "mymeasure",
    "exp_dim": "NAXIS1",
    "imp_dim": "NAXIS2",
    "container": "FITS2",
}
PRINTED = """oph importfits src path=[path=/data/INDIGO-FITS/fits-raw;
file=LRS.2016-06-06T20-30-03.925.fits];measure=mymeasure;
exp dim=NAXIS1;imp dim=NAXIS2;container=FITS2"""


def _error(call):
    """Return the error that a call ends with; anything but ours goes on."""
    try:
        call()
    except OphidiaError as error:
        return error
    return None


def test_the_import_of_the_tutorial_as_printed():
    command = read_command(PRINTED)
    assert command.operator == "oph_importfits"
    assert command.arguments == IMPORT
    assert "src path read as src_path" in command.repairs


def test_the_other_commands_of_the_tutorial():
    command = read_command(
        "    oph_metadata mode=read;cube=https://ophidialab.cmcc.it/ophidia/270/62104;\n"
        "    metadata_key=FLT_ID;metadata_type=text;metadata_value=test_text;"
    )
    assert command.arguments == {
        "mode": "read",
        "cube": "https://ophidialab.cmcc.it/ophidia/270/62104",
        "metadata_key": "FLT_ID",
        "metadata_type": "text",
        "metadata_value": "test_text",
    }
    assert command.repairs == ()


@pytest.mark.parametrize(
    "text",
    [
        "oph_importfits src path=a.fits;exp dim=NAXIS1",
        "oph importfits srcpath=a.fits;exp-dim=NAXIS1;",
        "[26..8005] >> oph_importfits src_path=a.fits;exp_dim=NAXIS1",
        "oph_importfits \\\n  src_path=a.fits;\\\n exp_dim=NAXIS1",
        "oph\u00a0importfits\u00a0src\u00a0path=a.fits;exp dim=NAXIS1",
        "importfits src_path=a.fits;exp_dim=NAXIS1",
        "oph_importfits src_path=\u201ca.fits\u201d;exp_dim=NAXIS1",
    ],
)
def test_other_ways_to_break_a_command(text):
    command = read_command(text)
    assert command.operator == "oph_importfits"
    assert command.arguments == {"src_path": "a.fits", "exp_dim": "NAXIS1"}


def test_names_that_are_no_argument_stay_for_the_warning():
    assert read_command("oph_list ndbms=1;levl=2").arguments == {"ndbms": "1", "levl": "2"}


def test_a_lost_semicolon_is_not_swallowed():
    with pytest.raises(UnknownArgument) as caught:
        read_command("oph_metadata mode=read cube=http://x/1/2;")
    assert "type: oph_metadata mode=read;cube=http://x/1/2;" in str(caught.value)


def test_free_text_may_hold_what_looks_like_an_argument():
    text = "oph_createcontainer container=a;dim=x;description=taken with level=2;"
    assert read_command(text).arguments["description"] == "taken with level=2"


def test_unknown_operators_get_the_nearest_name():
    with pytest.raises(UnknownOperator, match="did you mean oph_importfits"):
        read_command("oph_importfit src_path=a")


def test_broken_values_are_joined_without_space():
    assert (
        join_lines("oph_x a=/data/\nfits;b=1|\n2;c=[d\n;e]") == "oph_x a=/data/fits;b=1|2;c=[d;e]"
    )
    assert join_lines("oph_x description=two\nwords") == "oph_x description=two words"


def test_a_page_of_commands_is_taken_apart():
    page = f"""
    pdd
    lsd
    oph_createcontainer container=FITS2;dim=NAXIS2|NAXIS1;dim_type=int|int;
    {PRINTED}
    ll
    oph_delete cube=[3:5]
    """
    found = split_commands(page, {"pdd", "lsd", "ll"})
    assert [text.split()[0] for text in found] == [
        "pdd",
        "lsd",
        "oph_createcontainer",
        "oph",
        "ll",
        "oph_delete",
    ]
    assert read_command(found[3]).arguments == IMPORT


@given(st.text(max_size=120))
def test_any_text_is_a_command_or_a_clear_error(text):
    error = _error(lambda: read_command(text))
    assert error is None or str(error)


@given(st.text(st.sampled_from("oph_importfits src path=;[]|\n'\"NAXIS12/.*"), max_size=80))
def test_lines_of_the_characters_of_commands_too(text):
    error = _error(lambda: read_command(f"oph importfits {text}"))
    assert error is None or str(error)
