"""The import path of PyOphidia, handing over to Polarnight.

::

    from PyOphidia import cube, client

    cube.Cube.setclient("user", "password", "", "")
    frames = cube.Cube.importfits(src_path="[path=/;file=*.fits]", container="night")

Commands run in this process; there is no server to connect to.
"""

from PyOphidia import client, cube

__all__ = ["client", "cube"]
