"""The import path of IOP4, handing on Polarnight.

::

    import iop4lib
    iop4lib.Config(config_db=True)
    from iop4lib.db import Epoch
"""

from polarnight.config import Config

__all__ = ["Config"]
