"""What commands do with a server elsewhere: sign in, and send files."""
