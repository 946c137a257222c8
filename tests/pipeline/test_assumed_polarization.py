"""Constants that nobody measured with the instrument are risky until standards replace them."""

import pytest

from polarnight.pipeline.polarization.calibrations import DECLARED, calibration_for


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("instrument", "measured"),
    [("AndorT90", True), ("CAFOS2.2", True), ("DIPOL", True), ("RoperT90", False),
     ("AndorT150", False)],
)  # fmt: skip
def test_declared_constants_say_whether_they_are_measured(instrument, measured):
    choice = calibration_for(instrument, "R", 2459841.5)
    assert (choice.level, choice.measured, choice.risky) == (DECLARED, measured, not measured)
    assert choice.reason.startswith(f"constants declared for {instrument} (")
    if not measured:
        assert "assumed" in choice.reason or "not calibrated" in choice.reason
