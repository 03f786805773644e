"""A fresh service process that tells how many kernels it compiled before its first request and because of requests.

Usage: overloads_watch.py HOME BODIES (a JSON array of requests)
"""

import asyncio
import gc
import json
import sys
from pathlib import Path

import msgspec
from numba.core.dispatcher import Dispatcher

from serving.keys import key_ring
from serving.service import Service
from serving.settings import read_settings


def compiled() -> int:
    """Compiled variants of all kernels in this process, those loaded from the cache on disk too."""
    kernels = {id(each): each for each in gc.get_objects() if isinstance(each, Dispatcher)}
    return sum(len(kernel.overloads) for kernel in kernels.values())


def main(home: str, bodies: str) -> None:
    """Load the champion, answer the bodies, print both counts."""
    settings = read_settings({}, home=home)
    service = Service(settings, key_ring(settings, 1))
    service.slot.poll()
    before = compiled()
    for body in json.loads(Path(bodies).read_text()):
        asyncio.run(service.explain.answer(msgspec.json.encode(body)))
    print(json.dumps([before, compiled() - before]))
    service.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
