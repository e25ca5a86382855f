"""Generates projects for measurements: offer files, and the documents with which a sandbox starts.

    python3 benches/offers.py FOLDER COUNT [--changed N] [--plans P --regions R]

FOLDER gets `project/offers/*.yaml` and `seed/*.json`. The documents are those of the example offer that is part of
offerctl, each with an id of its own. The files declare what the documents hold, so a plan has no changes, except
for `--changed`: that many files have another title.
"""

import argparse
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "src/sandbox/seed/edge-gateway.json"
CORES = [f"machine-{cores:03}core" for cores in (1, 2, 4, 8, 16, 32, 64, 128)]


def yaml(value, depth=0):
    """Writes a value as YAML in block style; every text is quoted as in JSON."""
    pad = "  " * depth
    if isinstance(value, dict) and value:
        lines = [f"{pad}{json.dumps(key)}:{_below(item, depth)}" for key, item in value.items()]
        return "\n".join(lines)
    if isinstance(value, list) and value:
        if all(not isinstance(item, (dict, list)) for item in value):
            return pad + json.dumps(value, ensure_ascii=False)
        return "\n".join(f"{pad}-\n{yaml(item, depth + 1)}" for item in value)
    return pad + json.dumps(value, ensure_ascii=False)


def _below(value, depth):
    scalars = isinstance(value, list) and all(not isinstance(item, (dict, list)) for item in value)
    if isinstance(value, (dict, list)) and value and not scalars:
        return "\n" + yaml(value, depth + 1)
    return " " + json.dumps(value, ensure_ascii=False)


def unsigned(value):
    """Returns the value without the signatures of the portal's own copies of files."""
    if isinstance(value, dict):
        return {key: unsigned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unsigned(item) for item in value]
    return value.split("?")[0] if isinstance(value, str) and "FAKE-portal" in value else value


def small():
    return json.loads(EXAMPLE.read_text())


def giant(plans, regions):
    """Returns an offer with a price for each core size in each region of each plan."""
    offer = small()
    plan = offer["definition"]["plans"][0]
    names = [f"r{region:03}" for region in range(regions)]
    prices = {name: {core: round(0.01 * (1 + at + 3 * size), 2) for size, core in enumerate(CORES)}
              for at, name in enumerate(names)}
    pricing = {"isByol": False, "freeTrialDurationInMonths": 0, "regionPrices": prices}
    made = []
    for at in range(plans):
        one = json.loads(json.dumps(plan))
        one["planId"] = f"plan-{at:03}"
        one["virtualMachinePricing"] = one["virtualMachinePricingV2"] = pricing
        made.append(one)
    offer["definition"]["plans"] = made
    return offer


def write(folder, count, changed=0, plans=0, regions=0):
    folder = pathlib.Path(folder)
    seed, offers = folder / "seed", folder / "project/offers"
    for one in (seed, offers):
        one.mkdir(parents=True, exist_ok=True)
    base = giant(plans, regions) if plans else small()
    declared = {key: base[key] for key in ("publisherId", "id", "offerTypeId", "definition")}
    declared = unsigned(declared)
    for at in range(count):
        name = f"offer-{at:05}"
        base["id"] = declared["id"] = name
        (seed / f"{name}.json").write_text(json.dumps(base, ensure_ascii=False, indent=1 if plans else None))
        text = yaml(declared) + "\n"
        if at < changed:
            text = change_price(text) if plans else text.replace('.title": "', '.title": "New ')
        (offers / f"{name}.yaml").write_text(text)


def change_price(text):
    """Changes the last price of the file in both of its properties."""
    for key in ('"virtualMachinePricing":', '"virtualMachinePricingV2":'):
        start = text.rindex(key)
        at = text.index('"machine-001core": ', start)
        end = text.index("\n", at)
        text = text[:at] + '"machine-001core": 99.5' + text[end:]
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("count", type=int)
    parser.add_argument("--changed", type=int, default=0)
    parser.add_argument("--plans", type=int, default=0)
    parser.add_argument("--regions", type=int, default=140)
    args = parser.parse_args()
    write(args.folder, args.count, args.changed, args.plans, args.regions)


if __name__ == "__main__":
    main()
