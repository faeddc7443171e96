"""Processes of the terminal's command that are forked from one whose imports are done.

Importing the libraries is most of what a process costs that answers one question. process.py: start one, as
subprocess.Popen does; server.py: the process that forks.
"""
