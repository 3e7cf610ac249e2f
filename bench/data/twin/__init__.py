"""Drawn fundus photographs with known lesions, in EyeQ's format: the data set without download."""

from bench.data.twin.write import write_eyeq, write_idrid
from bench.versions import TWIN as VERSION

__all__ = ["VERSION", "write_eyeq", "write_idrid"]
