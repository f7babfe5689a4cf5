"""Rules that say when a picture is bad, and the verdicts that follow from them."""
