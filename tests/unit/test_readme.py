"""What the README and the other documents say must be so."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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


def test_the_table_of_nodes_names_every_node_of_the_pipeline():
    golden = (ROOT / "tests" / "golden" / "reviews.ir.json").read_text(encoding="utf-8")
    nodes = set(re.findall(r'"nodeInfo": \{\s*"id": "(\w+)"', golden))
    table = README.partition("## What happens in a run")[2].partition("\n\nExit codes")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"\w+", row.split("|")[1] if "|" in row else "")}
    assert "Trainer" in nodes
    assert sorted(nodes - named) == []
