#!/usr/bin/env python3
"""Puts mistakes into devts, one by one, and asks the random smoke (`--example soak`) to find each within 300 seeds.

    .ci/mutate.py                 all of them, and the unchanged code, which must pass
    .ci/mutate.py --only NAME     one (or several: it is a part of the name)
    .ci/mutate.py --list          their names
    .ci/mutate.py --write         all, and the table goes into docs/testing.md

The last commit is tried, in a copy of its own below target/mutants; the working tree is never touched. Built as released, without
debug assertions: a mistake counts as found when what it does is found."""
import argparse
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import time

sys.dont_write_bytecode = True
from mutations import MUTATIONS

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "mutants"
TREE, TARGET = PLACE / "tree", PLACE / "target"
PAGE, BEGIN, END = ROOT / "docs/testing.md", "<!-- mutations: begin -->", "<!-- mutations: end -->"
SEEDS, PATIENCE = 300, 20 * 60
# Quick to build; what runs is the same code.
BUILD = {"CARGO_TARGET_DIR": str(TARGET), "CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
         "CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS": "false", "CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS": "false", "RUSTFLAGS": ""}
BEGAN = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - BEGAN:6.0f} s] {text}", file=sys.stderr, flush=True)


def put(path, text):
    """Writes only what is new, so that only what has changed is built."""
    if not path.exists() or path.read_bytes() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def copy_of_head():
    """Makes the copy what the last commit is."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        wanted = {TREE / file.name: files.extractfile(file).read() for file in files if file.isfile()}
    for path, text in wanted.items():
        put(path, text)
    for path in TREE.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
    return wanted


def soak():
    """Builds and runs. What went wrong with trying it, or nothing; the report, or nothing."""
    build = ["cargo", "build", "--quiet", "--release", "-p", "devts-sim", "--example", "soak"]
    built = subprocess.run(build, cwd=TREE, env=os.environ | BUILD, capture_output=True, text=True)
    if built.returncode:
        return f"it does not compile:\n{built.stderr}", None
    run = [TARGET / "release/examples/soak", str(SEEDS), "quick"]
    try:
        ran = subprocess.run(run, cwd=PLACE, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"it did not end within {PATIENCE} s", None
    if ran.returncode == 0:
        return None, None
    found = re.search(r"^(with(?:out)? a state): seed (\d+), at [\d.]+ s: (.*(?:\n    \S.*)?)", ran.stdout, re.M)
    if ran.returncode != 1 or not found:
        return f"it ended with {ran.returncode} and without a seed:\n{ran.stdout}{ran.stderr[-2000:]}", None
    kind, seed, text = found.groups()
    return None, (kind, int(seed), " ".join(text.split()))


def attempt(mutation):
    """One mistake: put in, looked for, taken out again. The problem, or nothing; the table's line."""
    name, file, old, new, breaks = mutation
    path = TREE / file
    text = path.read_bytes()
    if text.count(old.encode()) != 1:
        return f"its text occurs {text.count(old.encode())} times in {file}", None
    put(path, text.replace(old.encode(), new.encode()))
    try:
        problem, report = soak()
    finally:
        put(path, text)
    if report is None:
        return problem or f"{SEEDS} seeds did not find it", None
    kind, seed, found = report
    say(f"{name}: found by seed {seed} {kind}: {found[:150]}")
    where = file.removeprefix("crates/").replace("/src/", "/")
    return None, f"| `{name}` | {breaks} (`{where}`) | {seed}, {kind} | {cell(found)} |"


def cell(text):
    text = text if len(text) <= 180 else text[:180].rsplit(" ", 1)[0] + " ..."
    return text.replace("|", "\\|").replace("<", "&lt;")


def table(rows):
    head = ["| mistake | what it does | seed that found it | what was reported |", "|---|---|---|---|"]
    return "\n".join(head + rows)


def write(rows):
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{rest.split(END)[1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if (options.only or "") in mutation[0]]
    if options.list:
        return print("\n".join(f"{name:26} {breaks}" for name, *_, breaks in chosen))
    if not chosen or (options.only and options.write):
        return parser.error("no mistake has such a name" if not chosen else "a table of some is none")
    copy_of_head()
    if not options.only:
        say(f"the unchanged code, {SEEDS} seeds")
        problem, report = soak()
        if problem or report:
            return f"the unchanged code does not pass: {problem or report}"
    rows, problems = [], []
    for number, mutation in enumerate(chosen, 1):
        say(f"{number} of {len(chosen)}: {mutation[0]}")
        problem, row = attempt(mutation)
        if problem:
            problems.append(f"{mutation[0]}: {problem}")
            say(problems[-1])
        else:
            rows.append(row)
    print(table(rows))
    if options.write and not problems:
        write(rows)
    return "\n".join(problems) or None


if __name__ == "__main__":
    os.nice(10)
    sys.exit(main())
