#!/usr/bin/env python3
"""Measures offerctl against what else one would use, and writes benches/RESULTS.md.

    python3 benches/compare.py [--binary target/dist/offerctl] [--runs 5] [--offers 1000] [--many 10000]

It needs curl, GNU time (/usr/bin/time) and a Python that makes virtual environments; aiohttp, DeepDiff and PyYAML are
installed from the package index into target/bench. The portal is `offerctl sandbox` with generated offers. What is compared
runs in turn, A B C A B C, and medians are taken of what the system says of each finished process.
"""

import argparse
import datetime
import json
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import offers

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / "target/bench"
LATENCY = 20


class Portal:
    """A sandbox with the documents of a folder."""

    def __init__(self, binary, seed, latency=0):
        args = [str(binary), "sandbox", "--listen", "127.0.0.1:0", "--seed", str(seed), "--no-auth"]
        if latency:
            faults = WORK / f"latency-{latency}.yaml"
            faults.write_text(f"faults:\n  - latencyMs: {latency}\n")
            args += ["--faults", str(faults)]
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().strip()

    def requests(self):
        with urllib.request.urlopen(f"{self.url}/_sandbox/requests") as answer:
            return len(json.load(answer))

    def forget(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_sandbox/requests", method="DELETE"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def once(command, folder):
    """Runs a command. Returns seconds, seconds of CPU, and MiB of its largest process."""
    with tempfile.NamedTemporaryFile("r") as told:
        run = ["/usr/bin/time", "-q", "-o", told.name, "-f", "%e %U %S %M", *map(str, command)]
        done = subprocess.run(run, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode not in (0, 2):
            sys.exit(f"{command} failed: {done.stderr.decode()}")
        wall, user, system, kib = map(float, told.read().split())
    return {"wall": wall, "cpu": user + system, "mib": kib / 1024}


def interleaved(commands, runs):
    """Runs each of the commands (name: (command, folder)) in turn. Returns the medians of each."""
    seen = {name: [] for name in commands}
    for at in range(runs + 1):
        for name, (command, folder) in commands.items():
            one = once(command, folder)
            # The first round fills caches.
            if at:
                seen[name].append(one)
    return {name: {key: statistics.median(one[key] for one in all_) for key in all_[0]} for name, all_ in seen.items()}


def project(name, count, **more):
    """Makes a project and the documents of its portal."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    offers.write(folder, count, **more)
    return folder


def python():
    """Makes the virtual environment of the other tool."""
    venv = WORK / "venv"
    interpreter = venv / "bin/python"
    if not interpreter.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([interpreter, "-m", "pip", "--quiet", "install", "aiohttp", "deepdiff", "pyyaml"], check=True)
    return interpreter


def curl(url, count):
    """Writes a list of addresses for curl. Returns the command that reads them all."""
    config = WORK / f"curl-{count}-{url.rsplit(':', 1)[1]}.txt"
    one = 'url = "{}/api/publishers/contoso/offers/offer-{:05}?api-version=2017-10-31"\noutput = "/dev/null"\n'
    config.write_text("".join(one.format(url, at) for at in range(count)))
    return ["curl", "--silent", "--parallel", "--parallel-max", "16", "-H", "Authorization: Bearer x", "-K", config]


class Results:
    def __init__(self):
        self.rows = []

    def add(self, what, wanted, measured, good):
        self.rows.append((what, wanted, measured, "yes" if good else "**no**"))
        print(f"{'ok ' if good else 'NO '} {what}: {measured} (wanted: {wanted})", flush=True)

    def text(self, args):
        rows = "\n".join(f"| {what} | {wanted} | {measured} | {met} |" for what, wanted, measured, met in self.rows)
        cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
        size = args.binary.stat().st_size / 1e6
        load = " ".join(f"{one:.1f}" for one in __import__("os").getloadavg())
        return f"""# Results

Written by `python3 benches/compare.py` on {datetime.date.today()}: {platform.system()} {platform.machine()}, {cpu},
{__import__('os').cpu_count()} processors, load {load} at the end, medians of {args.runs} runs. The binary is `{args.binary.name}` of
{size:.1f} MB. Numbers that miss their goal are here as well.

An offer has {args.bytes:,} bytes as a document. The portal is `offerctl sandbox` on the same machine. CPU is user and system
time of the command alone, memory is its peak. What is compared runs in turn, and ratios are of medians.

| what | goal | measured | met |
|---|---|---|---|
{rows}
"""


def unchanged(results, args):
    """One account without changes: the network's limit, validate, and the script."""
    some, many = project("some", args.offers), project("many", args.many)
    args.bytes = (some / "seed/offer-00000.json").stat().st_size
    cwd, most = some / "project", many / "project"
    plan = [args.binary, "plan", "--parallelism", "16", "--endpoint"]
    with Portal(args.binary, some / "seed", LATENCY) as slow, Portal(args.binary, some / "seed") as fast:
        far = interleaved({
            "plan": ([*plan, slow.url], cwd),
            "curl": (curl(slow.url, args.offers), cwd),
        }, args.runs)
        ratio = far["plan"]["wall"] / far["curl"]["wall"]
        results.add(f"`plan` of {args.offers} unchanged offers at {LATENCY} ms / `curl --parallel-max 16`", "≤ 1.1",
                    f"{ratio:.2f} ({far['plan']['wall']:.2f} s / {far['curl']['wall']:.2f} s)", ratio <= 1.1)
        script = [python(), HERE / "script.py", fast.url, cwd / "offers"]
        near = interleaved({
            "plan": ([*plan, fast.url], cwd),
            "validate": ([args.binary, "validate"], cwd),
            "script": (script, cwd),
        }, args.runs)
        extra = (near["plan"]["cpu"] - near["validate"]["cpu"]) * 1000 / args.offers
        results.add("CPU per offer beyond `validate`, no latency", "≤ 0.25 ms", f"{extra:.2f} ms", extra <= 0.25)
        results.add(f"memory of `plan` of {args.offers}", "≤ 64 MiB", f"{near['plan']['mib']:.0f} MiB",
                    near["plan"]["mib"] <= 64)
        times = near["script"]["wall"] / near["plan"]["wall"]
        results.add("times as fast as aiohttp + DeepDiff", "≥ 20", f"{times:.1f} ({near['script']['wall']:.1f} s)",
                    times >= 20)
        results.add(f"`validate` of {args.offers} files", "< 0.5 s", f"{near['validate']['wall']:.2f} s",
                    near["validate"]["wall"] < 0.5)
        small = {name: (command, cwd) for name, command in {
            "plan": [*plan, fast.url], "validate": [args.binary, "validate"],
            "drift": [args.binary, "drift", "--parallelism", "16", "--endpoint", fast.url],
        }.items()}
        with Portal(args.binary, many / "seed") as full:
            large = {f"{name}+": (command[:-1] + [full.url] if "--endpoint" in command else command, most)
                     for name, (command, _) in small.items()}
            seen = interleaved(small | large, max(1, args.runs // 2))
            for name in small:
                ratio, mib = seen[f"{name}+"]["wall"] / seen[name]["wall"], seen[f"{name}+"]["mib"]
                limit = 10.5 * args.many / args.offers / 10
                results.add(f"`{name}` of {args.many} / of {args.offers}", f"≤ {limit:.1f} times, ≤ 96 MiB",
                            f"{ratio:.1f} times, {mib:.0f} MiB", ratio <= limit and mib <= 96)
            refresh(results, args, full, most, seen["validate+"])


def refresh(results, args, portal, cwd, validate):
    """A scheduled check of an account in which little or nothing moves."""
    cache = WORK / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    drift = [args.binary, "drift", "--parallelism", "16", "--endpoint", portal.url, "--refresh=changed", "--cache-dir", cache]
    once(drift, cwd)
    portal.forget()
    once(drift, cwd)
    count = portal.requests()
    results.add(f"requests of `drift --refresh=changed` of {args.many} unchanged", "1", str(count), count == 1)
    seen = interleaved({"drift": (drift, cwd)}, args.runs)["drift"]
    ratio = seen["wall"] / validate["wall"]
    results.add("its time / `validate`", "≤ 1.2", f"{ratio:.2f}", ratio <= 1.2)
    results.add("its time", "< 1.5 s", f"{seen['wall']:.2f} s", seen["wall"] < 1.5)
    for at in range(10):
        url = f"{portal.url}/_sandbox/offers/contoso/offer-{at:05}"
        get = f"{portal.url}/api/publishers/contoso/offers/offer-{at:05}?api-version=2017-10-31"
        document = json.load(urllib.request.urlopen(urllib.request.Request(get, headers={"Authorization": "Bearer x"})))
        document["definition"]["displayText"] = "edited"
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"))
    portal.forget()
    once(drift, cwd)
    count = portal.requests() - 1
    results.add("more requests with 10 changed offers", "10", str(count), count == 10)


def giants(results, args):
    """An offer of 1 MB, and one of 8 MB, with one changed price."""
    seen = {}
    for name, plans in (("1", 12), ("8", 100)):
        folder = project(f"giant-{name}", 1, changed=1, plans=plans, regions=140)
        with Portal(args.binary, folder / "seed") as portal:
            plan = [args.binary, "plan", "--endpoint", portal.url]
            seen |= interleaved({
                name: (plan, folder / "project"),
                f"v{name}": ([args.binary, "validate"], folder / "project"),
            }, args.runs)
        seen[name]["bytes"] = (folder / "seed/offer-00000.json").stat().st_size
    per = {name: seen[name]["cpu"] / seen[name]["bytes"] for name in ("1", "8")}
    ratio = per["8"] / per["1"]
    results.add("`plan` of an 8 MB offer, CPU per byte / of a 1 MB offer", "≤ 1.2", f"{ratio:.2f}", ratio <= 1.2)
    results.add("`plan` of a 1 MB offer", "-", f"{seen['1']['wall']:.2f} s, {seen['1']['mib']:.0f} MiB", True)
    results.add("`plan` of an 8 MB offer", "-", f"{seen['8']['wall']:.2f} s, {seen['8']['mib']:.0f} MiB", True)
    results.add("`validate` of the file of an 8 MB offer", "-", f"{seen['v8']['wall']:.2f} s, {seen['v8']['mib']:.0f} MiB", True)


def others(results, args):
    folder = project("half", 2000, changed=1000)
    out = WORK / "out"
    out.mkdir(exist_ok=True)
    formats = [f"{one}={out / one}" for one in ("markdown", "html", "json", "sarif", "junit", "github")]
    with Portal(args.binary, folder / "seed") as portal:
        command = [args.binary, "plan", "--endpoint", portal.url, "--parallelism", "16", "-o", "text"]
        for one in formats:
            command += ["-o", one]
        seen = interleaved({"plan": (command, folder / "project")}, args.runs)["plan"]
    results.add("`plan` of 2000 offers, 1000 changed, in seven formats", "< 5 s, < 300 MiB",
                f"{seen['wall']:.2f} s, {seen['mib']:.0f} MiB", seen["wall"] < 5 and seen["mib"] < 300)
    one = project("one", 1)
    seen = interleaved({
        "version": ([args.binary, "--version"], one),
        "validate": ([args.binary, "validate"], one / "project"),
    }, 10 * args.runs)
    results.add("`--version`", "< 10 ms", f"{seen['version']['wall'] * 1000:.0f} ms", seen["version"]["wall"] < 0.01)
    results.add("`validate` of one file", "< 20 ms", f"{seen['validate']['wall'] * 1000:.0f} ms",
                seen["validate"]["wall"] < 0.02)
    size = args.binary.stat().st_size / 1e6
    results.add("size of the binary", "≤ 15 MB", f"{size:.1f} MB", size <= 15)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/dist/offerctl")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--offers", type=int, default=1000)
    parser.add_argument("--many", type=int, default=10_000)
    args = parser.parse_args()
    args.binary = args.binary.resolve()
    WORK.mkdir(parents=True, exist_ok=True)
    began, results = time.monotonic(), Results()
    unchanged(results, args)
    giants(results, args)
    others(results, args)
    (HERE / "RESULTS.md").write_text(results.text(args))
    print(f"written: {HERE / 'RESULTS.md'} ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
