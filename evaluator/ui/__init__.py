"""What pages share: the frame, the theme, components, and the way to the services."""
