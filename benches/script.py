"""What one would write instead: reads every offer with aiohttp, and compares it with its file by DeepDiff."""

import asyncio
import pathlib
import sys

import aiohttp
import yaml
from deepdiff import DeepDiff

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


async def one(session, gate, url, path):
    declared = yaml.load(path.read_text(), Loader)
    address = f"{url}/api/publishers/{declared['publisherId']}/offers/{declared['id']}?api-version=2017-10-31"
    async with gate, session.get(address, headers={"Authorization": "Bearer x"}) as answer:
        live = await answer.json()
    return path, DeepDiff(live["definition"], declared["definition"], ignore_order=True)


async def main(url, folder):
    gate = asyncio.Semaphore(16)
    async with aiohttp.ClientSession() as session:
        all_ = [one(session, gate, url, path) for path in sorted(pathlib.Path(folder).glob("*.yaml"))]
        for path, diff in await asyncio.gather(*all_):
            # The signatures of the portal's copies of pictures differ in every offer.
            if len(diff.get("values_changed", {})) > 10:
                print(path.name, diff)


asyncio.run(main(*sys.argv[1:]))
