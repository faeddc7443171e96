"""Logs of native events, recorded from runs of many kinds of graphs; the page's tests read them, too."""
