"""The commands by what they are for; `bench.cli` joins them."""
