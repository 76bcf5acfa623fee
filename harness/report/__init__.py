"""What people look at: a page, a summary in Markdown, and what both are made of."""
