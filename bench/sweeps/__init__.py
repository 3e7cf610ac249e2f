"""Many runs: which are needed, what they take, and how they are carried out."""
