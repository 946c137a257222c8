"""What lies outside of the exports and the raw archive is not even said to be there."""

from __future__ import annotations

API = "/api/v1/ophidia/"


def told_of(client, path):
    """Return status and texts of what is told of a path, without the path."""
    got = client.get(API + "files", {"path": str(path)})
    request = {"request": f"oph_fs command=ls;dpath={path};"}
    answer = client.post(API + "submit", request, content_type="application/json").json()
    status = answer["response"]["response"][-1]["objcontent"][0]
    texts = (got.json()["detail"], status["title"], status["message"])
    return got.status_code, *(text.replace(str(path), "") for text in texts)


def test_nobody_learns_what_else_there_is(door, tmp_path):
    client = door.client("viewer")
    there, missing = tmp_path / "there", tmp_path / "never"
    there.touch()
    told = told_of(client, there)
    assert told == told_of(client, missing)
    assert told[0] == 404
    assert told[2] == "ERROR"
