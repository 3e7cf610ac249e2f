from hypothesis import settings

# Torch's first call is slow, so no deadline; a fixed search, so a red build is red for everyone.
settings.register_profile("bench", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("bench")
