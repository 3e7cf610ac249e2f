"""The commands that check and show images before anything is trained."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.folders import new_folder
from bench.commands.options import (
    CacheOption,
    DataOption,
    DatasetOption,
    DeviceOption,
    JsonOption,
    MethodOption,
    PartialOption,
    ProtocolOption,
    RatioOption,
    SetOption,
    reported,
)

commands = typer.Typer()


@commands.command(
    rich_help_panel=options.TRAIN,
    epilog="Example: bench prepare eyeq --data data/eyeq",
)
def prepare(
    dataset: Annotated[
        str,
        typer.Argument(
            help="Data set to check: eyeq, chestxray, folder or idrid.",
            autocompletion=options.complete("eyeq", "chestxray", "folder", "idrid"),
        ),
    ],
    data: DataOption = None,
    protocol: ProtocolOption = None,
    change: SetOption = None,
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            help="For idrid: folder for pictures of held-out photographs with the detected boxes.",
            callback=new_folder,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a downloaded data set and cache its images; for idrid, train the lesion detector.

    Exits with 2 if the data set is not ready to train on.
    """
    with reported():
        from bench.inspection.prepare import prepare as check
        from bench.pipeline.progress import watching

        folders = {"data": data, "cache": cache, "out": out}
        settings = {"protocol": protocol, "changes": tuple(change or ()), "device": device}
        with watching() as callbacks:
            answer = check(dataset, callbacks, **folders, **settings, as_json=as_json)
        typer.echo(answer.text)
        raise typer.Exit(0 if answer.ready else 2)


@commands.command(
    rich_help_panel=options.LOOK,
    epilog="Example: bench degrade photograph.jpg --out pictures --strength 1.5",
)
def degrade(
    image: Annotated[Path, typer.Argument(help="Image file: a fundus photograph or a radiograph.")],
    out: Annotated[
        Path, typer.Option(help="Folder to which the pictures are written.", callback=new_folder)
    ],
    strength: Annotated[
        float,
        typer.Option(min=0, max=10, help="Strength of the degradations; 1 is as in training."),
    ] = 1.0,
    size: Annotated[
        int, typer.Option(min=64, help="Side of the images in the pictures, in pixels.")
    ] = 512,
    modality: Annotated[
        str,
        typer.Option(
            help="Kind of image: fundus or chest.",
            autocompletion=options.complete("fundus", "chest"),
        ),
    ] = "fundus",
) -> None:
    """Show what each degradation does to one fundus photograph or chest radiograph."""
    with reported():
        from bench.inspection.degradations import sheet

        for path in sheet(image, out, modality=modality, strength=strength, size_px=size):
            typer.echo(str(path))


@commands.command(
    rich_help_panel=options.LOOK,
    epilog="Example: bench patches --dataset eyeq-twin --protocol smoke --out pictures",
)
def patches(
    dataset: DatasetOption,
    out: Annotated[
        Path, typer.Option(help="Folder to which the pictures are written.", callback=new_folder)
    ],
    method: MethodOption = "comcl",
    lq_ratio: RatioOption = "native",
    protocol: ProtocolOption = None,
    data: DataOption = None,
    cache: CacheOption = None,
    change: SetOption = None,
    partial: PartialOption = False,
) -> None:
    """Show the patches of each level on which a method would be pretrained."""
    with reported():
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
