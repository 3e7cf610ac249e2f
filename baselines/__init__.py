"""The methods that CoMCL is compared with, importable on their own."""
