"""The methods that CoMCL is compared with, and what they share; plain PyTorch."""
