"""What Seltzer is compared with: the ways people serve such a graph today, each as its own docs show it."""
