"""Builds the native library while the package is installed, where there is a C++ compiler."""

import importlib.util
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILD = Path("src", "pellucid", "native", "build.py")


class NativeBuildHook(BuildHookInterface[Any]):
    """Hatchling calls it for a wheel, and for an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the library and add it to the wheel; without it the package works in PyTorch.

        A wheel has the documents too, for `pellucid site`; an editable installation finds docs/.
        """
        if version != "editable":
            build_data["force_include"][str(Path(self.root, "docs"))] = "pellucid/site/docs"
        spec = importlib.util.spec_from_file_location("build", Path(self.root, BUILD))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if came := module.build():
            self.app.display_warning(f"the native library is left out: {came}")
            return
        build_data["artifacts"].append(str(BUILD.with_name(module.LIBRARY.name)))
        build_data["pure_python"] = False
        # It needs no particular Python: only the system and the processor that it was built for.
        system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{system}"
