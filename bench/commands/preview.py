"""The commands that show images before anything is trained; `bench.cli` adds them to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.options import (
    Cache,
    Change,
    Data,
    Dataset,
    Method,
    Name,
    Partial,
    Ratio,
    explained,
)

commands = typer.Typer()


@commands.command(rich_help_panel=options.LOOK)
def degrade(
    image: Annotated[Path, typer.Argument(help="A photograph or a radiograph.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    strength: Annotated[float, typer.Option(min=0, max=10)] = 1.0,
    size: Annotated[int, typer.Option(min=64, help="Side in pixels.")] = 512,
    modality: Annotated[str, typer.Option(help="fundus or chest.")] = "fundus",
) -> None:
    """See what the degradations do to a photograph or a chest radiograph."""
    with explained():
        from bench.inspection.degradations import sheet

        for path in sheet(image, out, modality=modality, strength=strength, size_px=size):
            typer.echo(str(path))


@commands.command(rich_help_panel=options.LOOK)
def patches(
    dataset: Dataset,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    method: Method = "comcl",
    lq_ratio: Ratio = "native",
    protocol: Name = None,
    data: Data = None,
    cache: Cache = None,
    change: Change = None,
    partial: Partial = False,
) -> None:
    """See the patches of each level that a method would be pretrained on."""
    with explained():
        from bench.inspection.patches import write
        from bench.pipeline.progress import ticking
        from bench.pipeline.resolve import Request

        request = Request(
            method,
            dataset,
            lq_ratio,
            protocol=protocol,
            changes=tuple(change or ()),
            data=data,
            cache=cache,
            partial=partial,
        )
        with ticking() as tick:
            for path in write(request, out, tick):
                typer.echo(str(path))
