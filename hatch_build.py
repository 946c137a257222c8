"""Build hook: compile the C kernels into one shared library.

The kernels are plain C without the Python API, so one library serves every version of
Python and the wheel carries the tag ``py3-none-<platform>``. A compiler on PATH is used
where there is one (or the one that CC names); else the build asks for ``ziglang``, a C
compiler that comes as a wheel. Where nothing compiles, the package is built without a
library and serves itself from the numpy reference; set POLARNIGHT_REQUIRE_NATIVE=1 to
have that be an error instead.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOM = Path("src/polarnight/_native")
LIBRARY = "_kernels.so"

# Results must be equal bit for bit to the numpy reference: nothing here may reorder or
# fuse floating-point operations.
FLAGS = ["-std=gnu11", "-O3", "-fPIC", "-shared", "-ffp-contract=off", "-fno-math-errno"]
FLAGS += ["-fno-trapping-math", "-fvisibility=hidden", "-Wall", "-Wextra"]


class CustomBuildHook(BuildHookInterface[Any]):
    """Compile ``_native/src/*.c`` for wheels and editable installations."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for a compiler as a wheel where the machine has none."""
        return [] if system_compiler() or not supported() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the library and tell hatchling of it."""
        if self.target_name != "wheel":
            return
        room = Path(self.root) / ROOM
        problem = compile_library(sorted((room / "src").glob("*.c")), room / LIBRARY)
        if problem:
            if os.environ.get("POLARNIGHT_REQUIRE_NATIVE") == "1":
                msg = f"the kernels could not be built: {problem}"
                raise RuntimeError(msg)
            (room / LIBRARY).unlink(missing_ok=True)
            self.app.display_warning(
                f"the kernels could not be built, numpy serves instead: {problem}"
            )
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag()}"
        build_data["artifacts"].append(f"/{ROOM}/{LIBRARY}")


def supported() -> bool:
    """Return whether kernels are built for this system at all (they read with ``pread``)."""
    return os.name == "posix"


def system_compiler() -> list[str] | None:
    """Return the command of a C compiler of the machine."""
    if chosen := os.environ.get("CC"):
        return shlex.split(chosen)
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return [path]
    return None


def any_compiler() -> list[str] | None:
    """Return a C compiler: the machine's own, else ziglang's."""
    if own := system_compiler():
        return own
    if importlib.util.find_spec("ziglang"):
        # Zig compiles for the machine at hand unless told otherwise; a wheel may travel.
        return [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]
    return None


def platform_tag() -> str:
    """Return the platform part of the wheel's tag."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_").replace(" ", "_")


def compile_library(sources: list[Path], out: Path) -> str:
    """Compile `sources` into the shared library `out`.

    Variants of the hot functions for wider vector units are chosen when the library is
    loaded; where compiler or C library cannot do that, the plain variant is built.

    Returns
    -------
    str
        Why it did not work; empty where it did.
    """
    if not supported():
        return f"no kernels for {os.name}"
    compiler = any_compiler()
    if compiler is None:
        return "no C compiler"
    if not sources:
        return "no sources"
    problem = ""
    for variants in (["-DPN_TARGET_CLONES"], []):
        if variants and platform.machine().lower() not in {"x86_64", "amd64"}:
            continue
        with tempfile.TemporaryDirectory() as folder:
            built = Path(folder) / LIBRARY
            command = [*compiler, *FLAGS, *variants, "-o", str(built), *map(str, sources), "-lm"]
            problem = run(command) or loads(built)
            if not problem:
                # Rename, so that a process that has the old library open keeps it.
                fresh = out.with_name(f".{LIBRARY}.{os.getpid()}")
                shutil.copyfile(built, fresh)
                fresh.replace(out)
                return ""
    return problem


def run(command: list[str]) -> str:
    """Run a command; return what it said where it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"exit {done.returncode}")


def loads(library: Path) -> str:
    """Try the library in a process of its own; return what went wrong."""
    return run([sys.executable, "-c", f"import ctypes; ctypes.CDLL({str(library)!r}).pn_version()"])
