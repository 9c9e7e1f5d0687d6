"""Put parameters, notebooks and documentation, which the checkout holds once, into the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("params", "notebooks", "docs", ".env.example")


class BuildWithShipped(build_py):
    """Build the package with `edumetrics/shipped/`; an editable install has none."""

    def run(self):
        """Build, then copy."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "edumetrics" / "shipped"
        shutil.rmtree(target, ignore_errors=True)
        for name in SHIPPED:
            source = Path(__file__).parent / name
            if source.is_dir():
                skipped = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
                shutil.copytree(source, target / name, ignore=skipped)
            else:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target / name)


setup(cmdclass={"build_py": BuildWithShipped})
