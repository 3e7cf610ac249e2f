"""Hand-bumped versions of what can move a number; `tests/golden/code.lock` watches their code.

A changed digest under the same version fails the tests until somebody bumps the version here
(old records become stale) or relocks with "numbers unchanged", shown by the golden losses.
"""

ENGINE = 2
DEGRADATION = 2
TWIN = 2
CHEST_TWIN = 2
