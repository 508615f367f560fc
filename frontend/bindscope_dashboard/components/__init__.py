"""Browser components: plain SVG, CSS and JavaScript, no build step."""
