"""The data folders that the results were measured on, made from the public data as they were collected.

    python tools/data_folders.py synapses         SHARED/em_vnc_synapse  em_vnc_synapse
    python tools/data_folders.py defects          SHARED/kolektorsdd_sub kolektorsdd
    python tools/data_folders.py bowl             SHARED/dsb2018_fluo    dsb2018_fluo-test --part test
    python tools/data_folders.py bowl-random      SHARED/dsb2018_fluo    dsb2018_fluo-random
    python tools/data_folders.py bowl-random-486  SHARED/dsb2018_fluo    dsb2018_fluo-random-486
    python tools/data_folders.py bowl-annotators  SHARED/dsb2018_fluo    annotators
    python tools/data_folders.py coelho-fold-0    SHARED/coelho2009      fold-0         (and 1 to 4)
    python tools/data_folders.py coelho-fold-0    SHARED/coelho2009      fold-0-test --part test

SHARED holds the collected folders, each with `images/`, `masks/` and `images.csv`. A new folder has copies of the images and their
masks, and an `images.csv` with the columns that foci looks for: `split` says which images are learnt from, chosen on and tested on,
and where siblings are known by more than that, `group` says which they are. They never come into different parts, but for
`bowl-random`, which is cut at random because published tables were. With `--part` only images of one part that have a mask are
copied, to be predicted and measured.

What a folder has to come to is written beside its rule (`KINDS`); with other counts nothing is made. A folder appears under its name
when it is whole. Whatever is wrong with the input is told in one line, with exit status 2. Needs nothing but Python 3.11.
docs/results says what came out.
"""

import argparse
import csv
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

PARTS = ("train", "val", "test", "drop")

# Test images of the Bowl that are training images once more: the same field, outlined a second time.
OUTLINED_TWICE = {
    "te_0a849e0eb15f": "tr_7c318172e976",
    "te_4be73d68f433": "tr_9cdac2870cfe",
    "te_697a05c6fe4a": "tr_0287e7ee5b00",
    "te_7f4cbe0b36b5": "tr_abbfff07379b",
}


class Wrong(Exception):
    """What is wrong with the input, where, and what to do about it, in one line."""


def read_table(path, *columns):
    """The rows of a table that must have these columns, and `name` with a different image in each row."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
            header = reader.fieldnames or []
    except FileNotFoundError:
        raise Wrong(f"{path} is missing; give the collected folder that holds it") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise Wrong(f"{path} is no table: {error}; restore it from where it was collected") from None
    for column in ("name", *columns):
        if column not in header:
            raise Wrong(f"{path} has no column '{column}'; is it the folder that this kind is made from?")
    names = set()
    for number, row in enumerate(rows, start=1):
        name = row["name"]
        if None in row or None in row.values():
            raise Wrong(f"{path}: row {number} has not as many cells as the header; restore it from where it was collected")
        if name in names:
            raise Wrong(f"{path}: row {number} names '{name}' a second time; remove one of them")
        if name in ("", ".", "..") or Path(name).name != name or "\0" in name:
            raise Wrong(f"{path}: row {number} has '{name}' where the name of an image is needed; correct it")
        names.add(name)
    return rows


def whole_number(text, path, row):
    if not (text.isascii() and text.isdigit()):
        raise Wrong(f"{path}: '{text}' of {row['name']} is not a whole number; correct it")
    return int(text)


# Rules. Each takes the collected folder and gives the rows of the new `images.csv`.


def synapses(source):
    """Blocks of the stack: neighbouring sections show the same structures. Section 16 lies between two blocks. There is no column
    `group`: what is tested on is one block, and its sections count one by one, as in docs/results/synapses.md."""
    table = source / "images.csv"
    rows = read_table(table)
    for row in rows:
        section = whole_number(row["name"].rpartition("-")[2], table, row)
        row["split"] = "train" if section <= 13 else "val" if section <= 15 else "drop" if section == 16 else "test"
    return rows


def defects(source):
    """Surfaces of one item are siblings. Items in the order of their names: every fifth is tested on, and of the others a fifth,
    evenly spread, is chosen on. That is what `foci study` does by itself with five folds, the last one held out."""
    rows = read_table(source / "images.csv", "item")
    items = sorted({row["item"] for row in rows})
    tested = items[4::5]
    others = [item for item in items if item not in tested]
    count = round(0.2 * len(others))
    chosen = [o for at, o in enumerate(others) if (at + 1) * count // len(others) > at * count // len(others)]
    for row in rows:
        row["group"] = row["item"]
        row["split"] = "test" if row["item"] in tested else "val" if row["item"] in chosen else "train"
    return rows


def bowl(source):
    """The split that was collected with the images: siblings together, tested on the Bowl's own test images."""
    return read_table(source / "images.csv", "group", "split")


def bowl_random(source):
    """Training images of the Bowl cut at random, siblings and all. The folder has no other images: foci learns from what a
    split leaves open."""
    return read_table(source / "split_random.csv", "split")


def bowl_random_486(source):
    """The same, and the Bowl's 53 test images are learnt from too: what the trainings of an hour in docs/results/dsb2018.md saw."""
    rows = bowl_random(source)
    named = {row["name"] for row in rows}
    others = [row["name"] for row in read_table(source / "images.csv") if row["name"] not in named]
    return rows + [{"name": name, "split": "train"} for name in others]


def bowl_annotators(source):
    """Test images of the Bowl that are training images once more. Masks are those of the test; `first/` has the other ones."""
    rows = [row for row in read_table(source / "images.csv", "split") if row["name"] in OUTLINED_TWICE]
    return [row | {"split": "test"} for row in rows]


def coelho_fold(fold):
    def rule(source):
        """One fold is tested on; foci draws the images to choose on from the others. Images without a mask are carried along."""
        table = source / "images.csv"
        rows = read_table(table, "fold")
        for row in rows:
            row["split"] = "test" if whole_number(row["fold"], table, row) == fold else "train"
        return rows

    return rule


# Of each kind: its rule, and how many images it has to learn from, to choose on, to test on and left out.
KINDS = {
    "synapses": (synapses, (14, 2, 3, 1)),
    "defects": (defects, (94, 25, 27, 0)),
    "bowl": (bowl, (468, 66, 53, 7)),
    "bowl-random": (bowl_random, (433, 54, 54, 0)),
    "bowl-random-486": (bowl_random_486, (486, 54, 54, 0)),
    "bowl-annotators": (bowl_annotators, (0, 0, 4, 0)),
} | {f"coelho-fold-{fold}": (coelho_fold(fold), (80, 0, 20, 0)) for fold in range(5)}


def in_words(counts):
    return ", ".join(f"{counts[part]} {part}" for part in PARTS)


def rows_of(kind, source):
    """The rows of a kind, if they come to what they have to."""
    rule, expected = KINDS[kind]
    rows = rule(source)
    counts, expected = Counter(row["split"] for row in rows), dict(zip(PARTS, expected))
    if any(counts[part] != expected.get(part, 0) for part in {*counts, *PARTS}):
        told = ", ".join([in_words(counts), *(f"{counts[other]} '{other}'" for other in sorted(set(counts) - set(PARTS)))])
        raise Wrong(f"{source} gives {told}, but '{kind}' has {in_words(expected)}; is it complete, and the folder for this kind?")
    return rows


def copy(source, target):
    """A file of its own, not a link: what is written to it does not reach the collected folder."""
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise Wrong(f"{source} is missing; restore it from where it was collected") from None
    except OSError as error:
        raise Wrong(f"{source} cannot be copied: {error.strerror}; nothing was made: mend that and start again") from None


def fill(folder, kind, source, part):
    """Writes images, masks and table into a new folder, and says how many images there are of each part."""
    rows = rows_of(kind, source)
    has_mask = lambda row: row.get("has_mask", "1") != "0"
    if part:
        rows = [row for row in rows if row["split"] == part and has_mask(row)]
        if not rows:
            raise Wrong(f"'{kind}' has no images in the part '{part}'; give another --part")
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for row in rows:
        file = f"{row['name']}.png"
        copy(source / "images" / file, folder / "images" / file)
        if has_mask(row):
            copy(source / "masks" / file, folder / "masks" / file)
    if kind == "bowl-annotators":
        (folder / "first").mkdir()
        for name, other in OUTLINED_TWICE.items():
            copy(source / "masks" / f"{other}.png", folder / "first" / f"{name}.png")
    with open(folder / "images.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return in_words(Counter(row["split"] for row in rows))


def make(kind, source, out, part=None):
    """Makes a folder under a name of its own and renames it when it is whole."""
    if not source.is_dir():
        raise Wrong(f"{source} is no folder; give the collected folder with images/, masks/ and images.csv")
    if out.exists() or out.is_symlink():
        raise Wrong(f"{out} exists; remove it or give another name")
    out = out.absolute()
    if not out.parent.is_dir():
        raise Wrong(f"{out.parent} is no folder; make it first")
    partial = out.with_name(f".{out.name}.partial-{os.getpid()}")
    partial.mkdir()
    try:
        told = fill(partial, kind, source, part)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return told


class OneLine(argparse.ArgumentParser):
    def error(self, message):
        raise Wrong(f"{message}; --help shows examples")


def main():
    parser = OneLine(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("source", type=Path, metavar="COLLECTED", help="the collected folder that it is made from")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to make; must not exist")
    parser.add_argument("--part", choices=PARTS[:3], help="only the images of one part that have a mask")
    try:
        flags = parser.parse_args()
        told = make(flags.kind, flags.source, flags.out, flags.part)
        print(f"{flags.out}: {told}")
    except Wrong as wrong:
        print(f"data_folders: {wrong}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"data_folders: {where}{error.strerror or error}; nothing was made: mend that and start again", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("data_folders: interrupted; nothing was made", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
