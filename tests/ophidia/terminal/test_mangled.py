"""Lines of all kinds, mangled: each is carried out or refused in words, and nothing is lost."""

import random

from polarnight.ophidia.terminal.commands import Leave

LINES = [
    "pdd", "lsd", "ll", "oph_list level=2;", "oph_metadata mode=read;cube=1;", "view", "view 1",
    "resume 3 -v", "check ./none.json a", "help ll", "env", "history", "alias", "setenv a=b",
    "getenv a", "setalias q=ll", "oph_reduce2 operation=quantile;order=0.5;dim=NAXIS1",
    "oph_mergecubes2 cubes=[container=F;level=0];dim=z", "oph_explorecube limit_filter=3",
    "oph_cubeschema", "!!", "!2", "!oph", "./nothing.json $a", "$cube", "oph_resume",
    "oph_loggingbk", "mkdir x", "cd x", "man oph_list", "getprogress 1", "kill 3", "jobs",
    "oph_fs command=ls;dpath=$OPH_CDD", "oph_deletecontainer container=F", "rm F", "drop",
    "oph_delete cube=[*]", "del [container=F]",
    "oph_importfits src_path=[path=/data/INDIGO-FITS/fits-raw;file=*925.fits];container=F2",
]  # fmt: skip
ODD = [
    *"[]|;=,$!@&'\"\\ \t\x00{}()*%-/", "..", "\u00e9", "\u202e", "oph_", "9" * 20, "[*]", "[1:2",
    "-1", "nan", "yes", "\x1b[2J",
]  # fmt: skip


def mangled(seed):
    chance = random.Random(seed)
    line = chance.choice(LINES)
    for _ in range(chance.randint(1, 4)):
        at, what = chance.randint(0, len(line)), chance.random()
        if what < 0.5:
            line = line[:at] + chance.choice(ODD) + line[at:]
        elif what < 0.8:
            line = line[:at] + line[at + chance.randint(1, 4) :]
        else:
            line += f" {chance.choice(LINES)}"
    return line


def test_a_thousand_mangled_lines(typed):
    import io

    shell = typed.shell
    typed("oph_importfits src_path=[path=/data/INDIGO-FITS/fits-raw;file=*0[12].fits];container=F")
    typed("setalias safe=ll")
    before = typed("oph_list level=2;container_filter=F;path=/;")
    kept = [line for line in before.splitlines() if "/1/" in line]
    assert len(kept) == 2
    codes = set()
    for seed in range(1000):
        line = mangled(seed)
        shell.display.out, shell.display.err = io.StringIO(), io.StringIO()
        # What is made stays; a cube that is the last one may be deleted by its name alone.
        shell.environment.values["OPH_DATACUBE"] = ""
        try:
            codes.add(shell.run(line))
        except Leave:
            continue
        told = shell.display.out.getvalue() + shell.display.err.getvalue()
        for wrong in ("fault of Polarnight", "unforeseen", "Traceback", "\x1b"):
            assert wrong not in told, (seed, line, told)
    assert codes >= {0, 3, 6, 8}
    typed("cd")
    after = typed("oph_list level=2;container_filter=F;path=/;")
    assert [line for line in after.splitlines() if line in kept] == kept
