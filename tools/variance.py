"""How the scores of a finished study vary: between seeds, between fields, and by what is neither.

    python tools/variance.py STUDY > crates/foci-measure/tests/golden/variance.json

STUDY is the output folder of `foci study`; `runs/*/measures.json` in it hold the score of every run in every test field. The file in
the repository comes from `studies/article.toml` on the images of Coelho, Shariff, Murphy 2009 (docs/results/article.md). Needs
nothing but Python 3.9.

Written down for every measure that all studies compare:

- `arms`: for each arm its `seeds`, the variance of a run's level from seed to seed, and its `rest`, the variance of a score by
  itself (seed x field), from the mean squares of the crossed table; a variance that comes out below zero is 0;
- `profiles`: for each field, how far each arm's score (mean over seeds) lies from that arm's mean;
- `pairs`: for the difference of two arms the three variances, `fields` being what is left after `rest`, and the kurtosis of
  the `rest` (3 for the normal distribution).

`tasks` groups the arms that a study compares: those with the same input noise. `correlations` says how the luck of a seed goes
together from measure to measure (over all arms, each arm's runs centred and scaled), and likewise the `rest`.
"""

import json
import sys
from itertools import combinations
from pathlib import Path

MEASURES = ["psnr", "ssim", "detail_cutoff", "foci_recall", "foci_precision", "boundary_contrast"]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def crossed(table):
    """Variances between rows (fields), between columns (seeds), of the rest, and the rest itself, of a table of fields x seeds."""
    fields, seeds = len(table), len(table[0])
    row = [mean(values) for values in table]
    column = [mean(values[s] for values in table) for s in range(seeds)]
    level = mean(row)
    rest = [[table[f][s] - row[f] - column[s] + level for s in range(seeds)] for f in range(fields)]
    by_rest = sum(r * r for values in rest for r in values) / ((fields - 1) * (seeds - 1))
    by_field = seeds * sum((r - level) ** 2 for r in row) / (fields - 1)
    by_seed = fields * sum((c - level) ** 2 for c in column) / (seeds - 1)
    between = [max(by_field - by_rest, 0.0) / seeds, max(by_seed - by_rest, 0.0) / fields]
    return between[0], between[1], by_rest, rest


def kurtosis(rest):
    values = [r for row in rest for r in row]
    square = mean(v * v for v in values)
    return mean(v**4 for v in values) / square**2 if square > 0 else 3.0


def correlations(columns):
    """Correlations of columns that have mean zero by groups; a column without spread goes with none."""
    size = len(columns)
    products = [[sum(a * b for a, b in zip(columns[i], columns[j])) for j in range(size)] for i in range(size)]
    scale = lambda i, j: (products[i][i] * products[j][j]) ** 0.5
    entry = lambda i, j: 1.0 if i == j else (products[i][j] / scale(i, j) if scale(i, j) > 0 else 0.0)
    return [[round(entry(i, j), 4) for j in range(size)] for i in range(size)]


def scaled(values):
    square = mean(v * v for v in values) ** 0.5
    return [v / square if square > 0 else 0.0 for v in values]


def digits(value):
    return float(f"{value:.5g}")


def main(folder):
    plan = json.loads((folder / "plan.json").read_text())
    noise = {arm["name"]: arm.get("input_noise", 0.0) for arm in plan["arms"]}
    arms, seeds = list(noise), plan["spec"]["seeds"]
    scores = {}
    for arm in arms:
        for seed in range(seeds):
            run = json.loads((folder / "runs" / f"{arm}-seed{seed}" / "measures.json").read_text())
            for field in run["fields"]:
                for measure, value in field["metrics"].items():
                    scores[arm, seed, field["field"], measure] = value
    every_field = sorted({field for _, _, field, _ in scores})
    tasks = [[i for i, arm in enumerate(arms) if noise[arm] == level] for level in sorted(set(noise.values()))]
    measures, luck, left = [], [], []
    for measure in MEASURES:
        fields = [field for field in every_field if (arms[0], 0, field, measure) in scores]
        tables = {a: [[scores[a, s, f, measure] for s in range(seeds)] for f in fields] for a in arms}
        parts = {arm: crossed(tables[arm]) for arm in arms}
        level = {arm: mean(v for row in tables[arm] for v in row) for arm in arms}
        lucky = lambda arm: [mean(row[s] for row in tables[arm]) - level[arm] for s in range(seeds)]
        luck.append([v for arm in arms for v in scaled(lucky(arm))])
        # A field without the measure takes part as 0, so that columns stay in step.
        position = {field: index for index, field in enumerate(fields)}
        rest = lambda arm: [v for f in every_field for v in (parts[arm][3][position[f]] if f in position else [0.0] * seeds)]
        left.append([v for arm in arms for v in scaled(rest(arm))])
        pairs = []
        for task in tasks:
            for a, b in combinations([arms[i] for i in task], 2):
                difference = [[x - y for x, y in zip(*rows)] for rows in zip(tables[a], tables[b])]
                between_fields, between_seeds, by_rest, rests = crossed(difference)
                values = {"fields": between_fields, "seeds": between_seeds, "rest": by_rest, "kurtosis": kurtosis(rests)}
                pairs.append({"a": a, "b": b} | {key: digits(value) for key, value in values.items()})
        measures.append(
            {
                "measure": measure,
                "arms": [{"arm": a, "seeds": digits(parts[a][1]), "rest": digits(parts[a][2])} for a in arms],
                "profiles": [[digits(mean(tables[a][f]) - level[a]) for a in arms] for f in range(len(fields))],
                "pairs": pairs,
            }
        )
    source = f"{plan['spec']['name']}, foci {plan['foci']}, {seeds} seeds, {len(every_field)} test fields"
    lines = [f'{{"source": {json.dumps(source)},', f'"tasks": {json.dumps(tasks)},']
    lines.append(f'"correlations": {{"seeds": {correlations(luck)}, "rest": {correlations(left)}}},')
    lines.append('"measures": [')
    for index, entry in enumerate(measures):
        lines.append(f'{{"measure": "{entry["measure"]}", "arms": [')
        lines.append(",\n".join(json.dumps(arm) for arm in entry["arms"]) + '],\n"profiles": [')
        lines.append(",\n".join(json.dumps(row) for row in entry["profiles"]) + '],\n"pairs": [')
        lines.append(",\n".join(json.dumps(pair) for pair in entry["pairs"]) + "]}" + ("," if index + 1 < len(measures) else "]}"))
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
