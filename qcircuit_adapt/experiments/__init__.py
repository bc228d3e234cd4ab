"""Experiments: models, tasks and methods in files, trained and tested in one harness.

An experiment is read from a file (`experiment_file`), split into runs (`cell`), each of which is
trained by transformers' Trainer and scored (`learn`); the results (`result`) make tables and
pictures.
"""
