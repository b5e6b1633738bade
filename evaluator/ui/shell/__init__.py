"""What all pages share: frame, theme, addresses, choosers, words."""
