"""The report: pure page values first (page.py), then HTML, Markdown, JSON and terminal text from the same values."""
