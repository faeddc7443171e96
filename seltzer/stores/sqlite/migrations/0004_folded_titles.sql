-- Titles are looked up by seltzer_fold() of them, which the connection has: seltzer/runs/text.py.
UPDATE threads SET title_folded = seltzer_fold(title);
