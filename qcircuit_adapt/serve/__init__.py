"""The designer: the viewer's page, live, with the Python engine behind it on this computer."""
