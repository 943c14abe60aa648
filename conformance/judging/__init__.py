"""Two traces are compared; a third means says who is right."""
