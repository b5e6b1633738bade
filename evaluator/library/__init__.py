"""The datasets of a team: import, find, browse, download and delete them."""
