"""What the README and the other documents say must be so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
VERBS = sorted(
    set(
        re.findall(
            r"^\$ penstock ([a-z-]+(?: (?:infer|diff|accept|suggest|check|export|import|status|publish))?)",
            README,
            flags=re.MULTILINE,
        )
    )
)


def test_the_first_commands_are_make_run_and_make_test():
    assert re.findall(r"^\$ (.*?) *#", README, flags=re.MULTILINE)[:2] == ["make run", "make test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^run:", makefile, flags=re.MULTILINE)
    assert re.search(r"^test:", makefile, flags=re.MULTILINE)


def test_nothing_is_left_to_fill_in():
    assert "@@" not in README


def test_linked_files_exist():
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document}: {link}"


def test_every_folder_it_names_exists():
    for folder in re.findall(r"^\| `([a-z]+/)` \|", README, flags=re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_it_shows_exists(verb):
    command = [sys.executable, "-m", "pipeline.cli", *verb.split(), "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    line = next(line for line in README.splitlines() if line.startswith(f"$ penstock {verb}"))
    for option in re.findall(r"--[a-z-]+", line.split("#")[0]):
        assert option in result.stdout, f"{verb} has no {option}"


def test_the_table_of_nodes_names_every_node_of_the_pipeline():
    golden = (ROOT / "tests" / "golden" / "reviews.ir.json").read_text(encoding="utf-8")
    nodes = set(re.findall(r'"nodeInfo": \{\s*"id": "(\w+)"', golden))
    table = README.partition("## What happens in a run")[2].partition("\n\nExit codes")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"\w+", row.split("|")[1] if "|" in row else "")}
    assert "Trainer" in nodes
    assert sorted(nodes - named) == []
