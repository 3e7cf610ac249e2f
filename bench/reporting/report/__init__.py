"""One self-contained HTML page of all that the records say.  Imports no torch.

`contents` gathers it, a module a part (`answer`, `grids`, `cells`, `judged`, `points`, `drawings`);
`page` renders it with the templates of this folder, which escape whatever stands in a file.
"""
