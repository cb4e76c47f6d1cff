#!/usr/bin/env python3
"""Checks that every relative link and anchor of the Markdown pages leads somewhere. Knows nothing of the web."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
names = subprocess.run(["git", "ls-files", "*.md"], cwd=root, capture_output=True, text=True, check=True).stdout.split()


def anchors(page):
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


broken = []
for name in names:
    page = root / name
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        if not goal.exists():
            broken.append(f"{name}: {target} does not exist")
        elif anchor and goal.suffix == ".md" and anchor not in anchors(goal):
            broken.append(f"{name}: {target} has no such heading")
print("\n".join(broken) or f"{len(names)} pages, no broken link")
sys.exit(bool(broken))
