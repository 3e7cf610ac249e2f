"""CoMCL, the method under study: read loss.py, mining.py, views.py, model.py in this order."""
