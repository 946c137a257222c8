"""Lists of 100,000 rows are usable."""

from __future__ import annotations

import time

import pytest

from polarnight.db import Epoch, RawFit

N = 100_000


@pytest.mark.slow
def test_lists_of_a_hundred_thousand_frames(site):
    epoch = Epoch.create("OSN-T090/2022-09-18")
    rows = (
        RawFit(epoch=epoch, filename=f"{'a' * 60}-{n:06d}R.fit", instrument="x", imgtype="LIGHT")
        for n in range(N)
    )
    RawFit.objects.bulk_create(rows, batch_size=2000)
    client = site.client("admin")
    client.get("/admin/polarnight/rawfit/")
    for query in (
        "", "p=500", "flags=ERROR", "imgsize_is=1x1", r"filename=0999\d\dR", "o=-4",
        "filename=a*a*[ab]c",  # the worst that is taken: given up after five seconds
    ):  # fmt: skip
        began = time.perf_counter()
        answer = client.get(f"/admin/polarnight/rawfit/?{query}")
        took = time.perf_counter() - began
        print(f"{query or 'all'}: {1000 * took:.0f} ms")
        assert answer.status_code == 200
        assert len(answer.content) < 1_000_000
