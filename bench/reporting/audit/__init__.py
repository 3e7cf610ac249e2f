"""Were settings equal, and is anything leaked?"""
