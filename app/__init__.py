"""The Qt application: command line, window, pages, engine client, run index."""
