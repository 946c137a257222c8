"""Search of cards over many cubes: how long the answers take, and how large the database is.

A database of its own is made in a temporary folder (or in PostgreSQL, by --url), filled with
nights of made-up headers, and asked. Times are the best and the median of several rounds, in
milliseconds, of everything between the question and a list of PIDs in Python; "work" is the
time of this process on a processor, which says most on a busy machine (of SQLite, which runs
inside the process). "count" and "page" are the medians of the number of the cubes alone, and of
the first 50.

    python benchmarks/metadata.py [--cubes 100000] [--cards 40] [--rounds 7] [--url postgresql://...]
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

PER_NIGHT = 250
FILTERS = ("OPEN", "B_JOHN_10", "V_JOHN_11", "R_JOHN_12", "I_JOHN_13")


def headers(cubes: int, cards: int) -> Iterator[list[tuple[str, object, str]]]:
    """Yield headers as cameras write them: a third of the values are a frame's own."""
    dice = random.Random(20160606)
    for number in range(cubes):
        kind = ("FLAT", "BIAS", "OBJECT", "OBJECT")[number % 4]
        night, frame = divmod(number, PER_NIGHT)
        moment = f"{2000 + night // 336:04d}-{night // 28 % 12 + 1:02d}-{night % 28 + 1:02d}"
        moment += f"T{frame // 60:02d}:{frame % 60:02d}:{dice.random() * 60:06.3f}"
        own: list[tuple[str, object, str]] = [
            ("DATE-OBS", moment, "start of the exposure, UTC"),
            ("FILENAME", f"LRS.{moment}.fits", "as archived"),
            ("MJD-OBS", 51544.0 + number / 250, "d"),
            ("AIRMASS", round(1 + dice.random(), 4), ""),
            ("CCDTEMP", round(dice.gauss(-100, 0.5), 2), "degrees"),
            ("FOCUS", round(dice.gauss(2.0, 0.05), 3), "mm"),
            ("RA", round(dice.random() * 360, 5), "deg"),
            ("DEC", round(dice.random() * 180 - 90, 5), "deg"),
            ("ROT", round(dice.random() * 360, 1), "deg"),
        ]
        shared: list[tuple[str, object, str]] = [
            ("OBS-TYPE", kind, "type of the exposure"),
            ("FLT_ID", FILTERS[0 if kind == "BIAS" else dice.randrange(len(FILTERS))], "filter"),
            ("EXPTIME", 0.0 if kind == "BIAS" else float(dice.randrange(1, 121)), "s"),
            ("OBJECT", f"NGC {number % 997}" if kind == "OBJECT" else kind.lower(), "name"),
            ("OBSERVER", f"observer {night % 40}", ""),
            ("SHUTTER", kind != "BIAS", "open"),
            ("NAXIS1", 2048, ""),
            ("GAIN", 0.97, "e/ADU"),
        ]
        if number == cubes // 2:
            shared.append(("OBJECT", "SN 2016abc", "name"))
        rest = range(cards - len(own) - len(shared))
        shared += [(f"TEL{i:04d}", f"state {(number + i) % 7}", "of the telescope") for i in rest]
        yield own + shared


def fill(catalogue: object, session: object, cubes: int, cards: int) -> float:
    """Take the cubes in, a container for each night; return the seconds that it took."""
    from polarnight.db.cubes import CubeDescription, DimensionDescription
    from polarnight.frames.cards import Card

    dims = (DimensionDescription("NAXIS2", 2048), DimensionDescription("NAXIS1", 2048))
    spent = 0.0
    night: list[CubeDescription] = []
    container = None
    for number, header in enumerate(headers(cubes, cards)):
        night.append(
            CubeDescription(
                "image",
                "short",
                dims,
                key=f"{number:064x}",
                recipe={"operation": "open_fits", "path": f"raw/{number}.fits", "version": 1},
                source=f"raw/{number}.fits",
                cards=[Card(*card) for card in header],
            )
        )
        if len(night) == PER_NIGHT or number == cubes - 1:
            start = time.perf_counter()
            container = catalogue.containers.create(session, f"night{number // PER_NIGHT}")
            catalogue.cubes.add_many(container, night)
            spent += time.perf_counter() - start
            night = []
    return spent


def questions() -> list[tuple[str, dict[str, object]]]:
    """Return what is asked: a title, and the arguments of the filter."""
    from polarnight.db.cubes.matching import Term
    from polarnight.db.cubes.scope import Scope

    night = Scope("/night7")
    filters = [Term.parse("FLT_ID=B_JOHN_10"), Term.parse("OBS_TYPE=FLAT")]
    return [
        ("one key exact, rare", {"terms": [Term.parse("OBJECT=SN 2016abc")]}),
        ("one key exact, 25 %", {"terms": [Term.parse("OBS_TYPE=FLAT")]}),
        ("the same, limit 100", {"terms": [Term.parse("OBS_TYPE=FLAT")], "limit": 100}),
        ("the same, one container", {"terms": [Term.parse("OBS_TYPE=FLAT")], "scope": night}),
        ("the same, all by their folder", {"terms": filters[1:], "scope": Scope("/")}),
        ("AND of two keys, 5 %", {"terms": filters}),
        ("the same, one container", {"terms": filters, "scope": night}),
        ("AND of three keys", {"terms": [*filters, Term.parse("EXPTIME>30")]}),
        ("not equal", {"terms": [Term.parse("FLT_ID!=OPEN"), Term.parse("OBS-TYPE=FLAT")]}),
        ("substring, rare", {"terms": [Term.dialect("OBJECT", "2016a", like=False)]}),
        ("substring, 12 %", {"terms": [Term.dialect("FLT_ID", "V_JOHN", like=False)]}),
        ("substring of unique values", {"terms": [Term.dialect("FILENAME", "T03:2", like=False)]}),
        ("LIKE on the key (OBS_TYPE)", {"terms": [Term.dialect("OBS%TYPE", "FLAT", like=True)]}),
        ("LIKE on 23 keys", {"terms": [Term.dialect("TEL%", "state 3", like=True)], "limit": 100}),
        ("any key, substring", {"terms": [Term.dialect("all", "SN 2016", like=True)]}),
        ("wildcard B_JOHN_*", {"terms": [Term.parse("FLT_ID=B_JOHN_*")]}),
        ("EXPTIME>30, 55 %", {"terms": [Term.parse("EXPTIME>30")]}),
        ("EXPTIME>119, 0.6 %", {"terms": [Term.parse("EXPTIME>119")]}),
        ("unique numbers, AIRMASS>1.9", {"terms": [Term.parse("AIRMASS>1.9")]}),
        ("unique numbers, AIRMASS>1.5", {"terms": [Term.parse("AIRMASS>1.5")]}),
        ("one date, DATE-OBS", {"terms": [Term.parse("DATE-OBS=2000-06-06*")]}),
        ("later than a date, 10 %", {"terms": [Term.parse("DATE-OBS>2001-02-10")]}),
        ("nothing found", {"terms": [Term.parse("OBS-TYPE=DARK")]}),
    ]


def timed(ask: Callable[[], int], rounds: int) -> tuple[int, float, float, float]:
    """Return the answer, the best and median milliseconds, and the best of the processor."""
    spent, worked = [], []
    for _ in range(rounds):
        start, own = time.perf_counter(), time.process_time()
        answer = ask()
        spent.append(1000 * (time.perf_counter() - start))
        worked.append(1000 * (time.process_time() - own))
    return answer, min(spent), statistics.median(spent), min(worked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cubes", type=int, default=100_000)
    parser.add_argument("--cards", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--url", help="of an empty PostgreSQL database")
    parser.add_argument("--keep", type=Path, help="folder of a database to make, or to use again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        datadir = options.keep or Path(folder)
        os.environ["POLARNIGHT_DATADIR"] = str(datadir)
        if options.url:
            os.environ["POLARNIGHT_DATABASE_URL"] = options.url
        import polarnight

        polarnight.Config(config_db=True)
        from django.db import connection

        from polarnight.db.cubes import CubeCatalogue
        from polarnight.db.cubes.search import CubeFilter
        from polarnight.db.models import CubeCard, CubeValue, DataCube

        catalogue = CubeCatalogue()
        session = catalogue.session("benchmark")
        if not DataCube.objects.exists():
            spent = fill(catalogue, session, options.cubes, options.cards)
            each = 1e6 * spent / options.cubes / options.cards
            print(f"taken in: {spent:.1f} s, {each:.1f} us a card")
        print(
            f"{connection.vendor}: {DataCube.objects.count()} cubes, {CubeCard.objects.count()} "
            f"cards, {CubeValue.objects.count()} distinct values"
        )
        if connection.vendor == "sqlite":
            size = Path(connection.settings_dict["NAME"]).stat().st_size
        else:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
                cursor.execute("SELECT pg_database_size(current_database())")
                size = cursor.fetchone()[0]
        print(f"database: {size / 1e6:.0f} MB\n")
        print(
            f"{'question':32} {'cubes':>7} {'best':>8} {'median':>8} {'work':>8} "
            f"{'count':>8} {'page':>8}  ms"
        )
        for title, arguments in questions():
            wanted = CubeFilter(**arguments)

            def ask(wanted: CubeFilter = wanted) -> int:
                return len(catalogue.pids(catalogue.search.find(session, wanted)))

            def count(wanted: CubeFilter = wanted) -> int:
                return catalogue.search.count(session, wanted)

            def page(wanted: CubeFilter = wanted) -> int:
                return len(
                    catalogue.pids(catalogue.search.find(session, replace(wanted, limit=50)))
                )

            print(
                "{:32} {:>7} {:>8.1f} {:>8.1f} {:>8.1f}".format(title, *timed(ask, options.rounds)),
                *(f"{timed(one, options.rounds)[2]:>8.1f}" for one in (count, page)),
            )


if __name__ == "__main__":
    main()
