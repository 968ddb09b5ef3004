"""What a person sees in a browser: `public` for everybody."""
