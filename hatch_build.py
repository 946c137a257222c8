"""Build hook: placeholder until the kernels land."""
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    """Do nothing yet."""
