"""CoMCL (Hou et al., MICCAI 2024): the method under study, importable on its own."""
