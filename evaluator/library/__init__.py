"""The datasets that a team owns: import, find, browse, download, delete."""
