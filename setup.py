"""Package metadata of Penstock; tool settings are in pyproject.toml, dependencies in requirements*.in."""

from pathlib import Path

from setuptools import find_packages, setup

ROOTS = ["pipeline", "components", "models", "schemas", "serving"]

setup(
    name="penstock",
    version="0.1.0",
    description="One TFX pipeline definition that runs on a laptop, on Kubeflow Pipelines, on SageMaker Pipelines "
    "and on Step Functions",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.12",
    packages=find_packages(include=[*ROOTS, *(f"{root}.*" for root in ROOTS)]),
    package_data={
        "components.model_card": ["card.schema.json", "templates/*"],
        "pipeline.costs": ["*.yaml"],
        "pipeline.doctor": ["*.txt"],
        "pipeline.report": ["templates/*"],
        "schemas": ["*/*.pbtxt"],
    },
    entry_points={"console_scripts": ["penstock=pipeline.cli.app:main"]},
    # No install_requires: the environment is requirements.lock, because the TFX wheels' own pins
    # forbid the set that works (docs/adr/0001-stack-and-lock.md).
)
