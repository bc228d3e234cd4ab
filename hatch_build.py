"""Put circuits/ and viz/ into the wheel; an editable install reads them from the source tree."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShareHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            for name in ("circuits", "viz"):
                build_data["force_include"][f"{self.root}/{name}"] = f"qcircuit_adapt/share/{name}"
