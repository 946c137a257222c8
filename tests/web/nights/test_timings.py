"""How long a night took: kept by the pipeline, on its page and in the API."""

from __future__ import annotations

from polarnight.pipeline.timings import STAGES, Timings

NIGHT = "OSN-T090/2022-09-18"


def test_stages_are_summed_and_the_slowest_named():
    timings = Timings()
    for number, seconds in enumerate((1.0, 4.0, 2.0, 3.0)):
        timings.add(NIGHT, "astrometry", seconds, f"{number}.fit")
    timings.of("elsewhere", "masters")(9.0, "other")
    kept = timings.merged(NIGHT, {})
    assert list(kept) == ["astrometry"]
    stage = kept["astrometry"]
    assert (stage["seconds"], stage["pieces"]) == (10.0, 4)
    assert stage["slowest"] == [["1.fit", 4.0], ["3.fit", 3.0], ["2.fit", 2.0]]


def test_a_stage_with_nothing_to_do_keeps_its_last_timing():
    first, second = Timings(), Timings()
    first.add(NIGHT, "masters", 5.0, "bias")
    first.add(NIGHT, "photometry", 2.0, "a.fit")
    report = {"timings": first.merged(NIGHT, None)}
    second.add(NIGHT, "photometry", 3.0, "b.fit")
    kept = second.merged(NIGHT, report)
    assert kept["masters"] == report["timings"]["masters"]
    assert kept["photometry"]["slowest"] == [["b.fit", 3.0]]


def test_a_reduced_night_tells_what_each_stage_and_frame_took(demo):
    client = demo.client("viewer")
    told = client.get(f"/api/v1/nights/{NIGHT}/timings").json()
    stages = {row["stage"]: row for row in told["stages"]}
    assert list(stages) == [name for name in STAGES if name in stages]
    assert {"ingest", "masters", "calibration", "astrometry"} <= set(stages)
    assert all(row["pieces"] > 0 and row["seconds"] > 0 for row in stages.values())
    assert told["seconds"] > 0
    frames = told["frames"]
    assert frames
    for times in frames.values():
        assert times["astrometry"] > 0
    for name, seconds in stages["astrometry"]["slowest"]:
        assert abs(frames[name]["astrometry"] - seconds) < 0.01
    page = client.get(f"/nights/{NIGHT}/").content.decode()
    assert 'id="timings"' in page
    assert f"<code>{stages['masters']['slowest'][0][0]}</code>" in page
