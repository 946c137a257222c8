"""Logs: which there are, read from the end, whatever their length; page and API."""

from __future__ import annotations

import os

import pytest

from polarnight.config import get_settings
from polarnight.web.logs import reading
from polarnight.web.logs.files import find_log, list_logs
from polarnight.web.logs.reading import read_after, read_before

API = "/api/v1/logs/lines"


def line(n, level="INFO", text="something happened"):
    return f"2022-09-18 22:00:{n % 60:02d} {level:8} polarnight.run: {text} {n}\n"


@pytest.fixture
def log(site):
    """A log of 1000 lines, each hundredth an error with a traceback of two lines."""
    path = get_settings().data.log_file
    with path.open("w") as out:
        for n in range(1000):
            out.write(line(n, "ERROR" if n % 100 == 99 else "INFO"))
            if n % 100 == 99:
                out.write("Traceback:\n  File <b>x</b>\n")
    return path


def numbers(lines):
    return [int(one.text.rsplit(" ", 1)[1]) for one in lines.lines if "happened" in one.text]


def test_the_end_comes_first_and_the_beginning_is_reached(log):
    seen, before = [], None
    for _ in range(50):
        part = read_before(log, before, most=100)
        seen = numbers(part) + seen
        before = part.begin
        if before == 0:
            break
    assert seen == list(range(1000))


@pytest.mark.parametrize("block", [100, 333, 1 << 18])
def test_blocks_tear_no_line_apart(log, monkeypatch, block):
    monkeypatch.setattr(reading, "_BLOCK", block)
    assert numbers(read_before(log, most=5000)) == list(range(1000))
    # A traceback keeps the level of its error, wherever the block began.
    errors = read_before(log, most=5000, levels=["ERROR"])
    assert len(errors.lines) == 30
    assert numbers(errors) == list(range(99, 1000, 100))


def test_filters(log):
    assert numbers(read_before(log, text="HAPPENED 99")) == [99, *range(990, 1000)]
    assert read_before(log, levels=["DEBUG"]).lines == []
    found = read_before(log, text="<b>", levels=["ERROR"])
    assert [one.text for one in found.lines] == ["  File <b>x</b>"] * 10


def test_new_lines_follow(log):
    end = read_before(log).end
    assert read_after(log, end).lines == []
    with log.open("a") as out:
        out.write(line(1000) + "half a li")
    part = read_after(log, end)
    assert numbers(part) == [1000]
    with log.open("a") as out:
        out.write("ne\n")
    assert [one.text for one in read_after(log, part.end).lines] == ["half a line"]
    few = read_after(log, 0, most=3)
    assert numbers(few) == [0, 1, 2]
    assert numbers(read_after(log, few.end, most=2)) == [3, 4]
    log.write_text(line(7))  # begun anew
    assert numbers(read_after(log, end)) == [7]


def test_a_hundred_megabytes_are_not_read(site):
    path = get_settings().data.logs / "huge.log"
    chunk = "".join(line(n) for n in range(10_000)).encode()
    with path.open("wb") as out:
        while out.tell() < 100_000_000:
            out.write(chunk)
    part = read_before(path, most=500)
    assert len(part.lines) == 500
    assert part.size - part.begin < 300_000
    nothing = read_before(path, text="never there")
    assert nothing.lines == []
    assert 0 < nothing.begin < part.size - 10_000_000  # gave up, and says where to go on


@pytest.mark.parametrize(
    "content", [b"", b"\n\n\n", b"x" * 1_000_000, b"\xff\xfe\x00\x01\n", b"a\r\nb", b"\n" * 700_000]
)
def test_odd_files(site, content):
    path = get_settings().data.logs / "odd.log"
    path.write_bytes(content)
    before = None
    for _ in range(4000):
        part = read_before(path, before, most=5000)
        assert all(len(one.text) <= 4001 for one in part.lines)
        if part.begin == 0:
            break
        assert before is None or part.begin < before
        before = part.begin
    else:
        pytest.fail("the beginning is never reached")


def test_only_files_of_the_list_are_found(site, tmp_path):
    data = get_settings().data
    (data.logs / "jobs").mkdir(parents=True)
    for name in ("a.log", "jobs/1.log", "secret.key", "jobs/x.sh"):
        (data.logs / name).write_text("x\n")
    outside = tmp_path / "outside.log"
    outside.write_text("secret")
    (data.logs / "link.log").symlink_to(outside)
    (data.logs / "linked").symlink_to(tmp_path)
    os.mkfifo(data.logs / "pipe.log")
    assert {file.name for file in list_logs()} == {"a.log", "jobs/1.log"}
    for name in ("../outside.log", str(outside), "link.log", "linked/outside.log", "pipe.log",
                 "./a.log", "jobs/../a.log", "", "a.log\x00", "a.log/"):  # fmt: skip
        assert find_log(name) is None, name
    assert find_log("jobs/1.log").path == data.logs / "jobs" / "1.log"


def test_a_log_that_becomes_a_link_is_not_followed(site, tmp_path):
    path = get_settings().data.logs / "a.log"
    path.write_text("x")
    (tmp_path / "secret").write_text("secret")
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic link"):
        read_before(path)


def test_the_page(site, log):
    (get_settings().data.logs / "other.log").write_text("x\n")
    client = site.client("operator")
    page = client.get("/logs/?log_file=other.log&level=ERROR&text=%3Cb%3E").content.decode()
    assert '<option value="other.log" selected>' in page
    assert 'value="ERROR" checked' in page
    assert 'value="&lt;b&gt;"' in page
    old = client.get("/logs/?log_file=/somewhere/logs/other.log").content.decode()
    assert '<option value="other.log" selected>' in old
    missing = client.get("/logs/?log_file=../../etc/passwd")
    assert missing.status_code == 404
    assert str(site.root) not in missing.content.decode()
    assert site.client("observer").get("/logs/").status_code == 403


def test_the_api(site, log):
    client = site.client("operator")
    names = [one["name"] for one in client.get("/api/v1/logs").json()]
    assert names == ["polarnight.log"]
    answer = client.get(API, {"name": names[0], "limit": 2, "level": ["ERROR"], "text": "happened"})
    assert [one["level"] for one in answer.json()["lines"]] == ["ERROR", "ERROR"]
    older = client.get(API, {"name": names[0], "limit": 1, "before": answer.json()["begin"]})
    assert older.json()["lines"][0]["at"] < answer.json()["begin"]
    assert client.get(API, {"name": "x.log"}).status_code == 404
    assert client.get(API, {"name": names[0], "level": "LOUD"}).status_code == 422
    assert client.get(API, {"name": names[0], "before": 10**30}).status_code == 422
    assert site.client("observer").get(API, {"name": names[0]}).status_code == 403
