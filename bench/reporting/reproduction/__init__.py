"""`results/REPRODUCTION.md` and the README's table and picture, from the committed studies.

`standing` sets each published number beside our runs, `study` says what one study found, `page`
and `readme` print them. All of it is a function of the committed files.
"""
