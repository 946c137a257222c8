"""oph_get_config, oph_instances, oph_cluster: the machine behind the commands."""

from __future__ import annotations

import os
import socket

from polarnight.ophidia.answers.response import Grid
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.language.patterns import matches_any
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["Cluster", "GetConfig", "Instances"]

_KEYS = (
    *("OPH_XML_URL", "OPH_SESSION_ID", "OPH_EXEC_MODE", "OPH_NCORES", "OPH_DATACUBE", "OPH_CWD"),
    *("OPH_CDD", "OPH_BASE_SRC_PATH"),
)
_STATIC = "the place of work is the setting cubes.scheduler (threads, local or an address)"


@operator
class GetConfig(Operator):
    """What the client has to know of the server."""

    name = "oph_get_config"
    reading = {}
    title = "Show the keys of the configuration."
    arguments = (
        Argument("key", "enum", "all", choices=("all", *_KEYS), help="One of them, or all."),
    )
    objects = ("get_config",)
    kind = "S"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the table."""
        state = context.state
        values = {
            "OPH_XML_URL": "",
            "OPH_SESSION_ID": state.session,
            "OPH_EXEC_MODE": state.exec_mode,
            "OPH_NCORES": state.ncores,
            "OPH_DATACUBE": state.cube,
            "OPH_CWD": context.cwd,
            "OPH_CDD": context.cdd,
            "OPH_BASE_SRC_PATH": str(context.files.root),
        }
        wanted = values if given["key"] == "all" else {given["key"]: values[given["key"]]}
        grid = Grid("get_config", "Configuration Parameters", ("KEY", "VALUE"))
        grid.rows = list(wanted.items())
        return Answer([grid])


@operator
class Instances(Operator):
    """Hosts and partitions."""

    name = "oph_instances"
    reading = {"action": ("read",)}
    title = "Show the host that computes and keeps cubes."
    text = f"There is one host and one partition: {_STATIC}."
    arguments = (
        Argument("action", "enum", "read", choices=("read", "add", "remove"),
                 help="Kept for old commands but read."),
        Argument("level", "int", 1, minimum=1, maximum=3,
                 help="1 hosts, 2 with what they run, 3 partitions."),
        Argument("host_filter", default="all", help="Name of a host, with wildcards."),
        Argument("nhost", "int", 0, minimum=0, help="Kept for old commands."),
        Argument("host_partition", default="all", help="Name of a partition, with wildcards."),
        Argument("filesystem_filter", default="all", help="Kept for old commands."),
        Argument("ioserver_filter", default="all", help="Kept for old commands."),
        Argument("host_status", "enum", "all", choices=("up", "down", "all"),
                 help="The one host is up."),
        Argument("dbms_status", "enum", "all", choices=("up", "down", "all"),
                 help="Kept for old commands."),
    )  # fmt: skip
    objects = ("instances",)
    kind = "S"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the table."""
        if given["action"] != "read":
            msg = f"{self.name}: partitions are not made or removed"
            raise OperatorFailed(msg, _STATIC)
        host = socket.gethostname()
        there = matches_any([given["host_filter"]], host) and given["host_status"] != "down"
        there = there and given["dbms_status"] != "down"
        level = given["level"]
        if level == 3:
            there = matches_any([given["host_partition"]], "auto")
            grid = Grid("instances", "Host Partitions", ("PARTITION NAME",), [("auto",)])
        elif level == 2:
            columns = ("HOST NAME", "STATUS", "ID DBMS", "SCHEDULER", "MEMORY BOUND")
            cubes = context.settings.cubes
            memory = f"{100 * cubes.memory_fraction:g} %"
            grid = Grid("instances", "DBMS Instances", columns)
            grid.rows = [(host, "up", 1, cubes.scheduler, memory)]
        else:
            grid = Grid("instances", "Hosts", ("ID", "HOST NAME", "STATUS", "CORES"))
            grid.rows = [(1, host, "up", os.cpu_count() or 1)]
        grid.rows = grid.rows if there else []
        return Answer([grid])


@operator
class Cluster(Operator):
    """Servers that are started and stopped."""

    name = "oph_cluster"
    reading = {"action": ("info", "info_cluster")}
    title = "Show the hosts in use; nothing has to be deployed."
    text = f"Workers are started as they are needed: {_STATIC}."
    arguments = (
        Argument("action", "enum", "info", choices=("info", "info_cluster", "deploy", "undeploy"),
                 help="info and info_cluster show what there is."),
        Argument("nhost", "int", 0, minimum=0, help="Kept for old commands."),
        Argument("host_partition", default="all", help="Kept for old commands."),
        Argument("host_type", "enum", "io", choices=("io", "compute"),
                 help="Kept for old commands."),
        Argument("user_filter", default="all", help="Kept for old commands."),
    )  # fmt: skip
    objects = ("cluster",)
    kind = "S"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the table."""
        if given["action"] in {"deploy", "undeploy"}:
            msg = f"{self.name}: nothing has to be deployed"
            raise OperatorFailed(msg, _STATIC)
        grid = Grid("cluster", "Clusters", ("HOST PARTITION", "HOSTS", "SCHEDULER"))
        grid.rows = [("auto", 1, context.settings.cubes.scheduler)]
        return Answer([grid])
