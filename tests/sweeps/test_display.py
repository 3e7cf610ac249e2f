import re

from rich.console import Console

from bench.sweeps.display import _LiveDisplay, display, last_line


def test_a_log_gets_a_line_with_the_time_for_each_start_and_end(capsys, tmp_path):
    with display(3, 1) as shown:
        shown.started("comcl seed 0", tmp_path / "log")
        shown.ended("comcl seed 0", "killed by SIGKILL; try 2", final=False)
        shown.started("comcl seed 0", tmp_path / "log")
        shown.ended("comcl seed 0", "done, kappa 0.612, 40 s", final=True)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 4
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    assert lines[1].endswith("killed by SIGKILL; try 2  (1 of 3)")
    assert lines[3].endswith("done, kappa 0.612, 40 s  (2 of 3)")


def shown_as(table):
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_a_terminal_shows_what_runs_with_the_last_line_of_its_log(tmp_path):
    log = tmp_path / "log"
    log.write_text("a traceback\nfinetune: epoch 2 of 8, [red]loss[/] 0.7\n\n")
    table = _LiveDisplay(4, 0, Console(quiet=True))
    table.started("comcl seed 0", log)
    assert "comcl seed 0" in shown_as(table)
    assert "epoch 2 of 8, [red]loss[/] 0.7" in shown_as(table)
    assert "left" not in shown_as(table)
    table.ended("comcl seed 0", "done", final=True)
    assert "comcl seed 0" not in shown_as(table)
    assert "1 of 4 runs, about" in shown_as(table)


def test_a_run_to_be_tried_again_is_not_over():
    table = _LiveDisplay(2, 0, Console(quiet=True))
    table.ended("comcl seed 0", "killed", final=False)
    assert "0 of 2 runs" in shown_as(table)


def test_the_last_line_is_of_this_try(tmp_path):
    log = tmp_path / "log"
    assert last_line(log) == ""
    log.write_text("an earlier try\n")
    since = log.stat().st_size
    assert last_line(log) == "an earlier try"
    assert last_line(log, since) == ""
    log.write_bytes(log.read_bytes() + b"x" * 10_000 + b"\nthis try \xff\n")
    assert last_line(log, since).startswith("this try")
