"""Bundles whose files are changed, with everything that is signed made to fit."""

import json

from bench.reporting.tracing.bundle import MANIFEST, digests
from bench.reporting.tracing.unpack import unpacked


def resigned(files):
    """The files with DONE and the manifest made to fit whatever they are."""
    (done,) = (name for name in files if name.endswith("/DONE"))
    home = done.removesuffix("DONE")
    own = {n.removeprefix(home): body for n, body in files.items() if n.startswith(home)}
    named = digests({n: body for n, body in own.items() if n != "DONE"})
    files = files | {done: json.dumps(named).encode()}
    manifest = json.loads(files[MANIFEST]) | {"files": digests(files)}
    return files | {MANIFEST: json.dumps(manifest).encode()}


def member(bundle, ending):
    (name,) = (name for name in unpacked(bundle) if name.endswith(ending))
    return name
