"""`python -m bench`: the commands where no `bench` script is on the path."""

from bench.cli import app

if __name__ == "__main__":
    app(prog_name="bench")
