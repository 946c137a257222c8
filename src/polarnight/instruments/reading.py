"""YAML of observatories, without the surprises of YAML: what people write is what they mean."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["PlainLoader"]


class PlainLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, and takes ``1:30`` for a text.

    YAML 1.1 keeps the last of two values without a word, and reads ``1:30`` as 90, for it counts
    by sixties: as a longitude that would be believed.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping each of whose keys was given once.

        Raises
        ------
        yaml.constructor.ConstructorError
            Where one was given twice.
        """
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            key = (key_node.tag, key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key_node.value} is given twice; take one out", node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def number_or_text(self, node: yaml.ScalarNode) -> Any:
        """Return a number, or the text of one that is written by sixties."""
        if ":" in node.value:
            return node.value
        whole = node.tag.endswith(":int")
        return self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)


for _kind in ("int", "float"):
    PlainLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", PlainLoader.number_or_text)
