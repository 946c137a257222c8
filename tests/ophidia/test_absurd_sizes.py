"""One line cannot keep the terminal busy for ever."""

from __future__ import annotations

import pytest

_CUBE = "oph_randcube container=R;measure=m;measure_type=double;dim=x|y;exp_ndim=1"


@pytest.mark.parametrize(
    "sizes",
    ["dim_size=1|999999999999;nfrag=1;ntuple=1",
     "dim_size=999999999|1000;nfrag=999999999;ntuple=1",
     "dim_size=999999999999999999|9;nfrag=999999999999999999;ntuple=1"],
)  # fmt: skip
def test_random_cubes_have_an_end(client, sizes):
    assert "at most" in client.error(f"{_CUBE};{sizes}", 8)


def test_values_of_a_giant_dimension_are_not_listed(client):
    client.ok(f"{_CUBE};dim_size=99999999|2;nfrag=1;ntuple=99999999;seed=1")
    assert "oph_subset" in client.error("oph_cubeschema level=2", 9)
    assert "oph_subset" in client.error("oph_cubeschema level=1;dim=x", 9)
    assert client.rows("oph_cubeschema level=1;dim=y") == [["1"], ["2"]]


def test_names_with_many_stars_are_looked_for_at_once(client):
    client.ok(f"oph_createcontainer container={'a' * 190};dim=x|y")
    client.ok(f"{_CUBE};dim_size=2|3;nfrag=1;ntuple=2;seed=1")
    client.ok(f"oph_metadata mode=insert;metadata_key=K;metadata_value={'a' * 5000}")
    stars = "a*" * 30 + "b"
    assert client.rows(f"oph_list container_filter={stars}") == [["f", "archive/"]]
    client.error(f"oph_reduce2 dim=x;operation=max;cube=[container={stars}]", 8)
    client.error(f"oph_reduce2 dim=x;operation=max;cube=[container={stars.replace('*', '%')}]", 8)
    assert client.rows(f"oph_search container_filter={stars}") == []
    assert client.rows(f"oph_metadata metadata_value_filter={stars.replace('*', '%')}") == []


def test_a_filter_given_many_times_counts_once(client):
    client.ok(f"{_CUBE};dim_size=2|3;nfrag=1;ntuple=2;seed=1")
    client.ok(f"{_CUBE};dim_size=2|3;nfrag=1;ntuple=2;seed=2")
    made = client.pid(f"oph_mergecubes2 dim=z;cubes={'|'.join(['[1:2]'] * 1000)}")
    assert client.cube(made).shape[0] == 2


@pytest.mark.parametrize("kind", ["index", "coord"])
def test_the_same_range_many_times_is_refused(client, kind):
    client.ok(f"{_CUBE};dim_size=2|100000;nfrag=1;ntuple=2;seed=1")
    many = ",".join(["1:100000"] * 200)
    told = client.error(f"oph_subset subset_dims=y;subset_type={kind};subset_filter={many}", 8)
    assert "name each once" in told
